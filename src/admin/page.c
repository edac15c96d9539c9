/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/chart.h"
#include "admin/history.h"
#include "admin/html.h"
#include "admin/page.h"
#include "admin/page_assets.h"
#include "admin/pending.h"
#include "admin/print.h"
#include "admin/replace.h"
#include "admin/setup.h"
#include "admin/stranger.h"
#include "base/date.h"
#include "base/hex.h"

enum {
	PAGE_MAX = 1000000, /* bytes; text from outside is limited below */
	PENDING_SHOWN = 25, /* certificates */
	EXPIRIES_SHOWN = 50,
	DIGITS_SHOWN = 16 /* of a SHA-256 */
};

/* From the log, which is read before the process changes its user. */
static struct history history;
static struct pending pending;

bool
page_read(const char *path, struct error *e)
{
	return history_read(&history, path, e) &&
	       pending_read(&pending, path, e);
}

static void
add_head(struct buffer *out, const struct cause *cause)
{
	struct utsname host = { 0 };

	html_add(out,
		 "<!doctype html>\n<html lang=\"en\"><head>"
		 "<meta charset=\"utf-8\">"
		 "<meta http-equiv=\"Content-Security-Policy\" content=\""
		 "default-src 'none'; base-uri 'none'; form-action 'none'; "
		 "script-src ");
	html_source(out, span_of(page_script));
	html_add(out, "; style-src ");
	html_source(out, span_of(page_style));
	html_add(out, "\">\n<meta name=\"viewport\" content=\""
		      "width=device-width, initial-scale=1\">"
		      "<meta name=\"referrer\" content=\"no-referrer\">"
		      "<meta name=\"robots\" content=\"noindex\">"
		      "<meta name=\"color-scheme\" content=\"light dark\">"
		      "<title>");
	(void)uname(&host);
	html_text(out, span_of(host.nodename));
	html_add(out, ": ");
	html_text(out, span_of(cause->sentence));
	html_add(out, "</title>\n<style>");
	html_add(out, page_style);
	html_add(out, "</style></head>\n<body><header><h1>certgate <span>");
	html_text(out, span_of(host.nodename));
	html_add(out, "</span></h1><p>");
}

static void
add_row(struct buffer *out, const char *name, struct span value)
{
	if (span_empty(value))
		return;
	html_format(out, "<div><dt>%s</dt><dd>", name);
	html_text(out, value);
	html_add(out, "</dd></div>\n");
}

static void
add_note(struct buffer *out, const char *name, const struct hour_note *note)
{
	if (note->time == 0)
		return;
	html_format(out, "<div><dt>%s</dt><dd>", name);
	html_time(out, note->time);
	html_add(out, " ");
	html_text(out, span_of(note->text));
	html_add(out, "</dd></div>\n");
}

static void
add_facts(struct buffer *out, const struct facts *f)
{
	const struct settings *settings = &f->sites.main.settings;
	char text[FACTS_FILES_SIZE], dropped[HOUR_NOTE_SIZE];

	html_add(out, "<dl>\n");
	(void)snprintf(text, sizeof(text),
		       f->unit.process > 0 ? "%s, process %d" : "%s",
		       unit_state_text(f->unit.state), f->unit.process);
	add_row(out, "Handler", span_of(text));
	add_row(out, "Socket", span_of(f->socket));
	if (f->server.wiring != NULL)
		add_row(out, "Web server",
			span_of(f->server.file[0] == '\0' ? "none"
							  : f->server.file));
	add_row(out, "Settings", span_of(setup_source().path));
	add_row(out, "List", span_of(settings->list));
	if (f->has_files) {
		(void)snprintf(text, sizeof(text), "%zu", f->sites.main.list.n);
		add_row(out, "Entries", span_of(text));
	}
	if (f->sites.n > 0) {
		(void)snprintf(text, sizeof(text), "%zu", f->sites.n);
		add_row(out, "Sites", span_of(text));
	}
	facts_tell_files(f, text);
	add_row(out, "Check", span_of(text));
	add_note(out, "Loaded", &f->hour.load);
	if (f->hour.failure != NULL)
		add_note(out, "Failed", f->hour.failure);
	hour_tell_dropped(&f->hour, dropped);
	add_row(out, "Note", span_of(dropped));
	html_add(out, "</dl>\n");
}

