/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* system_calls: the calls that are left in the sandbox.  Another fails with
 * EPERM; one that starts a program or looks into another process ends this. */
#ifndef CERTGATE_HOST_SYSTEM_CALLS_H
#define CERTGATE_HOST_SYSTEM_CALLS_H

#include "host/sandbox.h"

/* For ever, but for what needs says.  Needs no_new_privs. */
void system_calls_restrict(const struct sandbox_needs *needs);

#endif
