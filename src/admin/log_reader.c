/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/log_reader.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "admin/unit.h"
#include "base/date.h"
#include "base/hex.h"
#include "host/account.h"
#include "host/file.h"

enum {
	ROOM = 1048576, /* bytes; a longer line is none of the handler's */
	STAMP = sizeof("YYYY-MM-DDTHH:MM:SSZ") - 1
};

/* Where values with escapes have them, and how. */
struct escapes {
	struct span code; /* before two digits */
	bool doubled; /* a web server may have doubled the backslash */
};

static const struct escapes in_text = { SPAN_TEXT("x"), true };
static const struct escapes in_json = { SPAN_TEXT("u00"), false };

/* Decode n bytes in place; gives how many are left. */
static size_t
decode(char *text, size_t n, const struct escapes *escapes)
{
	size_t out = 0, in = 0;

	while (in < n) {
		struct span rest = { text + in, n - in };
		uint8_t byte = (uint8_t)text[in++];
		if (byte == '\\') {
			rest = span_after(rest, 1);
			if (escapes->doubled && span_starts(rest, SPAN("\\")))
				rest = span_after(rest, 1);
			struct span digits =
				span_after(rest, escapes->code.len);
			digits.len = digits.len > 2 ? 2 : digits.len;
			if (span_starts(rest, escapes->code) &&
			    hex_decode(digits, &byte, 1))
				in = (size_t)(digits.ptr - text) + 2;
			else if (!escapes->doubled && rest.len > 0)
				byte = (uint8_t)text[in++];
			else
				byte = '\\';
		}
		text[out++] = (char)byte;
	}
	return out;
}

/* value is in the room. */
static void
set(struct log_reader *r, enum log_field field, struct span value,
    const struct escapes *escapes)
{
	if (field == FIELDS || value.ptr == NULL ||
	    span_equal(value, SPAN("-")))
		return;
	if (memchr(value.ptr, '\\', value.len) != NULL)
		value.len = decode(r->room + (value.ptr - r->room), value.len,
				   escapes);
	r->value[field] = value;
}

/* name=value name=value ... up to a word that is something else */
static void
take_text(struct log_reader *r, struct span text)
{
	struct span word, name;

	while (span_next(&text, " \"", &word) && span_next(&word, "=", &name) &&
	       word.ptr != NULL)
		set(r, log_field_find(name), word, &in_text);
}

/* Take "..." or a bare word from the front of *text. */
static bool
take_json_value(struct span *text, struct span *value)
{
	size_t n = 0, quote = text->len > 0 && text->ptr[0] == '"';

	*text = span_after(*text, quote);
	while (n < text->len && (quote ? text->ptr[n] != '"'
				       : strchr(",}:", text->ptr[n]) == NULL))
		n += quote && text->ptr[n] == '\\' ? 2 : 1;
	if (n + quote > text->len)
		return false;
	*value = (struct span){ text->ptr, n };
	*text = span_after(*text, n + quote);
	return true;
}

/* Many lines are of one second. */
static bool
take_stamp(struct log_reader *r, struct span stamp)
{
	if (stamp.len != STAMP)
		return false;
	if (memcmp(stamp.ptr, r->stamp, STAMP) != 0) {
		if (!date_time_parse(stamp, &r->stamp_time))
			return false;
		memcpy(r->stamp, stamp.ptr, STAMP);
	}
	r->time = r->stamp_time;
	return true;
}

/* {"time":"...","name":"value","name":null,...}, as host/log_line.c writes
 * it */
static bool
take_json(struct log_reader *r, struct span text)
{
	struct span name, value;

	do {
		text = span_after(text, 1);
		if (!take_json_value(&text, &name) ||
		    !span_starts(text, SPAN(":")))
			break;
		text = span_after(text, 1);
		if (!take_json_value(&text, &value))
			break;
		if (span_equal(name, SPAN("time")))
			(void)take_stamp(r, value);
		else if (r->query.notes && span_equal(name, SPAN("message")))
			r->note = value;
		else if (!span_equal(value, SPAN("null")))
			set(r, log_field_find(name), value, &in_json);
	} while (span_starts(text, SPAN(",")));
	return r->value[FIELD_VERDICT].ptr != NULL || r->note.ptr != NULL;
}

/* level=note list 1: 5 entries */
static struct span
without_level(struct span note)
{
	struct span rest = note, word;

	if (!span_starts(note, SPAN("level=")) || !span_next(&rest, " ", &word))
		return note;
	return rest.ptr == NULL ? note : rest;
}

