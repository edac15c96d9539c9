/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* diagnosis: what an answer to a probe shows, and how to fix it. */
#ifndef CERTGATE_ADMIN_DIAGNOSIS_H
#define CERTGATE_ADMIN_DIAGNOSIS_H

#include <stdbool.h>

#include "admin/web.h"

/* The right answer to a probe. */
enum expected {
	EXPECT_VALIDATED = 1,
	EXPECT_ACCEPTED = 2,
	EXPECT_REJECTED = 4, /* the client */
	EXPECT_MQTT_REJECTED = 8, /* the client, in terms of MQTT 5.0 */
	EXPECT_SIGNATURE_REJECTED = 16,
	EXPECT_LOGIN_REJECTED = 32,
	EXPECT_EVENT = 62, /* any but EXPECT_VALIDATED */
	EXPECT_ANY = 63
};

/* What is known about an answer; those below KNOWN_BY_ANSWER from elsewhere. */
enum known {
	KNOWN_REACHED = 1, /* the handler answered before */
	KNOWN_NO_KEY = 2, /* the settings here have no key */
	KNOWN_LOGIN = 4, /* the event had one */
	KNOWN_BY_ANSWER = 8
};

struct diagnosis {
	bool good;
	bool stop; /* every event fails in the same way */
	bool foreign; /* another program than the handler answered */
	char cause[512]; /* of a fault; "" if good */
	const char *fix;
};

/* Fill d.  origin is the one in the request; known: of enum known. */
void diagnose(struct diagnosis *d, const struct web_answer *answer,
	      enum expected expected, const char *origin, unsigned known);

#endif
