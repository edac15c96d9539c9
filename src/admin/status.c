/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * certgate status: whether the handler does its work, and if not, the likely
 * cause and its fix, from systemd, the web servers, the log and the files.
 */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/check.h"
#include "admin/page.h"
#include "admin/print.h"
#include "admin/setup.h"

#define SOCKET_DEFAULT "/run/certgate/certgate.sock"

enum {
	BAR_MAX = 30, /* characters */
	STALE_MAX = 30, /* seconds that a reload may take */
	DETAIL_SIZE = 640
};

static struct facts facts;

/* A socket that does not exist may be that of a handler which a web server
 * starts, unless it was named. */
static void
find_listener(struct facts *f, bool named)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		       f->socket);
	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		f->unit.state = UNIT_RUNNING;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
			f->unit.process = (int)peer.pid;
	} else if (errno == ECONNREFUSED || (errno == ENOENT && named)) {
		f->unit.state = UNIT_STOPPED;
	}
	close(fd);
}

static void
find_handler(struct facts *f, const char *socket)
{
	bool installed = setup_is_installed();

	if (installed)
		f->servers = web_server_find(f->server);
	if (installed && socket == NULL)
		f->unit = unit_read();
	if (socket != NULL || installed)
		f->socket = socket != NULL ? socket : SOCKET_DEFAULT;
	if (f->socket != NULL && f->unit.state == UNIT_UNKNOWN)
		find_listener(f, socket != NULL);
}

static void
find_space(struct facts *f)
{
	struct setup_log log = { .path = NULL };
	struct error e = { 0 };
	struct statvfs disk;

	if (!setup_log(&log, &e))
		return;
	const char *folder = log.path == NULL ? "/var/log" : dirname(log.path);
	f->full = statvfs(folder, &disk) == 0 && disk.f_blocks > 0 &&
		  disk.f_bavail == 0;
	free(log.path);
}

static const struct error *
first_error(const struct facts *f)
{
	for (size_t i = 0; i < f->findings.n; i++)
		if (f->findings.found[i].level == LOG_LEVEL_ERROR)
			return &f->findings.found[i].error;
	return NULL;
}

/* The probes of the table below. */
static bool
is_stopped(const struct facts *f)
{
	return f->unit.state == UNIT_STOPPED;
}

static bool
lacks_settings(const struct facts *f)
{
	return !f->sites.main.has_settings;
}

static bool
lacks_list(const struct facts *f)
{
	return !f->sites.main.has_list;
}

static bool
is_unwired(const struct facts *f)
{
	return f->servers && f->server[0] == '\0' && f->hour.events == 0;
}

static bool
is_refusing(const struct facts *f)
{
	return f->refusal != NULL;
}

static bool
has_errors(const struct facts *f)
{
	return f->findings.errors > 0;
}

static bool
is_stale(const struct facts *f)
{
	const struct hour *h = &f->hour;

	return (strcmp(h->list, "stale") == 0 ||
		strcmp(h->list, "none") == 0) &&
	       h->failure.time > h->load.time &&
	       h->now - h->failure.time > STALE_MAX;
}

static bool
is_skewed(const struct facts *f)
{
	return f->hour.skewed >= HOUR_REFUSALS;
}

static bool
is_full(const struct facts *f)
{
	return f->full;
}

static bool
has_lost(const struct facts *f)
{
	return f->hour.lost > 0;
}

static bool
lacks_log(const struct facts *f)
{
	return !f->has_log;
}

static bool
is_unknown(const struct facts *f)
{
	return f->unit.state == UNIT_UNKNOWN && f->hour.events == 0;
}

/* What stands behind a sentence, in brackets. */
static void
tell_error(const struct facts *f, char *text, size_t size)
{
	const struct error *e = first_error(f);

	if (e != NULL)
		error_text(e, text, size);
}

static void
tell_log(const struct facts *f, char *text, size_t size)
{
	error_text(&f->log, text, size);
}

static void
tell_refusal(const struct facts *f, char *text, size_t size)
{
	(void)snprintf(text, size, "%s", f->refusal->text);
}

static void
tell_skew(const struct facts *f, char *text, size_t size)
{
	(void)snprintf(text, size, "%+" PRId64 " seconds", f->hour.skew);
}

