/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * upstream: one HTTP request to an event handler, tried again after 1, 3 and 5
 * seconds where the service does that: no answer, 408, 5xx.
 */
#ifndef CERTGATE_EMULATOR_UPSTREAM_H
#define CERTGATE_EMULATOR_UPSTREAM_H

#include <libsoup/soup.h>

#include "emulator/settings.h"

struct upstream_answer {
	guint status; /* 0: none came */
	SoupMessageHeaders *headers; /* NULL if none came */
	GBytes *body; /* never NULL */
};

/* The answer lives as long as the call. */
typedef void (*upstream_done)(const struct upstream_answer *answer,
			      gpointer data);

struct upstream_request {
	const char *method;
	const char *url;
	SoupMessageHeaders *headers; /* borrowed until done is called */
	const char *content_type; /* NULL: there is no body */
	GBytes *body; /* NULL: there is none */
	guint limit_s; /* seconds for all attempts together */
	const char *label; /* what the trace says of it */
};

SoupSession *upstream_session(const struct settings *settings, GError **error);

/* done is called exactly once, never before this returns. */
void upstream_send(SoupSession *session, const struct upstream_request *request,
		   upstream_done done, gpointer data);

#endif
