/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * Faults of files and clocks, preloaded into the handler.  A file that begins
 * with "#errno=N" fails to open with that error.  One that begins with "#torn"
 * gets a line while it is read, once: what is in the file FAULTS_LINE.  The
 * monotonic clock is ahead by as many seconds as the file FAULTS_SKIP has
 * bytes, the real one by FAULTS_AHEAD.  A pause of a start says "paused".  No
 * folder can be read while the file FAULTS_NAMES exists.
 */
#define _GNU_SOURCE
#include "config.h"

#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static const char *skip, *line, *names;
static time_t ahead;
static int torn = -1;

__attribute__((constructor)) static void
remember(void)
{
	const char *seconds = getenv("FAULTS_AHEAD");

	skip = getenv("FAULTS_SKIP");
	line = getenv("FAULTS_LINE");
	names = getenv("FAULTS_NAMES");
	ahead = seconds == NULL ? 0 : strtol(seconds, NULL, 10);
}

int
openat(int folder, const char *name, int flags, ...)
{
	char text[sizeof("#errno=4095")] = "";
	int number = 0;
	int fd = (int)syscall(SYS_openat, folder, name, flags, 0);

	/* Call that the handler's sandbox allows. */
	if (fd < 0 || (flags & O_PATH) != 0 ||
	    syscall(SYS_read, fd, text, sizeof(text) - 1) < 0 ||
	    lseek(fd, 0, SEEK_SET) != 0)
		return fd;
	if (strncmp(text, "#torn", 5) == 0)
		torn = fd;
	if (sscanf(text, "#errno=%d", &number) != 1)
		return fd;
	close(fd);
	errno = number;
	return -1;
}

struct dirent *
readdir(DIR *folder)
{
	struct dirent *(*next)(DIR *);
	struct stat s;
	int before = errno; /* which stays at the end of a folder */
	bool fails = names != NULL && stat(names, &s) == 0;

	*(void **)&next = dlsym(RTLD_NEXT, "readdir");
	errno = fails ? EIO : before;
	return fails ? NULL : next(folder);
}

static void
append_line(int fd)
{
	char path[64], text[128];
	int from = (int)syscall(SYS_openat, AT_FDCWD, line, O_RDONLY, 0);
	ssize_t n = syscall(SYS_read, from, text, sizeof(text));

	(void)snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	int to = (int)syscall(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND,
			      0);
	if (n > 0 && to >= 0 && write(to, text, (size_t)n) == n)
		line = NULL;
	close(from);
	close(to);
}

ssize_t
read(int fd, void *bytes, size_t size)
{
	ssize_t n = syscall(SYS_read, fd, bytes, size);

	if (fd == torn && n == 0 && line != NULL)
		append_line(fd);
	return n;
}

int
poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	const struct timespec pause = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = (long)(timeout_ms % 1000) * 1000000,
	};

	if (n == 0 && write(STDERR_FILENO, "paused\n", 7) < 0)
		return -1;
	return (int)syscall(SYS_ppoll, fds, n, timeout_ms < 0 ? NULL : &pause,
			    NULL, 0);
}

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);
	struct stat s;

	if (clock == CLOCK_REALTIME)
		now->tv_sec += ahead;
	else if (skip != NULL && stat(skip, &s) == 0)
		now->tv_sec += s.st_size;
	return result;
}
