/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate install-list: checks a file as a list for these settings, and
 * replaces the list by it whole. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "admin/edit.h"
#include "admin/input.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "base/text.h"

enum { SHOWN_MAX = 20 /* entries of a kind */ };

/* The entries of a list without their comments, sorted. */
struct texts {
	struct span *text; /* owned; each borrows the list */
	size_t n;
};

struct installation {
	struct edit edit;
	struct settings settings;
	struct buffer text; /* the new list */
	struct texts before, after;
	struct texts removed, added;
};

static int
compare(const void *a, const void *b)
{
	const struct span *one = a, *other = b;
	size_t n = one->len < other->len ? one->len : other->len;
	int order = memcmp(one->ptr, other->ptr, n);

	if (order != 0)
		return order;
	return one->len < other->len ? -1 : one->len > other->len;
}

static bool
add_text(struct texts *texts, struct span text)
{
	bool full = (texts->n & (texts->n - 1)) == 0;
	struct span *longer = texts->text;

	if (full)
		longer = reallocarray(texts->text,
				      texts->n == 0 ? 1 : 2 * texts->n,
				      sizeof(*longer));
	if (longer == NULL)
		return false;
	texts->text = longer;
	longer[texts->n++] = text;
	return true;
}

static bool
sort_entries(struct texts *texts, struct span list)
{
	struct span line;

	list = lines_begin(list);
	while (list.len > 0 && span_next(&list, "\n", &line)) {
		struct span text = list_entry_text(line);
		if (text.len > 0 && !add_text(texts, text))
			return false;
	}
	if (texts->n > 0)
		qsort(texts->text, texts->n, sizeof(*texts->text), compare);
	return true;
}

/* Find what is in one list alone. */
static bool
find_difference(struct installation *it)
{
	size_t b = 0, a = 0;

	if (!sort_entries(&it->before, buffer_span(&it->edit.before)) ||
	    !sort_entries(&it->after, buffer_span(&it->text)))
		return false;
	while (b < it->before.n || a < it->after.n) {
		int order = b == it->before.n  ? 1
			    : a == it->after.n ? -1
					       : compare(&it->before.text[b],
							 &it->after.text[a]);
		if (order < 0 && !add_text(&it->removed, it->before.text[b]))
			return false;
		if (order > 0 && !add_text(&it->added, it->after.text[a]))
			return false;
		b += order <= 0;
		a += order >= 0;
	}
	return true;
}

static void
print_fault(void *context, const struct error *e)
{
	(void)context;
	print_error(e);
}

static void
print_warnings(const struct list *list, const char *where)
{
	const struct warnings *warnings = &list->warnings;
	char text[sizeof(struct error)];
	size_t i = 0;

	for (; i < warnings->n && i < WARNINGS_MAX; i++) {
		struct error warning = warnings->warning[i];
		error_where(&warning, where);
		error_text(&warning, text, sizeof(text));
		print_problem("%s%s", warning.severe ? "" : "warning: ", text);
	}
	if (warnings->n > i)
		print_problem("warning: %s: %zu more warning%s", where,
			      warnings->n - i, warnings->n - i == 1 ? "" : "s");
	for (i = 0; i < list->n && !list->entries[i].allows; i++)
		;
	if (i == list->n)
		print_problem("warning: %s: no entry allows a client", where);
}

/* Check the new list; print its errors and return false if it is invalid. */
static bool
check(struct installation *it, const char *path)
{
	struct span text = buffer_span(&it->text);
	struct report report = { .fault = print_fault,
				 .where = input_name(path) };
	struct list list = { 0 };
	struct error e = { 0 };

	bool ok = list_report(&list, text, it->settings.pins,
			      it->settings.n_pins, &setup_files, &report, &e);
	if (ok)
		print_warnings(&list, report.where);
	else
		print_problem("the list stays as it is");
	list_free(&list);
	return ok;
}

static bool
is_deny(struct span text)
{
	return span_starts(text, SPAN("deny")) && text.len > 4 &&
	       (text.ptr[4] == ' ' || text.ptr[4] == '\t');
}

/* Report the entries, deny entries first: a removed one may allow clients. */
static void
report_texts(const char *what, const struct texts *texts)
{
	size_t shown = 0;

	print_json_open(what, '[');
	for (int denies = 1; denies >= 0; denies--)
		for (size_t i = 0; i < texts->n; i++) {
			if (is_deny(texts->text[i]) != (denies == 1))
				continue;
			print_json_string(NULL, texts->text[i]);
			if (shown++ >= SHOWN_MAX)
				continue;
			print("%s: ", what);
			print_text(texts->text[i]);
			print("\n");
		}
	print_json_close(']');
	if (shown > SHOWN_MAX)
		print("%s: %zu more\n", what, shown - SHOWN_MAX);
}

static void
report(const struct installation *it, bool written)
{
	print_json_open(NULL, '{');
	print_json_string("file", span_of(it->edit.file.path));
	print_json_bool("written", written);
	print_text(span_of(it->edit.file.path));
	print(": %zu entr%s, %zu before\n", it->after.n,
	      it->after.n == 1 ? "y" : "ies", it->before.n);
	report_texts("removed", &it->removed);
	report_texts("added", &it->added);
	print_json_close('}');
	if (written)
		print("Running handlers load the list within two seconds.\n");
}

static enum exit_code
install(struct installation *it, const struct command *command)
{
	const char *path = command->arguments[0];
	bool dry_run = command->option[OPTION_DRY_RUN] != NULL;
	struct error e = { 0 };

	if (!check(it, path))
		return EXIT_NO;
	bool same = it->edit.exists && span_equal(buffer_span(&it->edit.before),
						  buffer_span(&it->text));
	edit_set(&it->edit, buffer_span(&it->text));
	if (!find_difference(it)) {
		print_problem("out of memory");
		return EXIT_SYSTEM;
	}
	bool written = !dry_run && !same;
	if (written && !edit_commit(&it->edit, &e)) {
		print_error(&e);
		return EXIT_SYSTEM;
	}
	report(it, written);
	edit_report_new(&it->edit, written);
	return EXIT_DONE;
}

/* Open the settings, the list in force and the file.  Return false and e on
 * failure. */
static bool
open_installation(struct installation *it, const struct command *command,
		  struct error *e)
{
	bool dry_run = command->option[OPTION_DRY_RUN] != NULL;
	char *path = NULL;

	bool ok = setup_settings(&it->settings, e);
	if (ok)
		path = setup_list(e);
	ok = path != NULL &&
	     input_read_large(command->arguments[0], "a list", LIST_TEXT_MAX,
			      &it->text, e) &&
	     edit_open_any(&it->edit, path, dry_run, e);
	free(path);
	return ok;
}

enum exit_code
install_list_run(const struct command *command)
{
	struct installation it = { .edit = EDIT_CLOSED };
	enum exit_code code = EXIT_SYSTEM;
	struct error e = { 0 };

	buffer_init(&it.text, LIST_TEXT_MAX);
	if (open_installation(&it, command, &e))
		code = install(&it, command);
	else
		print_error(&e);
	edit_close(&it.edit);
	settings_free(&it.settings);
	buffer_wipe(&it.text);
	free(it.before.text);
	free(it.after.text);
	free(it.removed.text);
	free(it.added.text);
	return code;
}
