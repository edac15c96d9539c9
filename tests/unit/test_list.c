/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "tests/unit/unit.h"

#include "base/hex.h"
#include "policy/list.h"
#include "policy/option.h"
#include "policy/role.h"

#define SHA1 "c1b211808c4c4cf8a9c59501fe103ed006a70d69"
#define COLONS "C1:B2:11:80:8C:4C:4C:F8:A9:C5:95:01:FE:10:3E:D0:06:A7:0D:69"
#define BLANKS "c1 b2 11 80 8c 4c 4c f8 a9 c5 95 01 fe 10 3e d0 06 a7 0d 69"
#define SHA256                                                                 \
	"0ea7e8a631bb09de4a0a6787712ac665d5168d8a685cb5df1025318422a7cdf7"

static bool
read_nothing(void *context, const char *path, struct buffer *text,
	     struct error *e)
{
	(void)context;
	(void)text;
	return error_set(e, "%s: not there", path);
}

static const struct entry_files files = { .read = read_nothing };

static bool
build(struct list *list, struct span text, struct error *e)
{
	*list = (struct list){ 0 };
	*e = (struct error){ 0 };
	return list_build(list, text, NULL, 0, &files, e);
}

/* All forms of one thumbprint are the same bytes. */
static void
test_forms(void **state)
{
	static const char *const forms[] = {
		SHA1,
		COLONS,
		BLANKS,
		"sha1:" SHA1,
		"SHA1 Fingerprint=" COLONS,
		"sha1 Fingerprint=" COLONS,
		"c1-b2-11-80-8c-4c-4c-f8-a9-c5-95-01-fe-10-3e-d0-06-a7-0d-69",
		"\u200e" SHA1,
		SHA1 "\u200e",
		"c1b2 1180 8c4c 4cf8 a9c5 9501 fe10 3ed0 06a7 0d69",
	};
	uint8_t expected[DIGEST_SHA1_SIZE];

	(void)state;
	assert_true(hex_decode(SPAN(SHA1), expected, sizeof(expected)));
	for (size_t i = 0; i < COUNT(forms); i++) {
		struct span rest = span_of(forms[i]);
		struct warnings w = { 0 };
		struct error e = { 0 };
		struct thumbprint t;
		if (!thumbprint_take(&rest, &t, &w, &e))
			fail_msg("%s: %s", forms[i], e.text);
		assert_int_equal(t.kind, THUMBPRINT_SHA1);
		assert_memory_equal(t.digest, expected, sizeof(expected));
		assert_int_equal(rest.len, 0);
		assert_int_equal(w.n, strstr(forms[i], "\u200e") != NULL);
	}
}

static void
test_bad_forms(void **state)
{
	static const char *const forms[] = {
		"",
		"x",
		"c1b2",
		SHA1 "0",
		SHA1 "00",
		SHA256 "00",
		"sha256:" SHA1,
		"sha1:" SHA256,
		":" SHA1,
		SHA1 ":",
		"c1::b211808c4c4cf8a9c59501fe103ed006a70d69",
		"c:1b211808c4c4cf8a9c59501fe103ed006a70d69",
		"c1b2\u200e11808c4c4cf8a9c59501fe103ed006a70d69",
		"c1b2O1808c4c4cf8a9c59501fe103ed006a70d69",
		BLANKS " 00",
		"md5:d41d8cd98f00b204e9800998ecf8427e",
	};

	(void)state;
	for (size_t i = 0; i < COUNT(forms); i++) {
		struct span rest = span_of(forms[i]);
		struct warnings w = { 0 };
		struct error e = { 0 };
		struct thumbprint t;
		if (thumbprint_take(&rest, &t, &w, &e))
			fail_msg("taken: %s", forms[i]);
		assert_true(e.set);
		assert_int_equal(t.kind, THUMBPRINT_NONE);
	}
}

