/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/json.h"
#include "host/datagram.h"
#include "host/file.h"
#include "host/log.h"
#include "host/log_line.h"

enum {
	NOTE_MAX = 1024, /* bytes of a note, with the NUL */
	HELD_MAX = 64, /* summarized lines; then all are written */
	MINUTE_S = 60,
	SUMMARIES = 64 /* at once; then all are written */
};

/* The accepted events of one kind: one line a minute. */
struct summary {
	struct span event; /* a route's name */
	bool verified;
	char hub[LOG_LINE_VALUE_MAX + 1], site[LOG_LINE_VALUE_MAX + 1];
	uint64_t count;
};

static enum log_target target = LOG_TARGET_STDERR;
static enum log_format format = LOG_FORMAT_TEXT;
static int output = STDERR_FILENO; /* owned if it is a log file */
static const char *file; /* borrowed path of the log file; or NULL */
static struct datagram daemon_socket = { NULL, -1 };
static log_taker *taker;
static void *taker_context;
static const char *about; /* a site; or NULL */
static bool may_block; /* stderr is a pipe or a socket, and may be full */
static pid_t process; /* cached, to save a system call */
static struct buffer line; /* the current line; its memory is reused */
static bool holding;
static bool quiet; /* no notes */
static struct {
	enum log_level level;
	char text[NOTE_MAX];
} held[HELD_MAX];
static size_t n_held;
static uint64_t lost; /* decisions whose lines could not be written */
static int fault; /* errno of the last line; 0: written */
static struct summary summaries[SUMMARIES];
static size_t n_summaries;

/* Return true if stderr is the stream "device:inode" of JOURNAL_STREAM
 * (systemd.exec(5)). */
static bool
stderr_is_journal(void)
{
	const char *stream = getenv("JOURNAL_STREAM");
	char own[64];
	struct stat s;

	if (stream == NULL || fstat(STDERR_FILENO, &s) != 0)
		return false;
	(void)snprintf(own, sizeof(own), "%ju:%ju", (uintmax_t)s.st_dev,
		       (uintmax_t)s.st_ino);
	return span_equal(span_of(own), span_of(stream));
}

void
log_hold(void)
{
	holding = true;
}

void
log_warnings_only(void)
{
	quiet = true;
}

bool
log_to_daemon(void)
{
	return target == LOG_TARGET_SYSLOG || target == LOG_TARGET_JOURNAL;
}

static void
add_tag(void)
{
	buffer_add(&line, SPAN("certgate["));
	buffer_add_number(&line, (uint64_t)process);
	buffer_add(&line, SPAN("]: "));
}

/* Begin a line with the time; syslogd and journald add their own. */
static void
begin_timed(int64_t now)
{
	bool json = format == LOG_FORMAT_JSON;

	buffer_add(&line, json ? SPAN("{\"time\":\"") : SPAN(""));
	log_line_time(&line, now);
	buffer_add(&line, json ? SPAN("\",") : SPAN(" "));
	if (!json)
		add_tag();
}

/* Begin a line of RFC 3164 4.1: <facility * 8 + level>tag[pid]: text. syslog(3)
 * would wait for a stopped daemon. */
static void
begin_syslog(enum log_level level)
{
	enum { FACILITY_AUTHPRIV = 10 };

	buffer_add_byte(&line, '<');
	buffer_add_number(&line, FACILITY_AUTHPRIV * 8 + (unsigned)level);
	buffer_add_byte(&line, '>');
	add_tag();
	if (format == LOG_FORMAT_JSON)
		buffer_add_byte(&line, '{');
}

/* Begin a datagram of NAME=value lines (systemd, "Native Journal Protocol"). */
static void
begin_journal(enum log_level level)
{
	buffer_add(&line, SPAN("SYSLOG_IDENTIFIER=certgate\nPRIORITY="));
	buffer_add_number(&line, (unsigned)level);
}

static void
begin(enum log_level level, int64_t now)
{
	if (line.max == 0) {
		struct stat s;
		buffer_init(&line, 2 * LOG_LINE_MAX);
		process = getpid();
		may_block = fstat(output, &s) != 0 || S_ISFIFO(s.st_mode) ||
			    S_ISSOCK(s.st_mode);
	}
	buffer_clear(&line);
	if (target == LOG_TARGET_JOURNAL)
		begin_journal(level);
	else if (target == LOG_TARGET_SYSLOG)
		begin_syslog(level);
	else
		begin_timed(now);
}

/* Return true if a line can be written without a wait: a writable pipe takes a
 * whole line (pipe(7), PIPE_BUF). */
