/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* system_calls: the calls that are left in the sandbox.  Another fails with
 * EPERM; one that starts a program or looks into another process ends this. */
#ifndef CERTGATE_HOST_SYSTEM_CALLS_H
#define CERTGATE_HOST_SYSTEM_CALLS_H

/* What some programs need besides. */
enum {
	SYSTEM_CALLS_DAEMON =
		1, /* connect again to the syslog or the journal */
	SYSTEM_CALLS_LOG_FILE = 2, /* open the log file again */
	SYSTEM_CALLS_SOCKET = 4 /* remove the socket file */
};

/* For ever, with the calls of these bits.  Needs no_new_privs.  Return 0, or a
 * number of errno: every call can be made. */
int system_calls_restrict(unsigned needs);

#endif
