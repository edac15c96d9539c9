/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * numbered: files NAME.0, NAME.1, … in one folder, one for each process at a
 * time.
 *
 * A process holds a lock on its file and alone writes it.  The file of one that
 * has ended is taken over by the next: there are as many as there were
 * processes at once.  Nothing is mapped, so nobody can pull the ground away.
 * The folder may be others' to write in: whoever reads believes nothing of what
 * is there.
 */
#ifndef CERTGATE_HOST_NUMBERED_H
#define CERTGATE_HOST_NUMBERED_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

enum { NUMBERED_FILES = 256 /* processes at once; more have none */ };

/*
 * Takes the first file that nobody holds, that only this user can have made and
 * that use, which reads what is in it, takes: its descriptor, the caller's to
 * close.  -1 if there is none to be had; then e says why, or nothing if folder
 * is not there.
 */
int numbered_take(const char *folder, const char *name,
		  bool (*use)(void *context, int file), void *context,
		  struct error *e);

/* Gives each file of 1 to most times size bytes, borrowed for the call.  False
 * with e if folder does not open. */
bool numbered_read(const char *folder, const char *name, off_t size, off_t most,
		   void (*give)(void *context, int file), void *context,
		   struct error *e) __attribute__((warn_unused_result));

/* True if a process holds the file that numbered_read gave. */
bool numbered_is_held(int file);

#endif
