/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * decide: accept or reject a client, and with which user id and grants.
 *
 * The heart of the program: a function of settings, list, event and time, and
 * of nothing else.
 */
#ifndef CERTGATE_POLICY_DECIDE_H
#define CERTGATE_POLICY_DECIDE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "policy/list.h"
#include "policy/reason.h"
#include "policy/settings.h"
#include "protocol/chain.h"
#include "protocol/event.h"
#include "protocol/request.h"
#include "protocol/response.h"

struct logged_client; /* match.h */

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

/*
 * Decides on a connect event of a sender that was checked.  list is NULL if
 * no valid one was loaded.  The first check that refuses is the reason.
 * While the settings only report, a client without an entry, or rejected only
 * because of its name or the end of its entry, is accepted without grants: no
 * roles, and as user id, unless a token has one, the thumbprint.
 */
void decide_connect(const struct settings *settings, const struct list *list,
		    const struct request *request, struct event *event,
		    int64_t now, struct decision *d);

/* Decide the same on a client of the log, as if it connected at the time now:
 * request has its hub.  What the log does not have, such as names in the
 * certificate, is taken to hold: a rejection is certain, an acceptance only
 * without d->assumed.  d borrows logged. */
void decide_logged(const struct settings *settings, const struct list *list,
		   const struct request *request,
		   const struct logged_client *logged, int64_t now,
		   struct decision *d);

/* The i-th check of a client in words, in the order in which they are made;
 * NULL behind the last.  The check number d->passed is the one that refused. */
const char *decide_check(size_t i);

#endif
