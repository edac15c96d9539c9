/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * disconnect: the connections to close, in every hub of every resource, and the
 * result.
 */
#ifndef CERTGATE_ADMIN_DISCONNECT_H
#define CERTGATE_ADMIN_DISCONNECT_H

#include <stdbool.h>
#include <stddef.h>

#include "admin/command.h"
#include "admin/service.h"
#include "admin/target.h"
#include "policy/settings.h"

struct closing_item {
	struct service *service; /* borrowed */
	char *id; /* owned */
	struct service_target target; /* borrows hub and id */
	bool closed; /* in the last round */
	bool said; /* that it was */
	char problem[SERVICE_PROBLEM];
};

struct closing {
	const struct settings *settings; /* borrowed */
	struct service *services; /* owned */
	size_t n_services;
	char **hubs; /* owned; ended by NULL */
	struct closing_item *items; /* owned */
	size_t n;
};

/* False, and said, if --endpoint or --hub have no meaning. */
bool closing_check(const struct command *command);

/* Resources and hubs by the options, else by the settings.  False, and said, if
 * one of them, or a key, is missing.  closing_close() in any case. */
bool closing_open(struct closing *closing, const struct command *command,
		  const struct settings *settings)
	__attribute__((warn_unused_result));
void closing_close(struct closing *closing);

/* Adds a user's connections, or a connection, if it is not there yet.  False,
 * and said, if it cannot be named to the service. */
bool closing_add(struct closing *closing, enum service_kind kind,
		 struct span id) __attribute__((warn_unused_result));

/* Prints the requests of a round. */
void closing_show(const struct closing *closing);

/* Asks for every one of them to be closed, and says which were for the first
 * time.  False if one was not. */
bool closing_run(struct closing *closing) __attribute__((warn_unused_result));

/* Says what the last round did not close, and why. */
void closing_complain(const struct closing *closing);

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
