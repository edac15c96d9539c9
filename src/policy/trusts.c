/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "policy/trusts.h"

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* From "what is wrong" to "the file: what is wrong". */
static void
name_file(struct error *e, const char *path)
{
	struct error inner = *e;

	*e = (struct error){ 0 };
	error_set(e, "%s: %s", error_word(span_of(path)), inner.text);
}

static struct chain_trust *
read_trust(const struct terms *terms, const struct entry_files *files,
	   struct error *e)
{
	struct chain_trust *chain = NULL;
	struct buffer text;

	buffer_init(&text, CHAIN_CA_TEXT_MAX);
	bool ok = files->read(files->context, terms->ca, &text, e);
	if (ok) {
		chain = chain_trust_new(buffer_span(&text), e);
		ok = chain != NULL;
		if (!ok)
			name_file(e, terms->ca);
	}
	buffer_free(&text);
	if (!ok || terms->crl == NULL)
		return chain;
	buffer_init(&text, CHAIN_CRL_TEXT_MAX);
	ok = files->read(files->context, terms->crl, &text, e);
	if (ok && !chain_trust_add_crls(chain, buffer_span(&text), e)) {
		ok = false;
		name_file(e, terms->crl);
	}
	buffer_free(&text);
	if (ok)
		return chain;
	chain_trust_free(chain);
	return NULL;
}

const struct chain_trust *
trusts_take(struct trusts *trusts, const struct terms *terms,
	    const struct entry_files *files, struct warnings *warnings,
	    struct error *e)
{
	for (size_t i = 0; i < trusts->n; i++)
		if (is_same(trusts->trust[i].ca, terms->ca) &&
		    is_same(trusts->trust[i].crl, terms->crl))
			return trusts->trust[i].chain;
	if (trusts->n == TRUSTS_MAX) {
		error_set(e, "too many files of CAs, at most %d", TRUSTS_MAX);
		return NULL;
	}
	struct chain_trust *chain = read_trust(terms, files, e);
	if (chain == NULL)
		return NULL;
	chain_trust_warn(chain, terms->ca, terms->crl, warnings);
	size_t i = trusts->n++;
	trusts->trust[i].chain = chain;
	trusts->trust[i].ca = strdup(terms->ca);
	if (terms->crl != NULL)
		trusts->trust[i].crl = strdup(terms->crl);
	if (trusts->trust[i].ca != NULL &&
	    (terms->crl == NULL || trusts->trust[i].crl != NULL))
		return chain;
	error_set(e, "out of memory");
	return NULL;
}

void
trusts_free(struct trusts *trusts)
{
	for (size_t i = 0; i < trusts->n; i++) {
		free(trusts->trust[i].ca);
		free(trusts->trust[i].crl);
		chain_trust_free(trusts->trust[i].chain);
	}
	*trusts = (struct trusts){ 0 };
}
