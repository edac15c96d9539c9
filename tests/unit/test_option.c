/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* The options of an entry: quoting, escapes, limits, and what must not be
 * taken for one. */
#include "config.h"

#include "tests/unit/unit.h"

#include "policy/option.h"

enum { VALUE_MAX = 32768, NAME_MAX_BYTES = 1024, ITEMS_MAX = 256 };

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
	option_free_terms(terms);
	return NULL;
}

static void
test_values(void **state)
{
	static const struct {
		const char *line;
		const char *user; /* NULL: does not read */
	} rows[] = {
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
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct warnings w;
		struct error e;
		struct terms *terms = take(span_of(rows[i].line), &w, &e);
		if ((terms != NULL) != (rows[i].user != NULL))
			fail_msg("%s: %s, expected %s", rows[i].line,
				 e.set ? e.text : "taken",
				 rows[i].user == NULL ? "an error"
						      : rows[i].user);
		if (terms != NULL)
			assert_string_equal(terms->user, rows[i].user);
		option_free_terms(terms);
	}
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
		option_free_terms(terms);
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
			option_free_terms(terms);
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
	option_free_terms(t);
	t = take(SPAN("user=\u200eab\u200b"), &w, &e);
	assert_non_null(t);
	assert_string_equal(t->user, "ab");
	assert_int_equal(w.n, 1);
	option_free_terms(t);
	option_free_terms(NULL);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_limits),
		cmocka_unit_test(test_lists),
	};

	return cmocka_run_group_tests_name("option", tests, NULL, NULL);
}
