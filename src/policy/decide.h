/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * decide: may this client in, and as whom?
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
#include "protocol/event.h"
#include "protocol/request.h"
#include "protocol/response.h"

enum {
	/* Seconds by which the clocks of certificate and host may differ. */
	DECIDE_LEEWAY = 300
};

/* All zero but for its buffers: a refusal. */
struct decision {
	enum verdict verdict;
	enum reason reason;
	struct thumbprint sha1; /* THUMBPRINT_NONE: not known */
	struct thumbprint sha256; /* THUMBPRINT_NONE: not known */
	const struct entry *entry; /* that decided; NULL: none. Borrowed */
	struct grant grant; /* borrows the entry and user */
	bool grants; /* grant has something to send */
	struct buffer user; /* a name made for this client */
	struct buffer der; /* of its certificate */
};

void decision_init(struct decision *d);
void decision_free(struct decision *d);

/* Back to decision_init's state, keeping the memory. */
void decision_clear(struct decision *d);

/*
 * Decides on a connect event of a sender that was checked.  list is NULL while
 * there is none that reads.  The checks, in order: a certificate was
 * presented; element 0 reads; content agrees with the label; not denied; an
 * entry matches; the entry's own limits; the certificate's dates; a user id.
 * The first that refuses is the reason.
 */
void decide_connect(const struct settings *settings, const struct list *list,
		    const struct request *request, const struct event *event,
		    int64_t now, struct decision *d);

#endif
