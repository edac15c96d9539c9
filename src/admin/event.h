/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* event: a connect event as the service would send it, for the handler in this
 * process and for a URL. */
#ifndef CERTGATE_ADMIN_EVENT_H
#define CERTGATE_ADMIN_EVENT_H

#include <stdbool.h>

#include "admin/command.h"
#include "base/buffer.h"
#include "base/error.h"
#include "policy/settings.h"
#include "protocol/request.h"

/* Borrows everything; an absent member is left out of the event. */
struct posting_plan {
	struct span der; /* absent: the client has no certificate */
	struct span body; /* of the event; absent: made from the others */
	struct span hub, user, origin;
	struct span connection; /* absent: a new id */
	struct span query; /* of the client's URL */
	struct span authorization; /* the header's value */
	unsigned mqtt; /* the protocol's version; 0: no MQTT client */
	size_t padding; /* bytes that make the body longer */
	bool wrong_signature;
};

/* Read --hub, --connection-id, --user, --mqtt and --query.  False with e if the
 * value of one of them is invalid. */
bool posting_read_options(struct posting_plan *plan,
			  const struct command *command, struct error *e)
	__attribute__((warn_unused_result));

/* Fill in an absent hub and origin: the first of settings (NULL: none), or a
 * name in its place. */
void posting_default(struct posting_plan *plan,
		     const struct settings *settings);

enum { POSTING_PARAMETERS = 24 };

struct posting {
	struct buffer headers; /* lines, each ended by a newline */
	struct buffer body;
	struct buffer words; /* NAME=value, each ended by a NUL */
	char *parameters[POSTING_PARAMETERS + 1]; /* borrow words */
};

/* Make the event, signed with every key of settings (NULL: none);
 * posting_free() in any case. */
bool posting_make(struct posting *posting, const struct posting_plan *plan,
		  const struct settings *settings, struct error *e)
	__attribute__((warn_unused_result));
void posting_free(struct posting *posting);

/* Write the event as a web server hands it over, from a sender with the code
 * and the login that settings (NULL: none) ask for.  request borrows posting.
 * False if the parameters are too long. */
bool posting_request(struct posting *posting, const struct settings *settings,
		     struct request *request)
	__attribute__((warn_unused_result));

/* Return true if the URL has a code. */
bool posting_has_code(const char *url);

/* Put url, with the code of the settings if it has none, and a NUL into target,
 * initialised here; buffer_wipe() in any case.  False with e if it is too
 * long. */
bool posting_url(struct buffer *target, const char *url,
		 const struct settings *settings, struct error *e)
	__attribute__((warn_unused_result));

#endif
