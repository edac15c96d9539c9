/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "tests/unit/unit.h"

#include "protocol/event.h"
#include "base/json.h"
#include "protocol/request.h"
#include "protocol/response.h"
#include "protocol/signature.h"

/* The vector of the service's own tests. */
#define KEY "7aab239577fd4f24bc919802fb629f5f"
#define ID "0f9c97a2f0bf4706afe87a14e0797b11"
#define GOOD                                                                   \
	"sha256="                                                              \
	"7767effcb3946f3e1de039df4b986ef02c110b1469d02c0a06f41b3b727ab561"
#define ZERO                                                                   \
	"sha256="                                                              \
	"0000000000000000000000000000000000000000000000000000000000000000"

static void
test_signature(void **state)
{
	static const struct {
		const char *value, *id;
		enum signature_result result;
	} rows[] = {
		{ GOOD, ID, SIGNATURE_GOOD },
		{ ZERO "," GOOD, ID, SIGNATURE_GOOD },
		{ ZERO ", " GOOD, ID, SIGNATURE_GOOD },
		{ "md5=1," GOOD, ID, SIGNATURE_GOOD },
		{ "sha256=7767EFFCB3946F3E1DE039DF4B986EF02C110B1469D02C0A06F4"
		  "1B3B727AB561",
		  ID, SIGNATURE_GOOD },
		{ ZERO, ID, SIGNATURE_WRONG },
		{ GOOD, "0F9C97A2F0BF4706AFE87A14E0797B11", SIGNATURE_WRONG },
		{ GOOD, "", SIGNATURE_WRONG },
		{ GOOD "0", ID, SIGNATURE_WRONG },
		{ "sha1" GOOD, ID, SIGNATURE_WRONG },
		{ "", ID, SIGNATURE_MISSING },
		{ " ,, ", ID, SIGNATURE_MISSING },
		{ ZERO "," ZERO "," ZERO "," ZERO "," ZERO "," ZERO "," ZERO
		       "," ZERO "," ZERO "," ZERO "," ZERO "," ZERO "," ZERO
		       "," ZERO "," ZERO "," GOOD,
		  ID, SIGNATURE_GOOD },
		{ ZERO "," ZERO "," ZERO "," ZERO "," ZERO "," ZERO "," ZERO
		       "," ZERO "," ZERO "," ZERO "," ZERO "," ZERO "," ZERO
		       "," ZERO "," ZERO "," ZERO "," GOOD,
		  ID, SIGNATURE_WRONG },
	};
	struct error e = { 0 };
	struct signature_key *keys[] = {
		signature_key_new(SPAN("other"), &e),
		signature_key_new(SPAN(KEY), &e),
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span value = span_of(rows[i].value);
		if (signature_check(keys, 2, &value, 1, span_of(rows[i].id)) !=
		    rows[i].result)
			fail_msg("row %zu: %s", i, rows[i].value);
	}
	struct span two[] = { SPAN(ZERO), SPAN(GOOD) };
	assert_int_equal(signature_check(keys, 2, two, 2, SPAN(ID)),
			 SIGNATURE_GOOD);
	assert_int_equal(signature_check(keys, 1, two, 2, SPAN(ID)),
			 SIGNATURE_WRONG);
	assert_int_equal(signature_check(keys, 0, two, 2, SPAN(ID)),
			 SIGNATURE_WRONG);
	assert_int_equal(signature_check(keys, 2, two, 0, SPAN(ID)),
			 SIGNATURE_MISSING);
	assert_null(signature_key_new(SPAN(""), &e));
	signature_key_free(keys[0]);
	signature_key_free(keys[1]);
}

static void
read_parameters(struct request *r, char *const *parameters, uint64_t length)
{
	struct request_body body = { .length = length };

	request_read(r, parameters, &body);
}

static void
test_request(void **state)
{
	char method[] = "REQUEST_METHOD=POST", type[] = "HTTP_CE_TYPE=a",
	     joined[] = "HTTP_CE_TYPE=a, b", comma[] = "HTTP_CE_HUB=a,b",
	     one[] = "HTTP_CE_SIGNATURE=1", two[] = "HTTP_CE_SIGNATURE=2",
	     bare[] = "NOTHING", set[] = "CERTGATE_HUB=x",
	     site[] = "CERTGATE_SITE=", empty[] = "CONTENT_LENGTH=",
	     equals[] = "QUERY_STRING=a=b";
	char *good[] = { method, type, comma, one,    two,
			 bare,	 set,  empty, equals, NULL };
	char *twice[] = { type, method, type, NULL };
	char *lines[] = { joined, NULL };
	char *many[] = { one, two, one, two, one, NULL };
	char *sites[] = { site, NULL };
	struct request r;

	(void)state;
	read_parameters(&r, good, 0);
	assert_false(r.ambiguous);
	assert_span(r.method, "POST");
	assert_span(r.hub, "a,b");
	assert_span(r.query, "a=b");
	assert_int_equal(r.signatures.n, 2);
	assert_span(r.signatures.line[1], "2");
	assert_span(r.setting, "CERTGATE_HUB");
	assert_null(r.site.ptr);
	assert_true(request_length_agrees(&r));
	read_parameters(&r, twice, 0);
	assert_true(r.ambiguous);
	read_parameters(&r, lines, 0);
	assert_true(r.ambiguous);
	read_parameters(&r, many, 0);
	assert_true(r.ambiguous);
	read_parameters(&r, sites, 0);
	assert_non_null(r.site.ptr);
}

