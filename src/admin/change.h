/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* change: what the verbs that edit list and store share: open, report,
 * write. */
#ifndef CERTGATE_ADMIN_CHANGE_H
#define CERTGATE_ADMIN_CHANGE_H

#include <stdbool.h>

#include "admin/command.h"
#include "admin/edit.h"
#include "admin/remarks.h"
#include "admin/target.h"
#include "policy/settings.h"

enum { CHANGE_TEXT_MAX = 65536 /* bytes of a new entry */ };

struct fleet_edit;
struct store_edit;

struct change {
	const struct command *command; /* borrowed */
	struct fleet_edit *fleet; /* owned; NULL: without --fleet */
	struct store_edit *store; /* owned; NULL: the list alone */
	struct target target;
	struct edit edit;
	struct settings settings; /* empty if they do not load */
	bool unset; /* they do not: a store may allow the target */
	struct remarks remarks; /* true once the change is made */
	bool says_verdict; /* in a sentence, too */
	/* The line that is there already, as that of an entry; 0: none. */
	unsigned there;
	struct span there_text; /* borrows edit */
};

/* A change that is not open yet. */
#define CHANGE_OF(command)                                                     \
	((struct change){ .command = (command), .edit = EDIT_CLOSED })

/* Open the list and read the settings; open the store if they name one, the
 * target has a pin, and --list is not given.  EXIT_DONE, or the error was
 * printed; change_close() in any case. */
enum exit_code change_open(struct change *change);

/* Make the first argument the target.  EXIT_DONE, or the error was printed. */
enum exit_code change_read_target(struct change *change);

/* Make the first argument the target, and open. */
enum exit_code change_open_target(struct change *change);
void change_close(struct change *change);

/* Add the entries of another target, which a fleet or a store may have.
 * EXIT_DONE, or the error was printed. */
enum exit_code change_add(struct change *change, struct target *target);

/* Close list and store: others need not wait for what follows. */
void change_release(struct change *change);

/* How the entry of the line, if it has one, names the target. */
enum target_match change_match(const struct change *change,
			       const struct edit_line *line);

/* Add the options that the arguments behind the first one are.  False, and
 * printed, if one is invalid. */
bool change_add_options(const struct change *change, struct buffer *text)
	__attribute__((warn_unused_result));

/* EXIT_DONE if text, with the files that it names, is a valid entry; otherwise
 * the error was printed. */
enum exit_code change_check_entry(const struct buffer *text);

/* Add to text what --comment says, with its mark; without it the comment of the
 * line, if there is a line that has one.  False, and printed, if it is not a
 * comment, or too long. */
bool change_add_comment(const struct change *change,
			const struct edit_line *line, struct buffer *text);

/* Add to text the comment that the line has, if it has one. */
void change_keep_comment(const struct edit_line *line, struct buffer *text);

/* Add what certgate check would warn of in this entry of that line. */
void change_advise(struct change *change, unsigned line, struct span entry);

/* Add a warning if the target, which is in that line, has expired or expires
 * within 30 days. */
void change_warn_of_expiry(struct change *change, const struct target *target,
			   unsigned line);

/* As entry_place(), at the beginning of a sentence. */
const char *change_place(unsigned line, char text[ENTRY_PLACE_SIZE]);

/* Write list and store and report the changes, or the line that is there
 * already; with --dry-run print the difference.  If the list would be invalid,
 * print why and write nothing; but if it was invalid before and force is set,
 * write both, and return EXIT_NO, since no handler loads it. */
enum exit_code change_finish(struct change *change, bool force);

#endif
