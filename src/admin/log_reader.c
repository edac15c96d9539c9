/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/journal_reader.h"
#include "admin/log_reader.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "base/date.h"
#include "base/hex.h"
#include "host/file.h"

enum {
	ROOM = 1048576, /* bytes; a longer line is none of the handler's */
	STAMP = sizeof("YYYY-MM-DDTHH:MM:SSZ") - 1
};

static const struct span names[LOG_FIELDS] = {
	[LOG_VERDICT] = SPAN_TEXT("verdict"),
	[LOG_REASON] = SPAN_TEXT("reason"),
	[LOG_WOULD] = SPAN_TEXT("would"),
	[LOG_SIGNED] = SPAN_TEXT("signed"),
	[LOG_HUB] = SPAN_TEXT("hub"),
	[LOG_SITE] = SPAN_TEXT("site"),
	[LOG_SHA1] = SPAN_TEXT("sha1"),
	[LOG_SHA256] = SPAN_TEXT("sha256"),
	[LOG_SPKI] = SPAN_TEXT("spki"),
	[LOG_ISSUER] = SPAN_TEXT("issuer"),
	[LOG_NOT_AFTER] = SPAN_TEXT("not_after"),
	[LOG_LIST] = SPAN_TEXT("list"),
	[LOG_LINE] = SPAN_TEXT("line"),
	[LOG_US] = SPAN_TEXT("us"),
	[LOG_SUBJECT] = SPAN_TEXT("subject"),
	[LOG_COUNT] = SPAN_TEXT("count"),
	[LOG_LOST] = SPAN_TEXT("lost"),
};

/* Which field has this name, in either case; LOG_FIELDS: none. */
static enum log_field
field_of(struct span name)
{
	for (size_t i = 0; i < LOG_FIELDS; i++)
		if (names[i].len == name.len && name.len > 0 &&
		    names[i].ptr[0] == (name.ptr[0] | 0x20) &&
		    span_equal_nocase(names[i], name))
			return (enum log_field)i;
	return LOG_FIELDS;
}

static void
set_field(struct log_reader *r, enum log_field field, struct span value)
{
	if (field != LOG_FIELDS && !span_equal(value, SPAN("-")))
		r->field[field] = value;
}

/* name=value name=value ... up to a word that is something else */
static void
take_text(struct log_reader *r, struct span text)
{
	struct span word, name;

	r->json = false;
	while (span_next(&text, " \"", &word) && span_next(&word, "=", &name) &&
	       word.ptr != NULL)
		set_field(r, field_of(name), word);
}

/* Takes "..." or a bare word from the front of *text. */
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

/* "name":"value","name":null,...}, as host/log_line.c writes it */
static void
take_json(struct log_reader *r, struct span text)
{
	struct span name, value;

	r->json = true;
	while (take_json_value(&text, &name) && span_starts(text, SPAN(":"))) {
		text = span_after(text, 1);
		if (!take_json_value(&text, &value))
			break;
		if (!span_equal(value, SPAN("null")))
			set_field(r, field_of(name), value);
		if (!span_starts(text, SPAN(",")))
			break;
		text = span_after(text, 1);
	}
}

/* Many lines are of one second. */
static bool
take_stamp(struct log_reader *r, const char *stamp)
{
	if (memcmp(stamp, r->stamp, STAMP) != 0) {
		if (!date_time_parse((struct span){ stamp, STAMP },
				     &r->stamp_time))
			return false;
		memcpy(r->stamp, stamp, STAMP);
	}
	r->time = r->stamp_time;
	return true;
}

/* The handler's own text in a line, "TIME certgate[PID]: verdict=...", whatever
 * a web server wrote before it. */
static bool
take_text_line(struct log_reader *r, struct span line)
{
	const struct span mark = SPAN(" certgate["), end = SPAN("]: ");
	const char *at = line.ptr, *stop = line.ptr + line.len;

	while ((at = memmem(at, (size_t)(stop - at), mark.ptr, mark.len)) !=
	       NULL) {
		const char *stamp = at - STAMP;
		at += mark.len;
		struct span rest = { at, (size_t)(stop - at) };
		while (rest.len > 0 && rest.ptr[0] >= '0' && rest.ptr[0] <= '9')
			rest = span_after(rest, 1);
		if (stamp < line.ptr || !span_starts(rest, end))
			continue;
		rest = span_after(rest, end.len);
		if (!span_starts(rest, SPAN("verdict=")) ||
		    !take_stamp(r, stamp))
			continue;
		take_text(r, rest);
		return true;
	}
	return false;
}

