/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "protocol/chain.h"
#include "protocol/pem.h"

/* The client certificate's own dates are the caller's. */
static int
pass_own_dates(int ok, X509_STORE_CTX *state)
{
	int error = X509_STORE_CTX_get_error(state);

	if (ok || X509_STORE_CTX_get_error_depth(state) != 0 ||
	    (error != X509_V_ERR_CERT_NOT_YET_VALID &&
	     error != X509_V_ERR_CERT_HAS_EXPIRED))
		return ok;
	X509_STORE_CTX_set_error(state, X509_V_OK);
	return 1;
}

/* Narrows proof to the time in which the CAs of the chain are valid, and the
 * CRLs are what they are now: no other begins or ends. */
static void
narrow(const struct chain_trust *trust, X509_STORE_CTX *state,
       struct chain_proof *proof, int64_t now)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(state);
	int64_t from = 0, to = 0;

	for (int i = 1; i < sk_X509_num(chain); i++) {
		X509 *x = sk_X509_value(chain, i);
		if (!chain_seconds(X509_get0_notBefore(x), &from) ||
		    !chain_seconds(X509_get0_notAfter(x), &to))
			from = to = now; /* not remembered */
		proof->from = from > proof->from ? from : proof->from;
		/* The last second is none for OpenSSL. */
		proof->to = to <= proof->to ? to - 1 : proof->to;
	}
	for (size_t i = 0; i < trust->n_crls; i++) {
		const struct chain_part *crl = &trust->crls[i];
		int64_t edges[] = { crl->from, crl->to };
		for (int k = 0; k < 2; k++) {
			if (edges[k] > now && edges[k] <= proof->to)
				proof->to = edges[k] - 1;
			if (edges[k] <= now && edges[k] >= proof->from)
				proof->from = edges[k];
		}
	}
}

static enum chain_result
result_of(int error, bool crl)
{
	switch (error) {
	case X509_V_ERR_INVALID_PURPOSE:
		return CHAIN_PURPOSE;
	case X509_V_ERR_EE_KEY_TOO_SMALL:
	case X509_V_ERR_CA_KEY_TOO_SMALL:
	case X509_V_ERR_CA_MD_TOO_WEAK:
		return CHAIN_WEAK;
	case X509_V_ERR_CERT_REVOKED:
		return CHAIN_REVOKED;
	}
	return crl ? CHAIN_CRL : CHAIN_UNTRUSTED;
}

/* The twin of the certificate in der, by the key of the issuer that was found;
 * one that is an anchor itself has none. */
static bool
find_twin(X509_STORE_CTX *state, struct span der, struct chain_twin *twin)
{
	STACK_OF(X509) *chain = X509_STORE_CTX_get0_chain(state);

	*twin = (struct chain_twin){ 0 };
	return sk_X509_num(chain) == 1 ||
	       chain_twin_find(sk_X509_value(chain, 0), der,
			       X509_get0_pubkey(sk_X509_value(chain, 1)), twin);
}

static enum chain_result
verify(const struct chain_trust *trust, X509 *x, struct span der, bool crl,
       int64_t now, struct chain_proof *proof)
{
	X509_STORE_CTX *state = X509_STORE_CTX_new();
	enum chain_result result = CHAIN_UNTRUSTED;
	unsigned long flags = X509_V_FLAG_PARTIAL_CHAIN;

	if (state != NULL &&
	    X509_STORE_CTX_init(state, trust->store, x, NULL) == 1) {
		X509_VERIFY_PARAM *param = X509_STORE_CTX_get0_param(state);
		if (crl)
			flags |= X509_V_FLAG_CRL_CHECK;
		X509_VERIFY_PARAM_set_flags(param, flags);
		X509_VERIFY_PARAM_set_depth(param, CHAIN_DEPTH_MAX);
		X509_VERIFY_PARAM_set_auth_level(param, (int)proof->level);
		X509_VERIFY_PARAM_set_time(param, (time_t)now);
		X509_STORE_CTX_set_verify_cb(state, pass_own_dates);
		if (X509_VERIFY_PARAM_set_purpose(param,
						  X509_PURPOSE_SSL_CLIENT) != 1)
			result = CHAIN_UNTRUSTED;
		else if (X509_verify_cert(state) == 1)
			result = CHAIN_GOOD;
		else
			result =
				result_of(X509_STORE_CTX_get_error(state), crl);
		if (result == CHAIN_GOOD &&
		    !find_twin(state, der, &proof->twin))
			result = CHAIN_UNTRUSTED;
		if (result == CHAIN_GOOD)
			narrow(trust, state, proof, now);
	}
	X509_STORE_CTX_free(state);
	return result;
}

/* Signatures first, revocation only of what they vouch for: the signature of a
 * long CRL is much work, and strangers do not get to ask for it. */
static enum chain_result
verify_whole(const struct chain_trust *trust, struct span der, int64_t now,
	     struct chain_proof *proof)
{
	const unsigned char *at = (const unsigned char *)der.ptr;
	X509 *x =
		der.len <= PEM_MAX ? d2i_X509(NULL, &at, (long)der.len) : NULL;
	EVP_PKEY *key = x == NULL ? NULL : X509_get0_pubkey(x);
	enum chain_result result = CHAIN_UNTRUSTED;

	if (key != NULL && EVP_PKEY_get_bits(key) <= CHAIN_KEY_BITS_MAX)
		result = verify(trust, x, der, false, now, proof);
	if (result == CHAIN_GOOD && trust->n_crls > 0)
		result = verify(trust, x, der, true, now, proof);
	X509_free(x);
	ERR_clear_error();
	return result;
}

enum chain_result
chain_verify(const struct chain_trust *trust, struct span der,
	     const uint8_t *sha256, unsigned level, int64_t now,
	     struct chain_memory *memory, struct chain_twin *twin)
{
	struct chain_proof proof = { .from = now, .to = now, .level = level };

	memcpy(proof.trust, trust->identity, sizeof(proof.trust));
	memcpy(proof.certificate, sha256, sizeof(proof.certificate));
	if (memory != NULL && chain_memory_has(memory, &proof)) {
		*twin = proof.twin;
		return CHAIN_GOOD;
	}
	proof.from = INT64_MIN;
	proof.to = INT64_MAX;
	enum chain_result result = verify_whole(trust, der, now, &proof);
	*twin = result == CHAIN_GOOD ? proof.twin : (struct chain_twin){ 0 };
	if (result == CHAIN_GOOD && memory != NULL)
		chain_memory_add(memory, &proof);
	return result;
}
