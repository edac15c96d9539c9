/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * diagnosis: what stands between the service and the handler, by an answer that
 * came from outside, and what to change.
 */
#ifndef CERTGATE_ADMIN_DIAGNOSIS_H
#define CERTGATE_ADMIN_DIAGNOSIS_H

#include <stdbool.h>

#include "admin/web.h"
#include "base/span.h"

/* With the URL as it was given, without the code: that belongs into a vault.
 * name is absent: the reader has to put it there. */
void hub_print(struct span name, const char *url);

/* What an exchange should have come to. */
struct diagnosis {
	bool good;
	bool of_all; /* each event is refused for the same reason */
	bool foreign; /* it was not the handler that answered */
	char fault[400], change[400];
};

/* Fills fault and change. */
void diagnosis_say(struct diagnosis *d, const char *change, const char *format,
		   ...) __attribute__((format(printf, 3, 4)));

/* Of an exchange that came to no answer; foreign. */
void diagnosis_of_exchange(struct diagnosis *d,
			   const struct web_answer *answer);

/* What is wrong whatever was wanted, and foreign; false: nothing of that.  name
 * is the service's for an answer that it does not expect. */
bool diagnosis_of_status(struct diagnosis *d, const struct web_answer *answer,
			 const char *name);

/* A refusal that certgate made; nothing between it and us replaced it. */
bool diagnosis_is_ours(const struct web_answer *answer);

/* The web server wants to know who asks. */
bool diagnosis_asks_login(const struct web_answer *answer);

enum wanted {
	WANTED_AGREEMENT, /* to a validation */
	WANTED_ADMISSION, /* of the client */
	WANTED_CLIENT_REFUSED,
	WANTED_MQTT_REFUSED, /* the same in terms of MQTT 5.0 */
	WANTED_SENDER_REFUSED,
	WANTED_LOGIN_REFUSED /* of a request without a login */
};

/* origin is the one that was named in the request; reached: the handler has
 * answered there before. */
void wanted_judge(struct diagnosis *d, const struct web_answer *answer,
		  enum wanted wanted, const char *origin, bool reached);

#endif
