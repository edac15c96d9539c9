/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* Roles, URL templates, tokens, names, settings and JSON of the emulator. */
#include "config.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "emulator/json_value.h"
#include "emulator/role.h"
#include "emulator/seen_ids.h"
#include "emulator/settings.h"
#include "emulator/token.h"
#include "emulator/trace.h"
#include "emulator/url_template.h"

static void
test_patterns(void **state)
{
	static const struct {
		const char *pattern, *name;
		bool matches;
	} rows[] = {
		{ "a", "a", true },
		{ "a", "b", false },
		{ "a", "A", false },
		{ "", "", true },
		{ "*", "", true },
		{ "*", "abc", true },
		{ "*", "a.b", false },
		{ "**", "a.b", true },
		{ "a.*", "a.b", true },
		{ "a.*", "a.b.c", false },
		{ "a.**", "a.b.c", true },
		{ "**.c", "a.b.c", true },
		{ "?", "a", true },
		{ "?", ".", false },
		{ "?", "", false },
		{ "?", "\xc3\xa4", true },
		{ "\\*", "*", true },
		{ "\\*", "a", false },
		{ "\\?", "?", true },
		{ "\\\\", "\\", true },
		{ "a*b*c", "axxbyyc", true },
		{ "a*b*c", "axxc", false },
		{ "*****", "abc", true },
		{ "******", "abc", false },
		{ "*.*.*.*.*", "1.2.3.4.5", true },
		{ "\\******", "*abc", true },
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		if (role_pattern_matches(rows[i].pattern, rows[i].name) !=
		    rows[i].matches)
			fail_msg("'%s' and '%s': expected %d", rows[i].pattern,
				 rows[i].name, rows[i].matches);
	}
}

static void
test_roles(void **state)
{
	static const struct {
		const char *role;
		enum role_action action;
		const char *group;
		bool permits;
	} rows[] = {
		{ "webpubsub.joinLeaveGroup", ROLE_JOIN_LEAVE_GROUP, "g",
		  true },
		{ "webpubsub.joinLeaveGroup", ROLE_SEND_TO_GROUP, "g", false },
		{ "webpubsub.sendToGroup", ROLE_SEND_TO_GROUP, "g", true },
		{ "webpubsub.sendToGroup.g", ROLE_SEND_TO_GROUP, "g", true },
		{ "webpubsub.sendToGroup.g", ROLE_SEND_TO_GROUP, "h", false },
		{ "webpubsub.sendToGroup.*", ROLE_SEND_TO_GROUP, "h", false },
		{ "webpubsub.sendToGroup.*", ROLE_SEND_TO_GROUP, "*", true },
		{ "webpubsub.sendToGroups.*", ROLE_SEND_TO_GROUP, "h", true },
		{ "webpubsub.sendToGroups.g", ROLE_SEND_TO_GROUP, "g", true },
		{ "webpubsub.sendToGroups", ROLE_SEND_TO_GROUP, "g", false },
		{ "webpubsub.sendToGroupX", ROLE_SEND_TO_GROUP, "g", false },
		{ "sendToGroup", ROLE_SEND_TO_GROUP, "g", false },
		{ "", ROLE_SEND_TO_GROUP, "", false },
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autoptr(GPtrArray) roles =
			g_ptr_array_new_with_free_func(g_free);
		g_ptr_array_add(roles, g_strdup("other"));
		g_ptr_array_add(roles, g_strdup(rows[i].role));
		if (role_permits(roles, rows[i].action, rows[i].group) !=
		    rows[i].permits)
			fail_msg("%s on '%s': expected %d", rows[i].role,
				 rows[i].group, rows[i].permits);
	}
	g_autofree char *role = role_of_permission("sendToGroup", "g");
	assert_string_equal(role, "webpubsub.sendToGroup.g");
	assert_null(role_of_permission("nothing", "g"));
}

static void
test_templates(void **state)
{
	static const struct {
		const char *url_template, *hub, *event, *url;
	} rows[] = {
		{ "http://h/", "a", "b", "http://h/" },
		{ "http://h/{hub}/{event}?code=x", "a", "b",
		  "http://h/a/b?code=x" },
		{ "http://h/{HUB}{Event}{hub}", "a", "b", "http://h/aba" },
		{ "http://h/{event}", "a", "\xc3\xa4/ -._~",
		  "http://h/%C3%A4%2F%20-._~" },
		{ "http://h/{hub}", "a,b`[c]", "b",
		  "http://h/a%2Cb%60%5Bc%5D" },
	};
	static const char *const bad[] = {
		"",
		"h",
		"ftp://h/",
		"http://",
		"http://{hub}/",
		"http://h{event}/",
		"http://h/{code}",
		"http://h/{hub",
		"http:/h",
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		g_autofree char *url = url_template_expand(
			rows[i].url_template, rows[i].hub, rows[i].event);
		assert_string_equal(url, rows[i].url);
		assert_true(url_template_check(rows[i].url_template, NULL));
	}
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		if (url_template_check(bad[i], NULL))
			fail_msg("'%s' is taken", bad[i]);
	}
	g_autofree char *shown = url_template_shown("http://h/a?code=x");
	assert_string_equal(shown, "http://h/a");
}

