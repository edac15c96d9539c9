/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* revocation: closes what is still open of a certificate that the list
 * denies. */
#ifndef CERTGATE_ADMIN_REVOCATION_H
#define CERTGATE_ADMIN_REVOCATION_H

#include "admin/command.h"
#include "admin/target.h"

enum {
	/* Until handlers have a list that was just written: one second in which
	 * it is left alone, and one since their last look, for before each
	 * event they look if that is longer ago; and one for answers on their
	 * way. */
	REVOCATION_AGAIN_S = 3
};

/*
 * Closes the connections of all users as whom target's clients can be in: at
 * once, and again when handlers know of the deny, for who is closed at once may
 * come back until then.  EXIT_SYSTEM, and said, if something may still be open.
 * With --dry-run prints what it would ask for.
 */
enum exit_code revocation_run(const struct command *command,
			      const struct target *target);

#endif