static bool
has_room(void)
{
	struct pollfd out = { .fd = output, .events = POLLOUT };

	return poll(&out, 1, 0) == 1 && (out.revents & POLLOUT) != 0;
}

/* Remove the first n bytes of a line that a full disk cut, if they are the end
 * of the file. */
static void
take_back(off_t n)
{
	off_t end = lseek(output, 0, SEEK_CUR);
	struct stat s;

	if (fstat(output, &s) == 0 && S_ISREG(s.st_mode) && s.st_size == end &&
	    ftruncate(output, end - n) == 0)
		(void)lseek(output, -n, SEEK_CUR);
}

/* Return false if the line was not written completely. */
static bool
send_line(void)
{
	if (format == LOG_FORMAT_JSON && target != LOG_TARGET_JOURNAL)
		buffer_add_byte(&line, '}');
	if (target != LOG_TARGET_SYSLOG)
		buffer_add_byte(&line, '\n');
	if (line.failed)
		return false;
	if (log_to_daemon())
		return datagram_send(&daemon_socket, buffer_span(&line));
	if (may_block && !has_room())
		return false;
	ssize_t n = write(output, line.data, line.len);
	if (n > 0 && n < (ssize_t)line.len) {
		take_back(n);
		errno = ENOSPC; /* or a limit of its own */
	}
	return n == (ssize_t)line.len;
}

void
log_ignore(void *context, enum log_level level, const struct error *e)
{
	(void)context;
	(void)level;
	(void)e;
}

void
log_divert(log_taker *take, void *context)
{
	taker = take;
	taker_context = context;
}

/* Write the line of a decision.  Count a lost line; the next line has the
 * number. */
static void
write_decision(const struct answer *answer, struct log_details details)
{
	bool allow = answer->decision.verdict == VERDICT_ALLOW;
	enum log_level level = allow ? LOG_LEVEL_NOTE : LOG_LEVEL_WARNING;
	struct log_line decision;

	details.lost = lost;
	log_line_fill(&decision, answer, &details);
	begin(level, details.now);
	if (target == LOG_TARGET_JOURNAL) {
		/* The message is last: the journal compresses it, and readers
		 * of other fields need not decompress it. */
		log_line_journal(&line, &decision);
		buffer_add(&line, SPAN("\nMESSAGE="));
		log_line_text(&line, &decision);
	} else if (format == LOG_FORMAT_JSON) {
		log_line_json(&line, &decision);
	} else {
		log_line_text(&line, &decision);
	}
	errno = 0;
	bool sent = send_line();
	lost = sent ? 0 : lost + 1;
	fault = sent ? 0 : errno == 0 ? EIO : errno;
}

int
log_fault(void)
{
	return fault;
}

static struct span
span_or_none(const char *text)
{
	return text[0] == '\0' ? (struct span){ 0 } : span_of(text);
}

static void
write_summaries(int64_t now)
{
	for (size_t i = 0; i < n_summaries; i++) {
		const struct summary *s = &summaries[i];
		const struct answer answer = {
			.decision = { .verdict = VERDICT_ALLOW,
				      .reason = REASON_NOTIFIED },
			.event = s->event,
			.verified = s->verified,
			.hub = span_or_none(s->hub),
			.site = span_or_none(s->site),
		};
		write_decision(
			&answer,
			(struct log_details){ .now = now, .count = s->count });
	}
	n_summaries = 0;
}

static bool
is_of(const struct summary *s, const struct answer *answer)
{
	return s->verified == answer->verified &&
	       span_equal(s->event, answer->event) &&
	       span_equal(span_of(s->hub), answer->hub) &&
	       span_equal(span_of(s->site), answer->site);
}

/* Count an accepted event in a summary; return false if it needs its own
 * line. */
static bool
sum_up(const struct answer *answer, int64_t now)
{
	size_t i = 0;

	if (answer->decision.reason != REASON_NOTIFIED ||
	    answer->hub.len > LOG_LINE_VALUE_MAX ||
	    answer->site.len > LOG_LINE_VALUE_MAX)
		return false;
	while (i < n_summaries && !is_of(&summaries[i], answer))
		i++;
	if (i == SUMMARIES) {
		write_summaries(now);
		i = 0;
	}
	struct summary *s = &summaries[i];
	if (i == n_summaries) {
		*s = (struct summary){ .event = answer->event,
				       .verified = answer->verified };
		if (answer->hub.len > 0)
			memcpy(s->hub, answer->hub.ptr, answer->hub.len);
		if (answer->site.len > 0)
			memcpy(s->site, answer->site.ptr, answer->site.len);
		n_summaries++;
	}
	s->count++;
	return true;
}

void
log_decision(const struct answer *answer, const struct log_details *details)
{
	if (!sum_up(answer, details->now))
		write_decision(answer, *details);
}

