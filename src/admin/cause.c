/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/cause.h"
#include "admin/setup.h"

enum { STALE_MAX = 30 /* seconds that a reload may take */ };

/* The probes of the table below. */
static bool
is_stopped(const struct facts *f)
{
	return f->unit.state == UNIT_STOPPED;
}

static bool
lacks_rights(const struct facts *f)
{
	return f->has_files && !f->starts && unit_is_other();
}

static bool
lacks_settings(const struct facts *f)
{
	return f->has_files && !f->sites.main.has_settings;
}

static bool
lacks_list(const struct facts *f)
{
	return f->has_files && !f->sites.main.has_list;
}

static bool
lacks_variables(const struct facts *f)
{
	return f->has_files && unit_lacks_variables();
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
is_unwired(const struct facts *f)
{
	return f->wiring != NULL && f->server[0] == '\0' && f->has_log &&
	       f->hour.events == 0;
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
loses_lines(const struct facts *f)
{
	return f->hour.losing;
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

static enum reason
reason_of(const struct facts *f)
{
	const char *site;

	return hour_cause(&f->hour, &site);
}

static bool
refuses_senders(const struct facts *f)
{
	enum reason reason = reason_of(f);

	return reason != REASONS && !reason_is_client(reason);
}

static bool
refuses_clients(const struct facts *f)
{
	return reason_of(f) != REASONS;
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
tell_names(const char *theirs, char *const *ours, struct cause *cause)
{
	struct buffer out;

	buffer_init(&out, sizeof(cause->detail) - 1);
	log_line_escape(&out, span_of(theirs));
	buffer_add(&out, SPAN(" came, configured:"));
	for (; ours != NULL && *ours != NULL; ours++) {
		buffer_add_byte(&out, ' ');
		log_line_escape(&out, span_of(*ours));
	}
	(void)snprintf(cause->detail, sizeof(cause->detail), "%.*s",
		       (int)out.len,
		       out.len == 0 ? "" : (const char *)out.data);
	buffer_free(&out);
}

static void
tell_origin(const struct facts *f, struct cause *cause)
{
	tell_names(f->hour.origin, settings_of(f)->origins, cause);
}

static void
tell_hub(const struct facts *f, struct cause *cause)
{
	tell_names(f->hour.hub, settings_of(f)->hubs, cause);
}

/* The reasons for which all events, or all clients, may be refused: the
 * sentence of the outage (NULL: the reason's name), and what to do about one
 * refusal. */
static const struct refused {
	enum reason reason;
	const char *sentence, *fix;
	void (*tell)(const struct facts *f, struct cause *cause);
} refused[] = {
	{ REASON_SIGNATURE,
	  "No event has a valid signature: was an access key regenerated?",
	  "set CERTGATE_ACCESS_KEYS to the keys of the Web PubSub resource",
	  NULL },
	{ REASON_NO_SIGNATURE, "No event has a signature.",
	  "certgate doctor URL", NULL },
	{ REASON_NO_KEY, "A signature is required, and there is no access key.",
	  "set CERTGATE_ACCESS_KEYS", NULL },
	{ REASON_ORIGIN, "Every event names an origin that is not configured.",
	  "set CERTGATE_ORIGINS", tell_origin },
	{ REASON_HUB, "Every event names a hub that is not configured.",
	  "set CERTGATE_HUB", tell_hub },
	{ REASON_CODE, "No event has the configured code in its URL.",
	  "set the same code in CERTGATE_CODE and in the event handler's URL",
	  NULL },
	{ REASON_REMOTE_USER,
	  "The web server authenticates no event as CERTGATE_REMOTE_USER.",
	  "certgate doctor URL", NULL },
	{ REASON_SITE, "No event names a site that exists.",
	  "set CERTGATE_SITE in the web server", NULL },
	{ REASON_SETTINGS, "Every event was refused for the settings.",
	  "certgate check", NULL },
	{ REASON_LIST_UNREADABLE, "Every client was refused for the list.",
	  "certgate check", NULL },
	{ REASON_NO_CERTIFICATE,
	  "No client presents a certificate: is tls.clientCertEnabled on for "
	  "the resource?",
	  "az webpubsub update --client-cert-enabled true --name NAME "
	  "--resource-group GROUP",
	  NULL },
	{ REASON_NOT_LISTED, "No entry matches any client.",
	  "certgate pending, then certgate allow DIGITS", NULL },
	{ REASON_DENIED, "A deny entry matches every client.",
	  "certgate list, then certgate remove LINE", NULL },
	{ REASON_ENTRY_EXPIRED, "The entry of every client has expired.",
	  "certgate allow FILE --replace with a later expires=", NULL },
	{ REASON_ENTRY_NOT_YET, "The entry of no client is valid yet.",
	  "change not-before= of the entry, or wait", NULL },
	{ REASON_CERTIFICATE_EXPIRED,
	  "The certificate of every client has expired.",
	  "renew the certificate, then certgate rotate OLD NEW", NULL },
	{ REASON_CERTIFICATE_NOT_YET,
	  "The certificate of no client is valid yet.",
	  "check the clocks of this host and of the CA, or wait", NULL },
	{ REASON_CRL, "No CRL of the clients' CA is current.",
	  "replace the file of crl= in the entry", NULL },
	{ REASON_REVOKED, NULL, "issue a new certificate", NULL },
	{ REASON_ENTRY_HUB, NULL, "change hub= of the entry", NULL },
	{ REASON_ENTRY_NAME, NULL, "change cn= or san= of the entry", NULL },
	{ REASON_ENTRY_CLIENT_ID, NULL, "change client-id= of the entry",
	  NULL },
	{ REASON_ENTRY_QUERY, NULL, "change query. of the entry", NULL },
};

static const struct refused *
find_refused(enum reason reason)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (refused[i].reason == reason)
			return &refused[i];
	return NULL;
}

const char *
cause_fix(enum reason reason)
{
	const struct refused *row = find_refused(reason);

	return row == NULL ? NULL : row->fix;
}

static void
set_fix(struct cause *cause, const char *fix)
{
	(void)snprintf(cause->fix, sizeof(cause->fix), "%s", fix);
}

static void
tell_reason(const struct facts *f, struct cause *cause)
{
	const char *site;
	enum reason reason = hour_cause(&f->hour, &site);
	const struct refused *row = find_refused(reason);

	(void)snprintf(cause->site, sizeof(cause->site), "%s", site);
	if (row != NULL)
		set_fix(cause, row->fix);
	if (row != NULL && row->sentence != NULL)
		(void)snprintf(cause->sentence, sizeof(cause->sentence), "%s",
			       row->sentence);
	else
		(void)snprintf(cause->detail, sizeof(cause->detail), "%s",
			       reason_name(reason));
	if (row != NULL && row->tell != NULL && f->has_files)
		row->tell(f, cause);
}

static const struct error *
first_error(const struct facts *f)
{
	for (size_t i = 0; i < f->findings.n; i++)
		if (f->findings.found[i].level == LOG_LEVEL_ERROR)
			return &f->findings.found[i].error;
	return NULL;
}

/* Set detail and fix: the command that the error names, else the file. */
static void
tell_error(const struct facts *f, struct cause *cause)
{
	const struct error *e = first_error(f);
	char *text = cause->detail;

	if (e == NULL)
		return;
	error_text(e, text, sizeof(cause->detail));
	char *fix = strstr(text, " (fix: "), *end = strstr(text, ": ");
	size_t n = strlen(text);
	if (fix != NULL && text[n - 1] == ')') {
		text[n - 1] = '\0';
		set_fix(cause, fix + strlen(" (fix: "));
		*fix = '\0';
	} else if (e->line > 0) {
		(void)snprintf(cause->fix, sizeof(cause->fix),
			       "correct line %u of %s, then certgate check",
			       e->line, e->where);
	} else if (text[0] == '/' && end != NULL) {
		(void)snprintf(cause->fix, sizeof(cause->fix),
			       "restore %.*s, then certgate check",
			       (int)(end - text), text);
	}
}

static void
tell_log(const struct facts *f, struct cause *cause)
{
	error_text(&f->log, cause->detail, sizeof(cause->detail));
}

static void
tell_refusal(const struct facts *f, struct cause *cause)
{
	(void)snprintf(cause->detail, sizeof(cause->detail), "%s",
		       f->refusal->text);
	set_fix(cause, f->refusal->fix);
}

static void
tell_server(const struct facts *f, struct cause *cause)
{
	set_fix(cause, f->wiring);
}

static void
tell_skew(const struct facts *f, struct cause *cause)
{
	(void)snprintf(cause->detail, sizeof(cause->detail),
		       "%+" PRId64 " seconds", f->hour.skew);
}

static void
tell_space(const struct facts *f, struct cause *cause)
{
	(void)snprintf(cause->fix, sizeof(cause->fix),
		       "free space in %s (df -h shows the disks)",
		       f->log_folder);
}

/* In the order of severity: the first row that holds is the cause. */
static const struct row {
	bool (*holds)(const struct facts *f);
	const char *sentence, *fix;
	void (*tell)(const struct facts *f, struct cause *cause);
	enum exit_code code;
	bool is_file;
} rows[] = {
	{ is_stopped, "The handler is not running.",
	  "systemctl start certgate.socket certgate.service", NULL, EXIT_NO,
	  false },
	{ lacks_rights, "This user cannot read the configuration.",
	  "run certgate status as root", tell_error, EXIT_SYSTEM, true },
	{ lacks_settings, "The settings do not load.", "certgate check",
	  tell_error, EXIT_NO, true },
	{ lacks_list, "The list does not load.", "certgate check", tell_error,
	  EXIT_NO, true },
	{ lacks_variables,
	  "The variables of the handler are unknown: its process cannot be "
	  "read.",
	  "systemctl start certgate.service, and certgate status as root", NULL,
	  EXIT_SYSTEM, false },
	{ is_refusing, "The configuration refuses every client.", "",
	  tell_refusal, EXIT_NO, true },
	{ has_errors, "The configuration has errors.", "certgate check",
	  tell_error, EXIT_NO, true },
	{ is_unwired,
	  "No web server passes events to the handler, and none came.", "",
	  tell_server, EXIT_NO, false },
	{ refuses_senders, "Every event is refused for one reason.",
	  "certgate stats", tell_reason, EXIT_NO, false },
	{ is_skewed, "The clock disagrees with the time in the events.",
	  "timedatectl set-ntp true", tell_skew, EXIT_NO, false },
	{ is_stale, "The handler uses an older configuration.",
	  "systemctl reload certgate", NULL, EXIT_NO, false },
	{ refuses_clients, "Every client is refused for one reason.",
	  "certgate stats", tell_reason, EXIT_NO, false },
	{ is_full, "The disk of the log is full.", "", tell_space, EXIT_NO,
	  false },
	{ loses_lines, "Lines of the log were lost.", "certgate stats", NULL,
	  EXIT_NO, false },
	{ lacks_log, "The log cannot be read.",
	  "run certgate status as root, or with --log FILE", tell_log,
	  EXIT_SYSTEM, false },
	{ is_unknown,
	  "It is unknown whether the handler is running: no event came.",
	  "certgate doctor URL", NULL, EXIT_SYSTEM, false },
};

void
cause_find(const struct facts *f, struct cause *cause)
{
	static const struct row well = { NULL, "All is well.", "certgate stats",
					 NULL, EXIT_DONE,      false };
	const struct row *row = &well;

	for (size_t i = sizeof(rows) / sizeof(rows[0]); i-- > 0;)
		if (rows[i].holds(f))
			row = &rows[i];
	*cause = (struct cause){ .code = row->code, .is_file = row->is_file };
	(void)snprintf(cause->sentence, sizeof(cause->sentence), "%s",
		       row->sentence);
	set_fix(cause, row->fix);
	if (row->tell != NULL)
		row->tell(f, cause);
}

static void
answer(int fd)
{
	static struct facts facts;
	struct cause cause;

	facts_collect(&facts, NULL, NULL);
	if (!unit_become(NULL))
		return;
	facts_read_files(&facts);
	cause_find(&facts, &cause);
	facts_free(&facts);
	(void)!write(fd, &cause, sizeof(cause));
}

bool
cause_ask(struct cause *cause)
{
	int ends[2];

	if (!setup_is_installed() || pipe2(ends, O_CLOEXEC) != 0)
		return false;
	(void)fflush(NULL);
	pid_t child = fork();
	if (child == 0) {
		answer(ends[1]);
		_exit(EXIT_DONE);
	}
	close(ends[1]);
	bool ok = child > 0 &&
		  read(ends[0], cause, sizeof(*cause)) == sizeof(*cause) &&
		  cause->code == EXIT_NO;
	close(ends[0]);
	if (child > 0)
		(void)waitpid(child, NULL, 0);
	return ok;
}
