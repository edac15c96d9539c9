/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/core_names.h>
#include <openssl/ec.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "protocol/chain.h"
#include "protocol/pem.h"

enum { WAYS = 4 /* places in which a proof can be */ };
static const size_t sizes[] = { CHAIN_MEMORY_GOOD, CHAIN_MEMORY_BAD };

/* Return the first place of proof.  Digests are hashes already; one
 * certificate may be looked up for several trusts in turn. */
static size_t
place_of(const struct chain_proof *proof, size_t size)
{
	uint32_t trust, certificate;

	memcpy(&trust, proof->trust, sizeof(trust));
	memcpy(&certificate, proof->certificate, sizeof(certificate));
	return (trust ^ certificate) % (size / WAYS) * WAYS;
}

static bool
is_same(const struct chain_proof *known, const struct chain_proof *proof)
{
	return memcmp(known->certificate, proof->certificate,
		      sizeof(known->certificate)) == 0 &&
	       memcmp(known->trust, proof->trust, sizeof(known->trust)) == 0 &&
	       known->level == proof->level;
}

/* Replace the same proof of another time, else the oldest one. */
static void
put(struct chain_proof *place, const struct chain_proof *proof)
{
	int at = 0;

	while (at < WAYS - 1 && !is_same(&place[at], proof))
		at++;
	memmove(&place[1], &place[0], (size_t)at * sizeof(place[0]));
	place[0] = *proof;
}

const struct chain_proof *
chain_memory_find(const struct chain_memory *memory,
		  const struct chain_proof *proof, int64_t now)
{
	for (int bad = 0; bad < 2; bad++) {
		const struct chain_proof *known = memory->proofs[bad];
		if (known == NULL)
			continue;
		known += place_of(proof, sizes[bad]);
		for (int i = 0; i < WAYS; i++, known++)
			if (is_same(known, proof) && known->from <= now &&
			    now <= known->to)
				return known;
	}
	return NULL;
}

void
chain_memory_add(struct chain_memory *memory, const struct chain_proof *proof)
{
	bool bad = proof->verdict.result != CHAIN_GOOD;
	struct chain_proof **table = &memory->proofs[bad];

	if (*table == NULL)
		*table = calloc(sizes[bad], sizeof(**table));
	if (*table != NULL)
		put(*table + place_of(proof, sizes[bad]), proof);
}

void
chain_memory_free(struct chain_memory *memory)
{
	free(memory->proofs[0]);
	free(memory->proofs[1]);
	*memory = (struct chain_memory){ 0 };
}

/* One verification: what is asked, and the chain that is being tried. */
struct search {
	const struct chain_trust *trust;
	struct chain_client *known; /* the client, with what is known of it */
	X509 *client;
	unsigned level;
	int64_t now;
	unsigned path[CHAIN_DEPTH_MAX]; /* CAs, from the issuer upwards */
	unsigned length; /* of path */
	unsigned steps; /* from CA to CA */
	bool uncertain; /* something failed that may not fail again */
	struct chain_verdict *best;
};

/* Clear OpenSSL's errors, and note one that says nothing of the chain. */
static void
clear_errors(struct search *s)
{
	unsigned long error;

	while ((error = ERR_get_error()) != 0)
		s->uncertain |= ERR_GET_REASON(error) == ERR_R_MALLOC_FAILURE;
}

/* Parse the client once an event, however many trusts ask. */
static X509 *
parse(struct chain_client *client)
{
	const unsigned char *at = (const unsigned char *)client->der.ptr;

	if (!client->parsed && client->der.len <= PEM_MAX)
		client->x = d2i_X509(NULL, &at, (long)client->der.len);
	client->parsed = true;
	return client->x;
}

void
chain_client_free(struct chain_client *client)
{
	X509_free(client->x);
	X509_NAME_free(client->name);
	*client = (struct chain_client){ 0 };
}

/* Parse the issuer's name once an event: with its tag and length, whose size
 * follows from the name's, as der accepts only their shortest form. */
