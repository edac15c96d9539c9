/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* lock: one program at a time changes what is in a folder, or a file of it. */
#ifndef CERTGATE_HOST_LOCK_H
#define CERTGATE_HOST_LOCK_H

#include <stdbool.h>

#include "base/error.h"

/* Locks the open folder, called name in e, until it is closed.  Everybody who
 * can read a folder can hold its lock for ever; so false and e after
 * wait_ms. */
bool lock_take(int folder, const char *name, int wait_ms, struct error *e)
	__attribute__((warn_unused_result));

/*
 * Takes the file at path in the open folder, which is there only for this, and
 * so that nobody can hold it but its owner and root; one who was killed leaves
 * it to the next.  A descriptor for lock_release_file; -1 and e if it cannot be
 * had, or another had it for wait_ms.
 */
int lock_take_file(int folder, const char *path, int wait_ms, struct error *e)
	__attribute__((warn_unused_result));

/* Removes the file, but not another in its place, and lets go of it. */
void lock_release_file(int folder, const char *path, int lock);

#endif
