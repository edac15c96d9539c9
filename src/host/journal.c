/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <ctype.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/journal.h"

static int journal = -1;

bool
journal_open(void)
{
	struct sockaddr_un address = {
		.sun_family = AF_UNIX,
		.sun_path = "/run/systemd/journal/socket",
	};

	if (journal >= 0)
		return true;
	journal = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (journal >= 0 &&
	    connect(journal, (struct sockaddr *)&address, sizeof(address)) == 0)
		return true;
	if (journal >= 0)
		close(journal);
	journal = -1;
	return false;
}

static void
begin(struct buffer *out, int priority)
{
	buffer_init(out, 2 * LOG_LINE_MAX);
	buffer_add(out, SPAN("SYSLOG_IDENTIFIER=certgate\nPRIORITY="));
	buffer_add_number(out, (uint64_t)priority);
	buffer_add(out, SPAN("\nMESSAGE="));
}

static void
finish(struct buffer *out)
{
	buffer_add_byte(out, '\n');
	if (!out->failed &&
	    send(journal, out->data, out->len, MSG_NOSIGNAL) < 0) {
		/* lost, see log.h */
	}
	buffer_free(out);
}

void
journal_send(const struct log_fields *fields, int priority)
{
	struct buffer out;

	begin(&out, priority);
	log_line_text(&out, fields);
	for (size_t i = 0; i < fields->n; i++) {
		const char *name = fields->field[i].name;
		buffer_add_byte(&out, '\n');
		for (; *name != '\0'; name++)
			buffer_add_byte(&out,
					(char)toupper((unsigned char)*name));
		buffer_add_byte(&out, '=');
		log_line_escape(&out, fields->field[i].value);
	}
	finish(&out);
}

void
journal_note(struct span message, int priority)
{
	struct buffer out;

	begin(&out, priority);
	buffer_add(&out, message);
	finish(&out);
}
