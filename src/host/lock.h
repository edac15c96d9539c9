/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* lock: one process at a time has a file or a folder. */
#ifndef CERTGATE_HOST_LOCK_H
#define CERTGATE_HOST_LOCK_H

#include <stdbool.h>

#include "base/error.h"

/* Lock the open file or folder, called name in e, until it is closed.  False
 * with e if another process has the lock for wait_ms. */
bool lock_take(int fd, const char *name, int wait_ms, struct error *e)
	__attribute__((warn_unused_result));

#endif
