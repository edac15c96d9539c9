/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>

#include "emulator/trace.h"

enum { WORD_MAX_BYTES = 128 };

static void
append_escaped(GString *to, const char *text, char least)
{
	for (; *text != '\0'; text++) {
		if (*text >= least && *text <= '~')
			g_string_append_c(to, *text);
		else
			g_string_append_printf(to, "\\x%02x",
					       (unsigned char)*text);
	}
}

char *
trace_word(const char *word)
{
	if (word == NULL || *word == '\0')
		return g_strdup("-");

	g_autofree char *cut = g_strndup(word, WORD_MAX_BYTES);
	GString *out = g_string_new(NULL);
	append_escaped(out, cut, '!');
	return g_string_free(out, FALSE);
}

void
trace_line(enum trace_level level, const char *name, const char *format, ...)
{
	static const char *const levels[] = {
		[TRACE_INFORMATION] = "Information",
		[TRACE_WARNING] = "Warning",
		[TRACE_ERROR] = "Error",
	};
	g_autoptr(GDateTime) now = g_date_time_new_now_utc();
	g_autofree char *time = g_date_time_format(now, "%Y-%m-%dT%H:%M:%S");
	va_list arguments;

	va_start(arguments, format);
	g_autofree char *text = g_strdup_vprintf(format, arguments);
	va_end(arguments);

	g_autoptr(GString) line = g_string_new(NULL);
	append_escaped(line, text, ' ');
	(void)printf("%s.%03dZ %s %s %s\n", time,
		     g_date_time_get_microsecond(now) / 1000, levels[level],
		     name, line->str);
	(void)fflush(stdout);
}
