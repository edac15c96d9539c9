/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "protocol/certificate.h"
#include "protocol/chain_trust.h"
#include "protocol/der.h"
#include "protocol/pem.h"

/* Digests by which signatures are looked up and weighed: a handler's OpenSSL
 * has no names but these (digest_start).  Once, however many trusts there
 * are. */
static bool
add_digests(void)
{
	static const EVP_MD *(*const digests[])(void) = {
		EVP_md5,       EVP_sha1,     EVP_sha224,     EVP_sha256,
		EVP_sha384,    EVP_sha512,   EVP_sha512_224, EVP_sha512_256,
		EVP_sha3_224,  EVP_sha3_256, EVP_sha3_384,   EVP_sha3_512,
#ifndef OPENSSL_NO_RMD160
		EVP_ripemd160,
#endif
#ifndef OPENSSL_NO_SM3
		EVP_sm3,
#endif
	};
	static size_t added;

	while (added < sizeof(digests) / sizeof(digests[0])) {
		if (EVP_add_digest(digests[added]()) != 1)
			return false;
		added++;
	}
	return true;
}

static bool
has_signed(X509 *issuer, X509 *x)
{
	EVP_PKEY *key = X509_get0_pubkey(issuer);
	bool ok = key != NULL && X509_verify(x, key) == 1;

	ERR_clear_error();
	return ok;
}

/* A CA has basic constraints, or is a self-signed root of version 1, which has
 * no extensions. */
static bool
check_authority(X509 *x, struct error *e)
{
	enum { CA = 1, ROOT_OF_VERSION_1 = 3 };
	int kind = X509_check_ca(x);
	EVP_PKEY *key = X509_get0_pubkey(x);

	if ((X509_get_extension_flags(x) & EXFLAG_INVALID) != 0 || key == NULL)
		return error_set(e, "invalid certificate");
	if (kind != CA && (kind != ROOT_OF_VERSION_1 || !has_signed(x, x)))
		return error_set(e, "not a CA certificate");
	return EVP_PKEY_get_bits(key) <= CHAIN_KEY_BITS_MAX ||
	       error_set(e, "a key of %d bits: expected at most %d",
			 EVP_PKEY_get_bits(key), CHAIN_KEY_BITS_MAX);
}

/* Return the contents of a name, which borrow from name. */
static struct span
contents_of(const X509_NAME *name)
{
	const unsigned char *der;
	struct span rest, contents = { 0 };
	size_t size;

	if (X509_NAME_get0_der(name, &der, &size) == 1) {
		rest = (struct span){ (const char *)der, size };
		(void)der_next_is(&rest, V_ASN1_SEQUENCE, &contents);
	}
	return contents;
}

static bool
load_authority(struct chain_authority *a, struct span der, struct error *e)
{
	const unsigned char *at = (const unsigned char *)der.ptr;
	struct certificate c;

	a->x = d2i_X509(NULL, &at, (long)der.len);
	if (a->x == NULL || !certificate_read(der, &c) ||
	    c.not_before == CERTIFICATE_NOT_BEFORE_INVALID ||
	    c.not_after == CERTIFICATE_NOT_AFTER_INVALID)
		return error_set(e, "invalid certificate");
	a->subject = contents_of(X509_get_subject_name(a->x));
	a->from = c.not_before;
	a->to = c.not_after - 1; /* for OpenSSL the last second is over */
	memcpy(a->key, c.spki, sizeof(a->key));
	memcpy(a->sha256, c.sha256, sizeof(a->sha256));
	return check_authority(a->x, e);
}

/* A certificate that is in the file twice counts once. */
static bool
is_known(const struct chain_trust *trust, const struct chain_authority *a)
{
	for (size_t i = 0; i < trust->n_authorities; i++)
		if (memcmp(trust->authorities[i].sha256, a->sha256,
			   sizeof(a->sha256)) == 0)
			return true;
	return false;
}

