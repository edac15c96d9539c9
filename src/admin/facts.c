/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <libgen.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/facts.h"
#include "admin/setup.h"
#include "host/clock.h"
#include "host/file.h"
#include "host/store_contact.h"

enum {
	REACTS_MS = 3000,
	STALE_MAX = 30, /* seconds that a reload may take */
	ROTATION_MS = 1000 /* until the handler opens a new log */
};

#define SOCKET_DEFAULT "/run/certgate/certgate.sock"

/* Return true if the handler closes a connection that was shut down, as it does
 * at once. */
static bool
reacts(int fd)
{
	struct pollfd wanted = { .fd = fd, .events = POLLIN };

	return shutdown(fd, SHUT_WR) == 0 && poll(&wanted, 1, REACTS_MS) != 0;
}

/* Find the process that listens.  A missing socket is not a fault if a web
 * server starts the handler, unless --socket or systemd names it. */
static void
find_listener(struct facts *f, bool named)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	const struct timeval patience = { .tv_sec = REACTS_MS / 1000 };
	bool is_known = f->unit.state != UNIT_UNKNOWN;
	struct ucred peer;
	socklen_t size = sizeof(peer);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		       f->socket);
	if (fd < 0)
		return;
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience,
			 sizeof(patience));
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		f->unit.state = reacts(fd) ? UNIT_RUNNING : UNIT_SILENT;
		if (!is_known &&
		    getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
			f->unit.process = (int)peer.pid;
	} else if (errno == EAGAIN) { /* its queue stays full */
		f->unit.state = UNIT_SILENT;
	} else if ((errno == ECONNREFUSED && (named || !is_known)) ||
		   (errno == ENOENT && named)) {
		f->unit.state = is_known ? UNIT_UNREACHABLE : UNIT_STOPPED;
	}
	close(fd);
}

static void
find_handler(struct facts *f, const char *socket)
{
	bool installed = setup_is_installed();

	if (installed)
		web_server_find(&f->server);
	if (installed && socket == NULL) {
		f->unit = unit_read();
		unit_settle(&f->unit);
	}
	if (f->unit.socket[0] != '\0')
		socket = f->unit.socket;
	if (socket != NULL || installed)
		f->socket = socket != NULL ? socket : SOCKET_DEFAULT;
	if (f->unit.state == UNIT_WAITING) { /* a connection would start it */
		if (f->unit.socket[0] != '\0' && access(f->socket, F_OK) != 0 &&
		    errno == ENOENT)
			f->unit.state = UNIT_UNREACHABLE;
	} else if (f->socket != NULL && !f->unit.is_starting &&
		   (f->unit.state == UNIT_UNKNOWN ||
		    f->unit.state == UNIT_RUNNING)) {
		find_listener(f, socket != NULL);
	}
}

/* Return true if the unit is stopped, and no event came since another way.  One
 * that is not enabled is not meant to run, unless events came before. */
static bool
has_stopped(const struct facts *f, const struct unit_stop *stop)
{
	int64_t boot = f->hour.now - clock_ms() / 1000;

	if (!stop->is_stopped ||
	    f->hour.last > (stop->time != 0 ? stop->time : boot))
		return false;
	return stop->is_enabled || f->hour.last > 0;
}

/* Find out whether the web server cannot connect, and no event came since. */
static void
find_access(struct facts *f)
{
	int64_t since;

	if (f->server.file[0] != '\0' && f->socket != NULL &&
	    !web_server_connects(&f->server, f->socket, &since, &f->access))
		f->access.set = f->hour.last <= since;
}

static void
find_space(struct facts *f, bool is_named)
{
	struct setup_log log = { .path = NULL };
	struct error e = { 0 };
	struct statvfs disk;
	struct stat s;

	if (!setup_log(&log, &e))
		return;
	if (!is_named && log.path != NULL && stat(log.path, &s) == 0 &&
	    s.st_uid != 0)
		account_user_name(s.st_uid, f->log_owner);
	(void)snprintf(f->log_folder, sizeof(f->log_folder), "%s",
		       log.path == NULL ? "/var/log" : dirname(log.path));
	f->full = statvfs(f->log_folder, &disk) == 0 && disk.f_blocks > 0 &&
		  disk.f_bavail == 0;
	free(log.path);
}