static void
test_length(void **state)
{
	static const struct {
		const char *text;
		uint64_t length;
		bool agrees;
	} rows[] = {
		{ "3", 3, true },    { "3", 0, false },
		{ "", 3, true },     { "03", 3, true },
		{ "+3", 3, false },  { "-3", 3, false },
		{ " 3", 3, false },  { "3 ", 3, false },
		{ "0x3", 3, false }, { "18446744073709551619", 3, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct request r = {
			.content_length = span_of(rows[i].text),
			.body.length = rows[i].length,
		};
		if (request_length_agrees(&r) != rows[i].agrees)
			fail_msg("'%s'", rows[i].text);
		r.body.broken = true;
		assert_false(request_length_agrees(&r));
	}
}

static void
test_query(void **state)
{
	static const struct {
		const char *query, *value; /* NULL: none */
	} rows[] = {
		{ "code=a", "a" },
		{ "x=1&code=a+b&y", "a+b" },
		{ "code=%41%20%26", "A &" },
		{ "code=", "" },
		{ "code", "" },
		{ "", NULL },
		{ "Code=a", NULL },
		{ "code=a&code=a", NULL },
		{ "code=%4", NULL },
		{ "code=%zz", NULL },
		{ "xcode=a", NULL },
		{ "code=12345678901234567", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct request r = { .query = span_of(rows[i].query) };
		char value[16];
		size_t n;
		bool found = request_query(&r, SPAN("code"), value,
					   sizeof(value), &n);
		if (found != (rows[i].value != NULL))
			fail_msg("'%s'", rows[i].query);
		if (found)
			assert_span((struct span){ value, n }, rows[i].value);
	}
}

static void
test_event(void **state)
{
	static const struct {
		const char *body;
		enum event_result result;
		enum presented presented;
	} rows[] = {
		{ "", EVENT_MALFORMED, PRESENTED_UNREADABLE },
		{ "[]", EVENT_MALFORMED, PRESENTED_UNREADABLE },
		{ "null", EVENT_MALFORMED, PRESENTED_UNREADABLE },
		{ "{}x", EVENT_MALFORMED, PRESENTED_UNREADABLE },
		{ "{} {}", EVENT_MALFORMED, PRESENTED_UNREADABLE },
		{ "{", EVENT_MALFORMED, PRESENTED_UNREADABLE },
		{ "{'a':1}", EVENT_MALFORMED, PRESENTED_UNREADABLE },
		{ "{/**/}", EVENT_MALFORMED, PRESENTED_UNREADABLE },
		{ "{\"a\":NaN}", EVENT_MALFORMED, PRESENTED_UNREADABLE },
		{ "{\"a\":-Infinity}", EVENT_MALFORMED, PRESENTED_UNREADABLE },
		{ "{\"a\":\"\xc0\x80\"}", EVENT_MALFORMED,
		  PRESENTED_UNREADABLE },
		{ "{\"a\":\"\xed\xa0\x80\"}", EVENT_MALFORMED,
		  PRESENTED_UNREADABLE },
		{ "{\"a\":\"\xc3\xbc\"}", EVENT_READ, PRESENTED_NONE },
		{ "{\"a\":1,}", EVENT_MALFORMED, PRESENTED_UNREADABLE },
		{ "{\"a\":\"\n\"}", EVENT_MALFORMED, PRESENTED_UNREADABLE },
		{ "{\"a\\u0000\":1}", EVENT_MALFORMED, PRESENTED_UNREADABLE },
		{ "{\"a\":\"\xff\"}", EVENT_MALFORMED, PRESENTED_UNREADABLE },
		{ "{\"a\":[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]}", EVENT_MALFORMED,
		  PRESENTED_UNREADABLE },
		{ "{\"a\":1,\"a\":1}", EVENT_DUPLICATE_MEMBER,
		  PRESENTED_UNREADABLE },
		{ "{\"a\":1,\"\\u0061\":1}", EVENT_DUPLICATE_MEMBER,
		  PRESENTED_UNREADABLE },
		{ "{\"x\":[{\"a\":1,\"b\":{},\"a\":{}}]}",
		  EVENT_DUPLICATE_MEMBER, PRESENTED_UNREADABLE },
		{ "{}", EVENT_READ, PRESENTED_NONE },
		{ " {\"a\":\":,{\"} ", EVENT_READ, PRESENTED_NONE },
		{ "{\"clientCertificates\":null}", EVENT_READ, PRESENTED_NONE },
		{ "{\"clientCertificates\":[]}", EVENT_READ, PRESENTED_NONE },
		{ "{\"clientCertificates\":false}", EVENT_READ,
		  PRESENTED_UNREADABLE },
		{ "{\"clientCertificates\":[null]}", EVENT_READ,
		  PRESENTED_UNREADABLE },
		{ "{\"clientCertificates\":[[]]}", EVENT_READ,
		  PRESENTED_UNREADABLE },
		{ "{\"clientCertificates\":[{\"content\":\"x\"}]}", EVENT_READ,
		  PRESENTED_UNREADABLE },
		{ "{\"clientCertificates\":[{\"thumbprint\":null}]}",
		  EVENT_READ, PRESENTED_UNREADABLE },
		{ "{\"clientCertificates\":[{\"thumbprint\":\"x\","
		  "\"content\":1}]}",
		  EVENT_READ, PRESENTED_UNREADABLE },
		{ "{\"clientCertificates\":[{\"thumbprint\":\"x\","
		  "\"content\":null}]}",
		  EVENT_READ, PRESENTED_ONE },
		{ "{\"clientCertificates\":[{\"thumbprint\":\"x\"},0]}",
		  EVENT_READ, PRESENTED_ONE },
		{ "{\"clientCertificates\":[0,0,0,0,0,0,0,0,0,0,0]}",
		  EVENT_READ, PRESENTED_TOO_MANY },
		{ "{\"clientcertificates\":[{\"thumbprint\":\"x\"}]}",
		  EVENT_READ, PRESENTED_NONE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct event event;
		if (event_read(&event, span_of(rows[i].body)) !=
			    rows[i].result ||
		    event.presented != rows[i].presented)
			fail_msg("%s", rows[i].body);
		event_free(&event);
		event_free(&event);
	}
}

static void
test_nul(void **state)
{
	struct event event;

	(void)state;
	assert_int_equal(event_read(&event, SPAN("{}\0")), EVENT_MALFORMED);
	event_free(&event);
	assert_int_equal(event_read(&event, SPAN("{}\0{{")), EVENT_MALFORMED);
	event_free(&event);
}

static void
test_mqtt(void **state)
{
	struct event event;

	(void)state;
	assert_int_equal(
		event_read(&event, SPAN("{\"mqtt\":{\"protocolVersion\":5},"
					"\"subprotocols\":[1,\"mqtt\"]}")),
		EVENT_READ);
	assert_true(event.mqtt);
	assert_int_equal(event.mqtt_version, 5);
	assert_true(event_offers(&event, SPAN("mqtt")));
	assert_false(event_offers(&event, SPAN("mqt")));
	event_free(&event);
	assert_int_equal(event_read(&event, SPAN("{\"mqtt\":null}")),
			 EVENT_READ);
	assert_false(event.mqtt);
	event_free(&event);
}

static void
test_response(void **state)
{
	char *groups[] = { (char[]){ "a\"b" }, (char[]){ "ü/" }, NULL };
	char *none[] = { NULL };
	struct grant grant = { .user = SPAN("u\\"),
			       .groups = groups,
			       .roles = none };
	struct response r;
	struct buffer out;

	(void)state;
	response_init(&r);
	buffer_init(&out, RESPONSE_MAX);
	assert_true(response_set_grant(&r, &grant));
	r.status = 200;
	r.allowed_origin = SPAN("a.example");
	response_write(&r, false, &out);
	assert_span(buffer_span(&out),
		    "Status: 200 OK\r\nWebHook-Allowed-Origin: a.example\r\n"
		    "Content-Type: application/json; charset=utf-8\r\n"
		    "Content-Length: 51\r\n\r\n"
		    "{\"userId\":\"u\\\\\",\"groups\":[\"a\\\"b\",\"ü/\"],"
		    "\"roles\":[]}");
	buffer_clear(&out);
	r.status = 204;
	response_write(&r, false, &out);
	assert_span(buffer_span(&out),
		    "Status: 204 No Content\r\n"
		    "WebHook-Allowed-Origin: a.example\r\n\r\n");
	buffer_clear(&out);
	response_clear(&r);
	response_set_text(&r, SPAN("no"));
	response_write(&r, true, &out);
	assert_span(buffer_span(&out),
		    "Status: 403 Forbidden\r\n"
		    "Content-Type: text/plain; charset=utf-8\r\n"
		    "Content-Length: 3\r\n\r\n");
	assert_true(response_set_mqtt_refusal(&r, 4, SPAN("x")));
	assert_span(buffer_span(&r.body),
		    "{\"mqtt\":{\"code\":5,\"reason\":\"x\"}}");
	assert_true(response_set_mqtt_refusal(&r, 5, SPAN("x")));
	assert_span(buffer_span(&r.body),
		    "{\"mqtt\":{\"code\":135,\"reason\":\"x\"}}");
	response_free(&r);
	buffer_free(&out);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_request),
		cmocka_unit_test(test_length),
		cmocka_unit_test(test_query),
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_mqtt),
		cmocka_unit_test(test_response),
	};

	return cmocka_run_group_tests_name("protocol", tests, NULL, NULL);
}
