/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * users: the user ids that a certificate's clients can have.
 *
 * By every entry that has the certificate, whatever its limits and whatever is
 * denied: who is connected came in some time ago.  The user id of a token,
 * which a client brings along, is nowhere in a list.
 */
#ifndef CERTGATE_POLICY_USERS_H
#define CERTGATE_POLICY_USERS_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/list.h"
#include "policy/settings.h"
#include "policy/thumbprint.h"

struct user {
	const struct entry *entry; /* NULL: CERTGATE_REPORT_ONLY_UNTIL */
	struct span id; /* empty: not known; valid while it is told */
	bool certain; /* else it is that of a certificate without a name */
	bool settled; /* the entry says so, and no token another */
};

/* Tells take of the user id that each entry gives, the same one perhaps twice:
 * of the certificate der, or if that is absent, of whoever has the pin.  False
 * if der is invalid. */
bool users_tell(const struct settings *settings, const struct list *list,
		struct span der, const struct thumbprint *pin, int64_t now,
		void (*take)(void *context, const struct user *user),
		void *context) __attribute__((warn_unused_result));

#endif
