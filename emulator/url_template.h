/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* url_template: where an event goes: {hub} and {event}, anywhere but in the
 * host, stand for their percent-encoded values. */
#ifndef CERTGATE_EMULATOR_URL_TEMPLATE_H
#define CERTGATE_EMULATOR_URL_TEMPLATE_H

#include <glib.h>
#include <stdbool.h>

bool url_template_check(const char *url_template, GError **error);

/* The caller frees it. */
char *url_template_expand(const char *url_template, const char *hub,
			  const char *event);

/* For a line of the trace: without the query, which may hold a secret.  The
 * caller frees it. */
char *url_template_shown(const char *url);

#endif
