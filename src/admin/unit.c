/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/print.h"
#include "admin/setup.h"
#include "admin/unit.h"
#include "host/clock.h"
#include "host/configuration.h"
#include "host/file.h"
#include "policy/settings.h"

enum {
	ANSWER_MAX = 16384, /* bytes of systemctl's answer */
	RESTARTS = 3, /* of a handler that lives less than: */
	RESTARTS_MS = 180000,
	START_MS = 30000, /* that a start may take */
	LOADS_MS = 2500, /* until an edit is in force */
	NAME_SIZE = 64, /* bytes of a unit's name */
	US_PER_MS = 1000,
	NS_PER_MS = 1000000,
	MS_PER_S = 1000,
	ENVIRONMENT_MAX = 262144 /* bytes; twice the usual ARG_MAX */
};

const char *
unit_state_text(enum unit_state state)
{
	static const char *const words[] = {
		[UNIT_UNKNOWN] = "unknown",
		[UNIT_STOPPED] = "not running",
		[UNIT_FAILING] = "restarted repeatedly",
		[UNIT_SILENT] = "hangs",
		[UNIT_UNREACHABLE] = "unreachable",
		[UNIT_WAITING] = "starts with the next event",
		[UNIT_RUNNING] = "running",
	};

	return words[state];
}

/* Return the value of name= in the lines of text; absent: none. */
static struct span
find_value(const char *text, const char *name)
{
	struct span rest = span_of(text), line, word;

	while (span_next(&rest, "\n", &line))
		if (span_next(&line, "=", &word) && line.ptr != NULL &&
		    span_equal(word, span_of(name)))
			return line;
	return (struct span){ 0 };
}

/* Read what the program prints into text. */
static bool
run(char *const arguments[], char text[ANSWER_MAX])
{
	posix_spawn_file_actions_t actions;
	int ends[2], code = -1;
	size_t used = 0;
	ssize_t n = 1;
	pid_t child;

	if (pipe2(ends, O_CLOEXEC) != 0)
		return false;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
	bool ok = posix_spawn(&child, arguments[0], &actions, NULL, arguments,
			      environ) == 0;
	posix_spawn_file_actions_destroy(&actions);
	close(ends[1]);
	while (ok && n > 0 && used < ANSWER_MAX - 1) {
		n = read(ends[0], text + used, ANSWER_MAX - 1 - used);
		used += n > 0 ? (size_t)n : 0;
	}
	text[used] = '\0';
	close(ends[0]);
	return ok && waitpid(child, &code, 0) == child && code == 0;
}

/* Return the settings in the environment of a process, strings ended by NUL;
 * false: it cannot be read. */
static bool
read_environment(int process, struct buffer *text)
{
	char path[sizeof("/proc//environ") + SPAN_DIGITS_MAX];
	struct error e = { 0 };

	buffer_init(text, ENVIRONMENT_MAX);
	(void)snprintf(path, sizeof(path), "/proc/%d/environ", process);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && file_read_all(fd, text, &e);
	if (fd >= 0)
		close(fd);
	if (ok)
		buffer_add_byte(text, '\0');
	if (!ok || text->failed)
		buffer_wipe(text);
	return text->len > 0;
}

static bool
has_systemd(void)
{
	return access("/run/systemd/system", F_OK) == 0;
}

/* Ask for the properties of a unit; false: there is none. */
static bool
ask(const char *unit, char text[ANSWER_MAX])
{
	static char
		program[] = "/usr/bin/systemctl",
		verb[] = "show", option[] = "-p",
		properties[] =
			"LoadState,ActiveState,SubState,UnitFileState,"
			"MainPID,NRestarts,ExecMainStartTimestampMonotonic,"
			"InactiveEnterTimestampMonotonic,"
			"StateChangeTimestampMonotonic,Job,Listen,User,Group,"
			"SupplementaryGroups,Environment,EnvironmentFiles,"
			"PassEnvironment,StatusText";
	char name[NAME_SIZE];
	char *const arguments[] = { program,	verb, option,
				    properties, name, NULL };

	(void)snprintf(name, sizeof(name), "%s", unit);
	return run(arguments, text) &&
	       span_equal(find_value(text, "LoadState"), SPAN("loaded"));
}