static bool
take_json_line(struct log_reader *r, struct span line)
{
	const struct span begin = SPAN("{\"time\":\""), end = SPAN("\",");

	if (!span_starts(line, begin) || line.len < begin.len + STAMP + end.len)
		return false;
	line = span_after(line, begin.len);
	if (!span_starts(span_after(line, STAMP), end) ||
	    !take_stamp(r, line.ptr))
		return false;
	take_json(r, span_after(line, STAMP + end.len));
	return r->field[LOG_VERDICT].ptr != NULL;
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
		memset(r->field, 0, sizeof(r->field));
		if (!take_text_line(r, line) && !take_json_line(r, line))
			continue;
		if (r->begins == 0)
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

/* Goes on with the fields of the entry until all that are wanted are there;
 * others may be there too. */
static void
take_entry(struct log_reader *r, unsigned wanted)
{
	const unsigned known = r->query.fields | r->query.more;
	struct span rest, name;

	while (wanted != 0 && journal_reader_field(r, &rest)) {
		if (span_empty(rest) || rest.ptr[0] == '_' ||
		    !span_next(&rest, "=", &name) || span_empty(name))
			continue;
		enum log_field field = field_of(name);
		if (field != LOG_FIELDS && (known & LOG_BIT(field)) != 0) {
			set_field(r, field, keep(r, rest));
			wanted &= ~LOG_BIT(field);
		} else if (r->by_text && span_equal(name, SPAN("MESSAGE"))) {
			rest = keep(r, rest);
			if (span_starts(rest, SPAN("verdict=")))
				take_text(r, rest);
			else if (span_starts(rest, SPAN("{\"verdict\":")))
				take_json(r, span_after(rest, 1));
			else if (!take_text_line(r, rest))
				(void)take_json_line(r, rest);
		}
	}
}

static bool
next_of_journal(struct log_reader *r)
{
	int n;

	while ((n = journal_reader_next(r)) == 1) {
		memset(r->field, 0, sizeof(r->field));
		r->end = 0;
		r->json = false;
		take_entry(r, r->query.fields);
		if (r->field[LOG_REASON].ptr != NULL)
			return true;
	}
	r->failed |= n < 0;
	return false;
}

static bool
is_wanted(const struct log_reader *r)
{
	const char *const *reason = r->query.reasons;

	if (r->time < r->query.since ||
	    (!r->query.all_sites &&
	     !span_equal(r->field[LOG_SITE], r->query.site)))
		return false;
	while (reason != NULL && *reason != NULL &&
	       !span_equal(span_of(*reason), r->field[LOG_REASON]))
		reason++;
	return reason == NULL || *reason != NULL;
}

bool
log_reader_next(struct log_reader *r)
{
	bool more = !r->lost;

	while (more) {
		more = r->journal != NULL ? next_of_journal(r)
					  : next_of_file(r);
		if (more && is_wanted(r))
			return true;
	}
	return false;
}

void
log_reader_fetch(struct log_reader *r)
{
	unsigned missing = 0;

	for (size_t i = 0; i < LOG_FIELDS; i++)
		missing |= r->field[i].ptr == NULL ? LOG_BIT(i) : 0;
	if (r->journal != NULL)
		take_entry(r, missing & r->query.more);
}

void
log_reader_decode(const struct log_reader *r, enum log_field field,
		  struct buffer *out)
{
	struct span rest = r->field[field];

	while (rest.len > 0) {
		uint8_t byte;
		/* A web server may have doubled it. */
		size_t skip =
			!r->json && span_starts(rest, SPAN("\\\\")) ? 1 : 0;
		size_t n = r->json ? sizeof("\\u00") - 1 : sizeof("\\x") - 1;
		bool code = rest.ptr[0] == '\\' && rest.len >= skip + n + 2 &&
			    rest.ptr[skip + 1] == (r->json ? 'u' : 'x') &&
			    hex_decode((struct span){ rest.ptr + skip + n, 2 },
				       &byte, 1);
		if (code) {
			buffer_add_byte(out, (char)byte);
			rest = span_after(rest, skip + n + 2);
			continue;
		}
		if (r->json && rest.ptr[0] == '\\' && rest.len > 1)
			rest = span_after(rest, 1);
		buffer_add_byte(out, rest.ptr[0]);
		rest = span_after(rest, 1);
	}
}

uint64_t
log_reader_number(const struct log_reader *r, enum log_field field)
{
	uint64_t number;

	(void)span_number(r->field[field], 0, INT64_MAX, &number);
	return number;
}

/* Its owner is root, this user or the handler's; no other user can write it. */
static bool
is_private(const char *path, const struct passwd *handler)
{
	struct stat s;
	int fd = open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return false;
	bool ok = fstat(fd, &s) == 0 &&
		  (s.st_uid == 0 || s.st_uid == geteuid() ||
		   (handler != NULL && s.st_uid == handler->pw_uid)) &&
		  (mode_find(fd, &s, false).what == NULL ||
		   (S_ISDIR(s.st_mode) && (s.st_mode & S_ISVTX) != 0));
	close(fd);
	return ok;
}

/* The same of each folder on the way; in one that is sticky nobody can move
 * what is another user's. */
static bool
is_private_path(const char *path)
{
	const struct passwd *handler = getpwnam("_certgate");
	char *real = realpath(path, NULL);
	bool ok = real != NULL;

	while (ok && real[0] != '\0') {
		ok = is_private(real, handler);
		*strrchr(real, '/') = '\0';
	}
	free(real);
	return ok;
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

static bool
prepare_file(struct log_reader *r, const char *path, bool named,
	     struct error *e)
{
	bool is_input = strcmp(path, "-") == 0;
	struct stat s;

	r->file = is_input ? STDIN_FILENO
			   : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	error_where(e, file_shown(path));
	if (r->file < 0 || fstat(r->file, &s) != 0)
		return error_system(e, "cannot be opened");
	r->shared = is_input || !named || !S_ISREG(s.st_mode) ||
		    !is_private_path(path);
	if (r->query.cursor == NULL)
		return true;
	if (!S_ISREG(s.st_mode))
		return error_set(e, "expected a file");
	if (r->query.cursor[0] == '\0')
		return true;
	r->lost = !follow(r, &s, &r->offset);
	if (r->lost)
		r->offset = s.st_size;
	return lseek(r->file, r->offset, SEEK_SET) >= 0 ||
	       error_system(e, "cannot be read");
}

bool
log_reader_open(struct log_reader *r, const struct log_query *query,
		struct error *e)
{
	struct setup_log log;
	struct stat s;
	bool known = setup_log(&log, e);
	const char *path = query->path;

	*r = (struct log_reader){ .query = *query, .file = -1 };
	if (path == NULL && !known)
		return false;
	if (known && path == NULL)
		path = log.path;
	bool named = known && log.path != NULL && strcmp(path, log.path) == 0;
	bool is_folder = path != NULL && strcmp(path, "-") != 0 &&
			 stat(path, &s) == 0 && S_ISDIR(s.st_mode);
	if (!known)
		*e = (struct error){ 0 };
	r->query.fields |= LOG_BIT(LOG_REASON) |
			   (query->all_sites ? 0 : LOG_BIT(LOG_SITE));
	r->by_text = known && (log.target == LOG_TARGET_STDERR ||
			       log.target == LOG_TARGET_SYSLOG);
	r->room = malloc(ROOM);
	bool ok = r->room == NULL	      ? error_set(e, "out of memory")
		  : path == NULL || is_folder ? journal_reader_open(r, path, e)
					      : prepare_file(r, path, named, e);
	r->shared |= is_folder && !is_private_path(path);
	free(log.path);
	return ok;
}

void
log_reader_close(struct log_reader *r)
{
	if (r->journal != NULL)
		journal_reader_close(r);
	if (r->file > STDERR_FILENO)
		close(r->file);
	free(r->room);
	*r = (struct log_reader){ .file = -1 };
}

void
log_reader_cursor(const struct log_reader *r, struct buffer *out)
{
	struct stat s;

	if (r->journal != NULL) {
		char *cursor = journal_reader_cursor(r);
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
log_reader_print_begin(const struct log_reader *r, bool json)
{
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
		      r->journal == NULL || geteuid() == 0
			      ? ""
			      : " that this user can read");
	}
}
