/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "tests/unit/unit.h"

#include "policy/settings.h"

#define SHA1 "c1b211808c4c4cf8a9c59501fe103ed006a70d69"

enum { TEXT = 512 };

/* Read a file's text and one variable of the environment (NULL: none). */
static bool
read_one(struct settings *s, const char *text, const char *variable,
	 struct error *e)
{
	char copy[TEXT];
	char *environment[] = { NULL, NULL };

	if (variable != NULL) {
		(void)snprintf(copy, sizeof(copy), "%s", variable);
		environment[0] = copy;
	}
	*s = (struct settings){ 0 };
	*e = (struct error){ 0 };
	return settings_read(s, file_text(text), "settings", environment, e);
}

/* Whatever the setting: empty is an error that names it, and so is being set
 * twice. */
static void
test_each(void **state)
{
	const struct setting *help;

	(void)state;
	for (size_t i = 0; (help = settings_help(i)) != NULL; i++) {
		struct settings s;
		struct error e;
		char text[TEXT];
		static const char *const empty[] = { "", " \t", "\r" };
		for (size_t k = 0; k < COUNT(empty); k++) {
			(void)snprintf(text, sizeof(text), "# a\n\n%s=%s\n",
				       help->name, empty[k]);
			assert_false(read_one(&s, text, NULL, &e));
			assert_int_equal(e.line, 3);
			assert_string_equal(e.where, "settings");
			if (strstr(e.text, help->name) == NULL ||
			    strstr(e.text, help->expected) == NULL)
				fail_msg("%s: %s", help->name, e.text);
		}
		(void)snprintf(text, sizeof(text), "%s=", help->name);
		assert_false(read_one(&s, NULL, text, &e));
		assert_string_equal(e.where, "environment");
		(void)snprintf(text, sizeof(text), "%s=x\n%s=x\n", help->name,
			       help->name);
		assert_false(read_one(&s, text, NULL, &e));
		assert_non_null(strstr(e.text, "second time"));
		assert_int_equal(e.line, 2);
	}
	assert_int_equal(settings_help(1000) == NULL, true);
}

