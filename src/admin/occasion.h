/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* occasion: a connect event as the service would post it, and when. */
#ifndef CERTGATE_ADMIN_OCCASION_H
#define CERTGATE_ADMIN_OCCASION_H

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

#endif
