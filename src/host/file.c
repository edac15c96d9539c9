/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/file.h"
#include "host/mode.h"
#include "host/sandbox.h"

enum { LINKS_MAX = 16 /* symbolic links on one way */ };

/* A way through the file system, one component at a time, so that each can be
 * looked at before it is followed. */
struct way {
	int folder; /* owned; where the rest begins */
	unsigned links; /* followed so far */
	enum file_result failure; /* what its end not being opened means */
	size_t at; /* where in text the rest is */
	char text[PATH_MAX];
};

static bool
is_trusted(uid_t owner)
{
	return owner == 0 || owner == geteuid();
}

/* True if something is there, or may be behind a folder that is. */
static bool
is_there(int result)
{
	return result == 0 || errno == EACCES;
}

bool
file_may_be_shown(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);
	struct stat s;

	if (is_there(lstat(path, &s)))
		return true;
	if (n >= sizeof(folder) || strspn(path, "/") >= n)
		return false;
	memcpy(folder, path, n);
	folder[n] = '\0';
	return is_there(stat(folder, &s));
}

const char *
file_shown(const char *path)
{
	static _Thread_local char
		hidden[sizeof("a path of characters") + SPAN_DIGITS_MAX];
	int number = errno;
	bool may = file_may_be_shown(path);

	errno = number;
	(void)snprintf(hidden, sizeof(hidden), "a path of %zu characters",
		       strlen(path));
	return may ? path : hidden;
}

/* In a sticky folder nobody can move or remove what belongs to others. */
static bool
check_folder(int fd, const struct stat *s, const char *name, const char *path,
	     struct error *e)
{
	char own[MODE_OWN_PATH_MAX], folder[PATH_MAX];
	struct mode_fault fault = { NULL, NULL };

	if ((s->st_mode & S_ISVTX) == 0)
		fault = mode_find(fd, s, false);
	if (fault.what == NULL)
		return true;
	(void)snprintf(own, sizeof(own), MODE_OWN_PATH, fd);
	ssize_t n = readlink(own, folder, sizeof(folder) - 1);
	folder[n < 0 ? 0 : n] = '\0';
	return error_set(e,
			 "the folder %s on the way to %s is %s; mend it with "
			 "chmod %s %s",
			 name, file_shown(path), fault.what, fault.mend,
			 n < 0 ? name : folder);
}

/* Puts the target of the link name before what is left of the way. */
static bool
follow_link(struct way *way, const char *name, const struct stat *s,
	    const char *path, struct error *e)
{
	char target[PATH_MAX], joined[2 * PATH_MAX];
	ssize_t n = readlinkat(way->folder, name, target, sizeof(target) - 1);

	if (!is_trusted(s->st_uid))
		return error_set(e,
				 "a symbolic link on the way to %s belongs "
				 "to another user; mend it with chown -h "
				 "root",
				 file_shown(path));
	sandbox_take_link(way->folder);
	if (n < 0 || ++way->links > LINKS_MAX)
		return error_set(e, "%s: a symbolic link that leads nowhere",
				 file_shown(path));
	target[n] = '\0';
	int length = snprintf(joined, sizeof(joined), "%s/%s", target,
			      way->text + way->at);
	if (length < 0 || (size_t)length >= sizeof(way->text))
		return error_set(e, "%s: path too long", file_shown(path));
	memcpy(way->text, joined, (size_t)length + 1);
	way->at = 0;
	if (target[0] != '/')
		return true;
	close(way->folder);
	way->folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return way->folder >= 0 || error_system(e, "/");
}

/* Opens the file at the end of the way: a descriptor, or -1 and e. */
static int
open_file(struct way *way, const char *name, const char *path, struct error *e)
{
	sandbox_take(way->folder);
	int fd = openat(way->folder, name,
			O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW |
				O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno != EACCES || sandbox_has(way->folder)) {
		error_system(e, "%s", path);
		return -1;
	}
	way->failure = FILE_OUTSIDE;
	error_set(e,
		  "%s is in none of the folders that were read at the start; "
		  "restart needed",
		  path);
	return -1;
}

