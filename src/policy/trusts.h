/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* trusts: the CA and CRL files that the entries of a list name, each pair of
 * them read once. */
#ifndef CERTGATE_POLICY_TRUSTS_H
#define CERTGATE_POLICY_TRUSTS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "policy/entry.h"
#include "policy/terms.h"
#include "protocol/chain_trust.h"

enum { TRUSTS_MAX = 64 /* pairs of files in one list */ };

struct trusts {
	struct {
		char *ca;
		char *crl; /* NULL: none */
		struct chain_trust *chain;
	} trust[TRUSTS_MAX]; /* owned */
	size_t n;
};

/* Return the trust that terms, of a CA entry, names; borrowed from trusts.
 * NULL with e, which names the file, if one fails to load.  Add
 * chain_trust_warn()'s warnings when a pair of files is first loaded. */
const struct chain_trust *trusts_take(struct trusts *trusts,
				      const struct terms *terms,
				      const struct entry_files *files,
				      struct warnings *warnings,
				      struct error *e);

void trusts_free(struct trusts *trusts);

#endif
