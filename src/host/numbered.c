/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/file.h"
#include "host/numbered.h"

/* The descriptor of a file's number, or -1. */
static int
open_number(int folder, const char *name, unsigned number, int flags)
{
	char text[NAME_MAX + 1];
	int n = snprintf(text, sizeof(text), "%s.%u", name, number);

	if (n < 0 || (size_t)n >= sizeof(text))
		return -1;
	return openat(folder, text, flags | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
		      0640);
}

/* One who asks whether it is held must not hold it meanwhile, as flock(2)'s
 * locks would: hence these, which the kernel can be asked for. */
static bool
lock(int file, int command, short *type)
{
	struct flock whole = { .l_type = *type, .l_whence = SEEK_SET };
	bool done = fcntl(file, command, &whole) == 0;

	*type = whole.l_type;
	return done;
}

/* Only this user can have made it, and no other process has it. */
static bool
take(int file)
{
	struct stat s;
	short type = F_WRLCK;

	return fstat(file, &s) == 0 && S_ISREG(s.st_mode) &&
	       s.st_uid == geteuid() && s.st_nlink == 1 &&
	       (s.st_mode & (S_IWGRP | S_IWOTH)) == 0 &&
	       lock(file, F_OFD_SETLK, &type);
}

/* Root makes no files where somebody else is at home. */
static bool
check_folder(int folder, const char *path, struct error *e)
{
	struct stat s;

	if (fstat(folder, &s) != 0)
		return error_system(e, "%s", path);
	if ((s.st_mode & S_IWOTH) != 0)
		return error_set(e,
				 "%s is writable by everybody: nothing is "
				 "kept in it; mend it with chmod o-w %s",
				 path, path);
	return geteuid() != 0 || s.st_uid == 0 ||
	       error_set(e,
			 "%s belongs to another user than root, which this "
			 "program runs as: nothing is kept in it",
			 path);
}

/* Takes one file; -1 if that is not to be, with *number the errno if it was not
 * for another process or user. */
static int
take_one(int file, bool (*use)(void *context, int file), void *context,
	 int *number)
{
	if (file < 0) {
		*number = errno;
		return -1;
	}
	if (take(file)) {
		errno = 0;
		if (use(context, file))
			return file;
		if (errno != 0)
			*number = errno;
	}
	close(file);
	return -1;
}

int
numbered_take(const char *path, const char *name,
	      bool (*use)(void *context, int file), void *context,
	      struct error *e)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int file = -1, number = 0;

	if (folder < 0) {
		if (errno != ENOENT)
			error_system(e, "%s: nothing is kept in it", path);
		return -1;
	}
	bool ok = check_folder(folder, path, e);
	for (unsigned i = 0; ok && file < 0 && i < NUMBERED_FILES; i++)
		file = take_one(open_number(folder, name, i, O_RDWR | O_CREAT),
				use, context, &number);
	close(folder);
	errno = number;
	if (file < 0 && number != 0)
		error_system(e, "%s: no file %s.N to be had", path, name);
	else if (file < 0)
		error_set(e,
			  "%s: no file %s.N to be had: all are another "
			  "process's, another user's or no such file",
			  path, name);
	return file;
}

/* A second name of a file would count it twice. */
static bool
is_ours(int file, off_t size, off_t most)
{
	struct stat s;

	return fstat(file, &s) == 0 && S_ISREG(s.st_mode) && s.st_nlink == 1 &&
	       s.st_size > 0 && s.st_size % size == 0 &&
	       s.st_size / size <= most;
}

bool
numbered_read(const char *path, const char *name, off_t size, off_t most,
	      void (*give)(void *context, int file), void *context,
	      struct error *e)
{
	int folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (folder < 0)
		return error_system(e, "%s", file_shown(path));
	for (unsigned i = 0; i < NUMBERED_FILES; i++) {
		int file = open_number(folder, name, i, O_RDONLY);
		if (file < 0)
			continue;
		if (is_ours(file, size, most))
			give(context, file);
		close(file);
	}
	close(folder);
	return true;
}

bool
numbered_is_held(int file)
{
	short type = F_RDLCK;

	return !lock(file, F_OFD_GETLK, &type) || type != F_UNLCK;
}
