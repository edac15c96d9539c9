/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* reason: the reason of a verdict, as a word in the log, a status of the answer
 * and a sentence in the manual. */
#ifndef CERTGATE_POLICY_REASON_H
#define CERTGATE_POLICY_REASON_H

#include <stdbool.h>

#include "base/span.h"

/* Only VERDICT_ALLOW accepts a client. */
enum verdict { VERDICT_DENY = 0, VERDICT_ALLOW };

enum reason {
	REASON_INTERNAL = 0, /* something failed that should not */

	REASON_MALFORMED_REQUEST,
	REASON_SETTINGS,
	REASON_SITE,
	REASON_METHOD,
	REASON_UNKNOWN_EVENT,
	REASON_CODE,
	REASON_NO_ORIGIN,
	REASON_ORIGIN,
	REASON_HUB,
	REASON_REMOTE_USER,
	REASON_NO_KEY,
	REASON_NO_SIGNATURE,
	REASON_SIGNATURE,

	REASON_LENGTH,
	REASON_TOO_LARGE,
	REASON_CONTENT_TYPE,
	REASON_BODY,
	REASON_DUPLICATE_MEMBER,

	REASON_LIST_UNREADABLE,
	REASON_STORE,
	REASON_NO_CERTIFICATE,
	REASON_TOO_MANY_CERTIFICATES,
	REASON_CERTIFICATE,
	REASON_LABEL_MISMATCH,
	REASON_CONTENT_MISSING,
	REASON_CONTENT_NEEDED,
	REASON_DENIED,
	REASON_NOT_LISTED,
	REASON_ENTRY_NAME,
	REASON_ENTRY_HUB,
	REASON_ENTRY_NOT_YET,
	REASON_ENTRY_EXPIRED,
	REASON_ENTRY_CLIENT_ID,
	REASON_ENTRY_QUERY,
	REASON_NOT_BEFORE_INVALID,
	REASON_NOT_AFTER_INVALID,
	REASON_CERTIFICATE_NOT_YET,
	REASON_CERTIFICATE_EXPIRED,
	REASON_CHAIN,
	REASON_PURPOSE,
	REASON_WEAK,
	REASON_CRL,
	REASON_REVOKED,
	REASON_NO_USER_ID,
	REASON_GRANT,

	REASON_VALIDATED,
	REASON_NOTIFIED,
	REASON_LISTED,
	REASON_ANONYMOUS,
	REASON_REPORT_ONLY,

	REASONS /* of a line of the log: unknown to this version */
};

/* Return the word in the log. */
const char *reason_name(enum reason reason);

/* Return the reason with this word; REASONS if there is none. */
enum reason reason_find(struct span name);

/* Return one sentence for the manual. */
const char *reason_text(enum reason reason);

/* Return the HTTP status of a refusal; 0 for an acceptance. */
int reason_status(enum reason reason);

/* Return true for the acceptance of a client. */
bool reason_is_acceptance(enum reason reason);

/* Return true if the reason is about the client: MQTT clients get an MQTT
 * refusal. */
bool reason_is_client(enum reason reason);

#endif
