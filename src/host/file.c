/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "host/account.h"
#include "host/document_root.h"
#include "host/file.h"
#include "host/sandbox.h"
#include "host/settings_file.h"

/* The path of a descriptor, for printf. */
#define OWN_PATH "/proc/self/fd/%d"
enum { OWN_PATH_MAX = sizeof("/proc/self/fd/2147483647") };

/* A mode that gives the group or others too much, and the fix for chmod(1). */
struct mode_fault {
	const char *what; /* NULL: nothing */
	char fix[sizeof("g-w,o-rw")];
};

/* Return true if only root's group has the group's bits.  With an access
 * control list these bits are its mask, and the users in the list can write
 * (acl(5)). */
static bool
group_is_root(int fd, const struct stat *s)
{
	char path[OWN_PATH_MAX];

	/* The descriptor of a folder is O_PATH, so fgetxattr(2) refuses it. */
	(void)snprintf(path, sizeof(path), OWN_PATH, fd);
	return s->st_gid == 0 &&
	       getxattr(path, "system.posix_acl_access", NULL, 0) < 0 &&
	       (errno == ENODATA || errno == ENOTSUP);
}

bool
file_readable_by_others(const struct stat *s)
{
	return (s->st_mode & S_IROTH) != 0;
}

/* Find a mode that lets others write the file, or a group other than root's, or
 * users of an access control list; or lets others read a secret. */
static struct mode_fault
find_fault(int fd, const struct stat *s, bool secret)
{
	bool group = (s->st_mode & S_IWGRP) != 0 && !group_is_root(fd, s);
	bool write = (s->st_mode & S_IWOTH) != 0;
	bool read = secret && file_readable_by_others(s);
	struct mode_fault fault = { NULL };

	fault.what = write   ? "writable by others"
		     : group ? "writable by its group"
		     : read  ? "readable by others"
			     : NULL;
	(void)snprintf(fault.fix, sizeof(fault.fix), "%s%s%s%s%s",
		       group ? "g-w" : "", group && (write || read) ? "," : "",
		       write || read ? "o-" : "", read ? "r" : "",
		       write ? "w" : "");
	return fault;
}

enum { LINKS_MAX = 16 /* symbolic links on one way */ };

/* A path that is opened one component at a time, so that each one is checked
 * before it is used. */
struct way {
	int folder; /* owned; the rest of the path begins here */
	unsigned links; /* followed so far */
	enum file_result failure; /* the result if its end does not open */
	bool to_folder; /* the path is that of a folder, not of a file */
	int log; /* more flags to open a log; 0: not a log */
	size_t at; /* offset of the rest in text */
	char text[PATH_MAX];
};

static uid_t also_trusted; /* 0: no other user */

void
file_trust(uid_t owner)
{
	also_trusted = owner;
}

static bool
is_trusted(uid_t owner)
{
	return owner == 0 || owner == geteuid() || owner == also_trusted;
}

/* Return false if nothing is there.  A folder without permission may hide a
 * file. */
static bool
is_there(int result)
{
	return result == 0 || errno == EACCES;
}

bool
file_may_be_shown(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = strrchr(path, '/'), *usual = settings_file();
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);
	struct stat s;

	if (is_there(lstat(path, &s)) ||
	    (usual != NULL && strcmp(path, usual) == 0))
		return true;
	if (n >= sizeof(folder) || strspn(path, "/") >= n)
		return false;
	(void)snprintf(folder, sizeof(folder), "%.*s", (int)n, path);
	return is_there(stat(folder, &s));
}

const char *
file_shown(const char *path)
{
	static _Thread_local char hidden[48]; /* a path of N characters */
	int number = errno;
	bool may = file_may_be_shown(path);

	errno = number;
	(void)snprintf(hidden, sizeof(hidden), "a path of %zu characters",
		       strlen(path));
	return may ? path : hidden;
}

/* Write the path of fd to path, or name if /proc has none. */
static void
find_path(int fd, const char *name, char path[static PATH_MAX])
{
	char own[OWN_PATH_MAX];

	(void)snprintf(own, sizeof(own), OWN_PATH, fd);
	ssize_t n = readlink(own, path, PATH_MAX - 1);
	if (n >= 0)
		path[n] = '\0';
	else
		(void)snprintf(path, PATH_MAX, "%s", name);
}

/* Check owner and mode of a folder: its owner can replace each file in it.  In
 * a sticky folder others can replace only their own files. */
