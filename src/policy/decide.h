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

#include "policy/decision.h"
#include "policy/list.h"
#include "policy/settings.h"
#include "protocol/event.h"
#include "protocol/request.h"

struct logged_client; /* match.h */

/*
 * Decide on a connect event of a sender that was checked.  list is NULL if
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
