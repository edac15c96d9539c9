/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * diagnosis: what is wrong with an answer that came from outside, in the words
 * of the service, and what to change.
 */
#ifndef CERTGATE_ADMIN_DIAGNOSIS_H
#define CERTGATE_ADMIN_DIAGNOSIS_H

#include <stdbool.h>

#include "admin/web.h"

/* What an exchange should have come to. */
enum wanted {
	WANTED_AGREEMENT, /* to a validation */
	WANTED_ADMISSION, /* of the client */
	WANTED_CLIENT_REFUSED,
	WANTED_MQTT_REFUSED, /* the same in terms of MQTT 5.0 */
	WANTED_SENDER_REFUSED
};

struct diagnosis {
	bool good;
	bool of_all; /* each event is refused for the same reason */
	char fault[400], change[400];
};

/* origin is the one that was named in the request. */
void diagnosis_make(struct diagnosis *d, const struct web_answer *answer,
		    enum wanted wanted, const char *origin);

#endif
