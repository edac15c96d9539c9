/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* unit: the handler as systemd runs it, and the user that it reads files as. */
#ifndef CERTGATE_ADMIN_UNIT_H
#define CERTGATE_ADMIN_UNIT_H

#include <stdbool.h>
#include <stdint.h>

#include "host/account.h"

/* The user of the package. */
#define UNIT_USER "_certgate"

enum { UNIT_TEXT_SIZE = 512 /* bytes */ };

enum unit_state {
	UNIT_UNKNOWN = 0, /* systemd does not run, or has no such unit */
	UNIT_STOPPED,
	UNIT_FAILING, /* it exits repeatedly, and systemd restarts it */
	UNIT_SILENT, /* it runs, and does not respond to a connection */
	UNIT_UNREACHABLE, /* nothing listens on its socket */
	UNIT_WAITING, /* the socket listens; the next event starts it */
	UNIT_RUNNING
};

/* A unit that is loaded or masked. */
struct unit_stop {
	bool is_stopped; /* it is not active */
	bool is_enabled;
	int64_t time; /* of the stop, or of the last start or reload; UTC
		       * seconds; 0: it was not active since the boot */
	int process; /* of one that is active; 0: none */
};

struct unit {
	enum unit_state state;
	struct unit_stop stop; /* of the service */
	bool is_starting; /* it need not react to a connection yet */
	int process; /* id; 0: none */
	unsigned restarts; /* after failures, since the last start by hand */
	char socket[UNIT_TEXT_SIZE]; /* path of the socket on which systemd
				      * listens; empty: none */
	char user[ACCOUNT_NAME_SIZE]; /* empty: unknown */
	char group[ACCOUNT_NAME_SIZE]; /* empty: the user's */
	char groups[UNIT_TEXT_SIZE]; /* more of them, with blanks between */
	bool has_variables; /* its process has settings in the environment;
			     * without a process, the unit may set some */
	char status[UNIT_TEXT_SIZE]; /* of the running handler; empty: none */
};

/* Return the words for it. */
const char *unit_state_text(enum unit_state state);

/* Return what systemd knows of certgate.service and certgate.socket; asks it
 * once. */
struct unit unit_read(void);

/* Return true if the status of the unit begins with an outage. */
bool unit_reports_outage(const struct unit *unit);

/* If it does, read the status again after the time that an edit needs to be in
 * force. */
void unit_settle(struct unit *unit);

/* Return a variable of the unit's process, borrowed; NULL: it has none, or this
 * user cannot read them. */
const char *unit_variable(const char *name);

/* Return the state of a unit; all zero if it does not exist. */
struct unit_stop unit_find_stop(const char *name);

/* If this process is root, find out whether the settings are those of the
 * unit's process, and whether it has a list of its own, and trust files of the
 * handler's user, such as downloaded CRLs. */
void unit_start(void);

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

/* Return the settings file that the unit's process names, if the settings are
 * the installed ones and that is another file; else NULL. */
const char *unit_other_config(void);

/* True if unit_become() did not find the handler's variables. */
bool unit_lacks_variables(void);

#endif
