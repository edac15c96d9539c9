/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* decision: the verdict on a client, its reason, what the client is given. */
#ifndef CERTGATE_POLICY_DECISION_H
#define CERTGATE_POLICY_DECISION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "policy/entry.h"
#include "policy/reason.h"
#include "policy/stored.h"
#include "policy/thumbprint.h"
#include "protocol/chain.h"
#include "protocol/response.h"

/* All zero but for its buffers and its memory: a refusal. */
struct decision {
	enum verdict verdict;
	enum reason reason;
	bool assumed; /* of a client of the log: accepted if what the log does
		       * not tell still holds */
	enum reason would; /* with REASON_REPORT_ONLY, the reason without it */
	struct thumbprint sha1; /* THUMBPRINT_NONE: not known */
	struct thumbprint sha256; /* THUMBPRINT_NONE: not known */
	struct thumbprint spki; /* THUMBPRINT_NONE: not known */
	struct span serial, issuer, subject; /* of its certificate; borrow der,
					      * absent if not known */
	int64_t not_after; /* UTC seconds, with a serial */
	size_t passed; /* checks of decide_check */
	unsigned applied; /* bit i: the i-th of them had something to check */
	const struct entry *entry; /* that decided; NULL: none. Borrowed */
	struct stored stored; /* entries of the store */
	struct grant grant; /* borrows the entry and user */
	bool grants; /* grant has something to send */
	char **groups, **roles; /* with the user id in them; or NULL */
	struct buffer user; /* digits that were made the user id */
	struct buffer der; /* of its certificate, as the names */
	struct buffer common_name, alternative_name;
	struct chain_verdict chain; /* of a ca: entry; all zero: not checked */
	struct chain_memory memory; /* of chains that were verified */
};

void decision_init(struct decision *d);
void decision_free(struct decision *d);

/* Back to decision_init's state, keeping the memory. */
void decision_clear(struct decision *d);

#endif