static bool
take_authority(void *context, struct span der, unsigned block, struct error *e)
{
	struct chain_trust *trust = context;
	struct chain_authority a = { .block = block };
	bool ok = load_authority(&a, der, e);

	if (ok && !is_known(trust, &a)) {
		ok = trust->n_authorities < CHAIN_PARTS_MAX ||
		     error_set(e, "too many certificates: expected at most %d",
			       CHAIN_PARTS_MAX);
		if (ok) {
			trust->authorities[trust->n_authorities++] = a;
			return true;
		}
	}
	X509_free(a.x);
	return ok;
}

/* Return the CAs that signed the CRL; bit i: the i-th. */
static uint64_t
find_signers(const struct chain_trust *trust, const struct crl *crl)
{
	uint64_t signers = 0;

	for (size_t i = 0; i < trust->n_authorities; i++)
		if (crl_is_signed(crl, trust->authorities[i].x))
			signers |= UINT64_C(1) << i;
	return signers;
}

static bool
take_crl(void *context, struct span der, unsigned block, struct error *e)
{
	struct chain_trust *trust = context;
	struct crl crl;

	if (trust->n_crls == CHAIN_PARTS_MAX)
		return error_set(e, "too many CRLs: expected at most %d",
				 CHAIN_PARTS_MAX);
	if (!crl_load(&crl, der, e))
		return false;
	crl.block = block;
	crl.signers = find_signers(trust, &crl);
	trust->crls[trust->n_crls++] = crl;
	return true;
}

static int
compare(const void *a, const void *b)
{
	const struct chain_authority *one = a, *other = b;

	return memcmp(one->sha256, other->sha256, sizeof(one->sha256));
}

/* Return true if another CA has the name of a's issuer. */
static bool
has_issuer(const struct chain_trust *trust, const struct chain_authority *a)
{
	for (size_t i = 0; i < trust->n_authorities; i++) {
		const struct chain_authority *other = &trust->authorities[i];
		if (other != a &&
		    X509_NAME_cmp(X509_get_subject_name(other->x),
				  X509_get_issuer_name(a->x)) == 0)
			return true;
	}
	return false;
}

static bool
is_anchor(const struct chain_trust *trust, const struct chain_authority *a)
{
	bool self_issued = X509_NAME_cmp(X509_get_subject_name(a->x),
					 X509_get_issuer_name(a->x)) == 0;

	return (self_issued && has_signed(a->x, a->x)) || !has_issuer(trust, a);
}

/* Return the CAs that issued a, by name, key identifier, key usage and
 * signature; bit i: the i-th. */
static uint64_t
find_issuers(const struct chain_trust *trust, const struct chain_authority *a)
{
	uint64_t issuers = 0;

	for (size_t i = 0; i < trust->n_authorities; i++) {
		const struct chain_authority *other = &trust->authorities[i];
		if (other != a &&
		    X509_check_issued(other->x, a->x) == X509_V_OK &&
		    has_signed(other->x, a->x))
			issuers |= UINT64_C(1) << i;
	}
	return issuers;
}

/* Find the CAs that chain to an anchor, and drop the ways that lead to
 * none. */
static void
find_reached(struct chain_trust *trust)
{
	uint64_t reached = 0, before;

	do {
		before = reached;
		for (size_t i = 0; i < trust->n_authorities; i++)
			if (trust->authorities[i].anchor ||
			    (trust->authorities[i].issuers & reached) != 0)
				reached |= UINT64_C(1) << i;
	} while (reached != before);
	for (size_t i = 0; i < trust->n_authorities; i++) {
		trust->authorities[i].issuers &= reached;
		trust->authorities[i].reached = (reached >> i & 1) != 0;
	}
}

/* Find the anchors, and the issuers of the intermediates, before any event:
 * they do not depend on the time. */
static void
link_authorities(struct chain_trust *trust)
{
	qsort(trust->authorities, trust->n_authorities,
	      sizeof(trust->authorities[0]), compare);
	for (size_t i = 0; i < trust->n_authorities; i++) {
		struct chain_authority *a = &trust->authorities[i];
		a->anchor = is_anchor(trust, a);
		if (!a->anchor)
			a->issuers = find_issuers(trust, a);
	}
	find_reached(trust);
}

