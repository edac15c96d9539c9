/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * admission: somebody who knocked, named by the first digits of his SHA-256, is
 * shown and, if the administrator wants it, let in.
 *
 * What is shown was written by a stranger.  The entry has his whole digest, and
 * the hubs at which he knocked, unless others are given.
 */
#ifndef CERTGATE_ADMIN_ADMISSION_H
#define CERTGATE_ADMIN_ADMISSION_H

#include <stdbool.h>

#include "admin/command.h"
#include "base/buffer.h"
#include "protocol/certificate.h"

struct admission {
	struct certificate certificate; /* digests and dates alone */
	struct command command; /* with the pin and the hubs; borrows */
	char **arguments; /* owned; of that */
	struct buffer pin, hubs; /* arguments of it, with a NUL */
};

/* True if argument is the beginning of a SHA-256: digits, too few for a pin, or
 * those with which the SHA-256 of somebody who knocked begins. */
bool admission_is_meant(const char *argument);

/* Finds whom command means and asks.  EXIT_DONE if he is to be let in, else
 * what was wrong and was said; admission_free() in any case. */
enum exit_code admission_ask(struct admission *admission,
			     const struct command *command);
void admission_free(struct admission *admission);

#endif
