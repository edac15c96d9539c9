/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * validation: the permission to post events to a URL (the service's abuse
 * protection).
 *
 * The first question about a URL waits for the answer to an OPTIONS request;
 * later ones get the last result, which is asked for anew every 60 seconds, or
 * 1, 2, 4, ... 60 seconds after refusals.
 */
#ifndef CERTGATE_EMULATOR_VALIDATION_H
#define CERTGATE_EMULATOR_VALIDATION_H

#include <libsoup/soup.h>
#include <stdbool.h>

struct validations;

typedef void (*validation_done)(bool allowed, gpointer data);

/* Borrow host: the service's. */
struct validations *validations_new(SoupSession *session, const char *host);
void validations_free(struct validations *validations);

/* done may be called before this returns. */
void validation_ask(struct validations *validations, const char *url,
		    validation_done done, gpointer data);

/* Whether these response headers permit events from host: a line of
 * WebHook-Allowed-Origin is exactly "*" or the host. */
bool validation_permits(SoupMessageHeaders *headers, const char *host);

#endif
