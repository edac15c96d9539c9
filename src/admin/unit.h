/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* unit: the handler as systemd runs it, and the user that it reads files as. */
#ifndef CERTGATE_ADMIN_UNIT_H
#define CERTGATE_ADMIN_UNIT_H

#include <stdbool.h>

#include "host/account.h"

/* The user of the package. */
#define UNIT_USER "_certgate"

enum { UNIT_STATUS_SIZE = 512 /* bytes */ };

enum unit_state {
	UNIT_UNKNOWN = 0, /* systemd does not run, or has no such unit */
	UNIT_STOPPED,
	UNIT_FAILING, /* it exits repeatedly, and systemd restarts it */
	UNIT_SILENT, /* it runs, and does not respond to a connection */
	UNIT_WAITING, /* the socket listens; the next event starts it */
	UNIT_RUNNING
};

struct unit {
	enum unit_state state;
	bool is_starting; /* it need not react to a connection yet */
	int process; /* id; 0: none */
	char user[ACCOUNT_NAME_SIZE]; /* empty: unknown */
	bool has_variables; /* the unit sets some that may be settings */
	char status[UNIT_STATUS_SIZE]; /* of the running handler; empty: none */
};

/* Return the words for it. */
const char *unit_state_text(enum unit_state state);

/* Ask systemd for certgate.service and certgate.socket. */
struct unit unit_read(void);

/* Return the name of the handler's user: that of --as, else, with the installed
 * settings, the unit's, else _certgate. */
const char *unit_user(void);

/* Read files, and judge their owners, as the user name from now on.  NULL: if
 * root asks about the installed settings, as the unit's user, else as _certgate
 * if it exists, with the settings in the environment of its
 * process.  Return false and print the problem if that cannot be. */
bool unit_become(const char *name) __attribute__((warn_unused_result));

/* If the unit sets variables, do as unit_become(NULL): what they name, such as
 * credentials, is the handler's.  Else nothing changes. */
bool unit_take_variables(void) __attribute__((warn_unused_result));

/* True if the files are read as the handler reads them. */
bool unit_is_handler(void);

/* True if the settings are the installed ones, and this user is neither root
 * nor the handler's. */
bool unit_is_other(void);

/* Return the settings file that the process of the unit names, if unit_become()
 * found that it is another than that of this process; else NULL. */
const char *unit_other_config(void);

/* True if unit_become() did not find the settings in the environment. */
bool unit_lacks_variables(void);

#endif