void
log_tick(int64_t now)
{
	static int64_t minute;

	if (now / MINUTE_S != minute)
		write_summaries(now);
	minute = now / MINUTE_S;
}

void
log_stop(int64_t now)
{
	write_summaries(now);
	if (lost > 0)
		log_note(LOG_LEVEL_WARNING,
			 "%" PRIu64 " decisions could not be logged", lost);
	file = NULL;
}

const char *
log_about(const char *site)
{
	const char *before = about;

	about = site;
	return before;
}

/* Write a line about the program itself. */
static void
write_note(enum log_level level, const char *text)
{
	static const char *const names[] = {
		[LOG_LEVEL_ERROR] = "error",
		[LOG_LEVEL_WARNING] = "warning",
		[LOG_LEVEL_NOTE] = "note",
	};
	struct span message = span_of(text);

	begin(level, (int64_t)time(NULL));
	if (target == LOG_TARGET_JOURNAL) {
		buffer_add(&line, SPAN("\nMESSAGE="));
		buffer_add(&line, message);
	} else if (format == LOG_FORMAT_JSON) {
		buffer_add(&line, SPAN("\"level\":\""));
		buffer_add(&line, span_of(names[level]));
		buffer_add(&line, SPAN("\",\"message\":"));
		json_string_add_bytes(&line, message);
	} else {
		buffer_add(&line, SPAN("level="));
		buffer_add(&line, span_of(names[level]));
		buffer_add_byte(&line, ' ');
		buffer_add(&line, message);
	}
	(void)send_line();
}

static void
release(void)
{
	holding = false;
	for (size_t i = 0; i < n_held; i++)
		write_note(held[i].level, held[i].text);
	n_held = 0;
}

void
log_note(enum log_level level, const char *text, ...)
{
	char message[NOTE_MAX];
	va_list arguments;
	size_t n = 0;

	if (quiet && level == LOG_LEVEL_NOTE)
		return;
	if (about != NULL)
		n = (size_t)snprintf(message, sizeof(message),
				     "site %.64s: ", about);
	va_start(arguments, text);
	(void)vsnprintf(message + n, sizeof(message) - n, text, arguments);
	va_end(arguments);
	if (taker != NULL) {
		struct error e = { 0 };
		error_set(&e, "%s", message);
		taker(taker_context, level, &e);
	} else if (holding && n_held < HELD_MAX) {
		held[n_held].level = level;
		memcpy(held[n_held++].text, message, strlen(message) + 1);
	} else {
		release(); /* too many: as text */
		write_note(level, message);
	}
}

static bool
open_file(bool create, struct error *e)
{
	int fd = file_open_log(file, create, e);

	if (fd < 0)
		return false;
	if (output != STDERR_FILENO)
		close(output);
	output = fd;
	may_block = false;
	return true;
}

static void
start_file(const char *path)
{
	struct error e = { 0 };

	file = path;
	if (path != NULL && open_file(true, &e))
		return;
	file = NULL;
	target = LOG_TARGET_STDERR;
	log_note(LOG_LEVEL_WARNING,
		 "CERTGATE_LOG: %s; logging to standard error", e.text);
}

static void
start_daemon(void)
{
	bool journal = target == LOG_TARGET_JOURNAL;

	daemon_socket.path =
		journal ? "/run/systemd/journal/socket" : "/dev/log";
	if (datagram_open(&daemon_socket))
		return;
	target = LOG_TARGET_STDERR;
	log_note(LOG_LEVEL_WARNING, "the %s cannot be reached",
		 journal ? "journal" : "syslog");
}

bool
log_to_file(void)
{
	return file != NULL;
}

void
log_reopen(void)
{
	struct error e = { 0 };

	if (file != NULL && !open_file(false, &e))
		log_note(LOG_LEVEL_WARNING,
			 "CERTGATE_LOG: %s; still logging to the old file",
			 e.text);
}

void
log_start(enum log_target wanted, const char *path,
	  enum log_format wanted_format)
{
	target = wanted;
	format = wanted_format;
	if (target == LOG_TARGET_DEFAULT)
		target = stderr_is_journal() ? LOG_TARGET_JOURNAL
					     : LOG_TARGET_STDERR;
	if (log_to_daemon())
		start_daemon();
	else if (target == LOG_TARGET_FILE)
		start_file(path);
	release();
}

void
log_error(enum log_level level, const struct error *e)
{
	char text[NOTE_MAX];

	if (taker != NULL) {
		taker(taker_context, level, e);
		return;
	}
	error_text(e, text, sizeof(text));
	log_note(level, "%s", text);
}
