/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/findings.h"
#include "admin/print.h"

static bool
is_known(const struct findings *findings, const struct error *e)
{
	for (size_t i = 0; i < findings->n; i++) {
		const struct error *other = &findings->found[i].error;
		if (other->line == e->line && other->column == e->column &&
		    strcmp(other->text, e->text) == 0 &&
		    strcmp(other->where, e->where) == 0)
			return true;
	}
	return false;
}

/* Mostly that of the one before. */
static size_t
find_file(const struct findings *findings, const char *where)
{
	for (size_t i = findings->n; i > 0; i--)
		if (strcmp(findings->found[i - 1].error.where, where) == 0)
			return findings->found[i - 1].file;
	return findings->n;
}

void
findings_add(struct findings *findings, enum log_level level,
	     const struct error *e)
{
	enum { FIRST_SIZE = 16, REPEATS_MAX = 1000 /* compared with others */ };

	if (level == LOG_LEVEL_NOTE ||
	    (findings->n < REPEATS_MAX && is_known(findings, e)))
		return;
	if (level == LOG_LEVEL_ERROR)
		findings->errors++;
	else
		findings->warnings++;
	if (findings->n == findings->size) {
		size_t size =
			findings->size == 0 ? FIRST_SIZE : 2 * findings->size;
		struct finding *found =
			reallocarray(findings->found, size, sizeof(*found));
		findings->incomplete |= found == NULL;
		if (found == NULL)
			return;
		findings->found = found;
		findings->size = size;
	}
	findings->found[findings->n] = (struct finding){
		.level = level,
		.error = *e,
		.file = find_file(findings, e->where),
		.at = findings->n,
	};
	findings->n++;
}

void
findings_warn(struct findings *findings, const char *file, unsigned line,
	      const char *format, ...)
{
	struct error e = { .set = true, .line = line };
	va_list arguments;

	error_where(&e, file);
	va_start(arguments, format);
	(void)vsnprintf(e.text, sizeof(e.text), format, arguments);
	va_end(arguments);
	findings_add(findings, LOG_LEVEL_WARNING, &e);
}

static int
compare(const void *a, const void *b)
{
	const struct finding *one = a, *other = b;

	if (one->file != other->file)
		return one->file < other->file ? -1 : 1;
	if (one->error.line != other->error.line)
		return one->error.line < other->error.line ? -1 : 1;
	return one->at < other->at ? -1 : 1;
}

void
findings_sort(struct findings *findings)
{
	if (findings->n > 0)
		qsort(findings->found, findings->n, sizeof(*findings->found),
		      compare);
}

static const char *
level_name(enum log_level level)
{
	return level == LOG_LEVEL_ERROR ? "error" : "warning";
}

void
findings_print(const struct findings *findings)
{
	for (size_t i = 0; i < findings->n; i++) {
		const struct error *e = &findings->found[i].error;
		char text[sizeof(*e) + sizeof(":4294967295:4294967295: ")];
		error_text(e, text, sizeof(text));
		print("%s: ", level_name(findings->found[i].level));
		print_text(span_of(text));
		print("\n");
	}
	if (findings->incomplete)
		print("error: out of memory for more of them\n");
}

void
findings_print_json(const struct findings *findings)
{
	print_json_open("findings", '[');
	for (size_t i = 0; i < findings->n; i++) {
		const struct error *e = &findings->found[i].error;
		const char *level = level_name(findings->found[i].level);
		print_json_open(NULL, '{');
		print_json_string("level", span_of(level));
		if (e->where[0] != '\0')
			print_json_string("file", span_of(e->where));
		if (e->line > 0)
			print_json_number("line", e->line);
		if (e->column > 0)
			print_json_number("column", e->column);
		print_json_string("text", span_of(e->text));
		print_json_close('}');
	}
	print_json_close(']');
}

void
findings_free(struct findings *findings)
{
	free(findings->found);
	*findings = (struct findings){ 0 };
}
