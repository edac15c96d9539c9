/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * edit: changes the list, line by line, and replaces the file whole.
 *
 * While an edit is open its list is locked, by a file beside it that only the
 * owner of the folder, who could do worse, and root can hold: two
 * administrators take turns.  The lock ends with the program, however that
 * ends.  The new text is believed only if the core reads it.  It goes to a file
 * beside the list, to the disk, and there by renaming: whoever reads sees the
 * old list or the new one.  A symbolic link stays; what it leads to is
 * replaced.
 */
#ifndef CERTGATE_ADMIN_EDIT_H
#define CERTGATE_ADMIN_EDIT_H

#include <stdbool.h>
#include <sys/stat.h>

#include "base/buffer.h"
#include "base/error.h"
#include "host/file.h"
#include "policy/entry.h"

struct edit {
	char *path; /* owned; without symbolic links */
	const char *name; /* in its folder; borrows path */
	int folder; /* owned */
	char *lock_path; /* owned; without symbolic links */
	int lock; /* owned; -1: it is only looked at */
	bool exists; /* the list, before the edit */
	struct stat status;
	struct file_identity identity;
	struct buffer before, after; /* the list */
	struct buffer difference;
	struct span rest; /* of before, not yet gone through */
	const char *line_end;
	unsigned line; /* of before, the last one gone through */
	unsigned written; /* lines of after */
	unsigned changes;
};

/* A line of the list as it is. */
struct edit_line {
	struct span whole; /* with its end */
	struct span text; /* of the entry; empty: there is none */
	struct span comment; /* with its mark; empty: there is none */
	unsigned number;
	bool reads; /* entry is there; edit_line_free() */
	struct entry entry;
};

/* None is open; as edit_close() leaves it. */
#define EDIT_CLOSED ((struct edit){ .folder = -1, .lock = -1 })

/* Locks and reads the list at path; without the lock, which asks for the right
 * to change it, if it is only to be looked at.  edit_close() whatever it
 * returns.  A list that is not there is an empty one. */
bool edit_open(struct edit *edit, const char *path, bool look, struct error *e)
	__attribute__((warn_unused_result));

/* The next line; false behind the last.  Each is to be kept, dropped or
 * replaced. */
bool edit_next(struct edit *edit, struct edit_line *line);

/* Back before the first line, if they were only looked at. */
void edit_again(struct edit *edit);
void edit_line_free(struct edit_line *line);

/* The line as it is, but for the blanks around it; borrows the list. */
struct span edit_line_trimmed(const struct edit_line *line);

void edit_keep(struct edit *edit, const struct edit_line *line);
void edit_drop(struct edit *edit, const struct edit_line *line);

/* Write a line, text without its end, and give its number.  Of a text that
 * failed, which may lack a limit, edit_check() is false. */
unsigned edit_put(struct edit *edit, const struct buffer *text);
unsigned edit_replace(struct edit *edit, const struct edit_line *line,
		      const struct buffer *text);

/* Ends what is written.  A list without a line would be an error, so it gets a
 * comment. */
void edit_end(struct edit *edit);

/* True if what was written reads. */
bool edit_check(const struct edit *edit, struct error *e)
	__attribute__((warn_unused_result));

/* True if the list reads as it is. */
bool edit_check_before(const struct edit *edit, struct error *e)
	__attribute__((warn_unused_result));

/* Makes the list, which is locked, what was written, which was checked.  False,
 * and the list as it was, if that cannot be done. */
bool edit_commit(struct edit *edit, struct error *e)
	__attribute__((warn_unused_result));

void edit_close(struct edit *edit);

/* Renames the list at path, whatever is in it, to NAME.before-deny-all, or with
 * look only finds out.  Gives that path: free(); NULL and e if it cannot be
 * renamed, or a file of that name exists. */
char *edit_move_away(const char *path, bool look, struct error *e)
	__attribute__((warn_unused_result));

#endif
