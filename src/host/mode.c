/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <sys/xattr.h>

#include "host/mode.h"

/* Of these, any may be. */
enum { GROUP_WRITES = 1, ALL_WRITE = 2, ALL_READ = 4 };

/* With an access control list the group's bits are those of its mask: whoever
 * it names may write (acl(5)). */
static bool
group_is_root(int fd, const struct stat *s)
{
	char path[MODE_OWN_PATH_MAX];

	/* The descriptor of a folder is not open to be read, and has a name
	 * only here. */
	(void)snprintf(path, sizeof(path), MODE_OWN_PATH, fd);
	return s->st_gid == 0 &&
	       getxattr(path, "system.posix_acl_access", NULL, 0) < 0 &&
	       (errno == ENODATA || errno == ENOTSUP);
}

struct mode_fault
mode_find(int fd, const struct stat *s, bool secret)
{
	static const struct mode_fault faults[] = {
		[GROUP_WRITES] = { "writable by its group", "g-w" },
		[ALL_WRITE] = { "writable by others", "o-w" },
		[ALL_WRITE | GROUP_WRITES] = { "writable by others", "go-w" },
		[ALL_READ] = { "readable by others", "o-r" },
		[ALL_READ |
			GROUP_WRITES] = { "writable by its group", "g-w,o-r" },
		[ALL_READ | ALL_WRITE] = { "writable by others", "o-rw" },
		[ALL_READ | ALL_WRITE |
			GROUP_WRITES] = { "writable by others", "g-w,o-rw" },
	};
	unsigned fault = 0;

	if ((s->st_mode & S_IWGRP) != 0 && !group_is_root(fd, s))
		fault |= GROUP_WRITES;
	if ((s->st_mode & S_IWOTH) != 0)
		fault |= ALL_WRITE;
	if (secret && (s->st_mode & S_IROTH) != 0)
		fault |= ALL_READ;
	return faults[fault];
}