static X509_NAME *
parse_name(struct chain_client *client)
{
	int length = (int)client->issuer.len;
	int size = ASN1_object_size(1, length, V_ASN1_SEQUENCE);
	const unsigned char *at =
		(const unsigned char *)client->issuer.ptr - (size - length);

	if (!client->name_parsed)
		client->name = d2i_X509_NAME(NULL, &at, size);
	client->name_parsed = true;
	ERR_clear_error();
	return client->name;
}

bool
chain_is_issuer(const struct chain_trust *trust, struct chain_client *client)
{
	if (client->issuer.ptr == NULL)
		return false;
	for (size_t i = 0; i < trust->n_authorities; i++)
		if (span_equal(trust->authorities[i].subject, client->issuer))
			return true;
	const X509_NAME *name = parse_name(client);
	return name != NULL && chain_trust_names(trust, name);
}

static X509 *
authority(const struct search *s, unsigned i)
{
	return s->trust->authorities[i].x;
}

/* Return the certificate below the CA at this place of the path. */
static X509 *
below(const struct search *s, unsigned place)
{
	return place == 0 ? s->client : authority(s, s->path[place - 1]);
}

/* Keep the failure that came nearest to success.  depth is of the certificate
 * that is refused, place on the path of the CA to name; UINT_MAX, as 0 - 1 is:
 * none. */
static void
note(const struct search *s, enum chain_result result, int error,
     unsigned depth, unsigned place)
{
	struct chain_verdict *best = s->best;

	if (best->error != 0 && result <= best->result)
		return;
	best->result = result;
	best->error = error;
	best->depth = depth;
	best->names = place < s->length;
	best->authority = best->names ? s->path[place] : 0;
}

static enum chain_result
result_of(int error)
{
	switch (error) {
	case X509_V_ERR_INVALID_PURPOSE:
		return CHAIN_PURPOSE;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return CHAIN_WEAK;
	}
	return CHAIN_UNTRUSTED;
}

/* Hold OpenSSL to the chain that is being tried. */
static int
is_issued(X509_STORE_CTX *state, X509 *x, X509 *issuer)
{
	const struct search *s = X509_STORE_CTX_get_app_data(state);

	for (unsigned i = 0; i < s->length; i++)
		if (X509_cmp(x, below(s, i)) == 0 &&
		    X509_cmp(issuer, authority(s, s->path[i])) == 0)
			return 1;
	return 0;
}

/* Leave out what is known already.  The signatures: has_signed() checked the
 * client's, chain_trust_new() those of the CAs on the way to an anchor.  The
 * dates: check_last() checked those of the CAs, the client's are the
 * caller's. */
static int
is_verified(X509_STORE_CTX *state)
{
	(void)state;
	return 1;
}

static bool
set_up(X509_STORE_CTX *state, struct search *s, X509_STORE *anchors,
       STACK_OF(X509) * intermediates)
{
	X509_STORE_set_check_issued(anchors, is_issued);
	X509_STORE_set_verify(anchors, is_verified);
	if (X509_STORE_CTX_init(state, anchors, s->client, intermediates) != 1)
		return false;
	X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(state);
	X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
	X509_VERIFY_PARAM_set_depth(param, CHAIN_DEPTH_MAX);
	X509_VERIFY_PARAM_set_auth_level(param, (int)s->level);
	X509_VERIFY_PARAM_set_time(param, (time_t)s->now);
	return X509_STORE_CTX_set_app_data(state, s) == 1 &&
	       X509_VERIFY_PARAM_set_purpose(param, X509_PURPOSE_SSL_CLIENT) ==
		       1;
}

