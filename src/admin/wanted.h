/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * wanted: is an answer that came from outside the one that is wanted; if not,
 * what is wrong in the words of the service, and what to change.
 */
#ifndef CERTGATE_ADMIN_WANTED_H
#define CERTGATE_ADMIN_WANTED_H

#include "admin/diagnosis.h"
#include "admin/web.h"

/* What an exchange should have come to. */
enum wanted {
	WANTED_AGREEMENT, /* to a validation */
	WANTED_ADMISSION, /* of the client */
	WANTED_CLIENT_REFUSED,
	WANTED_MQTT_REFUSED, /* the same in terms of MQTT 5.0 */
	WANTED_SENDER_REFUSED,
	WANTED_LOGIN_REFUSED /* for want of it, by whoever asks for it */
};

/* origin is the one that was named in the request; reached: the handler has
 * answered there before. */
void wanted_judge(struct diagnosis *d, const struct web_answer *answer,
		  enum wanted wanted, const char *origin, bool reached);

#endif
