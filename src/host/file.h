/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * file: reads the files of a configuration if they are safe, and reports
 * changes.
 *
 * Safe: a regular file of root or of the user of the program, not writable by
 * others, by a group other than root's, or by users of an access control list.
 * The same holds for each folder on the way from /, unless it is root's and
 * sticky.  Symbolic links belong to those two owners.  A secret is not readable
 * by others either.
 */
#ifndef CERTGATE_HOST_FILE_H
#define CERTGATE_HOST_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <time.h>

#include "base/buffer.h"
#include "base/error.h"

bool file_readable_by_others(const struct stat *s);

/* Differs if a file has changed. */
struct file_identity {
	bool exists;
	bool readable; /* by others */
	int error; /* errno of stat(2); 0: none, or no such file */
	dev_t device;
	ino_t inode;
	off_t size;
	struct timespec modified;
	struct timespec changed; /* ctime: cannot be set back */
};

enum file_result {
	FILE_UNREADABLE = 0, /* not to be opened, or behind a dead link */
	FILE_ABSENT, /* certainly not there: neither it nor a link to it */
	FILE_OUTSIDE, /* the sandbox does not let it be read: restart needed */
	FILE_UNSAFE, /* there, but not to be believed, or too large */
	FILE_READ
};

/*
 * Read path, absolute, into text (initialised here; at most max bytes, wiped
 * and freed by the caller with buffer_wipe) and report its identity.
 * Otherwise e says why, with the command that fixes it.
 */
enum file_result file_read(const char *path, bool secret, size_t max,
			   struct buffer *text, struct file_identity *identity,
			   struct error *e);

/* Open path, absolute, to add to it, by the rules above; it must not be a
 * symbolic link.  With create, make it with mode 0640 if it does not exist.
 * Give a descriptor, or -1 and e.  Tell the sandbox of its folder. */
int file_open_log(const char *path, bool create, struct error *e);

/* Read fd to its end into text, whose ceiling is one byte more than there may
 * be.  False with e, which does not say of which file. */
bool file_read_all(int fd, struct buffer *text, struct error *e)
	__attribute__((warn_unused_result));

/* The process reads files as the handler does: from now on an error says which
 * user cannot read one, and the command that fixes it.  Looks up the name of
 * the user, which a sandbox prevents. */
void file_set_reader(void);

/* That name; NULL: none was set. */
const char *file_reader(void);

/* Return the path for a message: path itself if it exists, or if its folder
 * exists and is not the root; else its length, for path may be a key in the
 * wrong setting.  Borrowed until the next call. */
const char *file_shown(const char *path);

/* Return true if file_shown() returns path itself. */
bool file_may_be_shown(const char *path);

/* Return true if path is a folder, and this folder and each one on the way to
 * it are safe.  Otherwise e has the reason, and the command that fixes a folder
 * that is not safe. */
bool file_check_folder(const char *path, struct error *e)
	__attribute__((warn_unused_result));

/* Trust owner, too, as that of files and folders, from now on. */
void file_trust(uid_t owner);

/* True if only root, this user and owner can change the file or folder path,
 * which is absolute; otherwise e has the command that fixes it. */
bool file_check_owned(const char *path, uid_t owner, struct error *e)
	__attribute__((warn_unused_result));

/* What path is now; `exists` is false if it cannot be looked at. */
void file_identify(const char *path, struct file_identity *identity);

/* What fstat said of a file. */
void file_identity_of(const struct stat *s, struct file_identity *identity);

bool file_same(const struct file_identity *a, const struct file_identity *b);

#endif