/* Return the error of the chain, or X509_V_OK; *depth is the certificate's. */
static int
check_path(struct search *s, unsigned *depth)
{
	X509_STORE_CTX *state = X509_STORE_CTX_new();
	STACK_OF(X509) *intermediates = sk_X509_new_null();
	X509_STORE *anchors = X509_STORE_new();
	int error = X509_V_ERR_OUT_OF_MEM;
	unsigned last = s->length - 1;
	bool ok =
		state != NULL && intermediates != NULL && anchors != NULL &&
		X509_STORE_add_cert(anchors, authority(s, s->path[last])) == 1;

	*depth = 0;
	for (unsigned i = 0; ok && i < last; i++)
		ok = sk_X509_push(intermediates, authority(s, s->path[i])) > 0;
	if (ok && set_up(state, s, anchors, intermediates)) {
		bool good = X509_verify_cert(state) == 1;
		error = X509_STORE_CTX_get_error(state);
		if (!good && error == X509_V_OK)
			error = X509_V_ERR_UNSPECIFIED;
		*depth = (unsigned)X509_STORE_CTX_get_error_depth(state);
	}
	X509_STORE_CTX_free(state);
	X509_STORE_free(anchors);
	sk_X509_free(intermediates);
	clear_errors(s);
	s->uncertain |= error == X509_V_ERR_OUT_OF_MEM ||
			error == X509_V_ERR_UNSPECIFIED;
	return error;
}

/* The CRL must be signed by a CA of its name that is on the chain above the
 * certificate and may sign CRLs (RFC 5280 6.3.3 (f)).  A CA that has issued
 * itself a certificate for a new key signs with another key than the issuer. */
static int
check_signer(const struct search *s, const struct crl *crl, unsigned place)
{
	int error = X509_V_ERR_CRL_SIGNATURE_FAILURE;

	for (; place < s->length; place++) {
		if ((crl->signers >> s->path[place] & 1) == 0)
			continue;
		X509 *signer = authority(s, s->path[place]);
		if ((X509_get_key_usage(signer) & KU_CRL_SIGN) != 0)
			return X509_V_OK;
		error = X509_V_ERR_KEYUSAGE_NO_CRL_SIGN;
	}
	return error;
}

static int
check_crl(const struct search *s, const struct crl *crl, unsigned place)
{
	if (!crl_covers(crl, below(s, place)))
		return X509_V_ERR_UNABLE_TO_GET_CRL;
	int error = check_signer(s, crl, place);
	if (error != X509_V_OK)
		return error;
	if (s->now < crl->from)
		return X509_V_ERR_CRL_NOT_YET_VALID;
	return s->now > crl->to ? X509_V_ERR_CRL_HAS_EXPIRED : X509_V_OK;
}

/* Check the newest CRL; if several have its date, check each. */
static int
check_revocation(const struct search *s, unsigned place)
{
	int error = X509_V_ERR_UNABLE_TO_GET_CRL;
	int64_t newest = INT64_MIN;

	for (size_t i = 0; i < s->trust->n_crls; i++) {
		const struct crl *crl = &s->trust->crls[i];
		int found = check_crl(s, crl, place);
		if (found != X509_V_OK) {
			if (newest == INT64_MIN && found > error)
				error = found;
			continue;
		}
		if (crl->from < newest)
			continue;
		if (crl->from > newest)
			error = X509_V_OK;
		newest = crl->from;
		if (crl_revokes(crl, below(s, place)))
			error = X509_V_ERR_CERT_REVOKED;
	}
	return error;
}

static bool
check_all_revocation(const struct search *s)
{
	bool good = true;

	for (unsigned i = 0; s->trust->needs_crls && i < s->length; i++) {
		int error = check_revocation(s, i);
		if (error == X509_V_ERR_CERT_REVOKED)
			note(s, CHAIN_REVOKED, error, i, i - 1);
		else if (error != X509_V_OK)
			note(s, CHAIN_CRL, error, i, i);
		good &= error == X509_V_OK;
	}
	return good;
}

/* True if OpenSSL, which keeps what is signed, writes x as it was read. */
static bool
is_der(X509 *x, struct span der)
{
	unsigned char *again = NULL;
	int length = i2d_X509(x, &again);
	bool same = length > 0 && span_equal((struct span){ (const char *)again,
							    (size_t)length },
					     der);

	OPENSSL_free(again);
	return same;
}

/* Write the signature with s negated, in DER: its length, or -1.  *out is
 * OpenSSL's. */