static const char *const keys[] = { "one", "two", NULL };
static const char *const hosts[] = { "a.example", "localhost", NULL };
static const struct token_rules rules = {
	.keys = keys,
	.hosts = hosts,
	.path = "/client/hubs/h",
	.now = 1000000,
};

/* NULL if a token with these claims, signed by key, is taken. */
static const char *
refusal(const char *text, const char *key)
{
	g_autoptr(JsonObject) claims =
		json_value_parse_object(text, strlen(text));
	g_autofree char *token = token_make(claims, key);
	const char *why;
	g_autoptr(JsonObject) got = token_check(token, &rules, &why);

	assert_true((got == NULL) == (why != NULL));
	return why;
}

static void
test_tokens(void **state)
{
	static const struct {
		const char *claims, *key, *why;
	} rows[] = {
#define GOOD "\"exp\":1000001,\"aud\":\"https://localhost/client/hubs/h\""
		{ "{" GOOD "}", "one", NULL },
		{ "{" GOOD "}", "two", NULL },
		{ "{" GOOD "}", "", "signed" },
		{ "{" GOOD ",\"nbf\":999999}", "one", NULL },
		{ "{" GOOD ",\"nbf\":1000301}", "one", "yet" },
		{ "{\"exp\":999699,\"aud\":\"https://localhost/\"}", "one",
		  "expired" },
		{ "{\"aud\":\"https://localhost/client/hubs/h\"}", "one",
		  "exp" },
		{ "{\"exp\":1000001}", "one", "aud" },
		{ "{\"exp\":1000001,\"aud\":\"https://localhost/client\"}",
		  "one", "audience" },
		{ "{\"exp\":1000001,\"aud\":\"https://b/client/hubs/h\"}",
		  "one", "audience" },
		{ "{\"exp\":1000001,\"aud\":[\"x\","
		  "\"http://A.EXAMPLE:1/client/hubs/h?a\"]}",
		  "one", NULL },
		{ "{\"exp\":1000001,\"aud\":[1]}", "one", "aud" },
		{ "{\"exp\":\"1000001\",\"aud\":1}", "one", "exp" },
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
		const char *why = refusal(rows[i].claims, rows[i].key);
		if ((rows[i].why == NULL) != (why == NULL) ||
		    (why != NULL && strstr(why, rows[i].why) == NULL))
			fail_msg("%s: %s, expected %s", rows[i].claims, why,
				 rows[i].why);
	}
}

/* A token by another hand: echo, openssl dgst -hmac, basenc. */
static void
test_foreign_token(void **state)
{
	static const char token[] =
		"eyJhbGciOiJIUzI1NiJ9."
		"eyJleHAiOjEwMDAwMDEsImF1ZCI6Imh0dHBzOi8vbG9jYWxob3N0L2NsaWVu"
		"dC9odWJzL2gifQ.AAyPm6B8A0qcha4dRT-W4j4ZOWhR4UlMLgpx4qxv8Q0";
	static const char *const broken[] = {
		"",	 ".",
		"..",	 "a.b",
		"a.b.c", "eyJhbGciOiJub25lIn0.e30.",
		"!.!.!", "eyJhbGciOiJIUzI1NiJ9.e30.AAAA",
	};
	const char *why;
	g_autoptr(JsonObject) claims = token_check(token, &rules, &why);

	(void)state;
	assert_non_null(claims);
	for (size_t i = 0; i < G_N_ELEMENTS(broken); i++)
		assert_null(token_check(broken[i], &rules, &why));
	for (size_t i = 0; i < strlen(token); i++) {
		g_autofree char *changed = g_strdup(token);
		changed[i] = changed[i] == 'A' ? 'B' : 'A';
		g_autoptr(JsonObject) got = token_check(changed, &rules, &why);
		/* The last digit has two bits that count for nothing. */
		if (got != NULL && i != strlen(token) - 1)
			fail_msg("taken with another byte at %zu", i);
	}
}

