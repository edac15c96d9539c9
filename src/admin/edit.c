/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/edit.h"
#include "admin/replace.h"
#include "admin/setup.h"
#include "base/text.h"
#include "host/lock.h"
#include "policy/list.h"

/* Another edit that takes longer is waiting for somebody, or dead in its
 * tracks. */
enum { LOCK_WAIT_MS = 30000 };

/* Where path leads to, symbolic links followed; the file itself may be
 * missing. */
static char *
resolve(const char *path, struct error *e)
{
	char *real = realpath(path, NULL);
	struct stat s;

	if (real != NULL)
		return real;
	if (errno == ENOENT && lstat(path, &s) != 0 && path[0] == '/')
		return strdup(path);
	error_system(e, "%s", file_shown(path));
	return NULL;
}

static bool
open_folder(struct edit *edit, struct error *e)
{
	char *slash = strrchr(edit->path, '/');
	char folder[PATH_MAX];
	size_t n = slash == edit->path ? 1 : (size_t)(slash - edit->path);

	if (n >= sizeof(folder))
		return error_set(e, "%s: path too long", edit->path);
	memcpy(folder, edit->path, n);
	folder[n] = '\0';
	edit->name = slash + 1;
	edit->folder = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return edit->folder >= 0 || error_system(e, "%s", file_shown(folder));
}

static bool
lock_list(struct edit *edit, struct error *e)
{
	int folder = (int)(edit->name - edit->path);

	if (asprintf(&edit->lock_path, "%.*s.%s.lock", folder, edit->path,
		     edit->name) < 0) {
		edit->lock_path = NULL;
		return error_set(e, "out of memory");
	}
	edit->lock =
		lock_take_file(edit->folder, edit->lock_path, LOCK_WAIT_MS, e);
	return edit->lock >= 0;
}

static bool
changed(const struct edit *edit, struct error *e)
{
	return error_set(e, "%s: somebody else has just changed it; try again",
			 edit->path);
}

/* path is the list as it was named: its links are to be safe, too. */
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
	if (result != FILE_READ)
		return false;
	error_where(e, edit->path);
	if (!lines_check(buffer_span(&edit->before), e))
		return false;
	*e = (struct error){ 0 };
	if (fstatat(edit->folder, edit->name, &edit->status,
		    AT_SYMLINK_NOFOLLOW) != 0)
		return error_system(e, "%s", edit->path);
	return (edit->status.st_ino == edit->identity.inode &&
		edit->status.st_dev == edit->identity.device) ||
	       changed(edit, e);
}

bool
edit_open(struct edit *edit, const char *path, bool look, struct error *e)
{
	*edit = (struct edit){ .folder = -1, .lock = -1, .line_end = "\n" };
	buffer_init(&edit->after, LIST_TEXT_MAX);
	buffer_init(&edit->difference, LIST_TEXT_MAX);
	edit->path = resolve(path, e);
	if (edit->path == NULL || !open_folder(edit, e) ||
	    (!look && !lock_list(edit, e)) || !read_list(edit, path, e))
		return false;
	edit->rest = buffer_span(&edit->before);
	const char *end = edit->rest.len == 0 ? NULL
					      : memchr(edit->rest.ptr, '\n',
						       edit->rest.len);
	if (end != NULL && end > edit->rest.ptr && end[-1] == '\r')
		edit->line_end = "\r\n";
	return true;
}

void
edit_again(struct edit *edit)
{
	edit->rest = buffer_span(&edit->before);
	edit->line = 0;
}

bool
edit_next(struct edit *edit, struct edit_line *line)
{
	struct warnings warnings = { 0 };
	struct error e = { 0 };
	struct span text;

	*line = (struct edit_line){ .whole = { edit->rest.ptr, 0 } };
	if (edit->rest.len == 0)
		return false;
	const char *end = memchr(edit->rest.ptr, '\n', edit->rest.len);
	line->whole.len = (size_t)(end - edit->rest.ptr) + 1;
	edit->rest = span_after(edit->rest, line->whole.len);
	line->number = ++edit->line;
	text = (struct span){ line->whole.ptr, line->whole.len - 1 };
	if (line->number == 1)
		text = lines_begin(text);
	line->text = list_entry_text(text);
	line->comment = list_comment_text(text);
	line->reads =
		line->text.len > 0 && entry_parse(&line->entry, line->text,
						  &setup_files, &warnings, &e);
	return true;
}

void
edit_line_free(struct edit_line *line)
{
	if (line->reads)
		entry_free(&line->entry);
	*line = (struct edit_line){ 0 };
}

struct span
edit_line_trimmed(const struct edit_line *line)
{
	const char *end = line->comment.ptr + line->comment.len;

	return (struct span){ line->text.ptr, (size_t)(end - line->text.ptr) };
}

void
edit_keep(struct edit *edit, const struct edit_line *line)
{
	buffer_add(&edit->after, line->whole);
	edit->written++;
}

