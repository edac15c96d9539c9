/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "admin/change.h"
#include "admin/findings.h"
#include "admin/fleet_edit.h"
#include "admin/input.h"
#include "admin/outcome.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "admin/store_edit.h"
#include "base/date.h"
#include "base/text.h"
#include "protocol/certificate.h"

static bool
uses_store(const struct change *change)
{
	return change->settings.store != NULL &&
	       change->target.main.kind != THUMBPRINT_NONE &&
	       change->command->option[OPTION_LIST] == NULL;
}

/* Entries of a CA need a list; those with a pin may be in the store alone. */
static enum exit_code
open_list(struct change *change)
{
	bool dry_run = change->command->option[OPTION_DRY_RUN] != NULL;
	struct error e = { 0 };
	char *path = setup_list(&e);

	/* An error in the settings has a place; a missing list has none. */
	bool fault = path == NULL && e.where[0] != '\0';
	bool ok = path != NULL && edit_open(&change->edit, path, dry_run, &e);
	ok |= path == NULL && !setup_has_other_list() && uses_store(change);
	free(path);
	if (!ok)
		print_error(&e);
	if (fault)
		print_problem("the list stays as it is; by --list FILE it can "
			      "be changed without settings");
	return ok ? EXIT_DONE : EXIT_SYSTEM;
}

enum exit_code
change_open(struct change *change)
{
	struct error e = { 0 };

	if (change->command->option[OPTION_FLEET] != NULL)
		return fleet_edit_open(&change->fleet, change->command,
				       &change->target, &change->edit);
	/* With --list, the edit works with invalid settings. */
	change->unset = !setup_settings(&change->settings, &e);
	enum exit_code code = open_list(change);
	if (code != EXIT_DONE || !uses_store(change))
		return code;
	(void)target_write_digits(&change->target);
	return store_edit_open(&change->store, &change->settings,
			       &change->target, &change->edit);
}

enum exit_code
change_add(struct change *change, struct target *target)
{
	if (change->fleet != NULL)
		return fleet_edit_add(change->fleet, target, &change->edit);
	if (change->store == NULL)
		return EXIT_DONE;
	(void)target_write_digits(target);
	return store_edit_add(change->store, target, &change->edit);
}

enum exit_code
change_read_target(struct change *change)
{
	const char *argument = change->command->arguments[0];
	bool spki = change->command->option[OPTION_SPKI] != NULL;
	struct error e = { 0 };

	if (target_read(&change->target, argument, spki, &e))
		return EXIT_DONE;
	print_error(&e);
	input_explain_code(argument);
	return EXIT_NO;
}

enum exit_code
change_open_target(struct change *change)
{
	enum exit_code code = change_read_target(change);

	return code == EXIT_DONE ? change_open(change) : code;
}

void
change_release(struct change *change)
{
	store_edit_close(change->store);
	change->store = NULL;
	edit_close(&change->edit);
}

void
change_close(struct change *change)
{
	change_release(change);
	fleet_edit_close(change->fleet);
	target_free(&change->target);
	settings_free(&change->settings);
	remarks_free(&change->remarks);
}

enum target_match
change_match(const struct change *change, const struct edit_line *line)
{
	return line->reads
		       ? target_match(&change->target, &line->entry, line->text)
		       : TARGET_NONE;
}

bool
change_add_options(const struct change *change, struct buffer *text)
{
	const struct command *command = change->command;
	struct error e = { 0 };

	for (int i = 1; i < command->n; i++) {
		if (edit_add_option(text, command->arguments[i], &e))
			continue;
		print_error(&e);
		return false;
	}
	return true;
}

/* Build a list of the entry alone; list_free(). */
static bool
build_alone(struct list *list, struct span entry, struct error *e)
{
	struct buffer text;

	buffer_init(&text, LIST_LINE_MAX + 1);
	buffer_add(&text, entry);
	buffer_add_byte(&text, '\n');
	bool ok = !text.failed ? list_build(list, buffer_span(&text), NULL, 0,
					    &setup_files, e)
			       : error_set(e, "the entry is too long");
	buffer_free(&text);
	e->line = 0;
	return ok;
}

