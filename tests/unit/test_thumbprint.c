/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* Every way to write a thumbprint, of both kinds, and where it stops. */
#include "config.h"

#include "tests/unit/unit.h"

#include "policy/thumbprint.h"

#define D20 "c1b211808c4c4cf8a9c59501fe103ed006a70d69"
#define D32 "0ea7e8a631bb09de4a0a6787712ac665d5168d8a685cb5df1025318422a7cdf7"

enum { TEXT = 256 };

/* digits in groups of so many, with this between them. */
static void
write_groups(char *out, const char *digits, size_t size, const char *between,
	     bool upper)
{
	char *at = out;

	for (size_t i = 0; digits[i] != '\0'; i++) {
		char c = digits[i];
		if (i > 0 && i % size == 0)
			at = stpcpy(at, between);
		*at++ = upper && c >= 'a' ? (char)(c - 'a' + 'A') : c;
	}
	*at = '\0';
}

static void
expect(const char *text, const struct thumbprint *wanted, const char *left)
{
	struct span rest = span_of(text);
	struct warnings w = { 0 };
	struct error e = { 0 };
	struct thumbprint t;

	if (!thumbprint_take(&rest, &t, &w, &e))
		fail_msg("'%s': %s", text, e.text);
	if (thumbprint_compare(&t, wanted) != 0)
		fail_msg("'%s' is taken for another", text);
	if (!span_equal(rest, span_of(left)))
		fail_msg("'%s': left '%.*s', expected '%s'", text,
			 (int)rest.len, rest.ptr, left);
	assert_false(e.set);
}

static void
test_all_forms(void **state)
{
	static const struct {
		const char *digits;
		const char *prefix[5];
	} kinds[] = {
		{ D20,
		  { "", "sha1:", "SHA1:", "SHA1 Fingerprint=",
		    "sha1 Fingerprint=" } },
		{ D32,
		  { "", "sha256:", "Sha256:", "SHA256 Fingerprint=",
		    "sha256 fingerprint=" } },
	};
	static const char *const between[] = { "", ":", "-", " ", "\t", "  " };
	static const char *const behind[] = { "",     " user=a", "\texpires=x",
					      ",",    " c=",	 " deny",
					      " beef" };

	(void)state;
	for (size_t k = 0; k < COUNT(kinds); k++) {
		struct thumbprint wanted;
		struct span rest = span_of(kinds[k].digits);
		struct warnings w = { 0 };
		struct error e = { 0 };
		assert_true(thumbprint_take(&rest, &wanted, &w, &e));
		assert_int_equal(wanted.kind,
				 k == 0 ? THUMBPRINT_SHA1 : THUMBPRINT_SHA256);
		for (size_t p = 0; p < COUNT(kinds[k].prefix); p++) {
			for (size_t b = 0; b < COUNT(between); b++) {
				for (size_t i = 0; i < COUNT(behind); i++) {
					char text[TEXT], all[2 * TEXT];
					/* Who separates by commas has split
					 * there before; a blank joins. */
					if (b > 2 && strpbrk(behind[i], ",f"))
						continue;
					write_groups(text, kinds[k].digits, 2,
						     between[b], i % 2 == 1);
					(void)snprintf(all, sizeof(all),
						       "%s%s%s",
						       kinds[k].prefix[p], text,
						       behind[i]);
					expect(all, &wanted, behind[i]);
				}
			}
		}
	}
}

/* What does not read is nothing, and says where that begins. */
static void
test_faults(void **state)
{
	static const struct {
		const char *text;
		size_t at; /* bytes before the fault */
		const char *says;
	} rows[] = {
		{ "", 0, "0 digits" },
		{ "zz", 0, "invalid thumbprint of 2 characters" },
		{ "c1b2", 0, "4 digits" },
		{ "sha1:", 5, "0 digits" },
		{ "sha1:" D32, 5, "64 digits" },
		{ "sha256:" D20, 7, "40 digits" },
		{ D20 "0", 0, "41 digits" },
		{ D32 "0", 64, "does not read" },
		{ ":" D20, 0, "does not read" },
		{ D20 ":", 40, "does not read" },
		{ D20 "-", 40, "does not read" },
		{ "c1::b2", 2, "does not read" },
		{ "c1:-b2", 2, "does not read" },
		{ "c:1b2", 1, "does not read" },
		{ D20 "=", 40, "thumbprint of 41 characters" },
		{ D20 ";" D20, 40, "thumbprint of 81 characters" },
		{ "0x" D20, 1, "thumbprint of 42 characters" },
		{ "md5:d41d8cd98f00b204e9800998ecf8427e", 0,
		  "thumbprint of 36 characters" },
		{ "SHA1 Fingerprint =" D20, 0, "thumbprint of 4 characters" },
		{ "C1:B2:11:80", 0, "8 digits" },
		/* Half a byte, and one byte short. */
		{ "c1b211808c4c4cf8a9c59501fe103ed006a70d6", 0, "39 digits" },
		{ "c1b211808c4c4cf8a9c59501fe103ed006a70d", 0, "38 digits" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct span rest = span_of(rows[i].text);
		struct warnings w = { 0 };
		struct error e = { 0 };
		struct thumbprint t;
		if (thumbprint_take(&rest, &t, &w, &e))
			fail_msg("taken: '%s'", rows[i].text);
		assert_int_equal(t.kind, THUMBPRINT_NONE);
		size_t at = (size_t)(rest.ptr - rows[i].text);
		if (at != rows[i].at || strstr(e.text, rows[i].says) == NULL)
			fail_msg("'%s': byte %zu, %s; expected %zu, …%s…",
				 rows[i].text, at, e.text, rows[i].at,
				 rows[i].says);
	}
}

/* Nor does a NUL end one. */
static void
test_nul(void **state)
{
	struct span rest = SPAN(D20 "\0" D20);
	struct warnings w = { 0 };
	struct error e = { 0 };
	struct thumbprint t;

	(void)state;
	assert_false(thumbprint_take(&rest, &t, &w, &e));
	assert_int_equal(t.kind, THUMBPRINT_NONE);
}

/* Which a list is sorted by, and a search must agree with. */
static void
test_order(void **state)
{
	uint8_t low[DIGEST_MAX_SIZE] = { 0 }, high[DIGEST_MAX_SIZE] = { 0 };

	(void)state;
	low[DIGEST_SHA1_SIZE - 1] = 0x7f;
	high[DIGEST_SHA1_SIZE - 1] = 0x80;
	struct thumbprint a = thumbprint_of(THUMBPRINT_SHA1, low),
			  b = thumbprint_of(THUMBPRINT_SHA1, high),
			  c = thumbprint_of(THUMBPRINT_SHA256, high);
	assert_true(thumbprint_compare(&a, &b) < 0);
	assert_true(thumbprint_compare(&b, &a) > 0);
	assert_int_equal(thumbprint_compare(&a, &a), 0);
	/* The same bytes of another kind are another thumbprint. */
	assert_true(thumbprint_compare(&c, &b) < 0);
	/* What lies behind a digest does not count. */
	high[DIGEST_SHA1_SIZE] = 1;
	c = thumbprint_of(THUMBPRINT_SHA1, high);
	assert_int_equal(thumbprint_compare(&b, &c), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_all_forms),
		cmocka_unit_test(test_faults),
		cmocka_unit_test(test_nul),
		cmocka_unit_test(test_order),
	};

	return cmocka_run_group_tests_name("thumbprint", tests, NULL, NULL);
}