/* TIME certgate[PID]: verdict=..., whatever a web server wrote before it. */
static bool
take_timed(struct log_reader *r, struct span text)
{
	const struct span mark = SPAN(" certgate["), end = SPAN("]: ");
	const char *at = text.ptr, *stop = text.ptr + text.len;

	while ((at = memmem(at, (size_t)(stop - at), mark.ptr, mark.len)) !=
	       NULL) {
		const char *stamp = at - STAMP;
		at += mark.len;
		struct span rest = { at, (size_t)(stop - at) };
		while (rest.len > 0 && rest.ptr[0] >= '0' && rest.ptr[0] <= '9')
			rest = span_after(rest, 1);
		if (stamp < text.ptr || !span_starts(rest, end))
			continue;
		rest = span_after(rest, end.len);
		bool is_decision = span_starts(rest, SPAN("verdict="));
		if ((!is_decision && !r->query.notes) ||
		    !take_stamp(r, (struct span){ stamp, STAMP }))
			continue;
		if (is_decision)
			take_text(r, rest);
		else
			r->note = without_level(rest);
		return true;
	}
	return false;
}

static void
clear(struct log_reader *r)
{
	memset(r->value, 0, sizeof(r->value));
	r->note = (struct span){ 0 };
	r->time = 0;
}

/* Go on with the file of the log, if the rotated one was read. */
static bool
next_file(struct log_reader *r)
{
	if (r->next == 0)
		return false;
	close(r->file);
	r->file = r->next;
	r->next = 0;
	r->offset = 0;
	r->at = r->end = 0;
	return true;
}

/* False at the end: a line without its end may be half of one. */
static bool
next_line(struct log_reader *r, struct span *line)
{
	for (;;) {
		char *begin = r->room + r->at;
		char *end = memchr(begin, '\n', r->end - r->at);
		if (end != NULL) {
			*line = (struct span){ begin, (size_t)(end - begin) };
			r->at += line->len + 1;
			return true;
		}
		if (r->at == 0 && r->end == ROOM)
			r->at = r->end;
		memmove(r->room, r->room + r->at, r->end - r->at);
		r->offset += (off_t)r->at;
		r->end -= r->at;
		r->at = 0;
		ssize_t n = read(r->file, r->room + r->end, ROOM - r->end);
		if (n < 0 && errno == EINTR)
			continue;
		if (n == 0 && next_file(r))
			continue;
		r->failed |= n < 0;
		if (n <= 0)
			return false;
		r->end += (size_t)n;
	}
}

static bool
next_of_file(struct log_reader *r)
{
	struct span line;

	while (next_line(r, &line)) {
		clear(r);
		bool taken = span_starts(line, SPAN("{\""))
				     ? take_json(r, line)
				     : take_timed(r, line);
		if (!taken || r->time == 0)
			continue;
		if (r->begins == 0 && r->note.ptr == NULL)
			r->begins = r->time;
		return true;
	}
	return false;
}

/* A copy of the bytes of the entry, which the journal takes back. */
static struct span
keep(struct log_reader *r, struct span value)
{
	if (value.len > ROOM - r->end)
		return (struct span){ 0 };
	memcpy(r->room + r->end, value.ptr, value.len);
	r->end += value.len;
	return (struct span){ r->room + r->end - value.len, value.len };
}

static void
take_message(struct log_reader *r, struct span text)
{
	text = keep(r, text);
	if (span_starts(text, SPAN("verdict=")))
		take_text(r, text);
	else if (span_starts(text, SPAN("{\"")))
		(void)take_json(r, text);
	else if (!take_timed(r, text) && r->query.notes)
		r->note = text;
}

static void
take_entry(struct log_reader *r)
{
	unsigned wanted = r->query.fields;
	bool message = r->journal.by_text || r->query.notes;
	enum log_field field;
	struct span value;

	r->time = r->journal.time;
	while (wanted != 0 &&
	       journal_reader_value(&r->journal, wanted, &field, &value)) {
		if (field != FIELDS) {
			set(r, field, keep(r, value), &in_text);
			wanted &= ~FIELD_BIT(field);
			/* A line has a duration or a count, never both. */
			if (r->value[FIELD_US].len > 0)
				wanted &= ~FIELD_BIT(FIELD_COUNT);
		} else if (message) {
			take_message(r, value);
		}
	}
}

