/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* Values of settings one by one: the edge of each, what is beyond it, and that
 * one that fails leaves nothing behind. */
#include "config.h"

#include "tests/unit/unit.h"

#include "policy/settings.h"

#define SHA1 "c1b211808c4c4cf8a9c59501fe103ed006a70d69"
#define CONNECTION "WebPubSubConnectionString"
#define KEY "0123456789abcde="
#define KEY4 KEY " " KEY " " KEY " " KEY " "

static bool
read_value(struct settings *s, const char *name, const char *value,
	   struct error *e)
{
	static char text[131072];
	char *environment[] = { text, NULL };

	(void)snprintf(text, sizeof(text), "%s=%s", name, value);
	*s = (struct settings){ 0 };
	*e = (struct error){ 0 };
	return settings_read(s, (struct span){ 0 }, "", environment, e);
}

struct row {
	const char *name, *value;
	bool good;
};

static const struct row rows[] = {
	{ "CLIENT_CERT_THUMBPRINT", SHA1 "," SHA1, true },
	{ "CLIENT_CERT_THUMBPRINT", SHA1 ";" SHA1, false },
	{ "CLIENT_CERT_THUMBPRINT", SHA1 "," SHA1 "x", false },
	{ "CLIENT_CERT_THUMBPRINT", SHA1 " user=a", false },
	{ "CLIENT_CERT_THUMBPRINT", "deny " SHA1, false },
	{ "CLIENT_CERT_THUMBPRINT", "*", false },
	{ "CLIENT_CERT_THUMBPRINT", "file:/a.pem", false },
	{ "CLIENT_CERT_THUMBPRINT", "\"" SHA1 "\"", false },
	{ "CERTGATE_LIST", "/", true },
	{ "CERTGATE_LIST", "a", false },
	{ "CERTGATE_LIST", "~/a", false },
	{ "CERTGATE_LIST", "\"/a\"", false },
	{ "CERTGATE_LIST", "/a\x01", false },
	{ "CERTGATE_ACCESS_KEYS", KEY, true },
	{ "CERTGATE_ACCESS_KEYS", KEY "," KEY "\t" KEY, true },
	{ "CERTGATE_ACCESS_KEYS", "0123456789abcde", false }, /* short */
	{ "CERTGATE_ACCESS_KEYS", KEY " # one", false },
	{ "CERTGATE_ACCESS_KEYS", "\"" KEY "\"", false },
	{ "CERTGATE_ACCESS_KEYS", "AccessKey=" KEY ";", false },
	{ "CERTGATE_ACCESS_KEYS", "AccessKey=" KEY, false },
	{ "CERTGATE_ACCESS_KEYS", KEY "," KEY "=" KEY "=", false },
	{ "CERTGATE_ACCESS_KEYS", KEY "==," KEY "=", true },
	{ "CERTGATE_ACCESS_KEYS", " , ", false },
	{ "CERTGATE_ACCESS_KEYS", "\u200b" KEY, false },
	{ "CERTGATE_ACCESS_KEYS", KEY4 KEY4 KEY4 KEY4, true },
	{ "CERTGATE_ACCESS_KEYS", KEY4 KEY4 KEY4 KEY4 KEY, false },
	{ "CERTGATE_ACCESS_KEYS_FILE", "keys", false },
	{ "CERTGATE_SIGNATURE", "auto", true },
	{ "CERTGATE_SIGNATURE", "required", true },
	{ "CERTGATE_SIGNATURE", "off", true },
	{ "CERTGATE_SIGNATURE", "no", false },
	{ "CERTGATE_SIGNATURE", "off,required", false },
	{ "CERTGATE_ORIGINS", "*", true },
	{ "CERTGATE_ORIGINS", "a.example, B-1.example 10.0.0.1", true },
	{ "CERTGATE_ORIGINS", "a.example/", false },
	{ "CERTGATE_ORIGINS", "[::1]", false },
	{ "CERTGATE_ORIGINS", "* a.example", false },
	{ "CERTGATE_ORIGINS", "a.example,*", false },
	{ "CERTGATE_ORIGINS", "\u00fc.example", false },
	{ "CERTGATE_ORIGINS", ",", false },
	{ "CERTGATE_HUB", "*", true },
	{ "CERTGATE_HUB", "a_1", true },
	{ "CERTGATE_HUB", "*,a", false },
	{ "CERTGATE_HUB", "a b*", false },
	{ "CERTGATE_HUB", "_a", false },
	{ "CERTGATE_HUB", "a/b", false },
	{ "CERTGATE_CODE_FILE", "code", false },
	{ "CERTGATE_REMOTE_USER", "a b", true },
	{ "CERTGATE_REMOTE_USER", "a\nb", false },
	{ "CERTGATE_MISSING_CERTIFICATE", "allow", true },
	{ "CERTGATE_MISSING_CERTIFICATE", "Allow", false },
	{ "CERTGATE_MISSING_CERTIFICATE", "1", false },
	{ "CERTGATE_MISSING_CERTIFICATE_USER", "\xff", false },
	{ "CERTGATE_REQUIRE_CONTENT", "1", false },
	{ "CERTGATE_REQUIRE_CONTENT", "YES", false },
	{ "CERTGATE_CHECK_DATES", "off", false },
	{ "CERTGATE_CHECK_DATES", "no.", false },
	{ "CERTGATE_SECURITY_LEVEL", "0", true },
	{ "CERTGATE_SECURITY_LEVEL", "5", true },
	{ "CERTGATE_SECURITY_LEVEL", "6", false },
	{ "CERTGATE_SECURITY_LEVEL", "-1", false },
	{ "CERTGATE_SECURITY_LEVEL", "2.", false },
	{ "CERTGATE_USER_ID", "san", true },
	{ "CERTGATE_USER_ID", "default", false },
	{ "CERTGATE_SECURITY_LEVEL", "3", true },
	{ "CERTGATE_SECURITY_LEVEL", "6", false },
	{ "CERTGATE_SECURITY_LEVEL", "-1", false },
	{ "CERTGATE_REPORT_ONLY_UNTIL", "2026-12-31", true },
	{ "CERTGATE_REPORT_ONLY_UNTIL", "2099-12-31", true },
	{ "CERTGATE_REPORT_ONLY_UNTIL", "2026-02-29", false },
	{ "CERTGATE_REPORT_ONLY_UNTIL", "yes", false },
	{ "CERTGATE_REPORT_ONLY_UNTIL", "2026-12-31 23:59", false },
	{ "CERTGATE_LOG", "journal", true },
	{ "CERTGATE_LOG", "/var/log/x", true },
	{ "CERTGATE_LOG", "log/x", false },
	{ "CERTGATE_LOG_FORMAT", "JSON", false },
	{ CONNECTION, "Endpoint=https://a.example;AccessKey=" KEY ";", true },
	{ CONNECTION, "endpoint=https://a.example;accesskey=" KEY, true },
	{ CONNECTION, "AccessKey=" KEY ";Endpoint=http://a.example:8080/x",
	  true },
	{ CONNECTION, " Endpoint=https://a.example; AccessKey=" KEY, true },
	{ CONNECTION, "Endpoint=a.example;AccessKey=" KEY, true },
	{ CONNECTION, "Endpoint=https://;AccessKey=" KEY, false },
	{ CONNECTION, "Endpoint=;AccessKey=" KEY, false },
	{ CONNECTION, "Endpoint=https://a b;AccessKey=" KEY, false },
	{ CONNECTION, "Endpoint=https://u@a.example;AccessKey=" KEY, false },
	{ CONNECTION, "Endpoint=https://a.example", false },
	{ CONNECTION, "Endpoint=https://a.example;AccessKey=", false },
	{ CONNECTION, "https://a.example", false },
	{ CONNECTION, ";", false },
};