static void
add_state(struct buffer *out, const struct facts *f, const struct cause *cause)
{
	const char *class = cause->code == EXIT_DONE ? "good"
			    : cause->code == EXIT_NO ? "bad"
						     : "unknown";

	html_format(out, "<section class=\"card wide state %s\"><h2>", class);
	html_text(out, span_of(cause->sentence));
	html_add(out, "</h2>\n");
	if (cause->detail[0] != '\0') {
		html_add(out, "<p class=\"detail\">");
		html_text(out, span_of(cause->detail));
		html_add(out, "</p>");
	}
	if (cause->site[0] != '\0') {
		html_add(out, "<p>Site: ");
		html_text(out, span_of(cause->site));
		html_add(out, "</p>");
	}
	html_add(out, cause->code == EXIT_DONE ? "<p>More: <code>"
					       : "<p>Fix: <code>");
	html_text(out, span_of(cause->fix));
	html_add(out, "</code></p>\n");
	add_facts(out, f);
	html_add(out, "</section>\n");
}

/* Add a cell of a table whose rows become blocks on a narrow screen. */
static void
add_cell(struct buffer *out, const char *name, struct span text)
{
	if (span_empty(text)) {
		html_add(out, "<td></td>");
		return;
	}
	html_format(out, "<td data-name=\"%s\"><span class=\"name\">", name);
	html_text(out, text);
	html_add(out, "</span></td>");
}

static void
add_digits(struct buffer *out, struct span digits)
{
	if (digits.len == 0)
		return;
	html_add(out, "<code class=\"digits\">");
	digits.len = digits.len < DIGITS_SHOWN ? digits.len : DIGITS_SHOWN;
	html_text(out, digits);
	html_add(out, "</code>");
}

/* Add: in 3 days, expired today, expired 1 day ago. */
static void
add_days(struct buffer *out, int64_t left)
{
	int64_t days = (left < 0 ? -left : left) / DATE_DAY_SECONDS;

	html_add(out, left < 0 ? "expired " : days > 0 ? "in " : "");
	if (days == 0)
		html_add(out, left < 0 ? "today" : "within a day");
	else
		html_format(out, "%" PRId64 " day%s%s", days,
			    days == 1 ? "" : "s", left < 0 ? " ago" : "");
}

static void
add_expiry(struct buffer *out, const struct expiry *expiry, int64_t now)
{
	int64_t left = expiry->not_after - now;

	html_add(out, left < 0 ? "<tr class=\"over\">" : "<tr>");
	html_add(out, "<td data-name=\"Expires\">");
	html_time(out, expiry->not_after);
	html_add(out, "<span class=\"words\">");
	add_days(out, left);
	html_add(out, "</span></td>");
	add_cell(out, "User", span_of(expiry->user));
	html_format(out, "<td data-name=\"What\">%s<span class=\"words name\">",
		    expiry_words[expiry->kind].page);
	if (expiry->what != NULL)
		html_text(out, span_of(expiry->what));
	else
		add_digits(out, span_of(expiry->pin));
	html_add(out, "</span></td><td data-name=\"Entry\">");
	if (expiry->line > 0)
		html_format(out, "line %u", expiry->line);
	if (expiry->site != NULL) {
		html_add(out, "<span class=\"words\">site ");
		html_text(out, span_of(expiry->site));
		html_add(out, "</span>");
	}
	html_add(out, "</td></tr>\n");
}

/* Add what expires within 30 days or has expired, by its end. */
static void
add_expiries(struct buffer *out, const struct expiries *all, size_t n,
	     int64_t now)
{
	html_add(out, "<section class=\"card wide\"><h2>What expires</h2>");
	html_add(out,
		 n == 0 ? "<p class=\"none\">Nothing within 30 days.</p>"
			: "<table class=\"rows\"><thead><tr><th>Expires</th>"
			  "<th>User</th><th>What</th><th>Entry</th></tr>"
			  "</thead><tbody>\n");
	for (size_t i = 0; i < n && i < EXPIRIES_SHOWN; i++)
		add_expiry(out, &all->expiry[i], now);
	html_add(out, n == 0 ? "" : "</tbody></table>");
	if (n > EXPIRIES_SHOWN)
		html_format(out,
			    "<p>and %zu more: <code>certgate check</code></p>",
			    n - EXPIRIES_SHOWN);
	html_add(out, "</section>\n");
}

static void
add_pending_row(struct buffer *out, const struct pending_row *row)
{
	char digits[2 * DIGEST_SHA256_SIZE];

	hex_encode(row->sha256.digest, DIGEST_SHA256_SIZE, digits);
	html_add(out, "<tr><td data-name=\"SHA-256\">");
	add_digits(out, (struct span){ digits, sizeof(digits) });
	html_add(out, "</td><td data-name=\"Claims to be\">"
		      "<span class=\"name\">");
	html_text(out, pending_text(&row->subject));
	html_add(out, "</span><span class=\"words name\">");
	html_add(out, row->issuer.length > 0 ? "issued by " : "");
	html_text(out, pending_text(&row->issuer));
	html_add(out, stranger_is(&row->sha256)
			      ? "; certgate doctor's own</span></td>"
			      : "</span></td>");
	add_cell(out, "Hub", pending_text(&row->hub));
	html_format(out,
		    "<td class=\"number\" data-name=\"Times\">%" PRIu64
		    "</td><td data-name=\"Last\">",
		    row->count);
	html_time(out, row->last);
	html_add(out, "</td></tr>\n");
}

