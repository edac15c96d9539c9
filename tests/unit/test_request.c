/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* Parameters by name: each alone, twice, and joined from two lines. */
#include "config.h"

#include "tests/unit/unit.h"

#include "protocol/request.h"

enum { TEXT = 256 };

/* What a parameter becomes; `one` of a list is its first line. */
static const struct {
	const char *name;
	size_t offset;
	bool list; /* several are fine */
	bool word; /* ", " in it means two lines that were joined */
} rows[] = {
#define ROW(name, member, list, word)                                          \
	{                                                                      \
		name, offsetof(struct request, member), list, word             \
	}
	ROW("REQUEST_METHOD", method, false, false),
	ROW("QUERY_STRING", query, false, false),
	ROW("CONTENT_TYPE", content_type, false, false),
	ROW("CONTENT_LENGTH", content_length, false, false),
	ROW("REMOTE_USER", remote_user, false, false),
	ROW("AUTH_TYPE", auth_type, false, false),
	ROW("HTTP_CE_SPECVERSION", spec_version, false, true),
	ROW("HTTP_CE_TYPE", type, false, true),
	ROW("HTTP_CE_HUB", hub, false, true),
	ROW("HTTP_CE_CONNECTIONID", connection, false, true),
	ROW("HTTP_CE_EVENTNAME", event_name, false, true),
	ROW("HTTP_CE_USERID", user, false, false),
	ROW("HTTP_CE_SUBPROTOCOL", subprotocol, false, false),
	ROW("HTTP_CE_PHYSICALCONNECTIONID", physical_connection, false, true),
	ROW("HTTP_CE_SIGNATURE", signatures, true, false),
	ROW("HTTP_WEBHOOK_REQUEST_ORIGIN", origins, true, false),
#undef ROW
};

static void
read_list(struct request *r, char *const *parameters)
{
	static const struct request_body body = { .length = 0 };

	request_read(r, parameters, &body);
}

/* The value that a request has at row i. */
static struct span
value_at(const struct request *r, size_t i)
{
	struct span value;

	memcpy(&value, (const char *)r + rows[i].offset, sizeof(value));
	return value;
}

static void
test_each(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char one[TEXT], other[TEXT], joined[TEXT], near[TEXT];
		struct request r;
		(void)snprintf(one, sizeof(one), "%s=a=b,c", rows[i].name);
		(void)snprintf(other, sizeof(other), "%s=", rows[i].name);
		(void)snprintf(joined, sizeof(joined), "%s=a, b", rows[i].name);
		(void)snprintf(near, sizeof(near), "%sS=x", rows[i].name);
		read_list(&r, (char *[]){ one, NULL });
		assert_span(value_at(&r, i), "a=b,c");
		assert_false(r.ambiguous);
		read_list(&r, (char *[]){ other, NULL });
		assert_span(value_at(&r, i), "");
		assert_non_null(value_at(&r, i).ptr);
		/* Twice is too often, the same or not, empty or not. */
		char *const twice[][3] = {
			{ one, one, NULL },
			{ one, other, NULL },
			{ other, one, NULL },
		};
		for (size_t k = 0; k < COUNT(twice); k++) {
			read_list(&r, twice[k]);
			if (r.ambiguous == rows[i].list)
				fail_msg("%s twice (%zu): %d", rows[i].name, k,
					 r.ambiguous);
		}
		read_list(&r, (char *[]){ joined, NULL });
		if (r.ambiguous != rows[i].word)
			fail_msg("%s: %d", joined, r.ambiguous);
		/* A name that only begins so is another. */
		read_list(&r, (char *[]){ near, NULL });
		assert_null(value_at(&r, i).ptr);
	}
}

/* A connection id that looks like two joined lines is an MQTT client's, or is
 * two. */
static void
test_comma(void **state)
{
	char id[] = "HTTP_CE_CONNECTIONID=a, b",
	     two[] = "HTTP_CE_CONNECTIONID=c";
	char mqtt[] = "HTTP_CE_PHYSICALCONNECTIONID=p";
	char none[] = "HTTP_CE_PHYSICALCONNECTIONID=";
	struct request r;

	(void)state;
	read_list(&r, (char *[]){ id, mqtt, NULL });
	assert_span(r.connection, "a, b");
	assert_false(r.ambiguous);
	read_list(&r, (char *[]){ mqtt, id, NULL });
	assert_false(r.ambiguous);
	read_list(&r, (char *[]){ id, none, NULL });
	assert_true(r.ambiguous);
	read_list(&r, (char *[]){ id, two, mqtt, NULL });
	assert_true(r.ambiguous);
}