static bool
check_folder(int fd, const char *name, const char *path, struct error *e)
{
	char folder[PATH_MAX];
	struct mode_fault fault = { NULL };
	struct stat s;

	if (fstat(fd, &s) != 0)
		return error_system(e, "%s", path);
	bool trusted = is_trusted(s.st_uid);
	if (s.st_uid != 0 || (s.st_mode & S_ISVTX) == 0)
		fault = find_fault(fd, &s, false);
	if (trusted && fault.what == NULL)
		return true;
	find_path(fd, name, folder);
	return trusted ? error_set(e,
				   "%s: bad folder: %s is %s (fix: chmod %s "
				   "%s)",
				   path, folder, fault.what, fault.fix, folder)
		       : error_set(e,
				   "%s: bad folder: %s belongs to uid %u (fix: "
				   "chown root %s, or keep the file in a "
				   "folder of root)",
				   path, folder, (unsigned)s.st_uid, folder);
}

/* Return a descriptor of the root folder, or -1 and e. */
static int
open_root(const char *path, struct error *e)
{
	int fd = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0)
		error_system(e, "/");
	if (fd < 0 || check_folder(fd, "/", path, e))
		return fd;
	close(fd);
	return -1;
}

static bool
check_link(int folder, const char *name, const struct stat *s, const char *path,
	   struct error *e)
{
	char above[PATH_MAX];

	if (is_trusted(s->st_uid))
		return true;
	find_path(folder, ".", above);
	const char *slash = strcmp(above, "/") == 0 ? "" : "/";
	return error_set(e,
			 "%s: bad symbolic link: %s%s%s belongs to uid %u "
			 "(fix: chown -h root %s%s%s)",
			 file_shown(path), above, slash, name,
			 (unsigned)s->st_uid, above, slash, name);
}

/* Put the target of the link name before the rest of the path. */
static bool
follow_link(struct way *way, const char *name, const struct stat *s,
	    const char *path, struct error *e)
{
	char target[PATH_MAX], joined[2 * PATH_MAX];
	ssize_t n = readlinkat(way->folder, name, target, sizeof(target) - 1);

	if (!check_link(way->folder, name, s, path, e))
		return false;
	sandbox_take(way->folder, SANDBOX_LINK);
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
	way->folder = open_root(path, e);
	return way->folder >= 0;
}

/* Enter the folder name, and check it. */
static bool
enter_folder(struct way *way, const char *name, const char *path,
	     struct error *e)
{
	int fd = openat(way->folder, name,
			O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return error_system(e, "%s", file_shown(path));
	close(way->folder);
	way->folder = fd;
	return check_folder(fd, name, path, e);
}

static char reader_user[ACCOUNT_NAME_SIZE], reader_group[ACCOUNT_NAME_SIZE];

void
file_set_reader(void)
{
	account_user_name(geteuid(), reader_user);
	account_group_name(getegid(), reader_group);
}

const char *
file_reader(void)
{
	return reader_user[0] == '\0' ? NULL : reader_user;
}

/* Set the error of a path that cannot be opened, from errno. */
static void
set_unreadable(const char *path, struct error *e)
{
	if (errno == EACCES && file_reader() != NULL)
		error_set(e,
			  "%s: not readable by user %s (fix: chgrp %s %s && "
			  "chmod 640 %s)",
			  path, reader_user, reader_group, path, path);
	else
		error_system(e, "%s", path);
}

/* Set the error of a folder that cannot be searched, from errno. */
static void
set_unsearchable(int folder, const char *path, struct error *e)
{
	char name[PATH_MAX];

	if (errno != EACCES || file_reader() == NULL) {
		error_system(e, "%s", file_shown(path));
		return;
	}
	find_path(folder, ".", name);
	error_set(e,
		  "%s: bad folder: %s is not searchable by user %s (fix: chgrp "
		  "%s %s && chmod g+x %s)",
		  file_shown(path), name, reader_user, reader_group, name,
		  name);
}

/* Open the file at the end of the path.  Return a descriptor, or -1 and e. */
static int
open_file(struct way *way, const char *name, const char *path, struct error *e)
{
	if (!document_root_check(way->folder, path, e))
		return -1;
	sandbox_take(way->folder, SANDBOX_READ);
	int fd = openat(way->folder, name,
			O_RDONLY | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW |
				O_CLOEXEC);

	if (fd >= 0)
		return fd;
	if (errno != EACCES || sandbox_has(way->folder)) {
		set_unreadable(path, e);
		return -1;
	}
	way->failure = FILE_OUTSIDE;
	error_set(e,
		  "%s is in none of the folders that were read at the start; "
		  "restart needed",
		  path);
	return -1;
}

/* Open the log at the end of the path for writing.  Return as open_file. */
static int
open_log(struct way *way, const char *name, const char *path, struct error *e)
{
	if (!document_root_check(way->folder, file_shown(path), e))
		return -1;
	int fd = openat(way->folder, name,
			way->log | O_NONBLOCK | O_NOCTTY | O_NOFOLLOW |
				O_CLOEXEC,
			0640);

	if (fd >= 0)
		sandbox_take(way->folder, SANDBOX_LOG);
	else if (errno == EACCES && file_reader() != NULL)
		error_set(e, "%s: not writable by user %s (fix: chown %s %s)",
			  path, reader_user, reader_user, path);
	else if (errno == ENOENT)
		error_set(e, "%s: %s (fix: create it first)", file_shown(path),
			  strerror(ENOENT));
	else
		error_system(e, "%s", file_shown(path));
	return fd;
}

/* Open the next component.  After the last one *file is its descriptor, with
 * O_PATH for a folder. */
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
	if (last && way->log != 0) {
		*file = open_log(way, name, path, e);
		return *file >= 0;
	}
	if (fstatat(way->folder, name, &s, AT_SYMLINK_NOFOLLOW) != 0) {
		if (errno == ENOENT && way->links == 0)
			way->failure = FILE_ABSENT;
		set_unsearchable(way->folder, path, e);
		if (last)
			sandbox_take(way->folder, SANDBOX_READ);
		return false;
	}
	if (S_ISLNK(s.st_mode))
		return follow_link(way, name, &s, path, e);
	if (last && !way->to_folder) {
		*file = open_file(way, name, path, e);
		return *file >= 0;
	}
	if (!enter_folder(way, name, path, e))
		return false;
	if (last) {
		*file = way->folder;
		way->folder = -1;
	}
	return true;
}

