/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* The whole core: what must never be an allow, memory that runs out at every
 * place, and the line in the log. */
#include "config.h"

#include "tests/unit/unit.h"

#include <json-c/json.h>

#include "handler.h"
#include "host/log_line.h"

#define SHA1 "c1b211808c4c4cf8a9c59501fe103ed006a70d69"
#define GOOD                                                                   \
	"sha256="                                                              \
	"7767effcb3946f3e1de039df4b986ef02c110b1469d02c0a06f41b3b727ab561"

/* How many allocations succeed from now on, json-c's and OpenSSL's too.  The
 * sanitizer has an allocator of its own; there they all do. */
static size_t allocations_left = SIZE_MAX;

#if defined __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifndef SANITIZED
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);

static bool
is_left(void)
{
	if (allocations_left == SIZE_MAX)
		return true;
	if (allocations_left == 0)
		return false;
	allocations_left--;
	return true;
}

void *
malloc(size_t size)
{
	return is_left() ? __libc_malloc(size) : NULL;
}

void *
calloc(size_t n, size_t size)
{
	return is_left() ? __libc_calloc(n, size) : NULL;
}

void *
realloc(void *old, size_t size)
{
	return is_left() ? __libc_realloc(old, size) : NULL;
}
#endif

static bool
read_nothing(void *context, const char *path, struct buffer *text,
	     struct error *e)
{
	(void)context;
	(void)path;
	(void)text;
	return error_set(e, "no files");
}

static const struct entry_files files = { .read = read_nothing };

/* Settings and list, and a connect event that they accept. */
struct scene {
	struct settings settings;
	struct list list;
	struct request request;
	struct answer answer;
};

static char method[] = "REQUEST_METHOD=POST",
	    type[] = "HTTP_CE_TYPE=azure.webpubsub.sys.connect",
	    hub[] = "HTTP_CE_HUB=chat",
	    content[] = "CONTENT_TYPE=application/json",
	    connection[] = "HTTP_CE_CONNECTIONID="
			   "0f9c97a2f0bf4706afe87a14e0797b11",
	    origin[] = "HTTP_WEBHOOK_REQUEST_ORIGIN=a.example",
	    signature[] = "HTTP_CE_SIGNATURE=" GOOD;
static char *parameters[] = { method,	  type,	  hub,	     content,
			      connection, origin, signature, NULL };
static const char body[] =
	"{\"clientCertificates\":[{\"thumbprint\":\"" SHA1 "\"}]}";

static bool
open_scene(struct scene *s, const char *list)
{
	static char keys[] = "CERTGATE_ACCESS_KEYS="
			     "7aab239577fd4f24bc919802fb629f5f";
	static char hubs[] = "CERTGATE_HUB=chat";
	char *environment[] = { keys, hubs, NULL };
	struct request_body bytes = { .length = sizeof(body) - 1 };
	struct error e = { 0 };

	*s = (struct scene){ 0 };
	bytes.bytes = (struct span){ body, sizeof(body) - 1 };
	answer_init(&s->answer);
	request_read(&s->request, parameters, &bytes);
	if (!settings_read(&s->settings, (struct span){ 0 }, "", environment,
			   &e))
		return false;
	return list_build(&s->list, span_of(list), NULL, 0, &files, &e);
}

static void
close_scene(struct scene *s)
{
	answer_free(&s->answer);
	list_free(&s->list);
	settings_free(&s->settings);
}

static const char list_text[] =
	SHA1 " user=pump groups=a,b roles=sendToGroup subprotocol=x hub=chat\n";

static void
test_nothing_lets_in(void **state)
{
	struct scene s;
	struct gate none = { 0 };

	(void)state;
	assert_true(open_scene(&s, list_text));
	struct gate all = { &s.settings, &s.list };
	struct gate no_list = { &s.settings, NULL };
	handler_answer(&all, &s.request, 0, &s.answer);
	assert_int_equal(s.answer.decision.verdict, VERDICT_ALLOW);
	assert_int_equal(s.answer.response.status, 200);
	handler_answer(&no_list, &s.request, 0, &s.answer);
	assert_int_equal(s.answer.decision.reason, REASON_LIST_UNREADABLE);
	assert_int_equal(s.answer.response.status, 403);
	handler_answer(&none, &s.request, 0, &s.answer);
	assert_int_equal(s.answer.decision.reason, REASON_SETTINGS);
	assert_int_equal(s.answer.decision.verdict, VERDICT_DENY);
	assert_int_equal(s.answer.response.status, 403);
	assert_null(s.answer.response.allowed_origin.ptr);
	close_scene(&s);
	struct answer zero = { 0 };
	assert_int_equal(zero.decision.verdict, VERDICT_DENY);
}

/* A refusal is a 4xx that the service does not try again. */
static void
test_statuses(void **state)
{
	(void)state;
	for (int i = 0; i < REASONS; i++) {
		int status = reason_status((enum reason)i);
		assert_non_null(reason_name((enum reason)i));
		assert_non_null(reason_text((enum reason)i));
		if (status != 0 &&
		    (status < 400 || status > 499 || status == 408))
			fail_msg("%s is a %d", reason_name((enum reason)i),
				 status);
		assert_int_equal(status == 0, i >= REASON_VALIDATED);
	}
}

/* Memory runs out at the n-th allocation, for every n until it suffices:
 * always a refusal or the right answer, and no 5xx. */