static int
negate(const ASN1_BIT_STRING *signature, EVP_PKEY *issuer, unsigned char **out)
{
	const unsigned char *at = signature->data;
	ECDSA_SIG *pair = d2i_ECDSA_SIG(NULL, &at, signature->length);
	BIGNUM *order = NULL, *r = NULL;
	int length = -1;

	if (pair != NULL &&
	    EVP_PKEY_get_bn_param(issuer, OSSL_PKEY_PARAM_EC_ORDER, &order) ==
		    1 &&
	    BN_sub(order, order, ECDSA_SIG_get0_s(pair)) == 1 &&
	    (r = BN_dup(ECDSA_SIG_get0_r(pair))) != NULL &&
	    ECDSA_SIG_set0(pair, r, order) == 1) {
		r = order = NULL; /* pair has them */
		length = i2d_ECDSA_SIG(pair, out);
	}
	BN_free(r);
	BN_free(order);
	ECDSA_SIG_free(pair);
	return length;
}

/* Write the certificate in der with another signature: its length, or -1.  *out
 * is OpenSSL's. */
static int
replace_signature(struct span der, const unsigned char *signature, int length,
		  unsigned char **out)
{
	const unsigned char *at = (const unsigned char *)der.ptr;
	ASN1_SEQUENCE_ANY *parts =
		d2i_ASN1_SEQUENCE_ANY(NULL, &at, (long)der.len);
	ASN1_TYPE *last = sk_ASN1_TYPE_value(parts, 2);
	int size = -1;

	if (last != NULL && last->type == V_ASN1_BIT_STRING &&
	    ASN1_STRING_set(last->value.bit_string, signature, length) == 1)
		size = i2d_ASN1_SEQUENCE_ANY(parts, out);
	sk_ASN1_TYPE_pop_free(parts, ASN1_TYPE_free);
	return size;
}

/* Find the twin of x, read from der and signed with issuer's key.  False if der
 * is not DER around what is signed, or without memory. */
static bool
find_twin(X509 *x, struct span der, EVP_PKEY *issuer, struct chain_twin *twin)
{
	const ASN1_BIT_STRING *signature;
	unsigned char *negated = NULL, *other = NULL;

	*twin = (struct chain_twin){ 0 };
	if (!is_der(x, der) || issuer == NULL)
		return false;
	if (EVP_PKEY_is_a(issuer, "EC") != 1)
		return true;
	X509_get0_signature(&signature, NULL, x);
	int length = negate(signature, issuer, &negated);
	if (length > 0)
		length = replace_signature(der, negated, length, &other);
	struct span bytes = { (const char *)other, (size_t)length };
	twin->exists = length > 0 && digest_sha1(bytes, twin->sha1) &&
		       digest_sha256(bytes, twin->sha256);
	OPENSSL_free(negated);
	OPENSSL_free(other);
	return twin->exists;
}

/* Return true if the path, which ends at an anchor, is good. */
static bool
try_path(struct search *s)
{
	unsigned depth;
	int error = check_path(s, &depth);

	if (error != X509_V_OK) {
		note(s, result_of(error), error, depth, depth - 1);
		return false;
	}
	if (!check_all_revocation(s))
		return false;
	struct chain_verdict good = { .result = CHAIN_GOOD };
	EVP_PKEY *key = X509_get0_pubkey(authority(s, s->path[0]));
	if (find_twin(s->client, s->known->der, key, &good.twin)) {
		*s->best = good;
		return true;
	}
	note(s, CHAIN_UNTRUSTED, X509_V_ERR_UNSPECIFIED, 0, UINT_MAX);
	s->uncertain = true;
	return false;
}

static bool
is_on_path(const struct search *s, unsigned i)
{
	for (unsigned k = 0; k < s->length; k++)
		if (s->path[k] == i)
			return true;
	return false;
}

/* Return an error of the last CA of the path that no way from it can undo. */
static int
check_last(const struct search *s)
{
	const struct chain_authority *a =
		&s->trust->authorities[s->path[s->length - 1]];

	if (s->now < a->from)
		return X509_V_ERR_CERT_NOT_YET_VALID;
	if (s->now > a->to)
		return X509_V_ERR_CERT_HAS_EXPIRED;
	if (!a->reached)
		return X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
	return a->anchor || s->length < CHAIN_DEPTH_MAX
		       ? X509_V_OK
		       : X509_V_ERR_CERT_CHAIN_TOO_LONG;
}