struct chain_trust *
chain_trust_new(struct span text, struct error *e)
{
	struct chain_trust *trust = calloc(1, sizeof(*trust));

	bool ok = (trust != NULL && add_digests() &&
		   digest_sha256(text, trust->identity)) ||
		  error_set(e, "out of memory");
	if (ok && text.len > CHAIN_CA_TEXT_MAX)
		ok = error_set(e, "too large: expected at most %d bytes",
			       CHAIN_CA_TEXT_MAX);
	ok = ok && pem_file_read(text, PEM_FILE_CERTIFICATE, take_authority,
				 trust, e);
	ERR_clear_error();
	if (ok) {
		link_authorities(trust);
		return trust;
	}
	chain_trust_free(trust);
	return NULL;
}

bool
chain_trust_add_crls(struct chain_trust *trust, struct span text,
		     struct error *e)
{
	uint8_t both[2 * DIGEST_SHA256_SIZE];
	struct span bytes = { (const char *)both, sizeof(both) };

	memcpy(both, trust->identity, DIGEST_SHA256_SIZE);
	if (text.len > CHAIN_CRL_TEXT_MAX)
		return error_set(e, "too large: expected at most %d bytes",
				 CHAIN_CRL_TEXT_MAX);
	if (!digest_sha256(text, both + DIGEST_SHA256_SIZE) ||
	    !digest_sha256(bytes, trust->identity))
		return error_set(e, "out of memory");
	trust->needs_crls = true;
	bool ok = pem_file_read(text, PEM_FILE_CRL, take_crl, trust, e);
	ERR_clear_error();
	return ok;
}

void
chain_trust_free(struct chain_trust *trust)
{
	if (trust == NULL)
		return;
	for (size_t i = 0; i < trust->n_authorities; i++)
		X509_free(trust->authorities[i].x);
	for (size_t i = 0; i < trust->n_crls; i++)
		crl_free(&trust->crls[i]);
	free(trust);
}

size_t
chain_trust_anchors(const struct chain_trust *trust)
{
	size_t n = 0;

	for (size_t i = 0; i < trust->n_authorities; i++)
		n += trust->authorities[i].anchor;
	return n;
}

/* Add as much of name as there is room for. */
static void
add_name(struct span name, struct buffer *text)
{
	size_t room = text->max - text->len;
	char *to = buffer_reserve(text, room);

	if (to != NULL)
		text->len += certificate_write_name(name, to, room);
}

void
chain_trust_subject(const struct chain_trust *trust, size_t i,
		    struct buffer *text)
{
	add_name(trust->authorities[i].subject, text);
}

bool
chain_trust_names(const struct chain_trust *trust, const X509_NAME *name)
{
	for (size_t i = 0; i < trust->n_authorities; i++)
		if (X509_NAME_cmp(
			    X509_get_subject_name(trust->authorities[i].x),
			    name) == 0)
			return true;
	return false;
}

bool
chain_trust_has_issuer(const struct chain_trust *trust, size_t i)
{
	return chain_trust_names(trust,
				 X509_CRL_get_issuer(trust->crls[i].list));
}

uint64_t
chain_trust_signers(const struct chain_trust *trust, const struct crl *crl)
{
	uint64_t allowed = 0;

	for (size_t i = 0; i < trust->n_authorities; i++)
		if ((X509_get_key_usage(trust->authorities[i].x) &
		     KU_CRL_SIGN) != 0)
			allowed |= UINT64_C(1) << i;
	return allowed & crl->signers;
}

static void
narrow(int64_t first, int64_t last, int64_t now, int64_t *from, int64_t *to)
{
	int64_t changes[] = { first, last + 1 };

	for (int i = 0; i < 2; i++) {
		if (changes[i] <= now && changes[i] > *from)
			*from = changes[i];
		if (changes[i] > now && changes[i] <= *to)
			*to = changes[i] - 1;
	}
}

void
chain_trust_window(const struct chain_trust *trust, int64_t now, int64_t *from,
		   int64_t *to)
{
	*from = INT64_MIN;
	*to = INT64_MAX;
	for (size_t i = 0; i < trust->n_authorities; i++)
		narrow(trust->authorities[i].from, trust->authorities[i].to,
		       now, from, to);
	for (size_t i = 0; i < trust->n_crls; i++)
		narrow(trust->crls[i].from, trust->crls[i].to, now, from, to);
}

