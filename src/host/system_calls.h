/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* system_calls: the calls that are left in the sandbox.  Another fails with
 * EPERM; one that starts a program or looks into another process ends this. */
#ifndef CERTGATE_HOST_SYSTEM_CALLS_H
#define CERTGATE_HOST_SYSTEM_CALLS_H

#include <stdbool.h>

/* For ever.  With removal, files can still be removed; with daemon, datagram
 * sockets can be connected to local daemons.  Needs no_new_privs. */
void system_calls_restrict(bool removal, bool daemon);

#endif