static bool
next_of_journal(struct log_reader *r)
{
	int n;

	do {
		clear(r);
		r->end = 0;
		n = journal_reader_next(&r->journal);
		if (n == 1)
			take_entry(r);
	} while (n == 1 && r->value[FIELD_REASON].ptr == NULL &&
		 r->note.ptr == NULL);
	r->failed |= n < 0;
	return n == 1;
}

static bool
is_wanted(const struct log_reader *r)
{
	const char *const *reason = r->query.reasons;

	if (r->note.ptr != NULL)
		return r->time >= r->query.since;
	if (r->time < r->query.since ||
	    (!r->all_sites && !span_equal(r->value[FIELD_SITE], r->site)))
		return false;
	while (reason != NULL && *reason != NULL &&
	       !span_equal(span_of(*reason), r->value[FIELD_REASON]))
		reason++;
	return reason == NULL || *reason != NULL;
}

bool
log_reader_next(struct log_reader *r)
{
	bool more = !r->lost;

	while (more) {
		more = r->journal.open != NULL ? next_of_journal(r)
					       : next_of_file(r);
		if (more && is_wanted(r))
			return true;
	}
	return false;
}

bool
log_reader_ended(const struct log_reader *r, struct error *e)
{
	return !r->failed || error_set(e, "the log cannot be read to its end");
}

uint64_t
log_reader_number(const struct log_reader *r, enum log_field field)
{
	uint64_t number;

	(void)span_number(r->value[field], 0, INT64_MAX, &number);
	return number;
}

/* "DEVICE:INODE:OFFSET" */
static bool
follow(const struct log_reader *r, const struct stat *s, off_t *offset)
{
	struct span rest = span_of(r->query.cursor), word;
	uint64_t part[3];

	for (size_t i = 0; i < 3; i++)
		if (!span_next(&rest, ":", &word) ||
		    !span_number(word, 0, INT64_MAX, &part[i]))
			return false;
	*offset = (off_t)part[2];
	return rest.ptr == NULL && part[0] == s->st_dev &&
	       part[1] == s->st_ino && *offset <= s->st_size;
}

/* By the rules that the handler opens it by: no other user can write it. */
static bool
is_private(const char *path)
{
	char *real = realpath(path, NULL);
	uid_t handler;
	gid_t group;

	if (!account_user(unit_user(), &handler, &group))
		handler = 0;
	struct error unsafe = { 0 };
	bool ok = real != NULL && file_check_owned(real, handler, &unsafe);
	free(real);
	return ok;
}

static const char others_write[] = "others can write this log";

/* Begin with the file to which the log was renamed, if it has lines that are
 * wanted. */
static void
open_rotated(struct log_reader *r, const char *path, const struct stat *log)
{
	int flags = O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | O_NOFOLLOW;
	const char *cursor = r->query.cursor;
	bool wanted = false;
	char *rotated;
	off_t offset = 0;
	struct stat s;

	if (asprintf(&rotated, "%s.1", path) < 0)
		return;
	int fd = open(rotated, flags);
	if (fd >= 0 && fstat(fd, &s) == 0 && S_ISREG(s.st_mode) &&
	    (s.st_ino != log->st_ino || s.st_dev != log->st_dev))
		wanted = cursor == NULL || cursor[0] == '\0'
				 ? s.st_mtime >= r->query.since
				 : follow(r, &s, &offset);
	if (wanted && lseek(fd, offset, SEEK_SET) >= 0) {
		r->next = r->file;
		r->file = fd;
		r->offset = offset;
		r->lost = false;
		if (!is_private(rotated))
			r->doubt = others_write;
	} else if (fd >= 0) {
		close(fd);
	}
	free(rotated);
}

static bool
prepare_file(struct log_reader *r, const char *path, bool named,
	     struct error *e)
{
	bool is_input = strcmp(path, "-") == 0;
	/* The handler's user, which may be an attacker, owns the folder of its
	 * log: a FIFO there has no end.  An administrator may name one. */
	int flags = named ? O_NONBLOCK : 0;
	struct stat s;