static bool
is_active(const char *text)
{
	struct span state = find_value(text, "ActiveState");

	return span_equal(state, SPAN("active")) ||
	       span_equal(state, SPAN("activating")) ||
	       span_equal(state, SPAN("reloading"));
}

static bool
is_enabled(const char *text)
{
	return span_starts(find_value(text, "UnitFileState"), SPAN("enabled"));
}

static bool
is_masked(const char *text)
{
	return span_equal(find_value(text, "LoadState"), SPAN("masked"));
}

/* Return how long ago a time of the boot was, in ms; INT64_MAX: never. */
static int64_t
age_of(const char *text, const char *name)
{
	uint64_t us;

	return span_number(find_value(text, name), 1, INT64_MAX, &us)
		       ? clock_ms() - (int64_t)(us / US_PER_MS)
		       : INT64_MAX;
}

static bool
is_failing(const char *service)
{
	struct span state = find_value(service, "SubState");
	struct span starts = find_value(service, "NRestarts");
	uint64_t n;

	return span_equal(state, SPAN("auto-restart")) ||
	       (span_number(starts, RESTARTS, UINT32_MAX, &n) &&
		age_of(service, "ExecMainStartTimestampMonotonic") <
			RESTARTS_MS);
}

/* A handler that a web server starts needs no unit. */
static enum unit_state
find_state(const char *service, const char *socket, bool listens)
{
	struct span load = find_value(service, "LoadState");
	struct span active = find_value(service, "ActiveState");

	if (!span_equal(load, SPAN("loaded")))
		return listens ? UNIT_STOPPED : UNIT_UNKNOWN;
	if (is_active(service))
		return is_failing(service) ? UNIT_FAILING : UNIT_RUNNING;
	if (listens && !span_equal(active, SPAN("failed")))
		return UNIT_WAITING;
	return listens || is_enabled(socket) || is_enabled(service)
		       ? UNIT_STOPPED
		       : UNIT_UNKNOWN;
}

/* Return the UTC seconds of a time that many ms ago.  The clocks are compared
 * once, so that two times keep their order. */
static int64_t
time_before(int64_t age)
{
	static int64_t boot_ms; /* UTC */
	struct timespec now;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (boot_ms == 0)
		boot_ms = (int64_t)now.tv_sec * MS_PER_S +
			  now.tv_nsec / NS_PER_MS - clock_ms();
	return (boot_ms + clock_ms() - age) / MS_PER_S;
}

/* With a job, systemd is about to start it, as in a boot, or stops it now. */
static struct unit_stop
find_stop(const char *text)
{
	bool active = is_active(text);
	int64_t age = age_of(text, active ? "StateChangeTimestampMonotonic"
					  : "InactiveEnterTimestampMonotonic");
	uint64_t number;
	struct unit_stop stop = {
		.is_stopped = !active && !span_number(find_value(text, "Job"),
						      1, UINT32_MAX, &number),
		.is_enabled = is_enabled(text),
		.time = age == INT64_MAX ? 0 : time_before(age),
	};

	if (active &&
	    span_number(find_value(text, "MainPID"), 1, INT32_MAX, &number))
		stop.process = (int)number;
	return stop;
}

struct unit_stop
unit_find_stop(const char *name)
{
	struct unit_stop none = { .is_stopped = false };
	char text[ANSWER_MAX] = "";

	return has_systemd() && (ask(name, text) || is_masked(text))
		       ? find_stop(text)
		       : none;
}