/* The head of a change in a unified difference without context: how many lines
 * go and come behind those gone through and written. */
static void
add_head(struct edit *edit, bool goes, bool comes)
{
	struct buffer *out = &edit->difference;

	edit->changes++;
	buffer_add(out, SPAN("@@ -"));
	buffer_add_number(out, edit->line);
	buffer_add(out, goes ? SPAN(" +") : SPAN(",0 +"));
	buffer_add_number(out, edit->written + comes);
	buffer_add(out, comes ? SPAN(" @@\n") : SPAN(",0 @@\n"));
}

static void
add_line(struct edit *edit, char mark, struct span line)
{
	buffer_add_byte(&edit->difference, mark);
	buffer_add(&edit->difference, line);
}

static unsigned
write_line(struct edit *edit, const struct buffer *text)
{
	size_t begin = edit->after.len;

	edit->after.failed |= text->failed;
	buffer_add(&edit->after, buffer_span(text));
	buffer_add(&edit->after, span_of(edit->line_end));
	if (!edit->after.failed)
		add_line(edit, '+',
			 span_after(buffer_span(&edit->after), begin));
	return ++edit->written;
}

void
edit_drop(struct edit *edit, const struct edit_line *line)
{
	add_head(edit, true, false);
	add_line(edit, '-', line->whole);
}

unsigned
edit_put(struct edit *edit, const struct buffer *text)
{
	add_head(edit, false, true);
	return write_line(edit, text);
}

unsigned
edit_replace(struct edit *edit, const struct edit_line *line,
	     const struct buffer *text)
{
	add_head(edit, true, true);
	add_line(edit, '-', line->whole);
	return write_line(edit, text);
}

void
edit_end(struct edit *edit)
{
	const struct span comment =
		SPAN("# no entries: every client is rejected");
	struct buffer text;

	if (edit->after.failed || lines_any(buffer_span(&edit->after)))
		return;
	buffer_init(&text, comment.len);
	buffer_add(&text, comment);
	(void)edit_put(edit, &text);
	buffer_free(&text);
}

static bool
reads(const struct edit *edit, const struct buffer *text, struct error *e)
{
	struct list list = { 0 };
	bool ok =
		list_build(&list, buffer_span(text), NULL, 0, &setup_files, e);

	if (!ok)
		error_where(e, edit->path);
	list_free(&list);
	return ok;
}

bool
edit_check(const struct edit *edit, struct error *e)
{
	if (edit->after.failed || edit->difference.failed)
		return error_set(e, "%s: too large, or out of memory",
				 edit->path);
	return reads(edit, &edit->after, e);
}

bool
edit_check_before(const struct edit *edit, struct error *e)
{
	return reads(edit, &edit->before, e);
}

/* An editor that knows no lock may have been quicker. */
static bool
check_same(const struct edit *edit, struct error *e)
{
	struct file_identity now;

	file_identify(edit->path, &now);
	return file_same(&now, &edit->identity) || changed(edit, e);
}

bool
edit_commit(struct edit *edit, struct error *e)
{
	struct replace_owner owner = {
		.known = edit->exists,
		.user = edit->status.st_uid,
		.group = edit->status.st_gid,
		.mode = edit->status.st_mode & 07777,
	};

	return check_same(edit, e) &&
	       replace_file(edit->folder, edit->name, buffer_span(&edit->after),
			    &owner, e);
}

void
edit_close(struct edit *edit)
{
	if (edit->lock >= 0)
		lock_release_file(edit->folder, edit->lock_path, edit->lock);
	if (edit->folder >= 0)
		close(edit->folder);
	free(edit->lock_path);
	free(edit->path);
	buffer_free(&edit->before);
	buffer_free(&edit->after);
	buffer_free(&edit->difference);
	*edit = EDIT_CLOSED;
}

char *
edit_move_away(const char *path, bool look, struct error *e)
{
	struct edit edit = EDIT_CLOSED;
	char *away = NULL;
	struct stat s;

	edit.path = resolve(path, e);
	bool ok = edit.path != NULL && open_folder(&edit, e) &&
		  (look || lock_list(&edit, e));
	if (ok && asprintf(&away, "%s.before-deny-all", edit.path) < 0) {
		away = NULL;
		ok = error_set(e, "out of memory");
	}
	if (ok && lstat(edit.path, &s) != 0)
		ok = error_system(e, "%s", edit.path);
	else if (ok && lstat(away, &s) == 0)
		ok = error_set(e, "%s: already exists (fix: rename it)", away);
	else if (ok && !look &&
		 renameat2(AT_FDCWD, edit.path, AT_FDCWD, away,
			   RENAME_NOREPLACE) != 0)
		ok = error_system(e, "%s", away);
	if (!ok) {
		free(away);
		away = NULL;
	}
	edit_close(&edit);
	return away;
}
