/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* Trusts that do not read, and what is remembered of those that do.  What a
 * chain can be is in tests/chains. */
#include "config.h"

#include "tests/unit/unit.h"

#include "policy/pattern.h"
#include "protocol/chain.h"
#include "protocol/pem.h"
#include "tests/unit/authority.h"

#define BEGIN 1704067200 /* 2024-01-01 00:00:00, of both */
#define END 2335219200 /* 2044-01-01 00:00:00, for OpenSSL no longer */
#define NOW 1767225600 /* 2026-01-01 00:00:00 */

static struct buffer der;
static struct certificate issued;

static struct chain_trust *
trust_of(const char *text)
{
	struct error e = { 0 };
	struct chain_trust *trust = chain_trust_new(span_of(text), &e);

	if (trust == NULL)
		fail_msg("%s", e.text);
	return trust;
}

static void
test_texts(void **state)
{
	static const struct {
		const char *text;
		const char *says; /* NULL: reads */
	} rows[] = {
		{ AUTHORITY, NULL },
		{ "text before\n" AUTHORITY "between\n" AUTHORITY "after",
		  NULL },
		{ "", "no CERTIFICATE" },
		{ "nothing\n", "no CERTIFICATE" },
		{ ISSUED, "certificate 1 is no CA's" },
		{ AUTHORITY ISSUED, "certificate 2 is no CA's" },
		{ AUTHORITY "-----BEGIN CERTIFICATE-----\nMIIB\n",
		  "block 2 does not read" },
		{ AUTHORITY "-----BEGIN CERTIFICATE-----\nMIIB\n"
			    "-----END CERTIFICATE-----\n",
		  "certificate 2 does not read" },
		{ "-----BEGIN PRIVATE KEY-----\nAAAA\n"
		  "-----END PRIVATE KEY-----\n" AUTHORITY,
		  "block 1: expected CERTIFICATE" },
		{ "-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n"
		  "-----END TRUSTED CERTIFICATE-----\n",
		  "block 1: expected CERTIFICATE" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error e = { 0 };
		struct chain_trust *trust =
			chain_trust_new(span_of(rows[i].text), &e);
		if ((trust == NULL) != (rows[i].says != NULL) ||
		    (trust == NULL && strstr(e.text, rows[i].says) == NULL))
			fail_msg("row %zu: got %s, expected %s", i,
				 trust == NULL ? e.text : "a trust",
				 rows[i].says == NULL ? "a trust"
						      : rows[i].says);
		chain_trust_free(trust);
	}
}

static void
test_many(void **state)
{
	static char text[(CHAIN_PARTS_MAX + 1) * sizeof(AUTHORITY)];
	struct error e = { 0 };
	char *at = text;

	(void)state;
	for (int i = 0; i < CHAIN_PARTS_MAX; i++)
		at = stpcpy(at, AUTHORITY);
	struct chain_trust *trust = trust_of(text);
	struct chain_part part;
	assert_true(chain_trust_part(trust, CHAIN_PARTS_MAX - 1, &part));
	assert_int_equal(part.from, BEGIN);
	assert_int_equal(part.to, END);
	assert_false(part.is_crl);
	assert_false(chain_trust_part(trust, CHAIN_PARTS_MAX, &part));
	assert_false(chain_trust_add_crls(trust, SPAN(AUTHORITY), &e));
	chain_trust_free(trust);
	stpcpy(at, AUTHORITY);
	e = (struct error){ 0 };
	assert_null(chain_trust_new(span_of(text), &e));
	assert_non_null(strstr(e.text, "at most"));
}

static enum chain_result
verify(const struct chain_trust *trust, unsigned level, int64_t now,
       struct chain_memory *memory)
{
	struct chain_twin twin;

	return chain_verify(trust, buffer_span(&der), issued.sha256, level, now,
			    memory, &twin);
}

/* With a memory and without one, the answer is the same at every time. */
static void
test_memory(void **state)
{
	static const int64_t times[] = { NOW,	    BEGIN, END - 1,
					 BEGIN - 1, END,   END + 1,
					 NOW,	    0,	   INT32_MAX };
	struct chain_trust *trust = trust_of(AUTHORITY);
	struct chain_trust *other = trust_of(AUTHORITY "\n");
	struct chain_memory memory = { 0 };

	(void)state;
	for (size_t i = 0; i < COUNT(times); i++) {
		bool good = times[i] >= BEGIN && times[i] < END;
		assert_int_equal(verify(trust, 2, times[i], NULL),
				 good ? CHAIN_GOOD : CHAIN_UNTRUSTED);
		assert_int_equal(verify(trust, 2, times[i], &memory),
				 good ? CHAIN_GOOD : CHAIN_UNTRUSTED);
	}
	assert_int_equal(verify(trust, 5, NOW, &memory), CHAIN_WEAK);
	struct chain_proof proof = { .from = NOW, .level = 2 };
	memcpy(proof.trust, trust->identity, sizeof(proof.trust));
	memcpy(proof.certificate, issued.sha256, sizeof(proof.certificate));
	assert_true(chain_memory_has(&memory, &proof));
	proof.from = END - 1;
	assert_true(chain_memory_has(&memory, &proof));
	proof.from = END;
	assert_false(chain_memory_has(&memory, &proof));
	proof.from = BEGIN - 1;
	assert_false(chain_memory_has(&memory, &proof));
	proof.from = NOW;
	proof.level = 1;
	assert_false(chain_memory_has(&memory, &proof));
	proof.level = 2;
	proof.certificate[31] ^= 1;
	assert_false(chain_memory_has(&memory, &proof));
	proof.certificate[31] ^= 1;
	memcpy(proof.trust, other->identity, sizeof(proof.trust));
	assert_false(chain_memory_has(&memory, &proof));
	chain_memory_free(&memory);
	assert_false(chain_memory_has(&memory, &proof));
	chain_trust_free(trust);
	chain_trust_free(other);
}

/* Only the issuer's whole name is one. */
static void
test_issuer(void **state)
{
	struct chain_trust *trust = trust_of(AUTHORITY);
	struct span cut = issued.issuer;

	(void)state;
	assert_true(chain_trust_names(trust, issued.issuer));
	assert_false(chain_trust_names(trust, issued.subject));
	cut.len--;
	assert_false(chain_trust_names(trust, cut));
	assert_false(chain_trust_names(trust, (struct span){ 0 }));
	chain_trust_free(trust);
}

static void
test_patterns(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool nocase, fits;
	} rows[] = {
		{ "a", "a", false, true },
		{ "a", "A", false, false },
		{ "a", "A", true, true },
		{ "a", "ab", false, false },
		{ "b", "ab", false, false },
		{ "*", "", false, true },
		{ "*", "a.b", false, true },
		{ "**", "a", false, true },
		{ "", "", false, true },
		{ "", "a", false, false },
		{ "a*", "a", false, true },
		{ "a*", "ba", false, false },
		{ "*a", "ba", false, true },
		{ "*a", "ab", false, false },
		{ "*ab*ab", "abab", false, true },
		{ "*ab*ab", "aab", false, false },
		{ "a*b*c", "a1b2b3c", false, true },
		{ "a*b*c", "a1b2b3cd", false, false },
		{ "*.EXAMPLE", "a.example", true, true },
		{ "?", "a", false, false },
		{ "[a]", "a", false, false },
		{ "*a*a*a*a*a*a*a*a*b",
		  "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		  false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		if (pattern_fits(span_of(rows[i].pattern),
				 span_of(rows[i].text),
				 rows[i].nocase) != rows[i].fits)
			fail_msg("%s, %s", rows[i].pattern, rows[i].text);
}

static int
start(void **state)
{
	(void)state;
	buffer_init(&der, PEM_MAX);
	return !digest_start(DIGEST_USE_HANDLER) ||
	       !pem_decode(SPAN(ISSUED), &der) ||
	       !certificate_read(buffer_span(&der), &issued);
}

static int
stop(void **state)
{
	(void)state;
	buffer_free(&der);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),	 cmocka_unit_test(test_many),
		cmocka_unit_test(test_memory),	 cmocka_unit_test(test_issuer),
		cmocka_unit_test(test_patterns),
	};

	return cmocka_run_group_tests_name("chain", tests, start, stop);
}
