/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/replace.h"
#include "host/file.h"
#include "host/lock.h"

enum {
	LOCK_WAIT_MS = 30000, /* longer edits hang */
	NEW_MODE = 0640
};

/* Return path with symbolic links followed; the file may be missing, but must
 * not be a device. */
static char *
resolve(const char *path, struct error *e)
{
	char *real = realpath(path, NULL);
	struct stat s;

	if (real != NULL && (stat(real, &s) != 0 || S_ISREG(s.st_mode)))
		return real;
	if (real != NULL) {
		error_set(e, "%s: expected a file", file_shown(path));
		free(real);
		return NULL;
	}
	if (errno == ENOENT && lstat(path, &s) != 0 && path[0] == '/')
		return strdup(path);
	error_system(e, "%s", file_shown(path));
	return NULL;
}

static bool
open_folder(struct replacement *r, struct error *e)
{
	const char *slash = strrchr(r->path, '/');
	int n = slash == r->path ? 1 : (int)(slash - r->path);
	char folder[PATH_MAX];

	if (snprintf(folder, sizeof(folder), "%.*s", n, r->path) >= PATH_MAX)
		return error_set(e, "%s: path too long", r->path);
	r->name = (size_t)(slash - r->path) + 1;
	if (asprintf(&r->new_path, "%.*s.%s.new", (int)r->name, r->path,
		     r->path + r->name) < 0) {
		r->new_path = NULL;
		return error_set(e, "out of memory");
	}
	r->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return r->folder >= 0 || error_system(e, "%s", file_shown(folder));
}

/* Create the new file for the owner of its folder, so that this user can wait
 * for an edit of root. */
static int
make_new_file(const struct replacement *r)
{
	int fd = openat(r->folder, r->new_path + r->name,
			O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	uid_t owner = (uid_t)-1;
	struct stat parent;

	if (fd >= 0 && fstat(r->folder, &parent) == 0) {
		if (geteuid() == 0)
			owner = parent.st_uid;
		(void)!fchown(fd, owner, parent.st_gid);
	}
	return fd;
}

/* Return false if the file was renamed or removed. */
static bool
is_new_file(const struct replacement *r, int fd)
{
	struct stat own, now;

	return fstat(fd, &own) == 0 &&
	       fstatat(r->folder, r->new_path + r->name, &now,
		       AT_SYMLINK_NOFOLLOW) == 0 &&
	       now.st_ino == own.st_ino && now.st_dev == own.st_dev;
}

/* Wait for the process that made the new file; remove the file if the process
 * was killed.  The descriptor can write, or NFS gives no lock (flock(2)). */
static bool
wait_for_other(const struct replacement *r, struct error *e)
{
	const char *name = r->new_path + r->name;
	int fd = openat(r->folder, name,
			O_RDWR | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);

	if (fd < 0)
		return errno == ENOENT ||
		       error_set(e,
				 "%s: in the way: %s (fix: remove it if no "
				 "other edit runs)",
				 r->new_path, strerror(errno));
	bool ok = lock_take(fd, r->new_path, LOCK_WAIT_MS, e);
	if (ok && is_new_file(r, fd) && unlinkat(r->folder, name, 0) != 0)
		ok = error_system(e, "%s", r->new_path);
	close(fd);
	return ok;
}

/* Set the error of the new file from errno. */
static bool
fail(const struct replacement *r, const char *what, struct error *e)
{
	if (errno == ENOSPC || errno == EDQUOT) {
		error_set(e, "the disk is full; the file is unchanged (fix: "
			     "free space; df -h shows the disks)");
		error_where(e, r->path);
	} else {
		error_system(e, "%s", what);
		error_where(e, r->new_path);
	}
	return false;
}

/* Lock the new file; another process may take it before it is locked. */
static bool
lock(struct replacement *r, struct error *e)
{
	for (;;) {
		int fd = make_new_file(r);
		if (fd < 0 && errno != EEXIST)
			return fail(r, "cannot be created", e);
		if (fd < 0) {
			if (!wait_for_other(r, e))
				return false;
			continue;
		}
		bool ok = lock_take(fd, r->new_path, LOCK_WAIT_MS, e);
		if (ok && is_new_file(r, fd)) {
			r->fd = fd;
			return true;
		}
		close(fd);
		if (!ok)
			return false;
	}
}

bool
replace_open(struct replacement *r, const char *path, bool dry_run,
	     struct error *e)
{
	*r = REPLACEMENT_NONE;
	r->path = resolve(path, e);
	return r->path != NULL && open_folder(r, e) && (dry_run || lock(r, e));
}

static bool
write_all(int fd, struct span text)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		text = span_after(text, (size_t)n);
	}
	return true;
}

/* Set the owner, then the mode, since chown(2) clears bits. */
static bool
set_owner(int fd, const struct stat *old, struct error *e)
{
	struct stat own;

	if (old == NULL)
		return fchmod(fd, NEW_MODE) == 0 ||
		       error_system(e, "mode cannot be set");
	if (fstat(fd, &own) != 0)
		return error_system(e, "cannot be looked at");
	if ((own.st_uid != old->st_uid || own.st_gid != old->st_gid) &&
	    fchown(fd, old->st_uid, old->st_gid) != 0)
		return error_system(e, "owner and group cannot be kept");
	return fchmod(fd, old->st_mode & 07777) == 0 ||
	       error_system(e, "mode cannot be kept");
}

bool
replace_commit(struct replacement *r, struct span text, const struct stat *old,
	       struct error *e)
{
	if (!write_all(r->fd, text))
		return fail(r, "cannot be written", e);
	if (!set_owner(r->fd, old, e)) {
		error_where(e, r->new_path);
		return false;
	}
	if (fsync(r->fd) != 0)
		return fail(r, "does not reach the disk", e);
	error_where(e, r->new_path);
	if (!is_new_file(r, r->fd))
		return error_set(e, "removed by another program (fix: try "
				    "again)");
	if (renameat(r->folder, r->new_path + r->name, r->folder,
		     r->path + r->name) != 0)
		return error_system(e, "cannot be renamed to %s", r->path);
	*e = (struct error){ 0 };
	return fsync(r->folder) == 0 ||
	       error_system(e,
			    "%s: written, but its folder does not reach the "
			    "disk",
			    r->path);
}

void
replace_close(struct replacement *r)
{
	if (r->fd >= 0) {
		if (is_new_file(r, r->fd))
			(void)unlinkat(r->folder, r->new_path + r->name, 0);
		close(r->fd);
	}
	if (r->folder >= 0)
		close(r->folder);
	free(r->path);
	free(r->new_path);
	*r = REPLACEMENT_NONE;
}