static void
add_names(struct buffer *out, const char *theirs, char *const *ours)
{
	log_line_escape(out, span_of(theirs));
	buffer_add(out, SPAN(" came, configured:"));
	for (; ours != NULL && *ours != NULL; ours++) {
		buffer_add_byte(out, ' ');
		log_line_escape(out, span_of(*ours));
	}
}

static void
tell_names(const char *theirs, char *const *ours, char *text, size_t size)
{
	struct buffer out;

	buffer_init(&out, size - 1);
	add_names(&out, theirs, ours);
	(void)snprintf(text, size, "%.*s", (int)out.len,
		       out.len == 0 ? "" : (const char *)out.data);
	buffer_free(&out);
}

/* The settings of the site that the cause is of. */
static const struct settings *
settings_of(const struct facts *f)
{
	const char *name;

	(void)hour_cause(&f->hour, &name);
	for (size_t i = 0; i < f->sites.n; i++)
		if (strcmp(f->sites.site[i]->name, name) == 0)
			return &f->sites.site[i]->store.settings;
	return &f->sites.main.settings;
}

static void
tell_origin(const struct facts *f, char *text, size_t size)
{
	tell_names(f->hour.origin, settings_of(f)->origins, text, size);
}

static void
tell_hub(const struct facts *f, char *text, size_t size)
{
	tell_names(f->hour.hub, settings_of(f)->hubs, text, size);
}

/* In the order of severity: the first one that holds is the cause. */
static const struct cause {
	bool (*holds)(const struct facts *f); /* NULL: by reason */
	enum reason reason; /* for which all were refused; REASONS: any */
	const char *sentence, *fix;
	void (*tell)(const struct facts *f, char *text, size_t size);
	enum exit_code code;
} causes[] = {
	{ is_stopped, 0, "The handler is not running.",
	  "systemctl start certgate.socket certgate.service", NULL, EXIT_NO },
	{ lacks_settings, 0, "The settings do not load.", "certgate check",
	  tell_error, EXIT_NO },
	{ lacks_list, 0, "The list does not load.", "certgate check",
	  tell_error, EXIT_NO },
	{ is_refusing, 0, "The configuration refuses every client.", NULL,
	  tell_refusal, EXIT_NO },
	{ has_errors, 0, "The configuration has errors.", "certgate check",
	  tell_error, EXIT_NO },
	{ is_unwired, 0,
	  "No web server passes events to the handler, and none came.",
	  "man certgate.fcgi (web servers)", NULL, EXIT_NO },
	{ NULL, REASON_SIGNATURE,
	  "No event has a valid signature: was an access key regenerated?",
	  "set CERTGATE_ACCESS_KEYS to the keys of the Web PubSub resource",
	  NULL, EXIT_NO },
	{ NULL, REASON_NO_SIGNATURE, "No event has a signature.",
	  "certgate doctor URL", NULL, EXIT_NO },
	{ NULL, REASON_NO_KEY,
	  "A signature is required, and there is no access key.",
	  "set CERTGATE_ACCESS_KEYS", NULL, EXIT_NO },
	{ NULL, REASON_ORIGIN,
	  "Every event names an origin that is not configured.",
	  "set CERTGATE_ORIGINS", tell_origin, EXIT_NO },
	{ NULL, REASON_HUB, "Every event names a hub that is not configured.",
	  "set CERTGATE_HUB", tell_hub, EXIT_NO },
	{ NULL, REASON_CODE, "No event has the configured code in its URL.",
	  "set the same code in CERTGATE_CODE and in the event handler's URL",
	  NULL, EXIT_NO },
	{ NULL, REASON_REMOTE_USER,
	  "The web server authenticates no event as CERTGATE_REMOTE_USER.",
	  "certgate doctor URL", NULL, EXIT_NO },
	{ NULL, REASON_SITE, "No event names a site that exists.",
	  "set CERTGATE_SITE in the web server", NULL, EXIT_NO },
	{ NULL, REASON_SETTINGS, "Every event was refused for the settings.",
	  "certgate check", NULL, EXIT_NO },
	{ NULL, REASON_NO_CERTIFICATE,
	  "No client presents a certificate: is tls.clientCertEnabled on for "
	  "the resource?",
	  "az webpubsub update --client-cert-enabled true --name NAME "
	  "--resource-group GROUP",
	  NULL, EXIT_NO },
	{ is_skewed, 0, "The clock disagrees with the time in the events.",
	  "timedatectl set-ntp true", tell_skew, EXIT_NO },
	{ is_stale, 0, "The handler uses an older configuration.",
	  "systemctl reload certgate", NULL, EXIT_NO },
	{ NULL, REASON_NOT_LISTED, "No entry matches any client.",
	  "certgate pending", NULL, EXIT_NO },
	{ NULL, REASON_LIST_UNREADABLE,
	  "Every client was refused for the list.", "certgate check", NULL,
	  EXIT_NO },
	{ NULL, REASONS, "Every client is refused for one reason.",
	  "certgate stats", NULL, EXIT_NO },
	{ is_full, 0, "The disk of the log is full.", "df -h /var/log", NULL,
	  EXIT_NO },
	{ has_lost, 0, "Lines of the log were lost.", "certgate stats", NULL,
	  EXIT_NO },
	{ lacks_log, 0, "The log cannot be read.",
	  "run certgate status as root, or with --log FILE", tell_log,
	  EXIT_SYSTEM },
	{ is_unknown, 0,
	  "It is unknown whether the handler is running: no event came.",
	  "certgate doctor URL", NULL, EXIT_SYSTEM },
};