static const char *
subject_word(const struct chain_trust *trust, size_t i, struct buffer *text)
{
	buffer_clear(text);
	chain_trust_subject(trust, i, text);
	return error_word(buffer_span(text));
}

/* Warn of a CRL that counts for no CA; return the CAs that it counts for. */
static uint64_t
warn_of_crl(const struct chain_trust *trust, const struct crl *crl,
	    const char *path, struct buffer *text, struct warnings *warnings)
{
	const X509_NAME *issuer = X509_CRL_get_issuer(crl->list);
	uint64_t allowed = chain_trust_signers(trust, crl);

	if (allowed != 0)
		return allowed;
	bool known = chain_trust_names(trust, issuer);
	buffer_clear(text);
	add_name(contents_of(issuer), text);
	struct error *warning = warnings_next(warnings, warnings->begin);
	warning->severe = known;
	error_set(warning, "%s: block %u: CRL of '%s': %s", path, crl->block,
		  error_word(buffer_span(text)),
		  crl->signers != 0 ? "key usage of that CA without cRLSign"
		  : known	    ? "not signed by that CA"
				    : "not a CA of this entry");
	return 0;
}

/* Return true if one of these CAs has the subject of the i-th. */
static bool
have_name(const struct chain_trust *trust, uint64_t cas, size_t i)
{
	const X509_NAME *name = X509_get_subject_name(trust->authorities[i].x);

	for (size_t k = 0; k < trust->n_authorities; k++)
		if ((cas >> k & 1) != 0 &&
		    X509_NAME_cmp(
			    X509_get_subject_name(trust->authorities[k].x),
			    name) == 0)
			return true;
	return false;
}

/* A CA that certified its own new key may sign its CRLs with another key. */
static void
warn_of_crls(const struct chain_trust *trust, const char *path,
	     struct buffer *text, struct warnings *warnings)
{
	uint64_t counts = 0;

	for (size_t i = 0; i < trust->n_crls; i++)
		counts |= warn_of_crl(trust, &trust->crls[i], path, text,
				      warnings);
	for (size_t i = 0; i < trust->n_authorities; i++) {
		if ((counts >> i & 1) != 0)
			continue;
		struct error *warning =
			warnings_next(warnings, warnings->begin);
		const char *name = subject_word(trust, i, text);
		warning->severe = !have_name(trust, counts, i);
		if (warning->severe)
			error_set(warning,
				  "%s: no CRL of '%s': rejecting every "
				  "certificate that it issued",
				  path, name);
		else
			error_set(warning,
				  "%s: no CRL signed by this key of '%s', "
				  "only by another one",
				  path, name);
	}
}

static void
warn_of_authority(const struct chain_trust *trust, size_t i, const char *path,
		  struct buffer *text, struct warnings *warnings)
{
	const struct chain_authority *a = &trust->authorities[i];

	if (!a->reached)
		error_set(warnings_next(warnings, warnings->begin),
			  "%s: block %u: '%s' chains to no anchor in this file",
			  path, a->block, subject_word(trust, i, text));
	if (X509_check_purpose(a->x, X509_PURPOSE_SSL_CLIENT, 1) != 0)
		return;
	struct error *warning = warnings_next(warnings, warnings->begin);
	warning->severe = true;
	error_set(warning,
		  "%s: block %u: '%s' is not for client authentication: "
		  "rejecting every certificate that it issued",
		  path, a->block, subject_word(trust, i, text));
}

void
chain_trust_warn(const struct chain_trust *trust, const char *ca,
		 const char *crl, struct warnings *warnings)
{
	struct buffer text;

	buffer_init(&text, CHAIN_SUBJECT_MAX);
	for (size_t i = 0; i < trust->n_authorities; i++)
		warn_of_authority(trust, i, ca, &text, warnings);
	if (trust->needs_crls)
		warn_of_crls(trust, crl, &text, warnings);
	buffer_free(&text);
	ERR_clear_error();
}