/* What a client can set by a header must not be a setting or a site. */
static void
test_names(void **state)
{
	static const struct {
		const char *parameter;
		const char *setting; /* NULL: none */
	} names[] = {
		{ "CERTGATE_HUB=a", "CERTGATE_HUB" },
		{ "CERTGATE_=a", "CERTGATE_" },
		{ "CLIENT_CERT_THUMBPRINT=", "CLIENT_CERT_THUMBPRINT" },
		{ "WebPubSubConnectionString=x", "WebPubSubConnectionString" },
		{ "HTTP_CERTGATE_HUB=a", NULL },
		{ "HTTP_CERTGATE_SITE=a", NULL },
		{ "certgate_hub=a", NULL },
		{ "CERTGATE_HUB", NULL },
		{ "=CERTGATE_HUB", NULL },
		{ "", NULL },
		{ "CERTGATE_SITE=a", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(names); i++) {
		char text[TEXT];
		struct request r;
		(void)snprintf(text, sizeof(text), "%s", names[i].parameter);
		read_list(&r, (char *[]){ text, NULL });
		if (!span_equal(r.setting, span_of(names[i].setting)))
			fail_msg("'%s': got '%.*s'", text, (int)r.setting.len,
				 r.setting.ptr);
		assert_int_equal(r.site.ptr != NULL,
				 strcmp(text, "CERTGATE_SITE=a") == 0);
	}
}

/* One that comes once and under its own name; all else is unclear, and nothing
 * of it makes the request itself ambiguous. */
static void
test_site(void **state)
{
	char one[] = "CERTGATE_SITE=a",
	     empty[] = "CERTGATE_SITE=", old[] = "REDIRECT_CERTGATE_SITE=a";
	const struct {
		char *list[3];
		bool there, unclear;
	} sites[] = {
		{ { NULL }, false, false },
		{ { one, NULL }, true, false },
		{ { empty, NULL }, true, false },
		{ { one, one, NULL }, true, true },
		{ { empty, one, NULL }, true, true },
		{ { old, NULL }, true, true },
		{ { old, one, NULL }, true, true },
		{ { one, old, NULL }, true, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(sites); i++) {
		struct request r;
		read_list(&r, sites[i].list);
		assert_int_equal(r.site.ptr != NULL, sites[i].there);
		assert_int_equal(r.site_unclear, sites[i].unclear);
		assert_false(r.ambiguous);
	}
}

static void
test_lines(void **state)
{
	char line[] = "HTTP_CE_SIGNATURE=a";
	char *list[REQUEST_MAX_LINES + 2] = { NULL };
	struct request r;

	(void)state;
	for (size_t n = 0; n <= REQUEST_MAX_LINES; n++) {
		read_list(&r, list);
		assert_int_equal(r.signatures.n, n);
		assert_false(r.ambiguous);
		list[n] = line;
	}
	read_list(&r, list);
	assert_int_equal(r.signatures.n, REQUEST_MAX_LINES);
	assert_true(r.ambiguous);
}

static void
test_types(void **state)
{
	static const struct {
		const char *type;
		bool json;
	} types[] = {
		{ "application/json", true },
		{ "Application/JSON", true },
		{ "application/json; charset=utf-8", true },
		{ "application/json ;x", true },
		{ " application/json", true },
		{ "application/json,text/plain", false },
		{ "application/jsonp", false },
		{ "application/cloudevents+json", false },
		{ "text/plain; application/json", false },
		{ ";application/json", false },
		{ "", false },
	};
	struct request r = { 0 };

	(void)state;
	assert_false(request_has_type(&r, SPAN("application/json")));
	for (size_t i = 0; i < COUNT(types); i++) {
		r.content_type = span_of(types[i].type);
		if (request_has_type(&r, SPAN("application/json")) !=
		    types[i].json)
			fail_msg("'%s', expected %d", types[i].type,
				 types[i].json);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),  cmocka_unit_test(test_comma),
		cmocka_unit_test(test_names), cmocka_unit_test(test_site),
		cmocka_unit_test(test_lines), cmocka_unit_test(test_types),
	};

	return cmocka_run_group_tests_name("request", tests, NULL, NULL);
}
