/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "admin/change.h"
#include "admin/findings.h"
#include "admin/input.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "policy/list.h"

enum { NOTES_MAX = LIST_TEXT_MAX /* bytes */ };

enum exit_code
change_open_list(struct change *change, const struct command *command)
{
	bool look = command->option[OPTION_DRY_RUN] != NULL;
	struct error e = { 0 };
	char *path = setup_list(&e);
	/* Of settings that do not read it says where; not that there are
	 * none. */
	bool fault = path == NULL && e.where[0] != '\0';
	bool ok = path != NULL && edit_open(&change->edit, path, look, &e);

	free(path);
	if (!ok)
		print_error(&e);
	if (fault)
		print_problem("the list stays as it is; by --list FILE it can "
			      "be changed without settings");
	return ok ? EXIT_DONE : EXIT_SYSTEM;
}

enum exit_code
change_open(struct change *change, const struct command *command)
{
	struct error e = { 0 };
	bool spki = command->option[OPTION_SPKI] != NULL;

	*change = (struct change){ .edit = EDIT_CLOSED };
	if (!target_read(&change->target, command->arguments[0], spki, &e)) {
		print_error(&e);
		input_explain_code(command->arguments[0]);
		return EXIT_NO;
	}
	return change_open_list(change, command);
}

bool
change_add_comment(const struct command *command, struct buffer *text)
{
	const char *comment = command->option[OPTION_COMMENT];

	if (comment == NULL)
		return true;
	if (!span_is_text(span_of(comment))) {
		print_problem("the comment: expected text of one line");
		return false;
	}
	buffer_add(text, SPAN("   # "));
	buffer_add(text, span_of(comment));
	if (!text->failed)
		return true;
	print_problem("the comment is too long");
	return false;
}

void
change_keep_comment(const struct edit_line *line, struct buffer *text)
{
	if (span_empty(line->comment))
		return;
	buffer_add(text, SPAN("   "));
	buffer_add(text, line->comment);
}

void
change_say(const struct change *change, struct span what, unsigned line,
	   struct span text)
{
	print_text(what);
	print(": line %u of ", line);
	print_text(span_of(change->edit.path));
	print(": ");
	print_text(text);
	print("\n");
}

void
change_note(struct change *change, const char *what, unsigned line,
	    struct span text)
{
	struct buffer *notes = &change->notes;

	if (notes->max == 0)
		buffer_init(notes, NOTES_MAX);
	buffer_add(notes, span_of(what));
	buffer_add_byte(notes, '\t');
	buffer_add_number(notes, line);
	buffer_add_byte(notes, '\t');
	buffer_add(notes, text);
	buffer_add_byte(notes, '\n');
	change->edit.after.failed |= notes->failed;
}

void
change_remark(struct change *change, const char *before, unsigned line,
	      const char *after)
{
	struct buffer *remarks = &change->remarks;

	if (remarks->max == 0)
		buffer_init(remarks, NOTES_MAX);
	buffer_add(remarks, span_of(before));
	buffer_add_number(remarks, line);
	buffer_add(remarks, span_of(after));
	buffer_add_byte(remarks, '\n');
}

void
change_say_remarks(const struct change *change)
{
	struct span text = buffer_span(&change->remarks);

	if (text.len > 0)
		print("%.*s", (int)text.len, text.ptr);
}

/* What is odd between entries, the verbs say in their own way. */
static void
find_odd(struct findings *findings, const struct list *list)
{
	for (unsigned i = 0; i < list->warnings.n && i < WARNINGS_MAX; i++)
		findings_add(findings, LOG_LEVEL_WARNING,
			     &list->warnings.warning[i]);
	findings_advise(findings, list, NULL);
}

