/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* rest: one request to the service's REST API, with a token that is signed with
 * an access key, or with a given one. */
#ifndef CERTGATE_ADMIN_REST_H
#define CERTGATE_ADMIN_REST_H

#include <stddef.h>

#include "base/span.h"
#include "policy/settings.h"

enum { REST_PROBLEM_SIZE = 256 };

struct rest {
	const struct settings *settings; /* borrowed */
	const char *authorities; /* a PEM file; NULL: the system's */
	struct span token; /* of Entra ID; absent: sign with the keys */
	size_t key; /* of the settings: the service accepted it last */
};

struct rest_call {
	const char *method;
	const char *host; /* https://HOST */
	const char *hub;
	struct span before, id, after; /* the path behind the hub */
};

/* Print the request without its token. */
void rest_show(const struct rest_call *call);

/* Send it with the token, or with each key until the service accepts one.
 * Return the status, or 0 without an answer; problem says why it is not a good
 * one. */
int rest_send(struct rest *rest, const struct rest_call *call,
	      char problem[REST_PROBLEM_SIZE]);

#endif
