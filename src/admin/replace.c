/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/replace.h"

enum { NEW_MODE = 0640 };

static bool
write_all(int fd, struct span text, struct error *e)
{
	while (text.len > 0) {
		ssize_t n = write(fd, text.ptr, text.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_system(e, "cannot be written");
		text = span_after(text, (size_t)n);
	}
	return true;
}

/* The owner before the mode: chown takes bits away. */
static bool
set_owner(int folder, int fd, const struct replace_owner *owner,
	  struct error *e)
{
	struct stat parent, own;

	if (fstat(folder, &parent) != 0 || fstat(fd, &own) != 0)
		return error_system(e, "cannot be looked at");
	if (!owner->known) {
		/* The group is a service to the handler's user, not a must. */
		(void)!fchown(fd, (uid_t)-1, parent.st_gid);
		return fchmod(fd, NEW_MODE) == 0 ||
		       error_system(e, "mode cannot be set");
	}
	if ((own.st_uid != owner->user || own.st_gid != owner->group) &&
	    fchown(fd, owner->user, owner->group) != 0)
		return error_system(e, "owner and group cannot be kept");
	return fchmod(fd, owner->mode) == 0 ||
	       error_system(e, "mode cannot be kept");
}

static bool
fill(int folder, int fd, struct span text, const struct replace_owner *owner,
     struct error *e)
{
	if (!write_all(fd, text, e) || !set_owner(folder, fd, owner, e))
		return false;
	return fsync(fd) == 0 || error_system(e, "does not reach the disk");
}

bool
replace_file(int folder, const char *name, struct span text,
	     const struct replace_owner *owner, struct error *e)
{
	char fresh[NAME_MAX + 1];
	int length = snprintf(fresh, sizeof(fresh), ".%s.new", name);

	if (length < 0 || (size_t)length >= sizeof(fresh))
		return error_set(e, "%s: name too long", name);
	error_where(e, fresh);
	if (unlinkat(folder, fresh, 0) != 0 && errno != ENOENT)
		return error_system(e, "cannot be removed");
	int fd = openat(folder, fresh,
			O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
			0600);
	if (fd < 0)
		return error_system(e, "cannot be made");
	bool ok = fill(folder, fd, text, owner, e);
	if (close(fd) != 0 && ok)
		ok = error_system(e, "cannot be written");
	if (ok && renameat(folder, fresh, folder, name) != 0)
		ok = error_system(e, "cannot be renamed to %s", name);
	if (!ok) {
		(void)unlinkat(folder, fresh, 0);
		return false;
	}
	*e = (struct error){ 0 };
	return fsync(folder) == 0 ||
	       error_system(e,
			    "%s is written, but its folder does not reach "
			    "the disk",
			    name);
}