/* Take the path of a line such as Listen=/run/a.sock (Stream). */
static void
take_path(struct unit *unit, const char *socket)
{
	struct span listen = find_value(socket, "Listen"), path;

	if (span_starts(listen, SPAN("/")) && span_next(&listen, " ", &path))
		span_write(path, unit->socket, sizeof(unit->socket));
}

/* Return true if a setting, or CERTGATE_CONFIG, is in the text. */
static bool
names_setting(struct span text)
{
	const char *name = "CERTGATE_";

	for (size_t i = 0; text.len > 0; i++) {
		if (memmem(text.ptr, text.len, name, strlen(name)) != NULL)
			return true;
		if (settings_help(i) == NULL)
			break;
		name = settings_help(i)->name;
	}
	return false;
}

/* The variables of the handler's process; empty: none were read. */
static struct buffer variables;

static void
take_status(struct unit *unit, const char *service)
{
	span_write(find_value(service, "StatusText"), unit->status,
		   sizeof(unit->status));
}

/* Without an outage, it begins with the list or the number of sites. */
bool
unit_reports_outage(const struct unit *unit)
{
	const char *status = unit->status;

	return status[0] != '\0' &&
	       !span_starts(span_of(status), SPAN(CONFIGURATION_NOTE_LIST)) &&
	       (status[0] < '0' || status[0] > '9');
}

void
unit_settle(struct unit *unit)
{
	char service[ANSWER_MAX] = "";

	if (!unit_reports_outage(unit))
		return;
	(void)poll(NULL, 0, LOADS_MS);
	if (ask("certgate.service", service))
		take_status(unit, service);
}

static void
take_service(struct unit *unit, const char *service)
{
	uint64_t number;

	span_write(find_value(service, "User"), unit->user, sizeof(unit->user));
	span_write(find_value(service, "Group"), unit->group,
		   sizeof(unit->group));
	span_write(find_value(service, "SupplementaryGroups"), unit->groups,
		   sizeof(unit->groups));
	if (unit->state == UNIT_RUNNING)
		take_status(unit, service);
	unit->stop = find_stop(service);
	unit->is_starting =
		span_equal(find_value(service, "ActiveState"),
			   SPAN("activating")) &&
		age_of(service, "ExecMainStartTimestampMonotonic") < START_MS;
	if (span_number(find_value(service, "MainPID"), 1, INT32_MAX, &number))
		unit->process = (int)number;
	if (span_number(find_value(service, "NRestarts"), 1, UINT32_MAX,
			&number))
		unit->restarts = (unsigned)number;
	unit->has_variables =
		unit->process > 0 && read_environment(unit->process, &variables)
			? names_setting(buffer_span(&variables))
			: find_value(service, "EnvironmentFiles").len > 0 ||
				  names_setting(
					  find_value(service, "Environment")) ||
				  names_setting(find_value(service,
							   "PassEnvironment"));
}

struct unit
unit_read(void)
{
	static struct unit unit;
	static bool is_read;
	char service[ANSWER_MAX] = "", socket[ANSWER_MAX] = "";

	if (is_read || !has_systemd())
		return unit;
	is_read = true;
	bool is_loaded = ask("certgate.service", service);
	bool listens = ask("certgate.socket", socket) && is_active(socket);
	unit.state = find_state(service, socket, listens);
	if (listens)
		take_path(&unit, socket);
	if (is_loaded)
		take_service(&unit, service);
	else if (is_masked(service))
		unit.stop = find_stop(service);
	unit.stop.is_enabled = (unit.stop.is_enabled || is_enabled(socket)) &&
			       !is_masked(service) && !is_masked(socket);
	return unit;
}

static bool is_handler, is_other, lacks_variables;

