/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* The options of an entry: quoting, escapes, limits, and what must not be
 * taken for one. */
#include "config.h"

#include "tests/unit/unit.h"

#include "policy/grant.h"
#include "policy/option.h"
#include "policy/value.h"

enum { NAME_MAX_BYTES = 1024, ITEMS_MAX = 256 };

/* Takes all options of a line; gives terms, or NULL. */
static struct terms *
take(struct span line, struct warnings *w, struct error *e)
{
	struct terms *terms = calloc(1, sizeof(*terms));
	unsigned seen = 0;
	bool ok = true;

	assert_non_null(terms);
	*e = (struct error){ 0 };
	*w = (struct warnings){ 0 };
	while (ok && line.len > 0) {
		ok = option_take(&line, terms, &seen, w, e);
		line = span_trim(line);
	}
	assert_int_equal(ok, !e->set);
	if (ok)
		return terms;
	terms_free(terms);
	return NULL;
}

/* A line and the user that it names; NULL: it does not read. */
struct row {
	const char *line, *user;
};

/* n_warnings: of each that reads. */
static void
check_rows(const struct row *rows, size_t n, unsigned n_warnings)
{
	for (size_t i = 0; i < n; i++) {
		struct warnings w;
		struct error e;
		struct terms *terms = take(span_of(rows[i].line), &w, &e);
		if ((terms != NULL) != (rows[i].user != NULL))
			fail_msg("row %zu: %s: %s, expected %s", i,
				 rows[i].line, e.set ? e.text : "taken",
				 rows[i].user == NULL ? "an error"
						      : rows[i].user);
		if (terms != NULL) {
			assert_string_equal(terms->user, rows[i].user);
			assert_int_equal(w.n, n_warnings);
		}
		terms_free(terms);
	}
}

static void
test_values(void **state)
{
	static const struct row rows[] = {
		{ "user=a", "a" },
		{ "user=\"a\"", "a" },
		{ "user=\"a b\"", "a b" },
		{ "user=\"a\tb\"", NULL }, /* a control character */
		{ "user=\"a#b\"", "a#b" },
		{ "user=a=b", "a=b" },
		{ "user=a,b", "a,b" },
		{ "user=a\\,b", "a,b" },
		{ "user=\"a,b\"", "a,b" },
		{ "user=a\\\"b", "a\"b" },
		{ "user=\"a\\\"b\"", "a\"b" },
		{ "user=a\\\\b", "a\\b" },
		{ "user=a\\\\", "a\\" },
		{ "user=\"a\\\\\"", "a\\" },
		{ "user=a\\", NULL },
		{ "user=\"a\\\"", NULL },
		{ "user=\\n", NULL },
		{ "user=a\\ b", NULL },
		{ "user=\"", NULL },
		{ "user=\"\"", NULL },
		{ "user=\" \"", NULL },
		{ "user=\"a\"b", NULL },
		{ "user=\"a\"\"b\"", NULL },
		{ "user=a\"", NULL },
		{ "user='a'", "'a'" },
		{ "user=Zürich", "Zürich" },
		{ "user=\xff", NULL },
		{ "user=\xc3", NULL },
		{ "user=a\x7f", NULL },
		{ "user=a@cn", "a@cn" },
		{ "user=@CN", NULL },
		{ "user=@", NULL },
		{ "user=\"@cn \"", NULL },
		{ "user=", NULL },
		{ "user", NULL },
		{ "user =a", NULL },
		{ "User=a", NULL },
		{ "users=a", NULL },
		{ "=a", NULL },
	};

	(void)state;
	check_rows(rows, COUNT(rows), 0);
}

/* What comes along with a copy is dropped at the ends and refused inside,
 * wherever else there is some. */
static void
test_invisible(void **state)
{
	static const struct row rows[] = {
		{ "user=\u200babc", "abc" },
		{ "user=abc\u200b", "abc" },
		{ "user=\u200babc\u200b", "abc" },
		{ "user=\u00a0\u200babc\u200b\u00a0", "abc" },
		{ "user=ab\u200bcd", NULL },
		{ "user=\u200ba\u200bbcdefg", NULL },
		{ "user=\u200babcdef\u200bg", NULL },
		{ "user=\u200b", NULL },
	};

	(void)state;
	check_rows(rows, COUNT(rows), 1);
}