/* Return a descriptor; or -1, e, and the result in *failure. */
static int
open_safely(const char *path, bool folder, int log, enum file_result *failure,
	    struct error *e)
{
	struct way way = { .folder = -1, .to_folder = folder, .log = log };
	int file = -1;

	*failure = FILE_UNREADABLE;
	if (path[0] != '/' || strlen(path) >= sizeof(way.text)) {
		error_set(e, "%s: expected an absolute path", file_shown(path));
		return -1;
	}
	memcpy(way.text, path, strlen(path) + 1);
	way.folder = open_root(path, e);
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
				 "%s: bad owner: uid %u (fix: chown root %s)",
				 path, (unsigned)s->st_uid, path);
	struct mode_fault fault = find_fault(fd, s, secret);
	if (fault.what != NULL)
		return error_set(e,
				 "%s: bad permissions: %s (fix: chmod %s %s)",
				 path, fault.what, fault.fix, path);
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

/* Read the file into text.  Reserve exactly its size: a chunk would be larger
 * than most files, and all of it would be wiped. */
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
		.readable = file_readable_by_others(s),
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
	int fd = open_safely(path, false, 0, &failure, e);

	*identity = (struct file_identity){ 0 };
	buffer_init(text, max + 1);
	if (fd < 0)
		return failure;
	if (fstat(fd, &s) != 0) {
		error_system(e, "%s", file_shown(path));
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

int
file_open_log(const char *path, bool create, struct error *e)
{
	int flags = O_WRONLY | O_APPEND | (create ? O_CREAT : 0);
	/* In the sandbox umask(2) is forbidden, and no file is created. */
	mode_t mask = create ? umask(0137) : 0;
	enum file_result failure;
	int fd = open_safely(path, false, flags, &failure, e);
	struct stat s;

	if (create)
		(void)umask(mask);
	if (fd < 0)
		return -1;
	if (fstat(fd, &s) != 0)
		error_system(e, "%s", file_shown(path));
	else if (check_file(fd, &s, path, false, SIZE_MAX, e))
		return fd;
	close(fd);
	return -1;
}

bool
file_check_folder(const char *path, struct error *e)
{
	enum file_result failure;
	int fd = open_safely(path, true, 0, &failure, e);

	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

bool
file_check_owned(const char *path, uid_t owner, struct error *e)
{
	enum file_result failure;
	struct stat s;

	bool folder = stat(path, &s) == 0 && S_ISDIR(s.st_mode);
	uid_t before = also_trusted;
	also_trusted = owner;
	int fd = open_safely(path, folder, 0, &failure, e);
	bool ok = fd >= 0 && fstat(fd, &s) == 0 &&
		  (folder || check_file(fd, &s, path, false, SIZE_MAX, e));
	also_trusted = before;
	if (fd >= 0)
		close(fd);
	return ok;
}

void
file_identify(const char *path, struct file_identity *identity)
{
	struct stat s;

	*identity = (struct file_identity){ 0 };
	if (stat(path, &s) == 0)
		file_identity_of(&s, identity);
	else if (errno != ENOENT && errno != ENOTDIR)
		identity->error = errno;
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
		return a->exists == b->exists && a->error == b->error;
	return a->device == b->device && a->inode == b->inode &&
	       a->size == b->size && same_time(a->modified, b->modified) &&
	       same_time(a->changed, b->changed);
}
