/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <sys/file.h>
#include <time.h>

#include "host/clock.h"
#include "host/lock.h"

bool
lock_take(int fd, const char *name, int wait_ms, struct error *e)
{
	const struct timespec step = { .tv_nsec = 2000000L };
	int64_t until = clock_ms() + wait_ms;

	for (;;) {
		if (flock(fd, LOCK_EX | LOCK_NB) == 0)
			return true;
		if (errno != EWOULDBLOCK && errno != EINTR)
			return error_system(e, "%s: cannot be locked", name);
		if (clock_ms() >= until)
			break;
		(void)nanosleep(&step, NULL);
	}
	return error_set(e, "%s: locked by another process for %d s", name,
			 wait_ms / 1000);
}