static const struct cause well = { .sentence = "All is well.",
				   .fix = "certgate stats" };

static const struct cause *
find_cause(const struct facts *f)
{
	const char *site;
	enum reason reason = hour_cause(&f->hour, &site);

	for (size_t i = 0; i < sizeof(causes) / sizeof(causes[0]); i++) {
		const struct cause *cause = &causes[i];
		if (cause->holds != NULL
			    ? cause->holds(f)
			    : reason != REASONS && (cause->reason == reason ||
						    cause->reason == REASONS))
			return cause;
	}
	return &well;
}

static const char *
fix_of(const struct facts *f, const struct cause *cause)
{
	return cause->fix == NULL ? f->refusal->fix : cause->fix;
}

static void
tell(const struct facts *f, const struct cause *cause, char text[DETAIL_SIZE])
{
	const char *site;

	text[0] = '\0';
	if (cause->tell != NULL)
		cause->tell(f, text, DETAIL_SIZE);
	else if (cause->reason == REASONS)
		(void)snprintf(text, DETAIL_SIZE, "%s",
			       reason_name(hour_cause(&f->hour, &site)));
}

static void
show_cause(const struct facts *f, const struct cause *cause)
{
	bool coloured = isatty(STDOUT_FILENO) && getenv("NO_COLOR") == NULL;
	char detail[DETAIL_SIZE];

	tell(f, cause, detail);
	print_json_bool("well", cause->code == EXIT_DONE);
	print_json_string("cause", span_of(cause->sentence));
	print_json_string("detail", span_of(detail));
	print("%s%s%s%s%s%s\n",
	      !coloured			 ? ""
	      : cause->code == EXIT_DONE ? "\033[32m"
					 : "\033[31m",
	      cause->sentence, coloured ? "\033[0m" : "",
	      detail[0] == '\0' ? "" : " (", detail,
	      detail[0] == '\0' ? "" : ")");
}

static void
show_handler(const struct facts *f)
{
	const char *state = unit_state_text(f->unit.state);

	print_json_string("handler", span_of(state));
	if (f->unit.process > 0)
		print_json_number("process", f->unit.process);
	print_label("handler");
	print("%s", state);
	if (f->unit.process > 0)
		print(", process %d", f->unit.process);
	print("\n");
	if (f->socket != NULL)
		print_field("socket", span_of(f->socket));
	if (f->servers)
		print_field("server",
			    span_of(f->server[0] == '\0' ? "none" : f->server));
}

static void
show_note(const char *name, const char *json, const struct hour_note *note)
{
	if (note->time == 0)
		return;
	print_json_open(json, '{');
	print_json_time("time", note->time);
	print_json_string("text", span_of(note->text));
	print_json_close('}');
	print_label(name);
	print_time(note->time);
	print(" ");
	print_text(span_of(note->text));
	print("\n");
}