static void
test_rows(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		static const struct settings zero;
		struct settings s;
		struct error e;
		bool good = read_value(&s, rows[i].name, rows[i].value, &e);
		if (good != rows[i].good)
			fail_msg("%s=%s: %s, expected %s", rows[i].name,
				 rows[i].value, e.set ? e.text : "taken",
				 rows[i].good ? "to read" : "an error");
		if (!good && (strstr(e.text, rows[i].name) == NULL ||
			      strcmp(e.where, "environment") != 0))
			if (strncmp(e.text, CONNECTION, 9) != 0)
				fail_msg("%s=%s: %s: %s", rows[i].name,
					 rows[i].value, e.where, e.text);
		if (!good)
			assert_memory_equal(&s, &zero, sizeof(s));
		settings_free(&s);
	}
}

/* Each setting has a row that reads or the table is not whole; those that take
 * any text are in test_sizes. */
static void
test_all_named(void **state)
{
	const struct setting *help;

	(void)state;
	for (size_t i = 0; (help = settings_help(i)) != NULL; i++) {
		size_t k = 0;
		while (k < COUNT(rows) && strcmp(rows[k].name, help->name) != 0)
			k++;
		if (k == COUNT(rows) && strcmp(help->name, "CERTGATE_CODE"))
			fail_msg("no case for %s", help->name);
		assert_non_null(help->expected);
		assert_non_null(help->standard);
	}
}

/* So long a value reads, one byte more does not. */
static void
test_sizes(void **state)
{
	static const struct {
		const char *name, *begin;
		size_t good; /* bytes */
	} sizes[] = {
		{ "CERTGATE_CODE", "", SETTINGS_CODE_MAX },
		{ "CERTGATE_REMOTE_USER", "", 1024 },
		{ "CERTGATE_MISSING_CERTIFICATE_USER", "", 1024 },
		{ "CERTGATE_LIST", "/", 1024 },
		{ "CERTGATE_HUB", "", 128 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(sizes); i++) {
		for (size_t more = 0; more < 2; more++) {
			char value[4096] = "";
			struct settings s;
			struct error e;
			memset(value, 'x', sizes[i].good + more);
			memcpy(value, sizes[i].begin, strlen(sizes[i].begin));
			if (read_value(&s, sizes[i].name, value, &e) !=
			    (more == 0))
				fail_msg("%s, %zu bytes: %s", sizes[i].name,
					 sizes[i].good + more,
					 e.set ? e.text : "taken");
			settings_free(&s);
		}
	}
}

/* What each is when it says nothing else. */
static void
test_standard(void **state)
{
	struct settings s = { 0 };
	struct error e = { 0 };

	(void)state;
	assert_true(settings_read(&s, (struct span){ 0 }, "",
				  (char *[]){ NULL }, &e));
	assert_int_equal(s.n_pins, 0);
	assert_null(s.list);
	assert_int_equal(s.signature, SIGNATURE_AUTO);
	assert_false(settings_has_keys(&s));
	assert_null(s.origins);
	assert_null(s.hubs);
	assert_null(s.code);
	assert_null(s.remote_user);
	assert_false(s.missing_allowed);
	assert_false(s.require_content);
	assert_false(s.ignore_dates);
	assert_int_equal(s.user_id, USER_DEFAULT);
	settings_free(&s);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_all_named),
		cmocka_unit_test(test_sizes),
		cmocka_unit_test(test_standard),
	};

	return cmocka_run_group_tests_name("setting values", tests, NULL, NULL);
}