static void
add_pending(struct buffer *out, const struct configuration *store)
{
	size_t shown = 0, more = pending.more;

	html_add(out,
		 "<section class=\"card wide\"><h2>Pending certificates</h2>");
	pending_sort(&pending);
	for (size_t i = 0; i < pending.n; i++) {
		const struct pending_row *row = pending.row[i];
		if (pending_is_settled(store, row))
			continue;
		if (shown == PENDING_SHOWN) {
			more++;
			continue;
		}
		if (shown++ == 0)
			html_add(out,
				 "<p>Rejected: no entry matches them. Compare "
				 "the whole SHA-256 with the device's, not the "
				 "names. <code>certgate allow DIGITS</code></p>"
				 "<table class=\"rows\"><thead><tr>"
				 "<th>SHA-256</th><th>Claims to be</th>"
				 "<th>Hub</th><th class=\"number\">Times</th>"
				 "<th>Last</th></tr></thead><tbody>\n");
		add_pending_row(out, row);
	}
	html_add(out, shown == 0 ? "<p class=\"none\">None.</p>"
				 : "</tbody></table>");
	if (more > 0)
		html_format(out,
			    "<p>and %zu more: <code>certgate pending</code>"
			    "</p>",
			    more);
	html_add(out, "</section>\n");
}

static struct span
value_of(const struct history_refusal *refusal, enum log_field field)
{
	return span_of(refusal->value[field]);
}

/* Add the name in the certificate, else the user of the entry. */
static void
add_client(struct buffer *out, const struct history_refusal *refusal)
{
	struct span name = value_of(refusal, FIELD_SUBJECT),
		    digits = value_of(refusal, FIELD_SHA256);

	if (span_empty(name))
		name = value_of(refusal, FIELD_USER);
	if (span_empty(digits))
		digits = value_of(refusal, FIELD_SHA1);
	html_add(out, "<td data-name=\"Client\"><span class=\"name\">");
	html_text(out, name);
	html_add(out, "</span>");
	if (!span_empty(digits)) {
		html_add(out, "<span class=\"words\">");
		add_digits(out, digits);
		html_add(out, "</span>");
	} else if (span_empty(name)) {
		html_add(out, "<span class=\"words\">no certificate</span>");
	}
	html_add(out, "</td>");
}

static void
add_refusal(struct buffer *out, const struct history_refusal *refusal)
{
	enum reason reason = refusal->reason;

	html_add(out, "<tr><td data-name=\"Time\">");
	html_time(out, refusal->time);
	html_add(out, "</td><td data-name=\"Reason\">");
	html_text(out, span_of(reason_text(reason)));
	html_format(out, "<span class=\"words\"><code>%s</code>",
		    reason_name(reason));
	if (reason == REASON_ORIGIN) {
		html_add(out, " ");
		html_text(out, value_of(refusal, FIELD_ORIGIN));
	}
	html_add(out, "</span></td>");
	add_client(out, refusal);
	html_add(out, "<td data-name=\"Hub\">");
	html_text(out, value_of(refusal, FIELD_HUB));
	if (refusal->value[FIELD_SITE][0] != '\0') {
		html_add(out, "<span class=\"words\">site ");
		html_text(out, value_of(refusal, FIELD_SITE));
		html_add(out, "</span>");
	}
	html_add(out, "</td><td data-name=\"Code\"><code>");
	html_text(out, value_of(refusal, FIELD_CODE));
	html_add(out, "</code></td></tr>\n");
}

static void
add_refusals(struct buffer *out)
{
	const struct history_refusal *refusal = history_last(&history, 0);

	html_add(out, "<section class=\"card wide\"><h2>Last refusals</h2>");
	if (refusal == NULL) {
		html_add(out, "<p class=\"none\">None in the last day.</p>"
			      "</section>\n");
		return;
	}
	html_format(out,
		    "<p>%zu in the last day. <code>certgate why CODE</code> "
		    "explains one.</p>",
		    history.refusals);
	html_add(out, "<table class=\"rows\"><thead><tr><th>Time (UTC)</th>"
		      "<th>Reason</th><th>Client</th><th>Hub</th>"
		      "<th>Code</th></tr></thead><tbody>\n");
	for (size_t i = 1; refusal != NULL; i++) {
		add_refusal(out, refusal);
		refusal = history_last(&history, i);
	}
	html_add(out, "</tbody></table></section>\n");
}

