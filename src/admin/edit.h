/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * edit: one change of the list, and of entries of the store.
 *
 * The list is locked and read once; changes are collected; the new text is
 * built and checked; then it replaces the list.  Entries of the store are lines
 * behind those of the list, with ENTRY_LINE_STORED; store_edit writes them.
 */
#ifndef CERTGATE_ADMIN_EDIT_H
#define CERTGATE_ADMIN_EDIT_H

#include <stdbool.h>
#include <sys/stat.h>

#include "admin/replace.h"
#include "base/buffer.h"
#include "base/error.h"
#include "host/file.h"
#include "policy/entry.h"
#include "policy/list.h"

/* A line that goes, a line that comes, or one in place of another. */
struct edit_change {
	const char *what; /* "removed"; NULL: not to be reported */
	size_t begin, end; /* bytes of the old list that go */
	unsigned old_line; /* that goes; without one, the line before */
	unsigned line; /* that comes; without one, the new line before;
			* ENTRY_LINE_STORED: a change of the store */
	char *text; /* owned; of the line that comes; NULL: none */
};

struct edit {
	struct replacement file; /* the list; path NULL: there is none */
	bool exists; /* the list, before the edit */
	bool has_store; /* new lines without a place go there */
	struct stat status;
	struct file_identity identity;
	struct buffer before, after; /* the list */
	/* The entries of the store that the edit may change, as lines. */
	struct buffer stored, stored_after;
	struct edit_change *changes; /* owned; in the order of the lines */
	size_t n_changes;
	bool failed; /* out of memory for changes */
};

/* A line of the list as it is; all zero before the first one. */
struct edit_line {
	struct span whole; /* with its end */
	struct span text; /* of the entry; empty: there is none */
	struct span comment; /* with its mark; empty: there is none */
	unsigned number; /* ENTRY_LINE_STORED: it is of the store */
	bool reads; /* entry is there; owned by edit_next() */
	struct entry entry;
};

/* No edit; as edit_close() leaves it. */
#define EDIT_CLOSED ((struct edit){ .file = REPLACEMENT_NONE })

/* Lock and read the list at path, which is an empty one if it does not exist;
 * dry_run: as replace_open().  edit_close() whatever it returns. */
bool edit_open(struct edit *edit, const char *path, bool dry_run,
	       struct error *e) __attribute__((warn_unused_result));
void edit_close(struct edit *edit);

/* The same for a list whose lines do not matter; for edit_set(). */
bool edit_open_any(struct edit *edit, const char *path, bool dry_run,
		   struct error *e) __attribute__((warn_unused_result));

/* Make text the new list, which the caller has checked. */
void edit_set(struct edit *edit, struct span text);

/* Take the next line; false behind the last.  Call it until it is false. */
bool edit_next(const struct edit *edit, struct edit_line *line);

/* The line as it is, but for the blanks around it; borrows the list. */
struct span edit_line_trimmed(const struct edit_line *line);

/* Return true if the entry of the line has these options, in this order. */
bool edit_has_options(const struct edit_line *line, struct span options);

/* Add NAME=VALUE, an argument, to the text of an entry.  False with e if it is
 * anything else. */
bool edit_add_option(struct buffer *text, const char *argument, struct error *e)
	__attribute__((warn_unused_result));

/* Collect a change.  Changes are in the order of the lines.  text has no line
 * end; if it failed, so does edit_build().  Return the number of the new line;
 * line: NULL to insert at the end, of the store if the edit has one. */
void edit_drop(struct edit *edit, const char *what,
	       const struct edit_line *line);
unsigned edit_replace(struct edit *edit, const char *what,
		      const struct edit_line *line, const struct buffer *text);
unsigned edit_insert(struct edit *edit, const char *what,
		     const struct edit_line *line, const struct buffer *text);

/* Return the line of the old list that goes, without its end; absent: none. */
struct span edit_old_text(const struct edit *edit,
			  const struct edit_change *change);

/* Return the number in the new list of a line of the old one.  Valid only if no
 * change above it is added afterwards. */
unsigned edit_line_after(const struct edit *edit, unsigned number);

/* Return true if a line of the list is changed. */
bool edit_changes_list(const struct edit *edit);

/* Return true if an entry of the store is changed. */
bool edit_changes_store(const struct edit *edit);

/* Make the new text, and the list of it with n pins (list_build; list_free()).
 * False with e if that list is invalid. */
bool edit_build(struct edit *edit, const struct thumbprint *pins, size_t n,
		struct list *list, struct error *e)
	__attribute__((warn_unused_result));

/* Return true if the list is valid as it is; else e names the fault. */
bool edit_check_before(const struct edit *edit, struct error *e)
	__attribute__((warn_unused_result));

/* Replace the list; as replace_commit(). */
bool edit_commit(struct edit *edit, struct error *e)
	__attribute__((warn_unused_result));

/* What certgate deny --all adds to the path of a list. */
#define EDIT_DENIED ".before-deny-all"

/* Return true with e if certgate deny --all moved away the list, which is
 * missing: a new one would allow clients again. */
bool edit_is_denied(const char *path, struct error *e);

/* If the list did not exist, print that it is created, or would be. */
void edit_report_new(const struct edit *edit, bool made);

#endif