static void
show_configuration(const struct facts *f)
{
	const char *path = setup_source().path;
	const struct hour *h = &f->hour;

	print_field("settings", span_of(path == NULL ? "none" : path));
	if (f->sites.main.settings.list != NULL)
		print_field("list", span_of(f->sites.main.settings.list));
	print_json_number("entries", (int64_t)f->sites.main.list.n);
	print_label("entries");
	print("%zu\n", f->sites.main.list.n);
	print_json_number("errors", f->findings.errors);
	print_json_number("warnings", f->findings.warnings);
	print_label("files");
	print("%u errors, %u warnings\n", f->findings.errors,
	      f->findings.warnings);
	show_note("loaded", "loaded", &h->load);
	if (h->failure.time > h->load.time)
		show_note("failed", "failed", &h->failure);
}

static void
show_row(const struct hour *h, enum reason reason)
{
	const char *name = reason == REASONS ? "unknown" : reason_name(reason);
	const char *verdict = reason < REASONS && reason_status(reason) == 0
				      ? "allow"
				      : "deny";
	size_t bar = (size_t)((double)h->count[reason] * BAR_MAX /
			      (double)h->events);

	print_json_open(NULL, '{');
	print_json_string("verdict", span_of(verdict));
	print_json_string("reason", span_of(name));
	print_json_number("events", (int64_t)h->count[reason]);
	print_json_close('}');
	print("  %-5s %-22s %10" PRIu64 " ", verdict, name, h->count[reason]);
	for (size_t i = 0; i <= bar; i++)
		print("#");
	print("\n");
}

static void
show_hour(const struct hour *h)
{
	print_json_number("events", (int64_t)h->events);
	print_json_number("lost", (int64_t)h->lost);
	print_label("last hour");
	print("%" PRIu64 " events\n", h->events);
	print_json_open("reasons", '[');
	for (enum reason i = 0; i <= REASONS; i++)
		if (h->count[i] > 0)
			show_row(h, i);
	print_json_close(']');
}

/* The site that the cause is of; empty: none. */
static const char *
site_of(const struct facts *f, const struct cause *cause)
{
	const char *site = "";

	if (cause->holds == NULL && cause != &well)
		(void)hour_cause(&f->hour, &site);
	return site;
}

static void
show(const struct facts *f, const struct cause *cause)
{
	const char *site = site_of(f, cause);

	print_json_open(NULL, '{');
	show_cause(f, cause);
	if (cause != &well)
		print_field("fix", span_of(fix_of(f, cause)));
	if (site[0] != '\0')
		print_field("site", span_of(site));
	show_handler(f);
	show_configuration(f);
	if (f->has_log)
		show_hour(&f->hour);
	if (cause == &well)
		print_field("next", span_of(cause->fix));
	print_json_close('}');
}

static void
add_page(const struct facts *f, const struct cause *cause, struct buffer *page)
{
	char detail[DETAIL_SIZE];

	tell(f, cause, detail);
	page_add(page, f,
		 &(struct page_cause){ .code = cause->code,
				       .sentence = cause->sentence,
				       .detail = detail,
				       .fix = fix_of(f, cause),
				       .site = site_of(f, cause) });
}

/* The log is read before the process becomes the handler's user, who may not
 * read it. */
static enum exit_code
look(const struct command *command, struct buffer *page)
{
	const char *log = command->option[OPTION_LOG];
	struct facts *f = &facts;

	find_handler(f, command->option[OPTION_SOCKET]);
	find_space(f);
	f->has_log = log != NULL || setup_has_log();
	if (!f->has_log)
		error_set(&f->log, "CERTGATE_LOG names no file");
	else
		f->has_log = hour_read(&f->hour, log, &f->log);
	if (page != NULL && f->has_log)
		f->has_log = page_read(log, &f->log);
	if (!unit_become(command->option[OPTION_AS]))
		return EXIT_SYSTEM;
	f->starts = check_files(&f->findings, &f->report, &f->sites);
	f->refusal = check_refusal(&f->sites);
	const struct cause *cause = find_cause(f);
	if (page != NULL)
		add_page(f, cause, page);
	else
		show(f, cause);
	sites_close(&f->sites);
	findings_free(&f->findings);
	return cause->code;
}

enum exit_code
status_run(const struct command *command)
{
	return command->option[OPTION_HTML] != NULL ? page_write(command, look)
						    : look(command, NULL);
}