enum exit_code
change_check_entry(const struct buffer *text)
{
	struct list list = { 0 };
	struct error e = { 0 };

	if (text->failed) {
		print_problem("the entry is too long");
		return EXIT_MISUSED;
	}
	bool ok = build_alone(&list, buffer_span(text), &e);
	list_free(&list);
	if (ok)
		return EXIT_DONE;
	print_error(&e);
	print_problem("the list stays as it is");
	return EXIT_NO;
}

void
change_keep_comment(const struct edit_line *line, struct buffer *text)
{
	if (span_empty(line->comment))
		return;
	buffer_add(text, SPAN("   "));
	buffer_add(text, line->comment);
}

bool
change_add_comment(const struct change *change, const struct edit_line *line,
		   struct buffer *text)
{
	struct span comment = span_of(change->command->option[OPTION_COMMENT]);

	if (comment.ptr == NULL) {
		if (line != NULL)
			change_keep_comment(line, text);
		return true;
	}
	if (!span_is_text(comment)) {
		print_problem("the comment: expected text of one line");
		return false;
	}
	buffer_add(text, SPAN("   # "));
	buffer_add(text, comment);
	if (text->failed)
		print_problem("the comment is too long");
	return !text->failed;
}

/* The entry is looked at as a list of its own: the verbs report themselves what
 * is odd between entries. */
void
change_advise(struct change *change, unsigned line, struct span entry)
{
	struct findings findings = { 0 };
	struct list list = { 0 };
	struct error e = { 0 };
	char place[ENTRY_PLACE_SIZE];

	if (build_alone(&list, entry, &e)) {
		for (unsigned i = 0; i < list.warnings.n && i < WARNINGS_MAX;
		     i++)
			findings_add(&findings, LOG_LEVEL_WARNING,
				     &list.warnings.warning[i]);
		findings_advise(&findings, &list, NULL);
	}
	for (size_t i = 0; i < findings.n; i++)
		remarks_add(&change->remarks, "Warning: %s: %s",
			    entry_place(line, place),
			    findings.found[i].error.text);
	findings_free(&findings);
	list_free(&list);
}

const char *
change_place(unsigned line, char text[ENTRY_PLACE_SIZE])
{
	if (line == ENTRY_LINE_STORED)
		return "The store";
	(void)snprintf(text, ENTRY_PLACE_SIZE, "Line %u", line);
	return text;
}

void
change_warn_of_expiry(struct change *change, const struct target *target,
		      unsigned line)
{
	int64_t end = target->not_after, now = (int64_t)time(NULL);
	char day[DATE_TEXT_SIZE], place[ENTRY_PLACE_SIZE];

	if (end == 0 || end == CERTIFICATE_NOT_AFTER_INVALID ||
	    end > now + (int64_t)EXPIRY_SOON_DAYS * DATE_DAY_SECONDS)
		return;
	remarks_add(&change->remarks, "Warning: %s: the certificate %s on %s",
		    entry_place(line, place), end < now ? "expired" : "expires",
		    date_text(end, day));
}

/* Where the line is. */
static struct span
path_of(const struct change *change, unsigned line)
{
	return span_of(line == ENTRY_LINE_STORED ? change->settings.store
						 : change->edit.file.path);
}

static void
report_line(const struct change *change, const char *what, unsigned line,
	    struct span text)
{
	if (change->there > 0 ||
	    change->command->option[OPTION_DRY_RUN] == NULL) {
		print("%s: ", what);
		if (line != ENTRY_LINE_STORED)
			print("line %u of ", line);
		print_text(path_of(change, line));
		print(": ");
		print_text(text);
		print("\n");
	}
	print_json_open(NULL, '{');
	print_json_string("what", span_of(what));
	if (line != ENTRY_LINE_STORED)
		print_json_number("line", line);
	else
		print_json_string("line", SPAN("store"));
	print_json_string("entry", text);
	print_json_close('}');
}

static void
report_changes(const struct change *change)
{
	const struct edit *edit = &change->edit;

	if (change->there > 0) {
		report_line(change, "already there", change->there,
			    change->there_text);
		return;
	}
	for (size_t i = 0; i < edit->n_changes; i++) {
		const struct edit_change *c = &edit->changes[i];
		if (c->what == NULL)
			continue;
		if (c->text != NULL)
			report_line(change, c->what, c->line, span_of(c->text));
		else
			report_line(
				change, c->what,
				c->line == ENTRY_LINE_STORED ? c->line
							     : c->old_line,
				span_trim(lines_begin(edit_old_text(edit, c))));
	}
}