/* Become the user, with the groups of the unit; unit: NULL: none. */
static bool
become(const char *name, const struct unit *unit)
{
	uid_t user;
	gid_t group, other;

	if (!account_user(name, &user, &group)) {
		print_problem(unit == NULL
				      ? "--as: no such user (fix: name a user "
					"of this host)"
				      : "User= of the unit: not in /etc/passwd "
					"(fix: --as USER; if it is misspelt, "
					"correct User=, then systemctl "
					"daemon-reload && systemctl restart "
					"certgate.socket certgate.service)");
		return false;
	}
	if (unit != NULL && account_group(unit->group, &other))
		group = other;
	if (user != geteuid() &&
	    !account_become(name, user, group,
			    unit == NULL ? "" : unit->groups)) {
		print_problem("cannot read files as user %s: %s (fix: run as "
			      "root)",
			      error_word(span_of(name)), strerror(errno));
		return false;
	}
	file_set_reader();
	is_handler = true;
	return true;
}

/* True if the settings are in the folder of the installed ones: a new version
 * of them is for the same handler.  The user of another is not known. */
static bool
is_handlers(void)
{
	static const char installed[] = CERTGATE_CONFIG_DEFAULT;
	const char *path = setup_source().path;
	size_t folder = (size_t)(strrchr(installed, '/') - installed) + 1;

	return setup_is_installed() ||
	       (path != NULL && strncmp(path, installed, folder) == 0);
}

const char *
unit_variable(const char *name)
{
	size_t i = 0, n = strlen(name);

	(void)unit_read();
	while (i < variables.len) {
		const char *variable = variables.data + i;
		if (strncmp(variable, name, n) == 0 && variable[n] == '=')
			return variable + n + 1;
		i += strlen(variable) + 1;
	}
	return NULL;
}

static const char *
find_config(void)
{
	return unit_variable("CERTGATE_CONFIG");
}

const char *
unit_user(void)
{
	static struct unit unit;

	if (setup_user() != NULL)
		return setup_user();
	if (is_handlers())
		unit = unit_read();
	return unit.user[0] == '\0' ? UNIT_USER : unit.user;
}

void
unit_start(void)
{
	const char *config = geteuid() == 0 ? find_config() : NULL;
	const char *path = setup_main_path();
	uid_t user;
	gid_t group;

	if (config != NULL && path != NULL && strcmp(config, path) == 0)
		setup_set_installed();
	if (geteuid() == 0 && setup_is_installed() &&
	    unit_variable("CERTGATE_LIST") != NULL)
		setup_set_other_list();
	if (geteuid() == 0 && account_user(unit_user(), &user, &group))
		file_trust(user);
}

/* The handler's own variables are settings, too: those of its process.  This
 * process must still be root. */
static bool
take_variables(const struct unit *unit)
{
	return variables.len == 0
		       ? !unit->has_variables
		       : setup_add_environment(variables.data, variables.len);
}

bool
unit_become(const char *name)
{
	uid_t user;
	gid_t group;

	if (name != NULL)
		return become(name, NULL);
	is_handler = geteuid() != 0;
	if (!is_handlers())
		return true;
	struct unit unit = unit_read();
	bool is_there = account_user(unit_user(), &user, &group);
	if (is_handler) {
		is_other = is_there && user != geteuid();
		lacks_variables = unit.has_variables && !setup_has_variables();
		return true;
	}
	lacks_variables = !take_variables(&unit);
	return unit.user[0] == '\0' && !is_there ? true
						 : become(unit_user(), &unit);
}

bool
unit_take_variables(void)
{
	return geteuid() != 0 || !is_handlers() || !unit_read().has_variables ||
	       unit_become(NULL);
}

bool
unit_is_handler(void)
{
	return is_handler;
}

bool
unit_is_other(void)
{
	return is_other;
}

const char *
unit_other_config(void)
{
	const char *config = setup_is_installed() ? find_config() : NULL;

	return config == NULL || strcmp(config, setup_main_path()) == 0
		       ? NULL
		       : config;
}

bool
unit_lacks_variables(void)
{
	return lacks_variables;
}
