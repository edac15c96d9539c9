/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* replace: a file by another text, whole or not at all, whatever happens
 * meanwhile. */
#ifndef CERTGATE_ADMIN_REPLACE_H
#define CERTGATE_ADMIN_REPLACE_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"
#include "base/span.h"

struct replace_owner {
	bool known; /* else new: the caller's, the folder's group, 0640 */
	uid_t user;
	gid_t group;
	mode_t mode;
};

/*
 * Writes text to a new file `.NAME.new` in folder, to the disk, and renames it
 * to name.  False, and the old file as it was, if any of that fails; if only
 * the folder does not reach the disk, the new one is there, and e says so.
 * What a killed program left is overwritten: nobody else reads it, and the
 * caller has the lock of name.
 */
bool replace_file(int folder, const char *name, struct span text,
		  const struct replace_owner *owner, struct error *e)
	__attribute__((warn_unused_result));

#endif