static void
report_force(const struct change *change)
{
	if (edit_changes_list(&change->edit))
		print("Running handlers load the list within two seconds.\n");
	if (!edit_changes_store(&change->edit))
		return;
	if (store_edit_has_reader(change->store))
		print("The next event is decided by the store as it is now.\n");
	else
		print("No handler has the store open: restart one that was "
		      "started before CERTGATE_STORE was set.\n");
}

static enum exit_code
report(const struct change *change, const struct outcome *outcome, bool written,
       bool in_force)
{
	unsigned place = change->edit.file.path == NULL ? ENTRY_LINE_STORED : 0;
	enum exit_code code = EXIT_DONE;

	print_json_open(NULL, '{');
	print_json_string("file", path_of(change, place));
	print_json_bool("written", written && change->there == 0);
	print_json_open("changes", '[');
	report_changes(change);
	print_json_close(']');
	print_json_open("remarks", '[');
	for (size_t i = 0; i < change->remarks.n; i++) {
		print("%s\n", change->remarks.remark[i]);
		print_json_string(NULL, span_of(change->remarks.remark[i]));
	}
	print_json_close(']');
	if (outcome->known)
		print_json_string("verdict",
				  span_of(outcome->accepts ? "allow" : "deny"));
	else
		print_json_null("verdict");
	if (written && change->fleet != NULL)
		code = fleet_edit_wait(change->fleet);
	print_json_close('}');
	if (in_force)
		report_force(change);
	return code;
}

static void
print_marked(const char *mark, struct span line)
{
	if (line.ptr == NULL)
		return;
	print("%s", mark);
	print_text(line);
	print("\n");
}

/* A unified difference without context; entries of the store have no line. */
static void
print_difference(const struct change *change, bool stored)
{
	struct span path = path_of(change, stored ? ENTRY_LINE_STORED : 0);
	const struct edit *edit = &change->edit;
	const char *marks[] = { "--- ", "+++ " };

	for (size_t i = 0; i < 2; i++) {
		print("%s", marks[i]);
		print_text(path);
		print("\n");
	}
	for (size_t i = 0; i < edit->n_changes; i++) {
		const struct edit_change *c = &edit->changes[i];
		struct span old = edit_old_text(edit, c);
		if ((c->line == ENTRY_LINE_STORED) != stored)
			continue;
		if (!stored)
			print("@@ -%u%s +%u%s @@\n", c->old_line,
			      old.ptr != NULL ? "" : ",0", c->line,
			      c->text != NULL ? "" : ",0");
		print_marked("-", old);
		print_marked("+", span_of(c->text));
	}
}

static void
report_difference(const struct change *change)
{
	if (edit_changes_list(&change->edit))
		print_difference(change, false);
	if (edit_changes_store(&change->edit))
		print_difference(change, true);
}

static void
print_kept(const struct change *change, const char *why)
{
	print_problem("%s %s",
		      change->store == NULL
			      ? "the list stays as it is: it"
			      : "list and store stay as they are: the list",
		      why);
}

/* An empty list, which handlers do not load, is not made a valid one: they
 * would forget what the last good one denies.  force: unless store or settings
 * may allow that. */
static bool
check_any(const struct change *change, bool force)
{
	const struct settings *settings = &change->settings;
	const struct edit *edit = &change->edit;
	struct error e = { 0 };

	if (!edit->exists || lines_any(buffer_span(&edit->before)))
		return true;
	if (force && (!edit_changes_list(edit) ||
		      (settings->store == NULL && settings->n_pins == 0)))
		return true;
	error_where(&e, edit->file.path);
	error_set(&e, "the list is empty: it stays as it is (fix: restore it, "
		      "or begin it with a comment line)");
	print_error(&e);
	return false;
}

/* Find what list and store, as they are in the edit, do to the target. */
static bool
judge(struct change *change, const struct list *list, struct outcome *outcome,
      const struct error *fault, struct error *e)
{
	const struct stored_source *store =
		change->store == NULL ? NULL : store_edit_source(change->store);

	if (!outcome_find(outcome, list, store, e))
		return false;
	if (change->unset && outcome->denies == NULL)
		outcome->known = outcome->accepts = false;
	if (fault->set) {
		outcome->known = true;
		outcome->accepts = false;
		return true;
	}
	/* No line with a pin says that one of a CA denies it. */
	if (change->says_verdict ||
	    (outcome->denies != NULL && outcome->denies->trust != NULL))
		outcome_remark(outcome);
	return true;
}

