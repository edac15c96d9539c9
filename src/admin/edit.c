/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/edit.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "base/text.h"
#include "host/account.h"
#include "policy/entry_parse.h"
#include "policy/value.h"

static bool
changed(const struct edit *edit, struct error *e)
{
	return error_set(e, "%s: changed by another program (fix: try again)",
			 edit->file.path);
}

/* Read the list. path: the list as it was named, so that its links are checked
 * too. */
static bool
read_list(struct edit *edit, const char *path, struct error *e)
{
	enum file_result result = file_read(path, false, LIST_TEXT_MAX,
					    &edit->before, &edit->identity, e);

	edit->exists = result == FILE_READ;
	if (result == FILE_ABSENT) {
		*e = (struct error){ 0 };
		return true;
	}
	if (result == FILE_UNSAFE && edit->identity.size > LIST_TEXT_MAX)
		return list_too_large(e);
	if (result != FILE_READ)
		return false;
	error_where(e, edit->file.path);
	*e = (struct error){ 0 };
	if (fstatat(edit->file.folder, edit->file.path + edit->file.name,
		    &edit->status, AT_SYMLINK_NOFOLLOW) != 0)
		return error_system(e, "%s", edit->file.path);
	return (edit->status.st_ino == edit->identity.inode &&
		edit->status.st_dev == edit->identity.device) ||
	       changed(edit, e);
}

bool
edit_open_any(struct edit *edit, const char *path, bool dry_run,
	      struct error *e)
{
	*edit = EDIT_CLOSED;
	return replace_open(&edit->file, path, dry_run, e) &&
	       read_list(edit, path, e);
}

bool
edit_open(struct edit *edit, const char *path, bool dry_run, struct error *e)
{
	if (!edit_open_any(edit, path, dry_run, e))
		return false;
	error_where(e, edit->file.path);
	if (!lines_check(buffer_span(&edit->before), e))
		return false;
	*e = (struct error){ 0 };
	return true;
}

void
edit_close(struct edit *edit)
{
	replace_close(&edit->file);
	for (size_t i = 0; i < edit->n_changes; i++)
		free(edit->changes[i].text);
	free(edit->changes);
	buffer_free(&edit->before);
	buffer_free(&edit->after);
	buffer_free(&edit->stored);
	buffer_free(&edit->stored_after);
	*edit = EDIT_CLOSED;
}

static bool
read_entry(struct edit_line *line)
{
	struct warnings warnings = { 0 };
	struct error e = { 0 };

	return line->text.len > 0 && entry_parse(&line->entry, line->text,
						 &setup_files, &warnings, &e);
}

/* Return the text after the line. */
static struct span
text_behind(const struct edit *edit, const struct edit_line *line)
{
	struct span rest =
		buffer_span(line->number == ENTRY_LINE_STORED ? &edit->stored
							      : &edit->before);

	return line->number == 0
		       ? rest
		       : span_after(rest, (size_t)(line->whole.ptr - rest.ptr) +
						  line->whole.len);
}

bool
edit_next(const struct edit *edit, struct edit_line *line)
{
	struct span rest = text_behind(edit, line), text;
	unsigned number = line->number;

	if (number != ENTRY_LINE_STORED && rest.len > 0) {
		number++;
	} else if (number != ENTRY_LINE_STORED) {
		rest = buffer_span(&edit->stored);
		number = ENTRY_LINE_STORED;
	}
	if (line->reads)
		entry_free(&line->entry);
	*line = (struct edit_line){ 0 };
	if (rest.len == 0)
		return false;
	line->whole.ptr = rest.ptr;
	(void)span_next(&rest, "\n", &text);
	line->whole.len = text.len + 1;
	line->number = number;
	if (number == 1)
		text = lines_begin(text);
	line->text = list_entry_text(text);
	line->comment = list_comment_text(text);
	line->reads = read_entry(line);
	return true;
}

struct span
edit_line_trimmed(const struct edit_line *line)
{
	const char *end = line->comment.ptr + line->comment.len;

	return (struct span){ line->text.ptr, (size_t)(end - line->text.ptr) };
}

bool
edit_has_options(const struct edit_line *line, struct span options)
{
	struct span rest = span_after(line->text, line->entry.pin_end);
	struct span one = { 0 }, other = { 0 };
	bool more;

	do {
		more = span_next_word(&rest, " \t", &one);
		if (more != span_next_word(&options, " \t", &other) ||
		    (more && !span_equal(one, other)))
			return false;
	} while (more);
	return true;
}

/* Add the value, in quotes if it needs them: the shell removed its own.  An
 * escape stays. */
static void
add_value(struct buffer *text, const char *value)
{
	if (value[0] == '"' || value[strcspn(value, " \t#\"")] == '\0') {
		buffer_add(text, span_of(value));
		return;
	}
	buffer_add_byte(text, '"');
	for (; *value != '\0'; value++) {
		if (*value == '"')
			buffer_add_byte(text, '\\');
		buffer_add_byte(text, *value);
		if (*value == '\\' && value[1] != '\0')
			buffer_add_byte(text, *++value);
	}
	buffer_add_byte(text, '"');
}