/* The entry is looked at as a list of its own. */
void
change_advise(struct change *change, unsigned line, struct span entry)
{
	char said[sizeof(((struct error *)0)->text) + sizeof(": ")];
	struct findings findings = { 0 };
	struct list list = { 0 };
	struct buffer text;
	struct error e = { 0 };

	buffer_init(&text, LIST_LINE_MAX + 1);
	buffer_add(&text, entry);
	buffer_add_byte(&text, '\n');
	if (!text.failed &&
	    list_build(&list, buffer_span(&text), NULL, 0, &setup_files, &e))
		find_odd(&findings, &list);
	for (size_t i = 0; i < findings.n; i++) {
		(void)snprintf(said, sizeof(said), ": %s",
			       findings.found[i].error.text);
		change_remark(change, "Warning: line ", line, said);
	}
	findings_free(&findings);
	list_free(&list);
	buffer_free(&text);
}

static void
say_notes(const struct change *change)
{
	struct span rest = buffer_span(&change->notes), text, what, number;

	while (rest.len > 0 && span_next(&rest, "\n", &text)) {
		uint64_t line;
		if (span_next(&text, "\t", &what) &&
		    span_next(&text, "\t", &number) &&
		    span_number(number, 1, UINT_MAX, &line))
			change_say(change, what, (unsigned)line, text);
	}
}

static void
show_difference(const struct edit *edit)
{
	struct span rest = buffer_span(&edit->difference), line;

	print("--- ");
	print_text(span_of(edit->path));
	print("\n+++ ");
	print_text(span_of(edit->path));
	print("\n");
	while (rest.len > 0 && span_next(&rest, "\n", &line)) {
		bool carriage = line.len > 0 && line.ptr[line.len - 1] == '\r';
		line.len -= carriage;
		print_text(line);
		print(carriage ? "\r\n" : "\n");
	}
}

/* A list that was not there may have been misnamed; one that is made may be
 * nothing that the handler's user, whom nobody here knows, can read. */
static void
say_new(const struct edit *edit, bool made)
{
	struct error e = { 0 };
	struct stat s;

	if (edit->exists || (made && fstatat(edit->folder, edit->name, &s,
					     AT_SYMLINK_NOFOLLOW) != 0))
		return;
	error_where(&e, edit->path);
	if (!made) {
		error_set(&e, "there is no such list: it would be made");
	} else {
		const struct passwd *user = getpwuid(s.st_uid);
		const struct group *group = getgrgid(s.st_gid);
		error_set(&e,
			  "there was no such list: it is made, of user %s and "
			  "group %s, mode %04o; can the handler read it: "
			  "certgate check --as USER",
			  user == NULL ? "?" : user->pw_name,
			  group == NULL ? "?" : group->gr_name,
			  s.st_mode & 07777U);
	}
	print_error(&e);
}

/* Of a list that did not read before, the fault as its own lines count: those
 * of what was to be written are nowhere to be seen. */
static enum exit_code
refuse(const struct edit *edit, const struct error *e)
{
	struct error before = { 0 };

	if (edit_check_before(edit, &before)) {
		print_error(e);
		print_problem("the list stays as it is: with this change it "
			      "would not read");
	} else {
		print_error(&before);
		print_problem("the list stays as it is, and does not read: "
			      "mend first what certgate check names");
	}
	return EXIT_NO;
}

enum exit_code
change_finish(struct change *change, const struct command *command)
{
	struct edit *edit = &change->edit;
	struct error e = { 0 };

	edit_end(edit);
	if (!edit_check(edit, &e))
		return refuse(edit, &e);
	if (command->option[OPTION_DRY_RUN] != NULL) {
		show_difference(edit);
		say_new(edit, false);
		change_say_remarks(change);
		return EXIT_DONE;
	}
	if (!edit_commit(edit, &e)) {
		print_error(&e);
		return EXIT_SYSTEM;
	}
	say_notes(change);
	say_new(edit, true);
	change_say_remarks(change);
	print("Running handlers that have this list take it up within two "
	      "seconds.\n");
	return EXIT_DONE;
}

void
change_close(struct change *change)
{
	edit_close(&change->edit);
	target_free(&change->target);
	buffer_free(&change->notes);
	buffer_free(&change->remarks);
}
