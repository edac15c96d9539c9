/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * hint: a resource that does not ask its clients for certificates looks, from
 * here, like a fleet that has none.  That is said, but not for every event.
 */
#ifndef CERTGATE_HOST_HINT_H
#define CERTGATE_HOST_HINT_H

#include <stdbool.h>
#include <stdint.h>

#include "policy/reason.h"

enum {
	HINT_EVENTS = 3, /* without a certificate, before anything is said */
	HINT_PAUSE_S = 3600 /* between two hints, and since the last
			     * certificate */
};

/* All zero at the start. */
struct hint {
	unsigned without; /* a certificate, since one came */
	bool seen, said;
	int64_t seen_s, said_s; /* when one came; when this was said */
};

extern const char hint_text[];

/* Takes note of one event at the time now_s; true if it is to be said. */
bool hint_is_due(struct hint *hint, enum reason reason, int64_t now_s);

#endif
