/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * pending: who was refused because no entry has him, for the administrator to
 * let in.
 *
 * Only certificates of events whose signature was checked are noted.  That says
 * that the client has the key; whether he is welcome, nobody has said: every
 * stranger gets here, and so what is in a certificate is hostile.  There is
 * room for so many of each hub, and who knocks again and again stays before
 * strangers that come once; of the sites, the one that has most loses first.
 * Nor are more new ones of a hub noted between two writings than it has room
 * for: the rest of a flood costs next to nothing, and who is pushed out was at
 * least in the file.  No decision reads any of this.
 */
#ifndef CERTGATE_HOST_PENDING_H
#define CERTGATE_HOST_PENDING_H

#include <stdbool.h>
#include <stdint.h>

#include "handler.h"
#include "host/sites.h"
#include "host/slots.h"

enum {
	PENDING_PER_HUB = 32, /* slots of one hub of one site */
	PENDING_TALLY = 2 * SLOTS, /* so that it never fills */
	PENDING_DAYS = 30, /* since it was last seen; then it is forgotten */
	PENDING_SIZE = 4096, /* bytes of a slot in the file */
	PENDING_HUB_MAX = 128, /* bytes */
	PENDING_DER_MAX = 3804 /* bytes of a certificate; a larger one is not
				* noted */
};

/* A certificate that knocked at a hub, as in the file. */
struct pending_knock {
	uint64_t count; /* 0: the slot is empty */
	int64_t first, last; /* when it came, UTC seconds */
	uint64_t place; /* of site and hub, a number for them */
	uint8_t sha256[DIGEST_SHA256_SIZE]; /* of the certificate */
	uint16_t der_length;
	uint8_t site_length, hub_length;
	char site[SITES_NAME_MAX]; /* none: length 0 */
	char hub[PENDING_HUB_MAX];
	char der[PENDING_DER_MAX];
};

/* In a file that reads all is within the limits above, and the SHA-256 is that
 * of der, but anything may stand in that. */
extern const struct slots_kind pending_kind;

/* How many each place has; of no more places than there are slots. */
struct pending_tally {
	uint64_t place[PENDING_TALLY]; /* 0: not used */
	unsigned n[PENDING_TALLY];
};

/* What a process has noted. */
struct pending {
	struct slots slots; /* open, of pending_kind; owned */
	struct pending_tally fresh; /* those that are new, not yet written */
	unsigned fresh_places;
};

/* Takes note of an answer: who is in no entry is to be remembered, and who is
 * in one by now is not. */
void pending_note(struct pending *pending, const struct answer *answer,
		  int64_t now);

/* As slots_write; then there is room for new ones again. */
void pending_write(struct pending *pending);

/* So long ago that it is as if it had not been. */
bool pending_is_over(const struct pending_knock *knock, int64_t now);

#endif