/* Goes one component further.  *file is the descriptor of the last one. */
static bool
step(struct way *way, const char *path, int *file, struct error *e)
{
	char name[NAME_MAX + 1];
	const char *begin = way->text + way->at;
	begin += strspn(begin, "/");
	size_t n = strcspn(begin, "/");
	struct stat s;

	if (n == 0 || n > NAME_MAX)
		return error_set(e, "%s: expected the path of a file",
				 file_shown(path));
	memcpy(name, begin, n);
	name[n] = '\0';
	way->at = (size_t)(begin - way->text) + n;
	bool last = begin[n + strspn(begin + n, "/")] == '\0';
	if (fstatat(way->folder, name, &s, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT && way->links == 0)
			way->failure = FILE_ABSENT;
		error_system(e, "%s", file_shown(path));
		if (last)
			sandbox_take(way->folder);
		return false;
	}
	if (S_ISLNK(s.st_mode))
		return follow_link(way, name, &s, path, e);
	if (last) {
		*file = open_file(way, name, path, e);
		return *file >= 0;
	}
	int fd = openat(way->folder, name,
			O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return error_system(e, "%s", file_shown(path));
	close(way->folder);
	way->folder = fd;
	return fstat(fd, &s) == 0 ? check_folder(fd, &s, name, path, e)
				  : error_system(e, "%s", path);
}

/* Gives a descriptor, or -1, e, and in *failure what that means. */
static int
open_safely(const char *path, enum file_result *failure, struct error *e)
{
	struct way way = { .folder = -1 };
	int file = -1;

	*failure = FILE_UNREADABLE;
	if (path[0] != '/' || strlen(path) >= sizeof(way.text)) {
		error_set(e, "%s: expected an absolute path", file_shown(path));
		return -1;
	}
	memcpy(way.text, path, strlen(path) + 1);
	way.folder = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (way.folder < 0)
		error_system(e, "/");
	while (way.folder >= 0 && file < 0 && step(&way, path, &file, e))
		;
	if (way.folder >= 0)
		close(way.folder);
	*failure = way.failure;
	return file;
}

static bool
check_file(int fd, const struct stat *s, const char *path, bool secret,
	   size_t max, struct error *e)
{
	if (!S_ISREG(s->st_mode))
		return error_set(e, "%s: expected a file", path);
	if (!is_trusted(s->st_uid))
		return error_set(e,
				 "%s belongs to another user; mend it with "
				 "chown root %s",
				 path, path);
	struct mode_fault fault = mode_find(fd, s, secret);
	if (fault.what != NULL)
		return error_set(e, "%s is %s; mend it with chmod %s %s", path,
				 fault.what, fault.mend, path);
	if (s->st_size < 0 || (uintmax_t)s->st_size > max)
		return error_set(e, "%s: too large, at most %zu bytes", path,
				 max);
	return true;
}

bool
file_read_all(int fd, struct buffer *text, struct error *e)
{
	enum { CHUNK = 65536 };

	for (;;) {
		size_t left = text->max - text->len;
		size_t room =
			text->size > text->len ? text->size - text->len : CHUNK;
		if (room > left)
			room = left;
		char *at = buffer_reserve(text, room);
		if (at == NULL)
			return error_set(e, "out of memory");
		ssize_t n = read(fd, at, room);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_system(e, "cannot be read");
		if (n == 0)
			return true;
		text->len += (size_t)n;
		if (text->len == text->max)
			return error_set(e, "too large, at most %zu bytes",
					 text->max - 1);
	}
}

/* Has room for size bytes at once: a chunk is more than most files need, and
 * all of it would be wiped. */
static bool
read_named(int fd, const char *path, size_t size, struct buffer *text,
	   struct error *e)
{
	struct error inner = { 0 };

	(void)buffer_reserve(text, size + 1);
	return file_read_all(fd, text, &inner) ||
	       error_set(e, "%s: %s", path, inner.text);
}

void
file_identity_of(const struct stat *s, struct file_identity *identity)
{
	*identity = (struct file_identity){
		.exists = true,
		.readable = (s->st_mode & S_IROTH) != 0,
		.device = s->st_dev,
		.inode = s->st_ino,
		.size = s->st_size,
		.modified = s->st_mtim,
		.changed = s->st_ctim,
	};
}

enum file_result
file_read(const char *path, bool secret, size_t max, struct buffer *text,
	  struct file_identity *identity, struct error *e)
{
	enum file_result result = FILE_UNREADABLE;
	struct stat s;
	enum file_result failure;
	int fd = open_safely(path, &failure, e);

	*identity = (struct file_identity){ 0 };
	buffer_init(text, max + 1);
	if (fd < 0)
		return failure;
	if (fstat(fd, &s) != 0) {
		error_system(e, "%s", path);
	} else {
		file_identity_of(&s, identity);
		if (!S_ISREG(s.st_mode))
			error_set(e, "%s: expected a file", path);
		else if (!check_file(fd, &s, path, secret, max, e))
			result = FILE_UNSAFE;
		else if (read_named(fd, path, (size_t)s.st_size, text, e))
			result = FILE_READ;
		else if (text->len > max) /* it has grown */
			result = FILE_UNSAFE;
	}
	close(fd);
	return result;
}

bool
file_is_outside(const char *path, struct error *e)
{
	enum file_result failure;
	struct error other = { 0 };
	int fd = open_safely(path, &failure, &other);

	if (fd >= 0)
		close(fd);
	else if (failure == FILE_OUTSIDE)
		*e = other;
	return fd < 0 && failure == FILE_OUTSIDE;
}

void
file_identify(const char *path, struct file_identity *identity)
{
	struct stat s;

	*identity = (struct file_identity){ 0 };
	if (stat(path, &s) == 0)
		file_identity_of(&s, identity);
}

static bool
same_time(struct timespec a, struct timespec b)
{
	return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool
file_same(const struct file_identity *a, const struct file_identity *b)
{
	if (!a->exists || !b->exists)
		return a->exists == b->exists;
	return a->device == b->device && a->inode == b->inode &&
	       a->size == b->size && same_time(a->modified, b->modified) &&
	       same_time(a->changed, b->changed);
}
