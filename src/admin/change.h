/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* change: what the verbs that edit the list have in common. */
#ifndef CERTGATE_ADMIN_CHANGE_H
#define CERTGATE_ADMIN_CHANGE_H

#include <stdbool.h>

#include "admin/command.h"
#include "admin/edit.h"
#include "admin/target.h"

enum { CHANGE_TEXT_MAX = 65536 /* bytes of a new entry */ };

struct change {
	struct edit edit;
	struct target target;
	struct buffer notes; /* what, number, text; tabs between; a line each */
	struct buffer remarks; /* a line each */
};

/* Opens the list and reads the first argument.  EXIT_DONE, or what was wrong
 * and was said; change_close() in any case. */
enum exit_code change_open(struct change *change,
			   const struct command *command);

/* Opens the list alone, of a change that is EDIT_CLOSED. */
enum exit_code change_open_list(struct change *change,
				const struct command *command);

/* Adds to text the comment that was given, with its mark; false and said, if it
 * is none or too long. */
bool change_add_comment(const struct command *command, struct buffer *text);

/* Adds to text the comment that the line has, if it has one. */
void change_keep_comment(const struct edit_line *line, struct buffer *text);

/* Remembers what becomes of a line, for change_finish() to say when it is
 * done. */
void change_note(struct change *change, const char *what, unsigned line,
		 struct span text);

/* Remembers a line of text, about a line of the list, that is true once the
 * change is done. */
void change_remark(struct change *change, const char *before, unsigned line,
		   const char *after);

/* Remarks what certgate check would warn of in this entry, which that line has,
 * without its end. */
void change_advise(struct change *change, unsigned line, struct span entry);

/* Says these where there is nothing to be done. */
void change_say_remarks(const struct change *change);

/* Writes the list and says what became of which line, or with --dry-run prints
 * the difference; and the remarks.  Of what cannot be written it says why. */
enum exit_code change_finish(struct change *change,
			     const struct command *command);

void change_close(struct change *change);

/* "what: line N of LIST: TEXT" */
void change_say(const struct change *change, struct span what, unsigned line,
		struct span text);

#endif