/* Add the box; without the script only its sentence is visible. */
static void
add_box(struct buffer *out)
{
	html_add(out,
		 "<section class=\"card wide\"><h2>Certificate</h2>"
		 "<p id=\"without\">Without JavaScript: "
		 "<code>certgate thumbprint FILE</code> prints the digests of "
		 "a certificate and its line for the list.</p>\n"
		 "<div id=\"box\" hidden><label id=\"drop\">"
		 "<input type=\"file\" id=\"file\" "
		 "accept=\".pem,.crt,.cer,.der\">"
		 "<span>Drop a certificate here, or choose a file: PEM or DER. "
		 "It stays in this browser.</span></label>\n"
		 "<p id=\"said\" role=\"status\"></p>"
		 "<dl id=\"digests\" hidden>"
		 "<div><dt>SHA-1</dt><dd id=\"sha1\"></dd></div>"
		 "<div><dt>SHA-256</dt><dd id=\"sha256\"></dd></div>"
		 "<div><dt>Public key</dt><dd id=\"spki\"></dd></div>"
		 "<div><dt>For the list</dt><dd id=\"line\"></dd></div>"
		 "</dl></div></section>\n");
}

static void
add_foot(struct buffer *out, const struct facts *f)
{
	html_add(out, "</main>\n<footer><p>certgate " PACKAGE_VERSION ", ");
	if (f->has_log && history.begins != 0) {
		html_add(out, "log begins ");
		html_time(out, history.begins);
		html_add(out, ", ");
	}
	html_add(out, "all times UTC</p></footer>\n<script>");
	html_add(out, page_script);
	html_add(out, "</script></body></html>\n");
}

void
page_add(struct buffer *out, const struct facts *f, const struct cause *cause,
	 const struct expiries *all, size_t n)
{
	add_head(out, cause);
	html_add(out, "Written ");
	html_time(out, f->hour.now);
	html_format(out,
		    " UTC</p></header>\n<p id=\"old\" role=\"alert\" hidden "
		    "data-written=\"%" PRId64 "\"></p>\n<main>\n",
		    f->hour.now);
	add_state(out, f, cause);
	if (f->has_log) {
		chart_add(out, &history);
		add_expiries(out, all, n, f->hour.now);
		add_pending(out, &f->sites.main);
		add_refusals(out);
	}
	add_box(out);
	add_foot(out, f);
	pending_free(&pending);
}

/* The page, from the process that makes it to the one that writes it. */
struct shared {
	size_t len; /* bytes; 0: no page, and the problem was printed */
	char text[PAGE_MAX];
};

static enum exit_code
make(struct shared *shared, const struct command *command, page_look *look)
{
	struct buffer page;

	buffer_init(&page, PAGE_MAX);
	enum exit_code code = look(command, &page);
	if (page.failed)
		print_problem("--html: out of memory");
	else if (page.len > 0)
		memcpy(shared->text, page.data, page.len);
	shared->len = page.failed ? 0 : page.len;
	buffer_free(&page);
	return code;
}

/* Return how look ended; EXIT_SYSTEM also if it was killed. */
static enum exit_code
run(struct shared *shared, const struct command *command, page_look *look)
{
	int status;
	pid_t child = fork();

	if (child == 0)
		_exit((int)make(shared, command, look));
	if (child < 0 || waitpid(child, &status, 0) != child ||
	    !WIFEXITED(status)) {
		print_problem("--html: the page could not be made");
		shared->len = 0;
		return EXIT_SYSTEM;
	}
	return (enum exit_code)WEXITSTATUS(status);
}

/* Write the file; an existing one keeps its owner, group and mode. */
static bool
put(const char *path, struct span text, struct error *e)
{
	struct replacement file = REPLACEMENT_NONE;
	struct stat old;

	bool ok = replace_open(&file, path, false, e);
	bool exists = ok && stat(file.path, &old) == 0;
	ok = ok && replace_commit(&file, text, exists ? &old : NULL, e);
	replace_close(&file);
	return ok;
}

enum exit_code
page_write(const struct command *command, page_look *look)
{
	const char *log = command->option[OPTION_LOG];
	struct error e = { 0 };

	if (command->option[OPTION_JSON] != NULL ||
	    (log != NULL && strcmp(log, "-") == 0)) {
		print_problem("--html goes without --json, and not with "
			      "--log -");
		return EXIT_MISUSED;
	}
	struct shared *shared =
		mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (shared == MAP_FAILED) {
		print_problem("out of memory");
		return EXIT_SYSTEM;
	}
	enum exit_code code = run(shared, command, look);
	if (shared->len == 0)
		code = EXIT_SYSTEM;
	else if (!put(command->option[OPTION_HTML],
		      (struct span){ shared->text, shared->len }, &e))
		code = EXIT_SYSTEM;
	if (e.set)
		print_error(&e);
	(void)munmap(shared, sizeof(*shared));
	return code;
}