/* Refuse text after a value in one argument: it would become an option, or a
 * comment that hides the next options. */
static bool
check_value(struct span written, struct error *e)
{
	struct buffer text;

	buffer_init(&text, VALUE_MAX);
	bool ok = value_take(&written, ',', &text, e) &&
		  (written.len == 0 ||
		   error_set(e, "unexpected text after the value"));
	buffer_free(&text);
	if (!ok)
		error_where(e, "a value");
	return ok;
}

bool
edit_add_option(struct buffer *text, const char *argument, struct error *e)
{
	size_t name = strcspn(argument, "= \t#\"\\");

	if (argument[name] != '=' || !span_is_text(span_of(argument)))
		return error_set(e,
				 "an argument of %zu characters: expected "
				 "NAME=VALUE",
				 strlen(argument));
	buffer_add_byte(text, ' ');
	buffer_add(text, (struct span){ argument, name + 1 });
	size_t begin = text->len;
	add_value(text, argument + name + 1);
	return text->failed ||
	       check_value(span_after(buffer_span(text), begin), e);
}

static bool
is_stored(const struct edit_change *change)
{
	return change->line == ENTRY_LINE_STORED;
}

/* Return the text of the list, or of the entries of the store. */
static struct span
text_of(const struct edit *edit, bool stored)
{
	return buffer_span(stored ? &edit->stored : &edit->before);
}

/* Add a change of a line, or behind it; goes: the line goes. */
static unsigned
add_change(struct edit *edit, const char *what, const struct edit_line *line,
	   bool goes, const struct buffer *text)
{
	bool stored = line != NULL ? line->number == ENTRY_LINE_STORED
				   : edit->has_store;
	struct span before = text_of(edit, stored);
	size_t n = edit->n_changes;
	struct edit_change *longer =
		reallocarray(edit->changes, n + 1, sizeof(*longer));

	if (longer == NULL) {
		edit->failed = true;
		return 0;
	}
	struct edit_change *change = &longer[n];
	*change = (struct edit_change){ .what = what, .end = before.len };
	if (line != NULL)
		change->end = (size_t)(line->whole.ptr - before.ptr) +
			      line->whole.len;
	change->begin = change->end - (goes ? line->whole.len : 0);
	change->old_line = line != NULL ? line->number
					: (unsigned)span_count(before, '\n');
	change->line = change->old_line - goes + (text != NULL);
	if (n > 0 && !stored)
		change->line += change[-1].line - change[-1].old_line;
	if (stored)
		change->line = ENTRY_LINE_STORED;
	if (text != NULL)
		change->text = span_copy(buffer_span(text));
	edit->failed |= text != NULL && (text->failed || change->text == NULL);
	edit->changes = longer;
	edit->n_changes++;
	return change->line;
}

unsigned
edit_line_after(const struct edit *edit, unsigned number)
{
	const struct edit_change *last = NULL;

	for (size_t i = 0; i < edit->n_changes; i++)
		if (edit->changes[i].old_line < number)
			last = &edit->changes[i];
	return number == ENTRY_LINE_STORED || last == NULL
		       ? number
		       : number + last->line - last->old_line;
}

void
edit_drop(struct edit *edit, const char *what, const struct edit_line *line)
{
	(void)add_change(edit, what, line, true, NULL);
}

unsigned
edit_replace(struct edit *edit, const char *what, const struct edit_line *line,
	     const struct buffer *text)
{
	return add_change(edit, what, line, true, text);
}

unsigned
edit_insert(struct edit *edit, const char *what, const struct edit_line *line,
	    const struct buffer *text)
{
	return add_change(edit, what, line, false, text);
}

struct span
edit_old_text(const struct edit *edit, const struct edit_change *change)
{
	struct span rest = text_of(edit, is_stored(change)), text = { 0 };

	if (change->end > change->begin) {
		rest = span_after(rest, change->begin);
		(void)span_next(&rest, "\r\n", &text);
	}
	return text;
}

/* Return the line end of the first line, for new lines. */
static const char *
line_end(struct span before)
{
	struct span first;

	return before.len > 0 && span_next(&before, "\n", &first) &&
			       first.len > 0 && first.ptr[first.len - 1] == '\r'
		       ? "\r\n"
		       : "\n";
}

static void
write_text(struct edit *edit, bool stored)
{
	struct buffer *after = stored ? &edit->stored_after : &edit->after;
	struct span before = text_of(edit, stored);
	size_t at = 0;

	if (before.len == 0)
		before = SPAN("");
	const char *end = line_end(before);
	buffer_free(after);
	buffer_init(after, LIST_TEXT_MAX);
	for (size_t i = 0; i < edit->n_changes; i++) {
		const struct edit_change *change = &edit->changes[i];
		if (is_stored(change) != stored)
			continue;
		buffer_add(after, (struct span){ before.ptr + at,
						 change->begin - at });
		at = change->end;
		if (change->text == NULL)
			continue;
		buffer_add(after, span_of(change->text));
		buffer_add(after, span_of(end));
	}
	buffer_add(after, span_after(before, at));
}