/* A list that the settings name, and that an edit of the store does not
 * make. */
static void
find_missing(const struct edit *edit, struct error *fault)
{
	if (edit->exists || edit->file.path == NULL || edit_changes_list(edit))
		return;
	error_where(fault, edit->file.path);
	error_set(fault,
		  "missing list: every client is rejected (fix: echo '# list' "
		  ">%s, or unset CERTGATE_LIST)",
		  edit->file.path);
}

/* Build the new list and store.  Unless it is EXIT_DONE, the error was printed,
 * and nothing is to be written.  The fault of a list that was invalid before
 * has the lines of the old one. */
static enum exit_code
build(struct change *change, bool force, struct outcome *outcome,
      struct error *fault)
{
	const struct settings *settings = &change->settings;
	struct edit *edit = &change->edit;
	struct list list = { 0 };
	struct error e = { 0 }, inner = { 0 };

	if (!check_any(change, force))
		return EXIT_NO;
	bool valid =
		edit_build(edit, settings->pins, settings->n_pins, &list, &e);
	bool was_valid = valid || edit_check_before(edit, fault);
	if (!valid && (was_valid || !force)) {
		print_error(was_valid ? &e : fault);
		print_kept(change,
			   was_valid ? "would be invalid with this change"
				     : "is invalid (fix: correct the errors "
				       "that certgate check prints)");
		return EXIT_NO;
	}
	if (valid)
		find_missing(edit, fault);
	bool ok = (change->store == NULL ||
		   store_edit_apply(change->store, edit, &inner)) &&
		  (!valid || judge(change, &list, outcome, fault, &inner));
	list_free(&list);
	if (ok)
		return EXIT_DONE;
	print_error(&inner);
	return EXIT_SYSTEM;
}

/* False with e, and printed if the list is changed all the same. */
static bool
commit(struct change *change, struct error *e)
{
	bool list = edit_changes_list(&change->edit);

	if (change->fleet != NULL)
		return fleet_edit_commit(change->fleet, &change->edit,
					 change->there > 0, e);
	if (list && !edit_commit(&change->edit, e))
		return false;
	if (!edit_changes_store(&change->edit) ||
	    store_edit_commit(change->store, e))
		return true;
	if (list)
		print_problem("the list is changed, the store is not (fix: run "
			      "the command again)");
	return false;
}

static enum exit_code
report_fault(const struct change *change, const struct error *fault)
{
	bool list = edit_changes_list(&change->edit) ||
		    (change->there > 0 && change->there != ENTRY_LINE_STORED);
	char place[ENTRY_PLACE_SIZE] = "the list";

	print_error(fault);
	if (fault->line > 0)
		(void)entry_place(fault->line, place);
	if (change->edit.exists)
		print_problem("running handlers use the last good list, %s "
			      "this entry, until %s is fixed (see "
			      "certgate status%s); a handler that starts "
			      "rejects every client",
			      list ? "without" : "with", place,
			      setup_options(""));
	return EXIT_NO;
}

enum exit_code
change_finish(struct change *change, bool force)
{
	bool dry_run = change->command->option[OPTION_DRY_RUN] != NULL;
	bool written =
		!dry_run && (change->there == 0 || change->fleet != NULL);
	struct outcome outcome = { .settings = &change->settings,
				   .target = &change->target,
				   .remarks = &change->remarks };
	struct error e = { 0 }, fault = { 0 };
	enum exit_code code = build(change, force, &outcome, &fault);

	if (code == EXIT_DONE && written && !commit(change, &e)) {
		print_error(&e);
		code = EXIT_SYSTEM;
	}
	if (code == EXIT_DONE) {
		if (dry_run && change->there == 0)
			report_difference(change);
		code = report(change, &outcome, written,
			      written && !fault.set && change->fleet == NULL);
		if (edit_changes_list(&change->edit))
			edit_report_new(&change->edit, written);
		if (fault.set)
			code = report_fault(change, &fault);
	}
	outcome_free(&outcome);
	return code;
}