/* Add the CA i to the path; return true if a chain through the CA is good. */
static bool
climb(struct search *s, unsigned i)
{
	const struct chain_authority *a = &s->trust->authorities[i];
	bool good = false;

	if (is_on_path(s, i) || s->steps == CHAIN_STEPS_MAX)
		return false;
	s->steps++;
	s->path[s->length++] = i;
	int error = check_last(s);
	if (error != X509_V_OK)
		note(s, CHAIN_UNTRUSTED, error, s->length, s->length - 1);
	else if (a->anchor)
		good = try_path(s);
	else
		for (unsigned k = 0; !good && k < s->trust->n_authorities; k++)
			good = (a->issuers >> k & 1) != 0 && climb(s, k);
	s->length--;
	return good;
}

/* Return true if the key of a signed the client: asked once for each key. */
static bool
has_signed(struct search *s, const struct chain_authority *a)
{
	struct chain_client *client = s->known;

	for (size_t i = 0; i < client->n_keys; i++)
		if (memcmp(client->keys[i].key, a->key, sizeof(a->key)) == 0)
			return client->keys[i].signed_it;
	int result = X509_verify(s->client, X509_get0_pubkey(a->x));
	clear_errors(s);
	s->uncertain |= result < 0;
	if (result >= 0 && client->n_keys < CHAIN_PARTS_MAX) {
		memcpy(client->keys[client->n_keys].key, a->key,
		       sizeof(a->key));
		client->keys[client->n_keys++].signed_it = result == 1;
	}
	return result == 1;
}

/* Check the signature first: then a self-made certificate that names one of the
 * CAs costs no more. */
static void
search(struct search *s)
{
	for (unsigned i = 0; i < s->trust->n_authorities; i++) {
		int error = X509_check_issued(authority(s, i), s->client);
		if (error == X509_V_ERR_SUBJECT_ISSUER_MISMATCH)
			continue;
		s->uncertain |= error == X509_V_ERR_UNSPECIFIED;
		if (error == X509_V_OK &&
		    !has_signed(s, &s->trust->authorities[i]))
			error = X509_V_ERR_CERT_SIGNATURE_FAILURE;
		if (error != X509_V_OK)
			note(s, CHAIN_UNTRUSTED, error, 0, UINT_MAX);
		else if (climb(s, i))
			return;
	}
}

enum chain_result
chain_verify(const struct chain_trust *trust, struct chain_client *client,
	     unsigned level, int64_t now, struct chain_memory *memory,
	     struct chain_verdict *verdict)
{
	struct chain_proof proof = { .level = level };

	memcpy(proof.trust, trust->identity, sizeof(proof.trust));
	memcpy(proof.certificate, client->sha256, sizeof(proof.certificate));
	const struct chain_proof *known =
		memory == NULL ? NULL : chain_memory_find(memory, &proof, now);
	if (known != NULL) {
		*verdict = known->verdict;
		return verdict->result;
	}
	struct search s = {
		.trust = trust,
		.known = client,
		.client = parse(client),
		.level = level,
		.now = now,
		.best = verdict,
	};
	*verdict = (struct chain_verdict){ 0 };
	EVP_PKEY *key = s.client == NULL ? NULL : X509_get0_pubkey(s.client);
	s.uncertain = key == NULL;
	if (key != NULL && EVP_PKEY_get_bits(key) <= CHAIN_KEY_BITS_MAX)
		search(&s);
	clear_errors(&s);
	if (verdict->result == CHAIN_UNTRUSTED && s.steps == CHAIN_STEPS_MAX)
		*verdict = (struct chain_verdict){
			.error = X509_V_ERR_PATH_LOOP,
		};
	if (verdict->result != CHAIN_GOOD && verdict->error == 0)
		verdict->error = X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY;
	proof.verdict = *verdict;
	chain_trust_window(trust, now, &proof.from, &proof.to);
	if (memory != NULL && !s.uncertain)
		chain_memory_add(memory, &proof);
	return verdict->result;
}

const char *
chain_error_text(int error)
{
	return X509_verify_cert_error_string(error);
}