static void
write_after(struct edit *edit)
{
	write_text(edit, false);
	write_text(edit, true);
}

/* Add a comment, since a list without a line is an error. */
static void
add_comment(struct edit *edit)
{
	const struct span comment =
		SPAN("# no entries: every client is rejected");
	struct buffer text;

	buffer_init(&text, comment.len);
	buffer_add(&text, comment);
	bool has_store = edit->has_store;
	edit->has_store = false;
	(void)edit_insert(edit, NULL, NULL, &text);
	edit->has_store = has_store;
	buffer_free(&text);
	write_after(edit);
}

void
edit_set(struct edit *edit, struct span text)
{
	buffer_free(&edit->after);
	buffer_init(&edit->after, LIST_TEXT_MAX);
	buffer_add(&edit->after, text);
}

static bool
is_whole(const struct edit *edit, struct error *e)
{
	return (!edit->failed && !edit->after.failed &&
		!edit->stored_after.failed) ||
	       error_set(e, "%s: too large, or out of memory",
			 edit->file.path == NULL ? "the entries"
						 : edit->file.path);
}

static bool
changes(const struct edit *edit, bool stored)
{
	for (size_t i = 0; i < edit->n_changes; i++)
		if (is_stored(&edit->changes[i]) == stored)
			return true;
	return false;
}

bool
edit_changes_list(const struct edit *edit)
{
	return changes(edit, false);
}

bool
edit_changes_store(const struct edit *edit)
{
	return changes(edit, true);
}

/* Return the text of an existing list; an empty list is not a missing one. */
static struct span
whole_of(const struct buffer *text)
{
	return text->len == 0 ? SPAN("") : buffer_span(text);
}

bool
edit_build(struct edit *edit, const struct thumbprint *pins, size_t n,
	   struct list *list, struct error *e)
{
	bool there = edit->exists || edit_changes_list(edit);
	struct span text = { 0 };

	write_after(edit);
	if (edit_changes_list(edit) && !edit->after.failed &&
	    !lines_any(buffer_span(&edit->after)))
		add_comment(edit);
	if (!is_whole(edit, e))
		return false;
	if (there)
		text = whole_of(&edit->after);
	if (list_build(list, text, pins, n, &setup_files, e))
		return true;
	error_where(e, edit->file.path);
	return false;
}

bool
edit_check_before(const struct edit *edit, struct error *e)
{
	struct span text =
		edit->exists ? whole_of(&edit->before) : (struct span){ 0 };
	struct list list = { 0 };
	bool ok = list_build(&list, text, NULL, 0, &setup_files, e);

	if (!ok)
		error_where(e, edit->file.path);
	list_free(&list);
	return ok;
}

bool
edit_commit(struct edit *edit, struct error *e)
{
	struct file_identity now;

	if (!is_whole(edit, e) ||
	    (!edit->exists && edit_is_denied(edit->file.path, e)))
		return false;
	/* An editor without the lock may have changed the list. */
	file_identify(edit->file.path, &now);
	if (!file_same(&now, &edit->identity))
		return changed(edit, e);
	return replace_commit(&edit->file, buffer_span(&edit->after),
			      edit->exists ? &edit->status : NULL, e);
}

bool
edit_is_denied(const char *path, struct error *e)
{
	char *away;
	bool denied = false;

	if (asprintf(&away, "%s" EDIT_DENIED, path) < 0)
		return !error_set(e, "out of memory");
	if (access(away, F_OK) == 0)
		denied = !error_set(e,
				    "certgate deny --all moved the list to %s "
				    "(fix: mv %s %s)",
				    away, away, path);
	free(away);
	return denied;
}

/* Report a new list: its name may be wrong, and the handler may be unable to
 * read it. */
void
edit_report_new(const struct edit *edit, bool made)
{
	struct error e = { 0 };
	struct stat s;

	if (edit->exists || (made && fstat(edit->file.fd, &s) != 0))
		return;
	error_where(&e, edit->file.path);
	if (!made) {
		error_set(&e, "missing list: without --dry-run it is created");
	} else {
		char user[ACCOUNT_NAME_SIZE], group[ACCOUNT_NAME_SIZE];
		account_user_name(s.st_uid, user);
		account_group_name(s.st_gid, group);
		error_set(&e,
			  "missing list: created with owner %s, group %s, mode "
			  "%04o (check that the handler can read it: certgate "
			  "check%s --as USER)",
			  user, group, s.st_mode & 07777U, setup_options(""));
	}
	print_error(&e);
}
