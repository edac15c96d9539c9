/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/lock.h"

enum {
	STEP_MS = 2,
	/* To be written: of what is not, NFS gives no lock (flock(2)). */
	LOCK_FLAGS = O_RDWR | O_NOFOLLOW | O_CLOEXEC
};

enum turn { TURN_FAILED = 0, TURN_OTHERS, TURN_OURS };

/* Whose turn it is; name is for e. */
static enum turn
try(int fd, const char *name, struct error *e)
{
	if (flock(fd, LOCK_EX | LOCK_NB) == 0)
		return TURN_OURS;
	if (errno == EWOULDBLOCK || errno == EINTR)
		return TURN_OTHERS;
	error_system(e, "%s cannot be locked", name);
	return TURN_FAILED;
}

static void
pause_a_step(void)
{
	const struct timespec step = { .tv_nsec = STEP_MS * 1000000L };

	(void)nanosleep(&step, NULL);
}

static const char *
name_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

/* Nobody can have it open but its owner and root, and it has nothing in it that
 * could be missed. */
static bool
check_file(int folder, const struct stat *s, const char *path, struct error *e)
{
	struct stat parent;

	if (fstat(folder, &parent) != 0)
		return error_system(e, "%s", path);
	bool ours = s->st_uid == 0 || s->st_uid == geteuid() ||
		    s->st_uid == parent.st_uid;
	return (ours && S_ISREG(s->st_mode) && s->st_nlink <= 1 &&
		s->st_size == 0 && (s->st_mode & (S_IRWXG | S_IRWXO)) == 0) ||
	       error_set(e,
			 "%s is in the way: it is no lock, or one that others "
			 "can hold; mend it with rm %s",
			 path, path);
}

/* Another may have been put in its place. */
static bool
is_there(int folder, const char *path, int fd)
{
	struct stat own, now;

	return fstat(fd, &own) == 0 &&
	       fstatat(folder, name_of(path), &now, AT_SYMLINK_NOFOLLOW) == 0 &&
	       now.st_ino == own.st_ino;
}

/* The file is its folder's owner's, so that he can wait for root. */
static int
make_file(int folder, const char *name)
{
	int fd = openat(folder, name, LOCK_FLAGS | O_CREAT | O_EXCL,
			S_IRUSR | S_IWUSR);
	struct stat parent;

	if (fd >= 0 && geteuid() == 0 && fstat(folder, &parent) == 0)
		(void)!fchown(fd, parent.st_uid, (gid_t)-1);
	return fd;
}

static enum turn
failed(const char *path, struct error *e)
{
	error_system(e, "%s", path);
	return TURN_FAILED;
}

/* With TURN_OURS, *fd is the file that is locked and there, for who had it
 * before removes it. */
static enum turn
try_file(int folder, const char *path, int *fd, struct error *e)
{
	struct stat s;

	*fd = openat(folder, name_of(path), LOCK_FLAGS | O_NONBLOCK);
	if (*fd < 0 && errno == ENOENT)
		*fd = make_file(folder, name_of(path));
	if (*fd < 0)
		return errno == EEXIST ? TURN_OTHERS : failed(path, e);
	if (fstat(*fd, &s) != 0)
		return failed(path, e);
	if (!check_file(folder, &s, path, e))
		return TURN_FAILED;
	enum turn turn = try(*fd, path, e);
	return turn == TURN_OURS && !is_there(folder, path, *fd) ? TURN_OTHERS
								 : turn;
}

/* The descriptor that is locked: folder, or with is_file that of the file at
 * name in it; -1 and e on failure. */
static int
take(int folder, const char *name, bool is_file, int wait_ms, struct error *e)
{
	for (int waited = 0; waited < wait_ms; waited += STEP_MS) {
		int fd = folder;
		enum turn turn = is_file ? try_file(folder, name, &fd, e)
					 : try(folder, name, e);
		if (turn == TURN_OURS)
			return fd;
		if (fd >= 0 && fd != folder)
			close(fd);
		if (turn == TURN_FAILED)
			return -1;
		pause_a_step();
	}
	error_set(e, "%s has been locked by somebody else for %d s", name,
		  wait_ms / 1000);
	return -1;
}

bool
lock_take(int folder, const char *name, int wait_ms, struct error *e)
{
	return take(folder, name, false, wait_ms, e) >= 0;
}

int
lock_take_file(int folder, const char *path, int wait_ms, struct error *e)
{
	return take(folder, path, true, wait_ms, e);
}

void
lock_release_file(int folder, const char *path, int lock)
{
	if (is_there(folder, path, lock))
		(void)unlinkat(folder, name_of(path), 0);
	close(lock);
}