static void
test_label(void **state)
{
	struct thumbprint t;

	(void)state;
	assert_true(thumbprint_from_label(SPAN(SHA1), &t));
	assert_false(thumbprint_from_label(SPAN(COLONS), &t));
	assert_false(thumbprint_from_label(SPAN(SHA256), &t));
	assert_false(thumbprint_from_label(SPAN(""), &t));
	assert_false(thumbprint_from_label(SPAN(SHA1 "\0x"), &t));
	assert_int_equal(t.kind, THUMBPRINT_NONE);
}

/* Lists that do not read: where, and what was expected. */
static void
test_faults(void **state)
{
	static const struct {
		const char *text;
		unsigned line, column;
		const char *says;
	} rows[] = {
		{ SHA1, 1, 41, "no end" },
		{ SHA1 "\n" SHA1, 2, 41, "no end" },
		{ "# stolen\rdeny " SHA1 "\n" SHA1 "\n", 1, 9,
		  "carriage return" },
		{ SHA1 "\r\n" SHA1 " # x\r\r\n", 2, 45, "carriage return" },
		{ SHA1 "\n# x\vdeny " SHA1 "\n", 2, 4, "vertical tab" },
		{ SHA1 "\n# x\fdeny " SHA1 "\n", 2, 4, "form feed" },
		{ SHA1 "\n# x\302\205deny " SHA1 "\n", 2, 4, "U+0085" },
		{ SHA1 "\n# x\342\200\250deny " SHA1 "\n", 2, 4, "U+2028" },
		{ SHA1 "\n# x\342\200\251deny " SHA1 "\n", 2, 4, "U+2029" },
		{ "\n\nnonsense\n", 3, 1,
		  "invalid thumbprint of 8 characters" },
		{ SHA1 " user\n", 1, 42, "unknown option" },
		{ SHA1 " colour=red\n", 1, 42, "unknown option" },
		{ SHA1 " Users=a\n", 1, 42, "unknown option" },
		{ SHA1 " user=\n", 1, 47, "empty" },
		{ SHA1 " user=\"\"\n", 1, 47, "empty" },
		{ SHA1 " user=a user=b\n", 1, 49, "second time" },
		{ SHA1 " user=\"a\n", 1, 47, "closing quote" },
		{ SHA1 " user=a\"b\n", 1, 47, "quote inside" },
		{ SHA1 " user=\"a\"b\n", 1, 47, "expected a blank" },
		{ SHA1 " user=a\\b\n", 1, 47, "backslash" },
		{ SHA1 " user=@dn\n", 1, 47, "@cn" },
		{ SHA1 " groups=a,,b\n", 1, 49, "group" },
		{ SHA1 " groups=\" \"\n", 1, 49, "group" },
		{ SHA1 " roles=admin\n", 1, 48, "role" },
		{ SHA1 " roles=sendToGroups\n", 1, 48, "role" },
		{ SHA1 " roles=sendToGroup.\n", 1, 48, "role" },
		{ SHA1 " subprotocol=\"a b\"\n", 1, 54, "subprotocol" },
		{ SHA1 " hub=1a\n", 1, 46, "hub" },
		{ SHA1 " expires=2026-02-30\n", 1, 50, "YYYY-MM-DD" },
		{ SHA1 " not-before=tomorrow\n", 1, 53, "YYYY-MM-DD" },
		{ SHA1 " client-id=\n", 1, 52, "is empty" },
		{ SHA1 " query.id=@cm\n", 1, 51, "expected @cn, @san, or" },
		{ SHA1 " cn=a\n", 1, 46, "expected ca:" },
		{ SHA1 " san=a\n", 1, 47, "expected ca:" },
		{ SHA1 " crl=/a\n", 1, 48, "expected ca:" },
		{ "spki:" SHA256 " client-id=@cn\n", 1, 84, "no name" },
		{ "spki:" SHA256 " query.a=@san\n", 1, 83, "no name" },
		{ SHA1 " user=a\u200b"
		       "b\n",
		  1, 47, "invisible" },
		{ "  " SHA1 " x=y\n", 1, 44, "unknown option" },
		{ SHA1 " not-before=2026-02-01 expires=2026-01-01\n", 1, 82,
		  "before it begins" },
		{ SHA1 " clientid=x\n", 1, 42,
		  "unknown option: expected user=" },
		{ "spki:" SHA1 "\n", 1, 6, "of 40 digits" },
		{ "spki:\n", 1, 6, "of 0 digits" },
		{ "spki:" SHA256 " user=@cn\n", 1, 79, "no name" },
		{ "spki:" SHA256 " user=@san\n", 1, 80, "no name" },
		{ "ca:/nowhere.pem cn=*\n", 1, 1, "not there" },
		{ "  ca:/nowhere.pem cn=*\n", 1, 3, "not there" },
		{ "ca:nowhere.pem cn=*\n", 1, 1, "absolute" },
		{ "ca:/nowhere.pem\n", 1, 16, "limit of names" },
		{ "ca:/nowhere.pem hub=a crl=/x\n", 1, 29, "limit of names" },
		{ "deny ca:/nowhere.pem\n", 1, 6, "deny takes no ca" },
		{ "file:ca.pem\n", 1, 1, "absolute" },
		{ "file:/nowhere.pem\n", 1, 1, "not there" },
		{ "deny\n", 1, 3, "thumbprint of 4 characters" },
		{ "deny " SHA1 " user=a\n", 1, 47, "no options" },
		{ "denied " SHA1 "\n", 1, 3, "thumbprint of 6 characters" },
		{ "allow " SHA1 "\n", 1, 2, "thumbprint of 5 characters" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct list list;
		struct error e;
		if (build(&list, span_of(rows[i].text), &e))
			fail_msg("read: %s", rows[i].text);
		if (e.line != rows[i].line || e.column != rows[i].column ||
		    strstr(e.text, rows[i].says) == NULL)
			fail_msg("%s got %u:%u: %s, expected %u:%u: …%s…",
				 rows[i].text, e.line, e.column, e.text,
				 rows[i].line, rows[i].column, rows[i].says);
		assert_int_equal(list.n, 0);
		assert_null(list.entries);
	}
}

static void
test_nul(void **state)
{
	struct list list;
	struct error e;

	(void)state;
	assert_false(build(&list, SPAN("# a\n# \0\n" SHA1 "\n"), &e));
	assert_int_equal(e.line, 2);
	assert_int_equal(e.column, 3);
}

static void
test_good(void **state)
{
	struct list list;
	struct error e;
	const struct list_key *found;
	struct thumbprint pin;

	(void)state;
	assert_true(build(&list,
			  SPAN("\ufeff# comment\r\n\r\n  # another\n"
			       "  " COLONS "  user=\"a # b\" # c\r\n"
			       "deny sha256:" SHA256 " # stolen\n" SHA1 "\n"),
			  &e));
	assert_int_equal(list.n, 3);
	assert_true(list.denies_by_content);
	assert_true(thumbprint_from_label(SPAN(SHA1), &pin));
	assert_int_equal(list_find(&list, &pin, &found), 2);
	assert_int_equal(found[0].entry->line, 4);
	assert_string_equal(found[0].entry->terms->user, "a # b");
	assert_int_equal(found[1].entry->line, 6);
	assert_null(found[1].entry->terms);
	pin.digest[0] ^= 1;
	assert_int_equal(list_find(&list, &pin, &found), 0);
	pin.kind = THUMBPRINT_NONE;
	assert_int_equal(list_find(&list, &pin, &found), 0);
	list_free(&list);
	list_free(&list);
}

static void
test_options(void **state)
{
	struct list list;
	struct error e;

	(void)state;
	assert_true(build(&list,
			  SPAN(SHA1 " user=pump-7 groups=plant,a\\,b "
				    "roles=joinLeaveGroup,webpubsub."
				    "sendToGroups.x.** subprotocol=a,b "
				    "hub=chat,ocpp not-before=2026-01-01 "
				    "expires=2026-01-31\n"),
			  &e));
	const struct terms *t = list.entries[0].terms;
	assert_int_equal(t->user_source, USER_LITERAL);
	assert_string_equal(t->user, "pump-7");
	assert_string_equal(t->groups[0], "plant");
	assert_string_equal(t->groups[1], "a,b");
	assert_null(t->groups[2]);
	assert_string_equal(t->roles[0], "webpubsub.joinLeaveGroup");
	assert_string_equal(t->roles[1], "webpubsub.sendToGroups.x.**");
	assert_string_equal(t->subprotocols[1], "b");
	assert_string_equal(t->hubs[1], "ocpp");
	assert_int_equal(t->not_before, 1767225600);
	assert_int_equal(t->not_after, 1769903999);
	list_free(&list);
}

static void
test_repeats_and_variable(void **state)
{
	struct list list = { 0 };
	struct error e = { 0 };
	struct thumbprint pins[2];
	const struct list_key *found;

	(void)state;
	assert_true(thumbprint_from_label(SPAN(SHA1), &pins[0]));
	pins[1] = pins[0];
	pins[1].digest[19] ^= 1;
	assert_true(list_build(&list, SPAN(SHA1 "\n" SHA1 "\n"), pins, 2,
			       &files, &e));
	assert_int_equal(list.n, 3);
	assert_int_equal(list.warnings.n, 1);
	assert_non_null(strstr(list.warnings.warning[0].text, "line 1"));
	assert_int_equal(list_find(&list, &pins[0], &found), 2);
	assert_int_equal(list_find(&list, &pins[1], &found), 1);
	assert_int_equal(found[0].entry->line, 0);
	list_free(&list);
	assert_true(build(&list,
			  SPAN(SHA1 " user=a\n" SHA1 " user=b\n" SHA1
				    " user=a\n" SHA1 " user=c\n"),
			  &e));
	assert_int_equal(list.warnings.n, 1);
	assert_int_equal(list.warnings.warning[0].line, 3);
	assert_non_null(strstr(list.warnings.warning[0].text, "line 1"));
	list_free(&list);
}

static void
test_many(void **state)
{
	enum { MANY = 5000 };
	struct list list;
	struct error e;
	struct buffer text;

	(void)state;
	buffer_init(&text, MANY * 64);
	for (unsigned i = 0; i < MANY; i++) {
		char line[64];
		(void)snprintf(line, sizeof(line), "%040x\n", i * 2654435761U);
		buffer_add(&text, span_of(line));
	}
	assert_true(build(&list, buffer_span(&text), &e));
	for (unsigned i = 0; i < MANY; i++) {
		const struct list_key *found;
		assert_int_equal(list_find(&list, &list.entries[i].pin, &found),
				 1);
		assert_ptr_equal(found[0].entry, &list.entries[i]);
	}
	list_free(&list);
	buffer_free(&text);
}

static void
test_roles(void **state)
{
	static const struct {
		const char *role;
		bool good;
	} rows[] = {
		{ "joinLeaveGroup", true },
		{ "sendToGroup.a.b", true },
		{ "webpubsub.sendToGroup.*", true },
		{ "sendToGroups.a?*", true },
		{ "sendToGroups.*.*.*.*.*", true },
		{ "sendToGroups.*.*.*.*.*.*", false },
		{ "sendToGroups.a\\", false },
		{ "sendToGroups.", false },
		{ "joinLeaveGroups", false },
		{ "webpubsub.webpubsub.sendToGroup", false },
		{ "SendToGroup", false },
		{ "", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error e = { 0 };
		if (role_is_valid(span_of(rows[i].role), &e) != rows[i].good)
			fail_msg("%s", rows[i].role);
	}
	assert_true(option_is_hub(SPAN("a_`,.[]9")));
	assert_false(option_is_hub(SPAN("_a")));
	assert_false(option_is_hub(SPAN("")));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),
		cmocka_unit_test(test_bad_forms),
		cmocka_unit_test(test_label),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_options),
		cmocka_unit_test(test_repeats_and_variable),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_roles),
	};

	return cmocka_run_group_tests_name("list", tests, NULL, NULL);
}