static void
test_faults(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
		const char *says;
	} rows[] = {
		{ "CERTGATE_HUBS=a\n", 1,
		  "unknown setting \"CERTGATE_HUBS\" (did you mean "
		  "CERTGATE_HUB?)" },
		{ "PATH=/bin\n", 1, "unknown setting of 4 characters" },
		{ "CERTGATE_CONFIG=/x\n", 1, "unknown setting \"CERTGATE_CON" },
		{ "CERTGATE_REPORT_ONLY=2026-12-31\n", 1, "unknown setting" },
		{ "\nhello\n", 2, "expected NAME=value" },
		{ "c2VjcmV0\n", 1, "expected NAME=value" },
		{ "c2VjcmV0==\n", 1, "unknown setting of 8 characters" },
		{ "CERTGATE_HUB=a", 1, "last line has no end" },
		{ "CERTGATE_LIST=list\n", 1, "absolute" },
		{ "CERTGATE_CODE_FILE=hunter2\n", 1, "absolute" },
		{ "CERTGATE_SIGNATURE=on\n", 1, "required, off or auto" },
		{ "CERTGATE_SIGNATURE=OFF\n", 1, "required, off or auto" },
		{ "CERTGATE_CHECK_DATES=true\n", 1, "yes or no" },
		{ "CERTGATE_MISSING_CERTIFICATE=yes\n", 1, "refuse or allow" },
		{ "CERTGATE_USER_ID=@cn\n", 1, "entry, cn" },
		{ "CERTGATE_ORIGINS=https://a.example\n", 1, "without scheme" },
		{ "CERTGATE_ORIGINS=*.a.example\n", 1, "expected a host" },
		{ "CERTGATE_ORIGINS=*,a.example\n", 1, "expected a host" },
		{ "CERTGATE_ORIGINS=a.example:443\n", 1, "expected a host" },
		{ "CERTGATE_ORIGINS=a.example.\n", 1, "expected a host" },
		{ "CERTGATE_HUB=a,-b\n", 1, "a hub of 2 characters" },
		{ "CERTGATE_HUB=,\n", 1, "no name" },
		{ "CLIENT_CERT_THUMBPRINT=" SHA1 ",zz\n", 1,
		  "invalid thumbprint of 2 characters" },
		{ "CLIENT_CERT_THUMBPRINT=,\n", 1, "no thumbprint" },
		{ "CERTGATE_ACCESS_KEYS=,\n", 1, "no key" },
		{ "CERTGATE_ACCESS_KEYS=PRIMARY,SECONDARY\n", 1, "at least" },
		{ "CERTGATE_ACCESS_KEYS=\"0123456789abcdef\"\n", 1, "quotes" },
		{ "CERTGATE_ACCESS_KEYS=0123456789abcdef # the key\n", 1,
		  "comment" },
		{ "CERTGATE_ACCESS_KEYS=Endpoint=https://a.example;x=y\n", 1,
		  "connection string" },
		{ "CERTGATE_CODE=a\nCERTGATE_CODE_FILE=/b\n", 0, "is set too" },
		{ "CERTGATE_ACCESS_KEYS=a234567890123456\nCERTGATE_ACCESS_KEYS_"
		  "FILE=/b\n",
		  0, "is set too" },
		{ "WebPubSubConnectionString=AccessKey=0123456789abcdef;\n", 1,
		  "Endpoint" },
		{ "WebPubSubConnectionString=Endpoint=https://a.example;\n", 0,
		  "no AccessKey" },
		{ "WebPubSubConnectionString=Endpoint=https://a.example;"
		  "AccessKey=;\n",
		  1, "AccessKey is empty" },
		{ "CERTGATE_LOG=file\n", 1,
		  "stderr, syslog, journal or an absolute path" },
		{ "CERTGATE_LOG_FORMAT=xml\n", 1, "text or json" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct settings s;
		struct error e;
		if (read_one(&s, rows[i].text, NULL, &e))
			fail_msg("read: %s", rows[i].text);
		if (strstr(e.text, "c2Vj") != NULL ||
		    strstr(e.text, "hunter2") != NULL)
			fail_msg("a secret in '%s'", e.text);
		if (e.line != rows[i].line ||
		    strstr(e.text, rows[i].says) == NULL)
			fail_msg("%s got %u: %s, expected …%s…", rows[i].text,
				 e.line, e.text, rows[i].says);
		assert_null(s.pins);
	}
}

static void
test_good(void **state)
{
	struct settings s;
	struct error e;

	(void)state;
	assert_true(read_one(&s,
			     "\xef\xbb\xbf# comment\r\n"
			     " CERTGATE_HUB = chat, ocpp \r\n"
			     "CERTGATE_ORIGINS=a.example b.example\n"
			     "CERTGATE_ACCESS_KEYS=one4567890123456 "
			     "two4567890123456,three67890123456\n"
			     "CERTGATE_CODE=a=b # c\n"
			     "CERTGATE_LIST=/etc/certgate/list\n"
			     "CERTGATE_CHECK_DATES=no\n",
			     "CERTGATE_HUB=other", &e));
	assert_string_equal(s.hubs[0], "other");
	assert_null(s.hubs[1]);
	assert_string_equal(s.origins[1], "b.example");
	assert_int_equal(s.keys.n, 3);
	assert_string_equal(s.code, "a=b # c");
	assert_string_equal(s.list, "/etc/certgate/list");
	assert_true(s.ignore_dates);
	assert_string_equal(s.missing_user, "anonymous");
	assert_true(settings_has_keys(&s));
	assert_true(settings_names(s.hubs, SPAN("OTHER")));
	assert_false(settings_names(s.hubs, SPAN("chat")));
	assert_true(settings_names(NULL, SPAN("chat")));
	settings_free(&s);
	settings_free(&s);
}