static void
test_no_memory(void **state)
{
	bool enough = false;
	size_t n = 0;

	(void)state;
	for (; !enough && n < 2000; n++) {
		struct scene s;
		struct buffer out;
		assert_true(open_scene(&s, list_text));
		struct gate gate = { &s.settings, &s.list };
		buffer_init(&out, RESPONSE_MAX);
		allocations_left = n;
		handler_answer(&gate, &s.request, 0, &s.answer);
		handler_write(&s.answer, &s.request, &out);
		enough = allocations_left > 0;
		allocations_left = SIZE_MAX;
		struct span bytes = buffer_span(&out);
		if (out.failed)
			bytes = response_refusal;
		bool allowed = span_starts(bytes, SPAN("Status: 200"));
		if (allowed) {
			assert_int_equal(s.answer.decision.verdict,
					 VERDICT_ALLOW);
			assert_true(span_contains(bytes, SPAN("\"pump\"")));
			assert_true(span_contains(bytes, SPAN("\"roles\"")));
		} else if (!span_starts(bytes, SPAN("Status: 4"))) {
			fail_msg("n %zu: %.*s", n, (int)bytes.len, bytes.ptr);
		}
		assert_int_equal(enough && !allowed, false);
		buffer_free(&out);
		close_scene(&s);
	}
	assert_true(enough);
#ifndef SANITIZED
	assert_true(n > 10);
#endif
}

static void
test_no_memory_at_start(void **state)
{
	bool enough = false;

	(void)state;
	for (size_t n = 0; !enough && n < 5000; n++) {
		struct scene s;
		allocations_left = n;
		bool ok = open_scene(&s, list_text);
		enough = allocations_left > 0;
		allocations_left = SIZE_MAX;
		if (enough)
			assert_true(ok);
		close_scene(&s);
	}
	assert_true(enough);
}

static void
test_line(void **state)
{
	struct answer answer;
	struct log_line decision;
	struct buffer text;
	const struct log_details details = { .list = SPAN("7") };
	char hostile[300];

	(void)state;
	memset(hostile, 'x', sizeof(hostile));
	memcpy(hostile, "a b=\"\\\n\xff\x1b", 9);
	answer_init(&answer);
	answer.event = SPAN("connect");
	answer.origin = SPAN("a, b");
	answer.hub = (struct span){ hostile, sizeof(hostile) };
	answer.connection = (struct span){ hostile, 9 };
	answer.decision.reason = REASON_NOT_LISTED;
	log_line_fill(&decision, &answer, &details);
	buffer_init(&text, LOG_LINE_MAX);
	log_line_text(&text, &decision);
	struct span line = buffer_span(&text);
	assert_true(span_starts(line, SPAN("verdict=deny reason=not-listed "
					   "event=connect signed=no "
					   "origin=a,\\x20b "
					   "hub=a\\x20b\\x3d\\x22\\x5c\\x0a"
					   "\\xff\\x1bxxx")));
	assert_true(span_contains(line, SPAN("xxx... user=- ")));
	assert_true(span_contains(line, SPAN(" sha1=- sha256=- spki=- "
					     "serial=- issuer=- not_after=- "
					     "code=- list=7 ")));
	for (size_t i = 0; i < line.len; i++)
		assert_true(line.ptr[i] >= ' ' && line.ptr[i] <= '~');
	buffer_clear(&text);
	buffer_add_byte(&text, '{');
	log_line_json(&text, &decision);
	buffer_add(&text, (struct span){ "}\0", 2 });
	struct json_object *tree = json_tokener_parse(text.data), *value;
	assert_non_null(tree);
	assert_true(json_object_object_get_ex(tree, "connection", &value));
	assert_string_equal(json_object_get_string(value),
			    "a b=\"\\\n\xc3\xbf\x1b");
	assert_true(json_object_object_get_ex(tree, "user", &value));
	assert_null(value);
	json_object_put(tree);
	buffer_free(&text);
	answer_free(&answer);
}

/* What comes from outside at its longest still is one line in either form. */
static void
test_longest_line(void **state)
{
	static char many[100000];
	struct span long_one = { many, sizeof(many) };
	struct log_line decision;
	struct answer answer;
	struct buffer text;
	char name[213]; /* a common name of 199 bytes */

	(void)state;
	memset(many, '\xff', sizeof(many));
	memset(name, '\xff', sizeof(name));
	memcpy(name,
	       "1\x81\xd2"
	       "0\x81\xcf\6\3U\4\3\f\x81\xc7",
	       14);
	answer_init(&answer);
	answer.event = SPAN("disconnected");
	answer.origin = answer.hub = answer.user = answer.connection = long_one;
	answer.decision.sha1.kind = THUMBPRINT_SHA1;
	answer.decision.sha256.kind = THUMBPRINT_SHA256;
	answer.site = long_one;
	answer.decision.spki.kind = THUMBPRINT_SPKI;
	answer.decision.serial = long_one;
	answer.decision.issuer = answer.decision.subject =
		(struct span){ name, sizeof(name) };
	answer.decision.not_after = INT64_MAX / 2;
	answer.decision.reason = REASON_REPORT_ONLY;
	answer.decision.would = REASON_NOT_LISTED;
	const struct log_details details = { .list = SPAN("4294967295"),
					     .now = INT64_MIN,
					     .us = UINT64_MAX / 2,
					     .lost = UINT64_MAX / 2 };
	log_line_fill(&decision, &answer, &details);
	buffer_init(&text, LOG_LINE_MAX - 128);
	log_line_text(&text, &decision);
	assert_false(text.failed);
	buffer_clear(&text);
	log_line_json(&text, &decision);
	assert_false(text.failed);
	buffer_free(&text);
	answer_free(&answer);
}

static int
start(void **state)
{
	(void)state;
	return !digest_start(DIGEST_USE_HANDLER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_lets_in),
		cmocka_unit_test(test_statuses),
		cmocka_unit_test(test_no_memory),
		cmocka_unit_test(test_no_memory_at_start),
		cmocka_unit_test(test_line),
		cmocka_unit_test(test_longest_line),
	};

	return cmocka_run_group_tests_name("handler", tests, start, NULL);
}
