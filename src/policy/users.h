/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * users: the user ids that the clients of a certificate can have.
 *
 * Every entry that matches the certificate counts, also if its conditions do
 * not hold or a deny entry matches: a client may have connected earlier.  The
 * user id of a client's token is not in the list.
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
	struct span id; /* empty: unknown; valid during the call of take */
	bool certain; /* else it is that of a certificate without a name */
	bool settled; /* the entry says so, and no token another */
};

/* Pass the user id of each entry to take, possibly the same one twice: of the
 * entries for the certificate der or, if that is absent, for the pin, of list
 * and store.  False if der is invalid, or the store cannot be read. */
bool users_tell(const struct settings *settings, const struct list *list,
		struct span der, const struct thumbprint *pin, int64_t now,
		void (*take)(void *context, const struct user *user),
		void *context) __attribute__((warn_unused_result));

#endif
