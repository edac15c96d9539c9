/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>

#include "base/text.h"
#include "policy/given.h"
#include "policy/settings.h"

enum { UNKNOWN = SETTINGS_MAX };

/* Which setting has this name; UNKNOWN if none. */
static size_t
find(struct span name)
{
	size_t i = 0;

	while (settings_help(i) != NULL &&
	       !span_equal(name, span_of(settings_help(i)->name)))
		i++;
	return settings_help(i) == NULL ? UNKNOWN : i;
}

const char *
given_name(struct span name)
{
	enum { NAME_MAX_SHOWN = 12 /* characters */ };
	static _Thread_local char text[NAME_MAX_SHOWN + sizeof("...")];
	size_t i = find(name);

	if (i != UNKNOWN)
		return settings_help(i)->name;
	if (name.len <= NAME_MAX_SHOWN)
		return error_word(name);
	name.len = NAME_MAX_SHOWN;
	(void)snprintf(text, sizeof(text), "%s...", error_word(name));
	return text;
}

/* Set e for an unknown name.  A word without the prefix is not repeated: it may
 * be the second line of a secret. */
static bool
no_setting(struct span name, struct error *e)
{
	if (!span_starts(name, SPAN("CERTGATE_")))
		return error_set(e, "unknown setting of %zu characters",
				 name.len);
	return error_set(e, "unknown setting \"%s\"", given_name(name));
}

/* One line of the file; e says what is wrong with it. */
static bool
take_line(struct setting_given *given, struct span line, unsigned number,
	  struct error *e)
{
	struct span rest, name;

	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	rest = span_trim(line);
	if (rest.len == 0 || rest.ptr[0] == '#')
		return true;
	span_next(&rest, "=", &name);
	name = span_trim(name);
	size_t i = find(name);
	e->column = (unsigned)(name.ptr - line.ptr) + 1;
	if (rest.ptr == NULL)
		return error_set(e, "expected NAME=value, or # before a "
				    "comment");
	if (i == UNKNOWN)
		return no_setting(name, e);
	if (given[i].value.ptr != NULL)
		return error_set(e,
				 "%s is set a second time, first in line "
				 "%u",
				 settings_help(i)->name, given[i].line);
	given[i].value = span_trim(rest);
	given[i].line = number;
	given[i].column = (unsigned)(given[i].value.ptr - line.ptr) + 1;
	return true;
}

static bool
take_file(struct setting_given *given, struct span text, const char *name,
	  struct report *report, struct error *e)
{
	struct span line;
	unsigned number = 0;

	error_where(e, name);
	if (!lines_check(text, e) && !error_report(report, e))
		return false;
	text = lines_begin(text);
	/* As a copy to a full disk leaves it. */
	if (text.ptr != NULL && !lines_any(text) &&
	    !error_set(e, "empty: expected a setting, or a comment") &&
	    !error_report(report, e))
		return false;
	while (span_next(&text, "\n", &line)) {
		error_where(e, name);
		e->line = ++number;
		if (!take_line(given, line, number, e) &&
		    !error_report(report, e))
			return false;
	}
	*e = (struct error){ 0 };
	return true;
}

/* CERTGATE_CONFIG says where the file is; CERTGATE_SITE is a parameter of a
 * request, which plain CGI has in its environment. */
static bool
is_no_setting(struct span name)
{
	return !span_starts(name, SPAN("CERTGATE_")) ||
	       span_equal(name, SPAN("CERTGATE_CONFIG")) ||
	       span_equal(name, SPAN("CERTGATE_SITE"));
}

static bool
take_environment(struct setting_given *given, char *const *environment,
		 struct report *report, struct error *e)
{
	bool seen[SETTINGS_MAX] = { false };

	for (; *environment != NULL; environment++) {
		struct span rest = span_of(*environment), name;
		span_next(&rest, "=", &name);
		size_t i = find(name);
		if (i == UNKNOWN && is_no_setting(name))
			continue;
		error_where(e, "environment");
		if (i == UNKNOWN)
			no_setting(name, e);
		else if (rest.ptr == NULL)
			error_set(e, "%s has no value", settings_help(i)->name);
		else if (seen[i])
			error_set(e, "%s is set twice", settings_help(i)->name);
		if (e->set && !error_report(report, e))
			return false;
		*e = (struct error){ 0 };
		if (i == UNKNOWN || rest.ptr == NULL)
			continue;
		seen[i] = true;
		given[i] = (struct setting_given){ .value = span_trim(rest) };
	}
	return true;
}

bool
given_read(struct setting_given given[SETTINGS_MAX], struct span text,
	   const char *name, char *const *environment, struct report *report,
	   struct error *e)
{
	return take_file(given, text, name, report, e) &&
	       take_environment(given, environment, report, e);
}