/* A date that is too far ahead is said to be that where it was given. */
static void
test_time(void **state)
{
	enum { NOW = 1767225600 /* 2026-01-01 */ };
	static const char name[] = "CERTGATE_REPORT_ONLY_UNTIL";
	struct settings s;
	struct error e;

	(void)state;
	assert_true(read_one(&s, "#\n  CERTGATE_REPORT_ONLY_UNTIL=2026-02-01\n",
			     NULL, &e));
	assert_true(settings_check_time(&s, "settings", NOW, &e));
	assert_false(settings_check_time(&s, "settings", NOW - 1, &e));
	assert_string_equal(e.where, "settings");
	assert_int_equal(e.line, 2);
	assert_int_equal(e.column, 3 + sizeof(name));
	assert_non_null(strstr(e.text, name));
	settings_free(&s);
	assert_true(read_one(&s, "CERTGATE_REPORT_ONLY_UNTIL=2026-01-02\n",
			     "CERTGATE_REPORT_ONLY_UNTIL=2026-02-02", &e));
	assert_false(settings_check_time(&s, "settings", NOW, &e));
	assert_string_equal(e.where, "environment");
	assert_int_equal(e.line, 0);
	settings_free(&s);
}

static void
test_connection_string(void **state)
{
	struct settings s;
	struct error e;

	(void)state;
	assert_true(read_one(
		&s,
		"WebPubSubConnectionString=Endpoint=https://a.example:443/;"
		"AccessKey=abc456789012345=;Version=1.0;\n",
		NULL, &e));
	assert_string_equal(s.origins[0], "a.example");
	assert_null(s.origins[1]);
	assert_int_equal(s.keys.n, 1);
	settings_free(&s);
	assert_true(read_one(
		&s,
		"CERTGATE_ORIGINS=*\nWebPubSubConnectionString="
		"Endpoint=https://a.example;AccessKey=abc4567890123456\n",
		NULL, &e));
	assert_null(s.origins);
	settings_free(&s);
	assert_true(read_one(&s,
			     "CERTGATE_SIGNATURE=off\n"
			     "WebPubSubConnectionString=Endpoint="
			     "https://a.example;Version=1.0;\n",
			     NULL, &e));
	assert_int_equal(s.keys.n, 0);
	settings_free(&s);
}

