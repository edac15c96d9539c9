/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/cause.h"
#include "admin/edit.h"
#include "admin/print.h"
#include "admin/setup.h"

#define UNITS "certgate.socket certgate.service"

enum {
	HOUR_S = 3600,
	REPORTED_MIN = 60 /* seconds without a line of an event */
};

static bool
is_stopped(const struct facts *f)
{
	return f->unit.state == UNIT_STOPPED || f->unit.state == UNIT_FAILING ||
	       f->unit.state == UNIT_SILENT ||
	       f->unit.state == UNIT_UNREACHABLE;
}

static bool
lacks_rights(const struct facts *f)
{
	return !f->has_files || (!f->starts && unit_is_other());
}

static bool
has_other_settings(const struct facts *f)
{
	return f->has_files && unit_other_config() != NULL;
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
has_other_log(const struct facts *f)
{
	return f->other_log;
}

static bool
lacks_server(const struct facts *f)
{
	return f->server_stopped;
}

/* With a socket that is not a file of this host, events come another way. */
static bool
is_unwired(const struct facts *f)
{
	const struct web_server *server = &f->server;

	if (setup_site().ptr != NULL || server->wiring == NULL || !f->has_log ||
	    (server->file[0] != '\0' && !server->stop.is_stopped))
		return false;
	if (f->hour.last == 0)
		return server->file[0] == '\0';
	return f->hour.last <= server->changed && f->socket != NULL &&
	       access(f->socket, F_OK) == 0;
}

static bool
lacks_access(const struct facts *f)
{
	return f->access.set;
}

static bool
is_none(const struct facts *f)
{
	return facts_find_failure(f, true) != NULL;
}

static bool
is_stale(const struct facts *f)
{
	return facts_find_failure(f, false) != NULL;
}

static bool
is_skewed(const struct facts *f)
{
	return f->hour.outage.skewed >= OUTAGE_REFUSALS;
}

static bool
lacks_valid_entry(const struct facts *f)
{
	const char *site;

	return f->has_files &&
	       outage_lacks_valid_entry(&f->sites, f->now, &site);
}

/* Return true if the handler reports this outage. */
static bool
reports(const struct facts *f, enum outage outage)
{
	const char *sentence = outage_sentence(outage);

	return strncmp(f->unit.status, sentence, strlen(sentence)) == 0;
}

static bool
is_full(const struct facts *f)
{
	return f->full || reports(f, OUTAGE_FULL);
}

static bool
loses_lines(const struct facts *f)
{
	return f->hour.losing || reports(f, OUTAGE_LOST);
}

static bool
reports_outage(const struct facts *f)
{
	bool is_silent = f->hour.now - f->hour.last > REPORTED_MIN;

	return is_silent && unit_reports_outage(&f->unit);
}

static bool
lacks_log(const struct facts *f)
{
	return !f->has_log;
}

/* Return true if the last hour has one, also of certgate doctor. */
static bool
has_event(const struct facts *f)
{
	return f->hour.now - f->hour.last <= HOUR_S;
}

static bool
is_unknown(const struct facts *f)
{
	return f->unit.state == UNIT_UNKNOWN && !has_event(f);
}

static bool
doubts_log(const struct facts *f)
{
	return f->hour.doubt != NULL;
}

static enum reason
reason_of(const struct facts *f)
{
	const struct outage_site *site;

	return outage_events_reason(&f->hour.outage, &site);
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

static bool
is_aged(const struct facts *f)
{
	const char *site;

	return f->has_files && outage_store_age(&f->sites, &site) > 0;
}

static void
set_fix(struct cause *cause, const char *fix)
{
	(void)snprintf(cause->fix, sizeof(cause->fix), "%s", fix);
}

static const struct error *
first_error(const struct facts *f)
{
	for (size_t i = 0; i < f->findings.n; i++)
		if (f->findings.found[i].level == LOG_LEVEL_ERROR)
			return &f->findings.found[i].error;
	return NULL;
}

/* Set the detail.  If the error names a fix, set it too, and return true. */
static bool
tell_fix(const struct error *e, struct cause *cause)
{
	char *text = cause->detail;

	error_text(e, text, sizeof(cause->detail));
	char *fix = strstr(text, " (fix: ");
	size_t n = strlen(text);
	if (fix == NULL || text[n - 1] != ')')
		return false;
	text[n - 1] = '\0';
	set_fix(cause, fix + strlen(" (fix: "));
	*fix = '\0';
	return true;
}

/* Set the fix for the file that the detail names.  If certgate deny --all moved
 * it away, set the detail to that. */
static void
tell_missing(struct cause *cause)
{
	char away[sizeof(cause->fix) / 2], fix[sizeof(cause->fix)];
	char file[sizeof(away)], target[sizeof(away)];
	const char *path = cause->detail;
	int n = (int)(strstr(path, ": ") - path);

	if (snprintf(file, sizeof(file), "%.*s", n, path) >= (int)sizeof(file))
		return;
	ssize_t length = readlink(file, target, sizeof(target) - 1);
	target[length < 0 ? 0 : length] = '\0';
	if (snprintf(fix, sizeof(fix),
		     "restore %s%s%s%s, then certgate check%s",
		     length < 0 ? "" : "the target of the link ", file,
		     length < 0 ? "" : ": ", target,
		     setup_options(cause->site)) < (int)sizeof(fix))
		set_fix(cause, fix);
	if (snprintf(away, sizeof(away), "%s" EDIT_DENIED, file) >=
	    (int)sizeof(away))
		return;
	away[n] = '\0';
	bool exists = access(away, F_OK) == 0;
	away[n] = '.';
	if (exists || access(away, F_OK) != 0)
		return;
	if (snprintf(fix, sizeof(fix), "to allow clients again: mv %s %s", away,
		     file) >= (int)sizeof(fix))
		return;
	set_fix(cause, fix);
	(void)snprintf(cause->detail, sizeof(cause->detail),
		       "certgate deny --all moved it to %s", away);
}

/* Set detail and fix: that of the error, else to restore or replace the file
 * that it names, else to correct its line. */
static void
tell_error(const struct facts *f, struct cause *cause)
{
	const struct error *e = first_error(f);
	const char *text = cause->detail;
	char fix[sizeof(cause->fix)];

	if (e == NULL || tell_fix(e, cause))
		return;
	if (e->line == 0) {
		if (text[0] == '/' && strstr(text, ": ") != NULL)
			tell_missing(cause);
		return;
	}
	const char *end = e->text[0] == '/' ? strstr(e->text, ": ") : NULL;
	int n = end == NULL ? snprintf(fix, sizeof(fix),
				       "correct line %u of %s, then certgate "
				       "check%s",
				       e->line, e->where,
				       setup_options(cause->site))
			    : snprintf(fix, sizeof(fix),
				       "replace %.*s, then certgate check%s",
				       (int)(end - e->text), e->text,
				       setup_options(cause->site));
	if (n < (int)sizeof(fix))
		set_fix(cause, fix);
}

/* Set the error that the handler logged, and the site. */
static void
tell_failure(const struct facts *f, struct cause *cause)
{
	bool none = facts_find_failure(f, true) != NULL;
	const struct hour_site *site = facts_find_failure(f, none);

	(void)snprintf(cause->detail, sizeof(cause->detail), "%s", site->error);
	(void)snprintf(cause->site, sizeof(cause->site), "%s", site->name);
}

/* If the user of the unit is unknown, set detail and fix, and return true. */
static bool
tell_user(const struct facts *f, struct cause *cause)
{
	uid_t user;
	gid_t group;

	if (f->has_files || account_user(unit_user(), &user, &group))
		return false;
	(void)snprintf(cause->detail, sizeof(cause->detail),
		       "User= of the unit: %s is not in /etc/passwd",
		       unit_user());
	set_fix(cause, f->unit.state == UNIT_RUNNING
			       ? "certgate status --as USER"
			       : "correct User=, then systemctl daemon-reload "
				 "&& systemctl restart " UNITS);
	return true;
}

/* Keep the fix: the error may be about the rights of this user, and not about
 * the file. */
static void
tell_unread(const struct facts *f, struct cause *cause)
{
	const struct error *e = first_error(f);
	char fix[sizeof(cause->fix)];

	if (tell_user(f, cause))
		return;
	memcpy(fix, cause->fix, sizeof(fix));
	if (e != NULL)
		(void)tell_fix(e, cause);
	memcpy(cause->fix, fix, sizeof(fix));
}

static void
tell_unit(const struct facts *f, struct cause *cause)
{
	bool is_failing = f->unit.state == UNIT_FAILING;

	if (tell_user(f, cause))
		return;
	if (f->unit.state == UNIT_STOPPED) {
		if (!f->unit.stop.is_enabled && f->unit.stop.is_stopped)
			set_fix(cause, "systemctl unmask " UNITS
				       " && systemctl enable --now " UNITS);
		return;
	}
	if (f->unit.state == UNIT_UNREACHABLE) {
		(void)snprintf(cause->detail, sizeof(cause->detail),
			       "nothing listens on %s", f->socket);
		set_fix(cause, "systemctl restart " UNITS);
		return;
	}
	(void)snprintf(cause->detail, sizeof(cause->detail), "%s",
		       is_failing ? "it exits, and systemd restarts it"
				  : "its process does not respond");
	set_fix(cause,
		is_failing ? "journalctl -u certgate.service -n 20 shows why; "
			     "then systemctl reset-failed certgate.service"
			   : "systemctl restart certgate.service");
}

static void
tell_other(const struct facts *f, struct cause *cause)
{
	(void)f;
	(void)snprintf(cause->detail, sizeof(cause->detail), "%s",
		       unit_other_config());
	(void)snprintf(cause->fix, sizeof(cause->fix),
		       "certgate status --config %s", unit_other_config());
}

static void
tell_status(const struct facts *f, struct cause *cause)
{
	(void)snprintf(cause->detail, sizeof(cause->detail), "%s",
		       f->unit.status);
}

static void
tell_log(const struct facts *f, struct cause *cause)
{
	if (!tell_fix(&f->log, cause) && geteuid() == 0)
		set_fix(cause, "set CERTGATE_LOG to a file, or use --log FILE");
}

static void
tell_doubt(const struct facts *f, struct cause *cause)
{
	(void)snprintf(cause->detail, sizeof(cause->detail), "%s",
		       f->hour.doubt);
	if (f->log_owner[0] != '\0' && geteuid() == 0 && !unit_is_handler())
		(void)snprintf(cause->fix, sizeof(cause->fix),
			       "certgate status%s --as %s, if the handler runs "
			       "as that user",
			       setup_config_options(cause->site), f->log_owner);
}

static void
tell_server(const struct facts *f, struct cause *cause)
{
	struct span last = print_time_text(f->hour.last);

	set_fix(cause, f->server.wiring);
	if (f->hour.last != 0)
		(void)snprintf(cause->detail, sizeof(cause->detail),
			       "the last event came at %.*s, before the "
			       "configuration of a web server changed",
			       (int)last.len, last.ptr);
}

static void
tell_access(const struct facts *f, struct cause *cause)
{
	(void)tell_fix(&f->access, cause);
}

static void
tell_stopped_server(const struct facts *f, struct cause *cause)
{
	(void)snprintf(cause->detail, sizeof(cause->detail), "%s",
		       f->server.unit);
	(void)snprintf(cause->fix, sizeof(cause->fix),
		       "systemctl start %s || journalctl -u %s -n 20",
		       f->server.unit, f->server.unit);
}

static void
tell_space(const struct facts *f, struct cause *cause)
{
	(void)snprintf(cause->fix, sizeof(cause->fix),
		       "free space in %s (df -h shows the disks)",
		       f->log_folder);
}

/* The refusals may be hours old. */
static void
tell_last(const struct facts *f, struct cause *cause)
{
	const struct outage_site *site;
	enum reason reason = outage_events_reason(&f->hour.outage, &site);

	/* The files load here: others would be a cause of their own. */
	if (reason == REASON_SETTINGS || reason == REASON_LIST_UNREADABLE ||
	    reason == REASON_STORE)
		set_fix(cause, "systemctl restart certgate");
	if (cause->detail[0] == '\0' && reason_is_client(reason) &&
	    site->accepted + site->before > 0)
		(void)snprintf(cause->detail, sizeof(cause->detail),
			       "%" PRIu32 " refused since the last load or "
			       "accepted client",
			       site->client[reason].count);
	size_t n = strlen(cause->detail);
	struct span last = print_time_text(f->hour.last);

	if (!has_event(f))
		(void)snprintf(cause->detail + n, sizeof(cause->detail) - n,
			       "%sno event since %.*s", n == 0 ? "" : "; ",
			       (int)last.len, last.ptr);
}

/* Of each outage: what shows it, and more about it. */
static const struct {
	bool (*holds)(const struct facts *f);
	void (*tell)(const struct facts *f, struct cause *cause);
	enum exit_code code;
	bool is_file;
} probes[OUTAGES] = {
	[OUTAGE_STOPPED] = { is_stopped, tell_unit, EXIT_NO, false },
	[OUTAGE_RIGHTS] = { lacks_rights, tell_unread, EXIT_SYSTEM, true },
	[OUTAGE_OTHER] = { has_other_settings, tell_other, EXIT_SYSTEM, false },
	[OUTAGE_SETTINGS] = { lacks_settings, tell_error, EXIT_NO, true },
	[OUTAGE_LIST] = { lacks_list, tell_error, EXIT_NO, true },
	[OUTAGE_VARIABLES] = { lacks_variables, NULL, EXIT_SYSTEM, false },
	[OUTAGE_REFUSING] = { is_refusing, NULL, EXIT_NO, true },
	[OUTAGE_ERRORS] = { has_errors, tell_error, EXIT_NO, true },
	[OUTAGE_OTHER_LOG] = { has_other_log, NULL, EXIT_NO, false },
	[OUTAGE_SERVER] = { lacks_server, tell_stopped_server, EXIT_NO, false },
	[OUTAGE_UNWIRED] = { is_unwired, tell_server, EXIT_NO, false },
	[OUTAGE_ACCESS] = { lacks_access, tell_access, EXIT_NO, false },
	[OUTAGE_SENDERS] = { refuses_senders, tell_last, EXIT_NO, false },
	[OUTAGE_SKEWED] = { is_skewed, NULL, EXIT_NO, false },
	[OUTAGE_NONE] = { is_none, tell_failure, EXIT_NO, false },
	[OUTAGE_STALE] = { is_stale, tell_failure, EXIT_NO, false },
	[OUTAGE_CLIENTS] = { refuses_clients, tell_last, EXIT_NO, false },
	[OUTAGE_NO_VALID_ENTRY] = { lacks_valid_entry, NULL, EXIT_NO, true },
	[OUTAGE_AGED] = { is_aged, NULL, EXIT_NO, true },
	[OUTAGE_FULL] = { is_full, tell_space, EXIT_NO, false },
	[OUTAGE_LOST] = { loses_lines, NULL, EXIT_NO, false },
	[OUTAGE_REPORTED] = { reports_outage, tell_status, EXIT_NO, false },
	[OUTAGE_NO_LOG] = { lacks_log, tell_log, EXIT_SYSTEM, false },
	[OUTAGE_UNKNOWN] = { is_unknown, NULL, EXIT_SYSTEM, false },
	[OUTAGE_DOUBT] = { doubts_log, tell_doubt, EXIT_SYSTEM, false },
};

void
cause_set(struct cause *cause, const struct outage_text *text)
{
	struct span site = setup_site();

	(void)snprintf(cause->sentence, sizeof(cause->sentence), "%s",
		       text->sentence);
	(void)snprintf(cause->detail, sizeof(cause->detail), "%s",
		       text->detail);
	(void)snprintf(cause->site, sizeof(cause->site), "%s", text->site);
	if (text->site[0] == '\0' && site.ptr != NULL)
		(void)snprintf(cause->site, sizeof(cause->site), "%.*s",
			       (int)site.len, site.ptr);
	setup_write_fix(text->fix, cause->site, cause->fix, sizeof(cause->fix));
}

void
cause_find(const struct facts *f, struct cause *cause)
{
	struct outage_text text = { .sentence = "All is well.",
				    .fix = "certgate stats%" };
	size_t i = 0;

	*cause = (struct cause){ .code = EXIT_DONE };
	while (i < OUTAGES && !probes[i].holds(f))
		i++;
	if (i < OUTAGES) {
		outage_tell((enum outage)i, &f->hour.outage,
			    f->has_files ? &f->sites : NULL, f->refusal, f->now,
			    &text);
		cause->code = probes[i].code;
		cause->is_file = probes[i].is_file;
	}
	cause_set(cause, &text);
	if (i < OUTAGES && probes[i].tell != NULL)
		probes[i].tell(f, cause);
}

static void
answer(int fd)
{
	static struct facts facts;
	struct cause cause;

	facts_collect(&facts, NULL, NULL);
	if (unit_become(NULL))
		facts_read_files(&facts, (int64_t)time(NULL));
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
