/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* event: a connect event as the service would post it, and when: for the
 * handler here, and over HTTP. */
#ifndef CERTGATE_ADMIN_EVENT_H
#define CERTGATE_ADMIN_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/command.h"
#include "base/buffer.h"
#include "base/error.h"
#include "host/exit_code.h"
#include "policy/settings.h"
#include "protocol/request.h"

enum { OCCASION_PARAMETERS = 16 };

struct occasion {
	struct request request; /* borrows all that follows */
	int64_t now;
	unsigned mqtt; /* the protocol's version; 0: no MQTT client */
	struct span query; /* of the client's URL; absent: none was given */
	struct buffer body;
	struct buffer words; /* NAME=value, each with a NUL behind it */
	char *parameters[OCCASION_PARAMETERS + 1];
};

void occasion_init(struct occasion *occasion);
void occasion_free(struct occasion *occasion);

/* False if one of the options has no meaning. */
bool occasion_read_options(struct occasion *occasion,
			   const struct command *command, struct error *e)
	__attribute__((warn_unused_result));

/* Makes it of the first argument, an event's body or a certificate, and the
 * options.  The sender is what settings (NULL: there are none) ask for: one of
 * the origins, the code, a signature by the first key.  EXIT_DONE, or e says
 * why not. */
enum exit_code occasion_make(struct occasion *occasion,
			     const struct command *command,
			     const struct settings *settings, struct error *e)
	__attribute__((warn_unused_result));

enum {
	POSTING_ID = 32, /* characters of a connection id that is made here */
	POSTING_MAX = 4194304 /* bytes of a body */
};

/* What is not given is left out, or stands in for itself. */
struct posting_plan {
	struct span der; /* absent: the client has no certificate */
	struct span hub, connection, user, origin;
	struct span query; /* as posting_read_query gives it */
	struct span authorization; /* the header's value */
	unsigned mqtt; /* the protocol's version; 0: no MQTT client */
	size_t padding; /* bytes that make the body longer */
	bool wrong; /* a signature of nobody's */
};

/* Header lines, each ended by a newline, and the body. */
struct posting {
	struct buffer headers, body;
};

/* Makes it; posting_free in any case. */
bool posting_make(struct posting *posting, const struct posting_plan *plan,
		  const struct settings *settings, struct error *e)
	__attribute__((warn_unused_result));

/* Adds the body alone; false if it cannot be made. */
bool posting_body(struct buffer *body, const struct posting_plan *plan)
	__attribute__((warn_unused_result));

void posting_free(struct posting *posting);

/* The version that --mqtt names: 4 or 5; 0 if text is NULL. */
bool posting_read_mqtt(const char *text, unsigned *version, struct error *e)
	__attribute__((warn_unused_result));

/* What --query names, borrowed: NAME=VALUE, further ones behind &, nothing
 * percent-encoded and no name twice; absent if text is NULL. */
bool posting_read_query(const char *text, struct span *query, struct error *e)
	__attribute__((warn_unused_result));

/* The hub that --hub names, the first of the settings, or one that stands for
 * it; the same for the origin.  settings may be NULL. */
struct span posting_hub(const char *hub, const struct settings *settings);
struct span posting_origin(const struct settings *settings);

/* Puts url, with the code of the settings if it has none, and a NUL into
 * target; buffer_wipe in any case. */
bool posting_url(struct buffer *target, const char *url,
		 const struct settings *settings, struct error *e)
	__attribute__((warn_unused_result));

/* A new connection id; false with e if the system gives no random bytes. */
bool posting_id(char id[POSTING_ID + 1], struct error *e)
	__attribute__((warn_unused_result));

#endif