static void
test_names(void **state)
{
	g_autofree char *name = g_strnfill(128, 'a');
	g_autofree char *longer = g_strnfill(129, 'a');
	g_autofree char *group = g_strnfill(1024, 'g');
	g_autofree char *larger = g_strnfill(1025, 'g');

	(void)state;
	assert_true(settings_is_hub_name("a_`,.[]9"));
	assert_true(settings_is_hub_name(name));
	assert_false(settings_is_hub_name(longer));
	assert_false(settings_is_hub_name(""));
	assert_false(settings_is_hub_name("1a"));
	assert_false(settings_is_hub_name("a-b"));
	assert_true(settings_is_event_name("a-b_.9"));
	assert_false(settings_is_event_name("a,b"));
	assert_false(settings_is_event_name("a/b"));
	assert_true(settings_is_group_name(group));
	assert_false(settings_is_group_name(larger));
	assert_false(settings_is_group_name(""));
	assert_false(settings_is_group_name(" \t"));
}

#define BASE "--certificate", "c", "--key", "k", "--access-key", "a"

static void
test_settings(void **state)
{
	static const char *const bad[][12] = {
		{ "--hub", "h" },
		{ BASE },
		{ BASE, "--hub", "1" },
		{ BASE, "--hub", "h", "--hub", "H" },
		{ BASE, "--handler", "http://h/" },
		{ BASE, "--hub", "h", "--handler", "x" },
		{ BASE, "--hub", "h", "--system-events", "connect" },
		{ BASE, "--hub", "h", "--anonymous", "yes" },
		{ BASE, "--hub", "h", "--access-key", "b", "--access-key",
		  "c" },
		{ BASE, "--hub", "h", "--none", "x" },
		{ BASE, "--hub" },
		{ BASE, "x" },
	};
	static const char *const good[] = {
		"x",
		BASE,
		"--hub",
		"h",
		"--anonymous",
		"allow",
		"--handler",
		"http://a/",
		"--system-events",
		"connect",
		"--user-events",
		"b,c",
		"--handler",
		"http://b/",
		"--hub",
		"i",
		NULL,
	};

	(void)state;
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++) {
		char *arguments[14] = { g_strdup("x") };
		int n = 1;
		for (; n <= 12 && bad[i][n - 1] != NULL; n++)
			arguments[n] = g_strdup(bad[i][n - 1]);
		g_autoptr(GError) error = NULL;
		if (settings_read(n, arguments, &error) != NULL)
			fail_msg("row %zu is taken", i);
		assert_non_null(error);
		for (int j = 0; j < n; j++)
			g_free(arguments[j]);
	}
	g_auto(GStrv) arguments = g_strdupv((char **)(uintptr_t)good);
	struct settings *settings =
		settings_read((int)g_strv_length(arguments), arguments, NULL);
	assert_non_null(settings);
	const struct hub_settings *hub = settings->hubs->pdata[0];
	assert_true(hub->anonymous);
	assert_string_equal(
		settings_handler(hub, false, "CONNECT")->url_template,
		"http://a/");
	assert_string_equal(
		settings_handler(hub, false, "connected")->url_template,
		"http://b/");
	assert_string_equal(settings_handler(hub, true, "c")->url_template,
			    "http://a/");
	assert_string_equal(settings_handler(hub, true, "d")->url_template,
			    "http://b/");
	assert_null(settings_handler(settings->hubs->pdata[1], true, "d"));
	settings_free(settings);
}

static void
test_json(void **state)
{
	g_autofree char *deep = g_strnfill(65, '[');
	g_autofree char *opened = g_strnfill(64, '[');
	g_autofree char *closed = g_strnfill(64, ']');
	g_autofree char *nested = g_strconcat(opened, closed, NULL);
	static const char *const bad[] = { "", "{", "{\"a\":\"\xff\"}", "nul" };

	(void)state;
	assert_null(json_value_parse(deep, strlen(deep)));
	g_autoptr(JsonNode) node = json_value_parse(nested, strlen(nested));
	assert_non_null(node);
	for (size_t i = 0; i < G_N_ELEMENTS(bad); i++)
		assert_null(json_value_parse_object(bad[i], strlen(bad[i])));
	assert_null(json_value_parse("{}\0", 3));
}

static void
test_words(void **state)
{
	g_autofree char *none = trace_word(NULL);
	g_autofree char *bad = trace_word("a b\n\x80=");

	(void)state;
	assert_string_equal(none, "-");
	assert_string_equal(bad, "a\\x20b\\x0a\\x80=");
}

static void
test_seen_ids(void **state)
{
	struct seen_ids *ids = seen_ids_new();

	(void)state;
	for (gint64 i = 0; i < 1025; i++)
		assert_true(seen_ids_add(ids, i));
	assert_false(seen_ids_add(ids, 1024));
	assert_false(seen_ids_add(ids, 1));
	assert_true(seen_ids_add(ids, 0));
	seen_ids_free(ids);
	seen_ids_free(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_roles),
		cmocka_unit_test(test_templates),
		cmocka_unit_test(test_tokens),
		cmocka_unit_test(test_foreign_token),
		cmocka_unit_test(test_names),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_json),
		cmocka_unit_test(test_words),
		cmocka_unit_test(test_seen_ids),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
