/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* lock: a folder in which one program at a time changes what is there. */
#ifndef CERTGATE_HOST_LOCK_H
#define CERTGATE_HOST_LOCK_H

#include <stdbool.h>

#include "base/error.h"

/* Locks the open folder, called name in e, until it is closed.  Everybody who
 * can read a folder can hold its lock for ever; so false and e after wait_ms. */
bool lock_take(int folder, const char *name, int wait_ms, struct error *e)
	__attribute__((warn_unused_result));

#endif
