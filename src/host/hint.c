/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "host/hint.h"

const char hint_text[] = "every client comes without a certificate: is "
			 "tls.clientCertEnabled on for the resource?";

static bool
is_without(enum reason reason)
{
	return reason == REASON_NO_CERTIFICATE || reason == REASON_ANONYMOUS;
}

/* The list is looked for before the certificate is. */
static bool
is_with(enum reason reason)
{
	return reason == REASON_LISTED || reason == REASON_REPORT_ONLY ||
	       (reason_is_client(reason) && reason != REASON_LIST_UNREADABLE &&
		!is_without(reason));
}

bool
hint_is_due(struct hint *hint, enum reason reason, int64_t now_s)
{
	if (is_with(reason)) {
		hint->without = 0;
		hint->seen = true;
		hint->seen_s = now_s;
	}
	if (!is_without(reason))
		return false;
	hint->without++;
	if (hint->without < HINT_EVENTS ||
	    (hint->seen && now_s - hint->seen_s < HINT_PAUSE_S) ||
	    (hint->said && now_s - hint->said_s < HINT_PAUSE_S))
		return false;
	hint->said = true;
	hint->said_s = now_s;
	return true;
}
