/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* What is remembered of a trust, and the patterns of names.  What a chain can
 * be is in tests/chains, which files read in tests/admin/test_forms.py. */
#include "config.h"

#include "tests/unit/unit.h"

#include "policy/match.h"
#include "policy/pattern.h"
#include "protocol/certificate.h"
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

static struct chain_client
client_of(struct certificate *c)
{
	return (struct chain_client){
		.der = buffer_span(&der),
		.issuer = c->issuer,
		.sha256 = c->sha256,
	};
}

static struct chain_verdict
verify(const struct chain_trust *trust, unsigned level, int64_t now,
       struct chain_memory *memory)
{
	struct chain_client client = client_of(&issued);
	struct chain_verdict verdict;

	enum chain_result result =
		chain_verify(trust, &client, level, now, memory, &verdict);
	assert_int_equal(result, verdict.result);
	chain_client_free(&client);
	return verdict;
}

static void
assert_same(const struct chain_verdict *a, const struct chain_verdict *b)
{
	assert_int_equal(a->result, b->result);
	assert_int_equal(a->error, b->error);
	assert_int_equal(a->depth, b->depth);
	assert_int_equal(a->twin.exists, b->twin.exists);
	assert_memory_equal(a->twin.sha256, b->twin.sha256,
			    sizeof(a->twin.sha256));
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
		struct chain_verdict bare = verify(trust, 2, times[i], NULL);
		struct chain_verdict kept = verify(trust, 2, times[i], &memory);
		struct chain_verdict again =
			verify(trust, 2, times[i], &memory);
		assert_int_equal(bare.result,
				 good ? CHAIN_GOOD : CHAIN_UNTRUSTED);
		assert_int_equal(bare.error == 0, good);
		assert_same(&bare, &kept);
		assert_same(&bare, &again);
	}
	assert_int_equal(verify(trust, 5, NOW, &memory).result, CHAIN_WEAK);
	struct chain_proof proof = { .level = 2 };
	memcpy(proof.trust, trust->identity, sizeof(proof.trust));
	memcpy(proof.certificate, issued.sha256, sizeof(proof.certificate));
	const struct chain_proof *known =
		chain_memory_find(&memory, &proof, END - 1);
	assert_non_null(known);
	assert_int_equal(known->verdict.result, CHAIN_GOOD);
	known = chain_memory_find(&memory, &proof, BEGIN - 1);
	assert_true(known == NULL || known->verdict.result == CHAIN_UNTRUSTED);
	proof.level = 1;
	assert_null(chain_memory_find(&memory, &proof, NOW));
	proof.level = 2;
	proof.certificate[31] ^= 1;
	assert_null(chain_memory_find(&memory, &proof, NOW));
	proof.certificate[31] ^= 1;
	memcpy(proof.trust, other->identity, sizeof(proof.trust));
	assert_null(chain_memory_find(&memory, &proof, NOW));
	chain_memory_free(&memory);
	memcpy(proof.trust, trust->identity, sizeof(proof.trust));
	assert_null(chain_memory_find(&memory, &proof, NOW));
	chain_trust_free(trust);
	chain_trust_free(other);
}

/* A new failure replaces old failures, and no success. */
static void
test_strangers(void **state)
{
	struct chain_trust *trust = trust_of(AUTHORITY);
	struct chain_memory memory = { 0 };
	struct chain_proof stranger = { .from = BEGIN, .to = END };

	(void)state;
	assert_int_equal(verify(trust, 2, NOW, &memory).result, CHAIN_GOOD);
	for (uint32_t i = 0; i < 4 * CHAIN_MEMORY_GOOD; i++) {
		memcpy(stranger.certificate, &i, sizeof(i));
		chain_memory_add(&memory, &stranger);
	}
	struct chain_proof proof = { .level = 2 };
	memcpy(proof.trust, trust->identity, sizeof(proof.trust));
	memcpy(proof.certificate, issued.sha256, sizeof(proof.certificate));
	const struct chain_proof *known =
		chain_memory_find(&memory, &proof, NOW);
	assert_non_null(known);
	assert_int_equal(known->verdict.result, CHAIN_GOOD);
	chain_memory_free(&memory);
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
		cmocka_unit_test(test_memory),
		cmocka_unit_test(test_patterns),
		cmocka_unit_test(test_strangers),
	};

	return cmocka_run_group_tests_name("chain", tests, start, stop);
}
