/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>

#include "host/lock.h"

enum { STEP_MS = 2 };

bool
lock_take(int fd, const char *name, int wait_ms, struct error *e)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };

	for (int waited = 0; waited < wait_ms; waited += STEP_MS) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_system(e, "%s: cannot be locked", name);
		(void)nanosleep(&step, NULL);
	}
	return error_set(e, "%s: locked by another process for %d s", name,
			 wait_ms / 1000);
}
