/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* change: what the verbs that edit the list share: open, report, write. */
#ifndef CERTGATE_ADMIN_CHANGE_H
#define CERTGATE_ADMIN_CHANGE_H

#include <stdbool.h>

#include "admin/command.h"
#include "admin/edit.h"
#include "admin/target.h"
#include "policy/settings.h"

enum {
	CHANGE_TEXT_MAX = 65536, /* bytes of a new entry */
	CHANGE_DAY_SIZE = sizeof("-2147483648-12-31")
};

struct fleet_edit;

struct change {
	const struct command *command; /* borrowed */
	struct fleet_edit *fleet; /* owned; NULL: without --fleet */
	struct target target;
	struct edit edit;
	struct settings settings; /* empty if they do not load */
	char **remarks; /* owned, as is each; sentences */
	size_t n_remarks;
	bool says_verdict; /* in a sentence, too */
	unsigned there; /* the line that is there already; 0: none */
	struct span there_text; /* borrows edit */
};

/* A change that is not open yet. */
#define CHANGE_OF(command)                                                     \
	((struct change){ .command = (command), .edit = EDIT_CLOSED })

/* Open the list and read the settings.  EXIT_DONE, or the error was printed;
 * change_close() in any case. */
enum exit_code change_open(struct change *change);

/* The same, behind target_read() of the first argument. */
enum exit_code change_open_target(struct change *change);
void change_close(struct change *change);

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

/* Add a sentence that is true after the change, as printf. */
void change_remark(struct change *change, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Add what certgate check would warn of in this entry of that line. */
void change_advise(struct change *change, unsigned line, struct span entry);

/* Add a warning if the target, which is in that line, has expired or expires
 * within 30 days. */
void change_warn_of_expiry(struct change *change, const struct target *target,
			   unsigned line);

/* YYYY-MM-DD */
void change_day(int64_t seconds, char day[CHANGE_DAY_SIZE]);

/* If the list did not exist, print that it is made, or would be. */
void change_report_new(const struct edit *edit, bool made);

/* Write the list and report the changes, or the line that is there already;
 * with --dry-run print the difference.  If the list would be invalid, print why
 * and write nothing; but if it was invalid before and force is set, write it,
 * and return EXIT_NO, since no handler loads it. */
enum exit_code change_finish(struct change *change, bool force);

#endif
