/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/hex.h"

/* Names of files are not escaped, for people copy them; but none steers a
 * terminal or begins a line.  C1 is U+0080 to U+009F. */
static void
tame(char *text)
{
	enum { DELETE = 0x7f, C1_LEAD = 0xc2, C1_END = 0xa0 };

	for (unsigned char *p = (unsigned char *)text; *p != '\0'; p++) {
		bool c1 = *p == C1_LEAD && p[1] > DELETE && p[1] < C1_END;
		if (c1)
			p[1] = '?';
		if (c1 || *p < ' ' || *p == DELETE)
			*p = '?';
	}
}

/* False if there is an error already. */
__attribute__((format(printf, 2, 0))) static bool
set_text(struct error *e, const char *format, va_list arguments)
{
	if (e->set)
		return false;
	e->set = true;
	(void)vsnprintf(e->text, sizeof(e->text), format, arguments);
	tame(e->text);
	return true;
}

bool
error_set(struct error *e, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)set_text(e, format, arguments);
	va_end(arguments);
	return false;
}

bool
error_system(struct error *e, const char *format, ...)
{
	int number = errno;
	va_list arguments;

	va_start(arguments, format);
	bool fresh = set_text(e, format, arguments);
	va_end(arguments);
	size_t used = strlen(e->text);
	if (fresh)
		(void)snprintf(e->text + used, sizeof(e->text) - used, ": %s",
			       strerror(number));
	return false;
}

bool
error_prefix(struct error *e, const char *prefix)
{
	struct error inner = *e;

	*e = (struct error){ 0 };
	return error_set(e, "%s: %s", prefix, inner.text);
}

void
error_where(struct error *e, const char *where)
{
	if (where == NULL || e->where[0] != '\0')
		return;
	(void)snprintf(e->where, sizeof(e->where), "%s", where);
	tame(e->where);
}

void
error_at(struct error *e, unsigned line, unsigned column)
{
	if (e->line == 0) {
		e->line = line;
		e->column = column;
	}
}

bool
error_report(struct report *report, struct error *e)
{
	if (report == NULL)
		return false;
	error_where(e, report->where);
	report->faults++;
	if (report->fault != NULL)
		report->fault(report->context, e);
	*e = (struct error){ 0 };
	return true;
}

const char *
error_word(struct span word)
{
	enum { WORDS = 4, MAX = 40, ESCAPED = 4 /* \xHH */ };
	static _Thread_local char words[WORDS][MAX * ESCAPED + sizeof("...")];
	static _Thread_local unsigned turn;
	char *text = words[turn++ % WORDS];
	size_t n = 0;

	for (size_t i = 0; i < word.len && i < MAX; i++) {
		char c = word.ptr[i];
		if (c >= ' ' && c <= '~' && c != '\\') {
			text[n++] = c;
			continue;
		}
		uint8_t byte = (uint8_t)c;
		text[n++] = '\\';
		text[n++] = 'x';
		hex_encode(&byte, 1, text + n);
		n += 2;
	}
	memcpy(text + n, word.len > MAX ? "..." : "", word.len > MAX ? 4 : 1);
	return text;
}

void
error_text(const struct error *e, char *text, size_t size)
{
	char place[sizeof(":4294967295:4294967295")] = "";

	if (e->line > 0 && e->column > 0)
		(void)snprintf(place, sizeof(place), ":%u:%u", e->line,
			       e->column);
	else if (e->line > 0)
		(void)snprintf(place, sizeof(place), ":%u", e->line);
	(void)snprintf(text, size, "%s%s%s%s", e->where, place,
		       e->where[0] == '\0' && place[0] == '\0' ? "" : ": ",
		       e->text);
}

struct error *
warnings_next(struct warnings *w, const char *at)
{
	static _Thread_local struct error dropped;
	struct error *place = &dropped;

	if (w->n < WARNINGS_MAX)
		place = &w->warning[w->n];
	for (int i = WARNINGS_MAX - 1; place == &dropped && i >= 0; i--)
		if (!w->warning[i].severe)
			place = &w->warning[i];
	w->n++;
	*place = (struct error){ 0 };
	if (w->begin != NULL && at != NULL)
		error_at(place, w->line, (unsigned)(at - w->begin) + 1);
	return place;
}