/* Every option alone is set, twice is an error, and the second does not win. */
static void
test_each(void **state)
{
	static const struct {
		const char *name, *value;
	} rows[] = {
		{ "user", "a" },
		{ "groups", "a,b" },
		{ "roles", "sendToGroup" },
		{ "subprotocol", "a" },
		{ "hub", "a" },
		{ "not-before", "2026-01-01" },
		{ "expires", "2026-01-01" },
		{ "client-id", "a" },
		{ "client-id", "@cn" },
		{ "query.id", "@san" },
		{ "cn", "*" },
		{ "san", "*.example" },
		{ "crl", "/a" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char line[128];
		struct warnings w;
		struct error e;
		(void)snprintf(line, sizeof(line), "%s=%s", rows[i].name,
			       rows[i].value);
		struct terms *terms = take(span_of(line), &w, &e);
		if (terms == NULL)
			fail_msg("%s: %s", line, e.text);
		terms_free(terms);
		(void)snprintf(line, sizeof(line), "%s=%s  %s=%s", rows[i].name,
			       rows[i].value, rows[i].name, rows[i].value);
		assert_null(take(span_of(line), &w, &e));
		if (strstr(e.text, "a second time") == NULL ||
		    strstr(e.text, rows[i].name) == NULL)
			fail_msg("%s: %s", line, e.text);
		for (size_t k = 0; k < 3; k++) {
			static const char *const empty[] = { "", "\"\"",
							     "\u200b" };
			(void)snprintf(line, sizeof(line), "%s=%s",
				       rows[i].name, empty[k]);
			assert_null(take(span_of(line), &w, &e));
			if (strstr(e.text, "is empty") == NULL)
				fail_msg("%s: %s", line, e.text);
		}
	}
}

/* The longest value there may be, and one byte or item more. */
static void
test_limits(void **state)
{
	static char line[2 * VALUE_MAX];
	static const struct {
		const char *name, *repeated;
		size_t good; /* how often at most */
	} rows[] = {
		{ "user=", "x", NAME_MAX_BYTES },
		{ "groups=", "x", NAME_MAX_BYTES },
		{ "groups=a", ",a", ITEMS_MAX - 1 },
		{ "roles=sendToGroup.", "x", NAME_MAX_BYTES },
		{ "roles=sendToGroup", ",sendToGroup", ITEMS_MAX - 1 },
		{ "subprotocol=a", ",a", ITEMS_MAX - 1 },
		{ "client-id=", "x", NAME_MAX_BYTES },
		{ "query.id=", "x", NAME_MAX_BYTES },
		{ "cn=", "x", 256 },
		{ "san=", "x", 256 },
		{ "hub=", "x", 128 },
		{ "hub=a", ",a", ITEMS_MAX - 1 },
		{ "subprotocol=", "x", VALUE_MAX },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		for (size_t more = 0; more < 2; more++) {
			struct warnings w;
			struct error e;
			char *at = stpcpy(line, rows[i].name);
			for (size_t k = 0; k < rows[i].good + more; k++)
				at = stpcpy(at, rows[i].repeated);
			struct terms *terms = take(span_of(line), &w, &e);
			if ((terms != NULL) != (more == 0))
				fail_msg("%s and %zu times %s: %s",
					 rows[i].name, rows[i].good + more,
					 rows[i].repeated,
					 e.set ? e.text : "taken");
			terms_free(terms);
		}
	}
}

/* A hub is a name, but a hub's name may have a comma. */
static void
test_lists(void **state)
{
	struct warnings w;
	struct error e;
	struct terms *t = take(SPAN("hub=a,b\\,c groups=\"x y\",z"), &w, &e);

	(void)state;
	assert_null(t);
	t = take(SPAN("hub=a,b\\,c groups=\"x y,z\\,\\\"\""), &w, &e);
	assert_non_null(t);
	assert_string_equal(t->hubs[0], "a");
	assert_string_equal(t->hubs[1], "b,c");
	assert_null(t->hubs[2]);
	assert_string_equal(t->groups[0], "x y");
	assert_string_equal(t->groups[1], "z,\"");
	assert_null(t->groups[2]);
	terms_free(t);
	t = take(SPAN("user=\u200eab\u200b"), &w, &e);
	assert_non_null(t);
	assert_string_equal(t->user, "ab");
	assert_int_equal(w.n, 1);
	terms_free(t);
	terms_free(NULL);
}

/* What binds a client, and what only looks like it. */
static void
test_bindings(void **state)
{
	static const struct {
		const char *line;
		bool good;
	} rows[] = {
		{ "query.a=1 query.b=2 query.c=@cn", true },
		{ "query.a=1 query.b=2 query.a=3", false },
		{ "query.a=1 query.b=1 query.c=1 query.d=1 query.e=1 query.f=1 "
		  "query.g=1 query.h=1",
		  true },
		{ "query.a=1 query.b=1 query.c=1 query.d=1 query.e=1 query.f=1 "
		  "query.g=1 query.h=1 query.i=1",
		  false },
		{ "query.=1", false },
		{ "query=1", false },
		{ "query.a b=1", false },
		{ "query.\"a\"=1", false },
		{ "queryid=1", false },
		{ "client-id=@thumbprint", false },
		{ "client-id=@other", false },
		{ "client-id=a@cn", true },
		{ "query.a=@thumbprint", false },
		{ "client-id=a\x7f", false },
		{ "crl=a", false },
		{ "cn=a\x7f", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct warnings w;
		struct error e;
		struct terms *t = take(span_of(rows[i].line), &w, &e);
		if ((t != NULL) != rows[i].good)
			fail_msg("%s: %s", rows[i].line,
				 e.set ? e.text : "taken");
		terms_free(t);
	}
	struct warnings w;
	struct error e;
	struct terms *t = take(SPAN("client-id=a,b query.x=@san"), &w, &e);
	assert_non_null(t);
	assert_string_equal(t->client_id.text, "a,b");
	assert_string_equal(t->queries[0].name, "x");
	assert_int_equal(t->queries[0].source, USER_ALTERNATIVE_NAME);
	terms_free(t);
}

/* The user id in a group or role: in a pattern it is no pattern. */
static void
test_templates(void **state)
{
	static const struct {
		bool role;
		const char *text, *user;
		const char *filled; /* NULL: none that the service has */
	} rows[] = {
		{ false, "{user}", "a", "a" },
		{ false, "x-{user}-{user}", "a", "x-a-a" },
		{ false, "{user", "a", "{user" },
		{ false, "{User}{cn}", "a", "{User}{cn}" },
		{ false, "{user}", "{user}", "{user}" },
		{ false, "\\{user}", "a*", "\\a*" },
		{ false, "{user}", "a\nb", NULL },
		{ false, "{user}", "a\xff", NULL },
		{ true, "webpubsub.sendToGroup.{user}", "a*",
		  "webpubsub.sendToGroup.a*" },
		{ true, "webpubsub.sendToGroups.{user}.*", "a",
		  "webpubsub.sendToGroups.a.*" },
		{ true, "webpubsub.sendToGroups.{user}", "*?\\.**",
		  "webpubsub.sendToGroups.\\*\\?\\\\.\\*\\*" },
		{ true, "webpubsub.joinLeaveGroups.{user}", "**********",
		  "webpubsub.joinLeaveGroups."
		  "\\*\\*\\*\\*\\*\\*\\*\\*\\*\\*" },
		/* A backslash before it would take away that of the user. */
		{ true, "webpubsub.sendToGroups.\\{user}", "*",
		  "webpubsub.sendToGroups.\\{user}" },
		{ true, "webpubsub.sendToGroups.\\\\{user}", "*",
		  "webpubsub.sendToGroups.\\\\\\*" },
		{ true, "webpubsub.sendToGroup.{user}", "\t", NULL },
	};
	char user[NAME_MAX_BYTES + 2] = "";

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *filled =
			template_fill(span_of(rows[i].text), rows[i].role,
				      span_of(rows[i].user));
		assert_int_equal(filled != NULL, rows[i].filled != NULL);
		if (filled != NULL)
			assert_string_equal(filled, rows[i].filled);
		free(filled);
	}
	memset(user, 'x', NAME_MAX_BYTES);
	char *longest = template_fill(SPAN("{user}"), false, span_of(user));
	assert_non_null(longest);
	free(longest);
	user[NAME_MAX_BYTES] = 'x';
	assert_null(template_fill(SPAN("{user}"), false, span_of(user)));
	memset(user, '*', NAME_MAX_BYTES);
	assert_null(template_fill(SPAN("sendToGroups.{user}"), true,
				  span_of(user)));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_invisible),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_lists),
		cmocka_unit_test(test_bindings),
		cmocka_unit_test(test_templates),
	};

	return cmocka_run_group_tests_name("option", tests, NULL, NULL);
}
