/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * replace: a file replaced whole or not at all, by one process at a time.
 *
 * The new file, .NAME.new beside the old one, is also the lock, as in vipw(8):
 * a process makes it, holds a lock on it, writes it and renames it.  A second
 * process waits.  A new file without a lock was left by a process that was
 * killed, and is removed.
 */
#ifndef CERTGATE_ADMIN_REPLACE_H
#define CERTGATE_ADMIN_REPLACE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/span.h"

struct replacement {
	char *path; /* owned; of the file, symbolic links followed */
	char *new_path; /* owned */
	size_t name; /* offset of the name in path and new_path */
	int folder; /* owned */
	int fd; /* owned; of the new file; -1: nothing is to be written */
};

/* As replace_close() leaves it. */
#define REPLACEMENT_NONE ((struct replacement){ .folder = -1, .fd = -1 })

/* Make and lock the new file for path, which is absolute and need not exist; if
 * dry_run is set, which needs no right to write, only find path.
 * replace_close() whatever it returns.  False with e, which names the file in
 * the way, if another process has the lock for 30 s. */
bool replace_open(struct replacement *r, const char *path, bool dry_run,
		  struct error *e) __attribute__((warn_unused_result));

/* Write text to the disk, with owner, group and mode of old, and rename it.
 * old: NULL for a file that did not exist: the folder's owner and group, 0640.
 * False with e, and the old file as it was, if that fails; if only the folder
 * does not reach the disk, the new file is in place. */
bool replace_commit(struct replacement *r, struct span text,
		    const struct stat *old, struct error *e)
	__attribute__((warn_unused_result));

void replace_close(struct replacement *r);

#endif