/* Return true if the process has the file open, or if its open files are
 * unknown. */
static bool
has_open(int process, const char *path)
{
	char name[sizeof("/proc//fd") + SPAN_DIGITS_MAX];
	struct stat wanted, s;
	struct dirent *file;
	bool found = false, known = false;

	(void)snprintf(name, sizeof(name), "/proc/%d/fd", process);
	DIR *folder = opendir(name);
	if (folder == NULL || stat(path, &wanted) != 0)
		found = true;
	while (!found && (file = readdir(folder)) != NULL)
		if (file->d_name[0] != '.' &&
		    fstatat(dirfd(folder), file->d_name, &s, 0) == 0) {
			known = true;
			found = s.st_dev == wanted.st_dev &&
				s.st_ino == wanted.st_ino;
		}
	if (folder != NULL)
		(void)closedir(folder);
	return found || !known;
}

/* The handler opens its log at the start, and after logrotate's signal.  Wait
 * once for that signal.  A variable of the unit wins over the settings. */
static void
find_other_log(struct facts *f)
{
	struct setup_log log = { .path = NULL };
	struct error e = { 0 };
	int process = setup_is_installed() ? unit_read().process : 0;

	if (f->unit.state != UNIT_RUNNING || process == 0 ||
	    f->unit.is_starting || unit_variable("CERTGATE_LOG") != NULL ||
	    !setup_log(&log, &e) || log.path == NULL)
		return;
	if (!has_open(process, log.path)) {
		(void)poll(NULL, 0, ROTATION_MS);
		f->other_log = !has_open(process, log.path);
	}
	free(log.path);
}

void
facts_collect(struct facts *f, const char *socket, const char *log)
{
	find_handler(f, socket);
	find_space(f, log != NULL);
	find_other_log(f);
	f->has_log = log != NULL || setup_has_log();
	if (!f->has_log)
		error_set(&f->log, "CERTGATE_LOG names no file");
	else
		f->has_log = hour_read(&f->hour, log, true, &f->log);
	if (f->unit.state == UNIT_UNKNOWN && f->unit.stop.time != 0 &&
	    has_stopped(f, &f->unit.stop))
		f->unit.state = UNIT_STOPPED;
	if (setup_site().ptr != NULL)
		return; /* other sites may have later events */
	f->server_stopped = has_stopped(f, &f->server.stop);
	find_access(f);
}

static void
take_fault(void *context, const struct error *e)
{
	findings_add(context, LOG_LEVEL_ERROR, e);
}

static void
take_line(void *context, enum log_level level, const struct error *e)
{
	findings_add(context, level, e);
}

/* Check a log that the handler would create in folder. */
static bool
check_new_log(const char *path, const char *folder, struct error *e)
{
	const char *user = file_reader();

	if (!file_check_folder(folder, e))
		return false;
	if (faccessat(AT_FDCWD, folder, W_OK | X_OK, AT_EACCESS) == 0)
		return true;
	if (user == NULL || !file_may_be_shown(path))
		return error_system(e, "%s", file_shown(path));
	return error_set(e,
			 "%s: cannot be created by user %s (fix: install -o %s "
			 "-m 640 /dev/null %s)",
			 path, user, user, path);
}

/* Check that the log can be written.  Root can write every log: without --as,
 * only its folder must exist. */
static bool
check_log(const char *path, bool is_handler, struct error *e)
{
	char *copy = strdup(path);

	if (copy == NULL)
		return error_set(e, "out of memory");
	const char *folder = dirname(copy);
	bool ok = true;
	if (access(folder, F_OK) != 0 && errno == ENOENT &&
	    file_reader() != NULL && file_may_be_shown(folder)) {
		ok = error_set(e,
			       "%s: its folder does not exist (fix: install -d "
			       "-o %s -m 750 %s, then restart the handler)",
			       path, file_reader(), folder);
	} else if (access(folder, F_OK) != 0) {
		ok = error_system(e, "%s", file_shown(path));
	} else if (is_handler && access(path, F_OK) != 0) {
		ok = check_new_log(path, folder, e);
	} else if (is_handler) {
		int fd = file_open_log(path, false, e);
		ok = fd >= 0;
		if (ok)
			close(fd);
	}
	free(copy);
	return ok;
}