static void
test_thumbprints(void **state)
{
	static const struct {
		const char *value;
		size_t n;
	} rows[] = {
		{ SHA1, 1 },
		{ SHA1 "," SHA1, 2 },
		{ SHA1 " " SHA1, 2 },
		{ " , " SHA1 " ,, " SHA1 " " SHA1 ",", 3 },
		{ "c1 b2 11 80 8c 4c 4c f8 a9 c5 95 01 fe 10 3e d0 06 a7 0d "
		  "69," SHA1,
		  2 },
		{ "c1 b2 11 80 8c 4c 4c f8 a9 c5 95 01 fe 10 3e d0 06 a7 0d "
		  "69 " SHA1,
		  2 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct settings s;
		struct error e;
		char text[TEXT];
		(void)snprintf(text, sizeof(text), "CLIENT_CERT_THUMBPRINT=%s",
			       rows[i].value);
		if (!read_one(&s, NULL, text, &e))
			fail_msg("%s: %s", rows[i].value, e.text);
		assert_int_equal(s.n_pins, rows[i].n);
		settings_free(&s);
	}
}

static void
test_environment(void **state)
{
	static char one[] = "CERTGATE_HUB=a", two[] = "CERTGATE_HUB=b",
		    unknown[] = "CERTGATE_X=1", site[] = "CERTGATE_SITE=a",
		    foreign[] = "HOME=/";
	static char bare[] = "CERTGATE_HUB";
	char *empty[] = { bare, NULL };
	char *twice[] = { one, two, NULL };
	char *wrong[] = { foreign, unknown, NULL };
	char *fine[] = { foreign, site, one, NULL };
	struct settings s = { 0 };
	struct error e = { 0 };

	(void)state;
	assert_false(settings_read(&s, (struct span){ 0 }, "", twice, &e));
	assert_non_null(strstr(e.text, "set twice"));
	e = (struct error){ 0 };
	assert_false(settings_read(&s, (struct span){ 0 }, "", wrong, &e));
	assert_non_null(strstr(e.text, "unknown setting \"CERTGATE_X\""));
	e = (struct error){ 0 };
	assert_false(settings_read(&s, (struct span){ 0 }, "", empty, &e));
	assert_non_null(strstr(e.text, "missing value"));
	e = (struct error){ 0 };
	assert_true(settings_read(&s, (struct span){ 0 }, "", fine, &e));
	settings_free(&s);
}

static void
test_secrets(void **state)
{
	struct settings s;
	struct error e;

	(void)state;
	assert_true(read_one(&s, "CERTGATE_CODE_FILE=/a\n", NULL, &e));
	assert_true(settings_set_code(&s, SPAN("secret\r\n"), &e));
	assert_string_equal(s.code, "secret");
	settings_free(&s);
	s = (struct settings){ 0 };
	assert_false(settings_set_code(&s, SPAN("\n"), &e));
	assert_false(settings_set_code(&s, SPAN("a\nb\n"), &e));
	assert_false(settings_set_code(&s, SPAN("a\0b"), &e));
	e = (struct error){ 0 };
	assert_true(settings_add_keys(
		&s,
		SPAN("one4567890123456\ntwo4567890123456, three67890123456\n"),
		&e));
	assert_int_equal(s.keys.n, 3);
	assert_false(settings_add_keys(&s, SPAN("\n"), &e));
	e = (struct error){ 0 };
	assert_false(settings_add_keys(
		&s, SPAN("one4567890123456\n\r\nSECOND=two4567890123456=\n"),
		&e));
	assert_int_equal(e.line, 3);
	assert_non_null(strstr(e.text, "character 7 of a key"));
	assert_non_null(strstr(e.text, "without name"));
	settings_free(&s);
}

/* Whether the file's own text is one to be kept from others. */
static void
test_has_secret(void **state)
{
#define KEY "0123456789abcdef"
	static const struct {
		const char *text, *variable;
		bool has;
	} rows[] = {
		{ "CERTGATE_HUB=a\n", NULL, false },
		{ "CERTGATE_ACCESS_KEYS=" KEY "\n", NULL, true },
		{ "CERTGATE_CODE=a\n", NULL, true },
		{ "CERTGATE_CODE_FILE=/a\n", NULL, false },
		{ "WebPubSubConnectionString=Endpoint=https://a;AccessKey=" KEY
		  ";\n",
		  NULL, true },
		{ "", "CERTGATE_ACCESS_KEYS=" KEY, false },
		{ "WebPubSubConnectionString=Endpoint=https://a;\n",
		  "CERTGATE_ACCESS_KEYS=" KEY, false },
		{ "CERTGATE_ACCESS_KEYS=" KEY "\n", "CERTGATE_CODE=a", true },
	};
#undef KEY

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct settings s;
		struct error e;
		if (!read_one(&s, rows[i].text, rows[i].variable, &e))
			fail_msg("row %zu: %s", i, e.text);
		if (s.has_secret != rows[i].has)
			fail_msg("row %zu: expected %d", i, rows[i].has);
		settings_free(&s);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_time),
		cmocka_unit_test(test_connection_string),
		cmocka_unit_test(test_thumbprints),
		cmocka_unit_test(test_environment),
		cmocka_unit_test(test_secrets),
		cmocka_unit_test(test_has_secret),
	};

	return cmocka_run_group_tests_name("settings", tests, NULL, NULL);
}
