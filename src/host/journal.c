/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <ctype.h>

#include "host/datagram.h"
#include "host/journal.h"

static struct datagram journal = { "/run/systemd/journal/socket", -1 };

bool
journal_open(void)
{
	return datagram_open(&journal);
}

static void
begin(struct buffer *out, int priority)
{
	buffer_init(out, 2 * LOG_LINE_MAX);
	buffer_add(out, SPAN("SYSLOG_IDENTIFIER=certgate\nPRIORITY="));
	buffer_add_number(out, (uint64_t)priority);
}

static bool
finish(struct buffer *out)
{
	buffer_add_byte(out, '\n');
	bool sent = !out->failed && datagram_send(&journal, buffer_span(out));
	buffer_free(out);
	return sent;
}

bool
journal_send(const struct log_fields *fields, int priority)
{
	struct buffer out;

	begin(&out, priority);
	for (size_t i = 0; i < fields->n; i++) {
		const char *name = fields->field[i].name;
		buffer_add_byte(&out, '\n');
		for (; *name != '\0'; name++)
			buffer_add_byte(&out,
					(char)toupper((unsigned char)*name));
		buffer_add_byte(&out, '=');
		log_line_escape(&out, fields->field[i].value);
	}
	/* Last: the journal compresses it, and a reader of the other fields
	 * need not unpack it. */
	buffer_add(&out, SPAN("\nMESSAGE="));
	log_line_text(&out, fields);
	return finish(&out);
}

void
journal_note(struct span message, int priority)
{
	struct buffer out;

	begin(&out, priority);
	buffer_add(&out, SPAN("\nMESSAGE="));
	buffer_add(&out, message);
	(void)finish(&out);
}