	r->file = is_input
			  ? STDIN_FILENO
			  : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | flags);
	error_where(e, file_shown(path));
	if (r->file < 0 && errno == ENOENT)
		return error_set(
			e, named ? "missing log (fix: wait for the next event, "
				   "or as a service, systemctl restart "
				   "certgate.service)"
				 : "missing log (fix: give an existing file to "
				   "--log)");
	if (r->file < 0 || fstat(r->file, &s) != 0)
		return error_system(e, "cannot be opened");
	if (named && !S_ISREG(s.st_mode))
		return error_set(e, "expected a file");
	if (is_input || !named)
		r->doubt = "this is not the log of CERTGATE_LOG";
	else if (!is_private(path))
		r->doubt = others_write;
	if (r->query.cursor != NULL && !S_ISREG(s.st_mode))
		return error_set(e, "expected a file");
	if (r->query.cursor == NULL || r->query.cursor[0] == '\0') {
		if (named)
			open_rotated(r, path, &s);
		return true;
	}
	r->lost = !follow(r, &s, &r->offset);
	if (r->lost && named)
		open_rotated(r, path, &s);
	if (r->next != 0)
		return true;
	if (r->lost)
		r->offset = s.st_size;
	return lseek(r->file, r->offset, SEEK_SET) >= 0 ||
	       error_system(e, "cannot be read");
}

static bool
open_journal(struct log_reader *r, const char *folder, bool by_text,
	     struct error *e)
{
	r->journal = (struct journal_reader){
		.cursor = r->query.cursor,
		.since = r->query.since,
		.reasons = r->query.reasons,
		.fields = r->query.fields,
		.by_text = by_text,
	};
	bool ok = journal_reader_open(&r->journal, folder, e);
	r->query.fields = r->journal.fields;
	r->begins = r->journal.begins;
	r->lost = r->journal.lost;
	return ok;
}

bool
log_reader_open(struct log_reader *r, const struct log_query *query,
		struct error *e)
{
	struct setup_log log;
	struct stat s;
	bool known = setup_log(&log, e);
	const char *path = query->path;

	*r = (struct log_reader){ .query = *query,
				  .site = setup_site(),
				  .file = -1 };
	r->all_sites = r->site.ptr == NULL && !query->one_site;
	if (path == NULL && !known)
		return false;
	if (known && path == NULL)
		path = log.path;
	bool named = known && log.path != NULL && strcmp(path, log.path) == 0;
	bool is_folder = path != NULL && strcmp(path, "-") != 0 &&
			 stat(path, &s) == 0 && S_ISDIR(s.st_mode);
	if (!known)
		*e = (struct error){ 0 };
	r->query.fields |= FIELD_BIT(FIELD_REASON) |
			   (r->all_sites ? 0 : FIELD_BIT(FIELD_SITE));
	bool by_text = known && (log.target == LOG_TARGET_STDERR ||
				 log.target == LOG_TARGET_SYSLOG);
	r->room = malloc(ROOM);
	bool ok = r->room == NULL ? error_set(e, "out of memory")
		  : path == NULL || is_folder
			  ? open_journal(r, path, by_text, e)
			  : prepare_file(r, path, named, e);
	if (is_folder && !is_private(path))
		r->doubt = others_write;
	free(log.path);
	return ok;
}

void
log_reader_close(struct log_reader *r)
{
	journal_reader_close(&r->journal);
	if (r->file > STDERR_FILENO)
		close(r->file);
	if (r->next != 0)
		close(r->next);
	free(r->room);
	*r = (struct log_reader){ .file = -1 };
}

void
log_reader_cursor(const struct log_reader *r, struct buffer *out)
{
	struct stat s;

	if (r->journal.open != NULL) {
		char *cursor = journal_reader_cursor(&r->journal);
		struct span given = span_of(r->query.cursor);
		buffer_add(out, cursor != NULL ? span_of(cursor)
				: r->lost      ? (struct span){ 0 }
					       : given);
		free(cursor);
	} else if (fstat(r->file, &s) == 0) {
		buffer_add_number(out, s.st_dev);
		buffer_add_byte(out, ':');
		buffer_add_number(out, s.st_ino);
		buffer_add_byte(out, ':');
		buffer_add_number(out, (uint64_t)r->offset + r->at);
	}
}

void
log_reader_print_doubt(const char *doubt, bool json)
{
	if (json)
		print_json_string("doubt", span_of(doubt));
	else
		print("note      %s\n", doubt);
}

void
log_reader_print_begin(const struct log_reader *r, bool json)
{
	if (r->doubt != NULL)
		log_reader_print_doubt(r->doubt, json);
	if (json && r->begins != 0) {
		print_json_time("logBegins", r->begins);
	} else if (json) {
		print_json_null("logBegins");
	} else if (r->begins != 0) {
		print("log begins ");
		print_time(r->begins);
		print("\n");
	} else {
		print("log has no line of a decision%s\n",
		      r->journal.open == NULL || geteuid() == 0
			      ? ""
			      : " that this user can read");
	}
}