static void
find_log(struct findings *findings, const struct settings *settings,
	 bool is_handler)
{
	struct error e = { 0 };

	if (setup_site().ptr != NULL || settings->log_file == NULL ||
	    check_log(settings->log_file, is_handler, &e))
		return;
	error_where(&e, "CERTGATE_LOG");
	findings_add(findings, LOG_LEVEL_ERROR, &e);
}

static void
find_age(struct findings *findings, const struct sites *sites)
{
	const char *site;
	int64_t age = outage_store_age(sites, &site);

	if (age == 0)
		return;
	findings->path = "CERTGATE_STORE";
	findings_warn(findings,
		      "no contact with the fleet's database for %s%" PRId64
		      " s%s%s (fix: systemctl status certgate-sync)",
		      age == INT64_MAX ? "more than " : "",
		      age == INT64_MAX ? (int64_t)STORE_STALE_S : age,
		      site[0] == '\0' ? "" : ", site ", site);
	findings->path = NULL;
}

/* Add the findings that a start does not report. */
static void
find_more(struct findings *findings, const struct sites *sites)
{
	const struct configuration *main = &sites->main;

	if (main->has_list)
		findings_advise(findings, &main->list, main->settings.list);
	for (size_t i = 0; i < sites->n; i++) {
		const struct configuration *site = &sites->site[i]->store;
		if (site->has_list)
			findings_advise(findings, &site->list,
					site->settings.list);
	}
	find_age(findings, sites);
}

/* Start what a handler starts.  Return true if settings and list load. */
static bool
read_files(struct findings *findings, struct report *report,
	   struct sites *sites)
{
	*report = (struct report){ .fault = take_fault, .context = findings };
	log_divert(take_line, findings);
	sites_open(sites, setup_source(), report);
	sites_read(sites);
	bool starts = sites->main.has_settings && sites->main.has_list;
	find_log(findings, &sites->main.settings, unit_is_handler());
	find_more(findings, sites);
	return starts;
}

void
facts_read_files(struct facts *f, int64_t now)
{
	f->now = now;
	f->has_files = true;
	f->starts = read_files(&f->findings, &f->report, &f->sites);
	f->refusal = outage_refusal(&f->sites, now);
}

void
facts_free(struct facts *f)
{
	if (!f->has_files)
		return;
	sites_close(&f->sites);
	findings_free(&f->findings);
	f->has_files = false;
}

void
facts_tell_files(const struct facts *f, char text[FACTS_FILES_SIZE])
{
	unsigned errors = f->findings.errors, warnings = f->findings.warnings;

	if (f->has_files)
		(void)snprintf(text, FACTS_FILES_SIZE,
			       "%u error%s, %u warning%s", errors,
			       errors == 1 ? "" : "s", warnings,
			       warnings == 1 ? "" : "s");
	else
		(void)snprintf(text, FACTS_FILES_SIZE, "not read");
}

/* A site that was removed does not matter. */
static bool
is_in_use(const struct facts *f, const char *site)
{
	bool found =
		site[0] == '\0' || !f->has_files || setup_site().ptr != NULL;

	for (size_t i = 0; i < f->sites.n && !found; i++)
		found = strcmp(f->sites.site[i]->name, site) == 0;
	return found;
}

static bool
has_none(const struct hour_site *site)
{
	return strcmp(site->list, "none") == 0 ||
	       (site->failure.time != 0 &&
		strstr(site->failure.text, CONFIGURATION_NOTE_NONE) != NULL);
}

/* Return true if the handler failed to load a configuration that loads here,
 * and none or an older one is in force.  A failure without a time is older than
 * the lines that were read; one in the future was logged before the clock was
 * set back. */
static bool
fails(const struct facts *f, const struct hour_site *site, bool none)
{
	int64_t age = f->hour.now - site->failure.time;

	return (site->failure.time != 0 || has_none(site) ||
		strcmp(site->list, "stale") == 0) &&
	       has_none(site) == none && (age < 0 || age > STALE_MAX) &&
	       is_in_use(f, site->name);
}

const struct hour_site *
facts_find_failure(const struct facts *f, bool none)
{
	for (size_t i = 0; i < f->hour.n_sites; i++)
		if (fails(f, &f->hour.site[i], none))
			return &f->hour.site[i];
	return NULL;
}
