/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/print.h"
#include "admin/setup.h"
#include "admin/unit.h"
#include "host/clock.h"
#include "host/file.h"

enum {
	ANSWER_MAX = 16384, /* bytes of systemctl's answer */
	RESTARTS = 3, /* of a handler that lives less than: */
	RESTARTS_MS = 60000,
	US_PER_MS = 1000,
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

	(void)snprintf(path, sizeof(path), "/proc/%d/environ", process);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool ok = fd >= 0 && file_read_all(fd, text, &e);
	if (fd >= 0)
		close(fd);
	buffer_add_byte(text, '\0');
	return ok && !text->failed;
}

/* Ask for the properties of a unit; false: there is none. */
static bool
ask(char *name, char text[ANSWER_MAX])
{
	static char program[] = "/usr/bin/systemctl", verb[] = "show",
		    option[] = "-p",
		    properties[] =
			    "LoadState,ActiveState,SubState,UnitFileState,"
			    "MainPID,NRestarts,ExecMainStartTimestampMonotonic,"
			    "User,Environment,EnvironmentFiles,StatusText";
	char *const arguments[] = { program,	verb, option,
				    properties, name, NULL };

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
is_failing(const char *service)
{
	struct span state = find_value(service, "SubState");
	struct span starts = find_value(service, "NRestarts");
	struct span begin =
		find_value(service, "ExecMainStartTimestampMonotonic");
	uint64_t n, us;

	return span_equal(state, SPAN("auto-restart")) ||
	       (span_number(starts, RESTARTS, UINT32_MAX, &n) &&
		span_number(begin, 1, INT64_MAX, &us) &&
		clock_ms() < (int64_t)(us / US_PER_MS) + RESTARTS_MS);
}

/* A handler that a web server starts needs no unit. */
static enum unit_state
find_state(const char *service, const char *socket, bool has_socket)
{
	struct span load = find_value(service, "LoadState");
	struct span enabled = find_value(socket, "UnitFileState");
	struct span active = find_value(service, "ActiveState");
	bool listens = has_socket && is_active(socket);

	if (!span_equal(load, SPAN("loaded")))
		return listens ? UNIT_STOPPED : UNIT_UNKNOWN;
	if (is_active(service))
		return is_failing(service) ? UNIT_FAILING : UNIT_RUNNING;
	if (listens && !span_equal(active, SPAN("failed")))
		return UNIT_WAITING;
	return listens || span_equal(enabled, SPAN("enabled")) ? UNIT_STOPPED
							       : UNIT_UNKNOWN;
}

struct unit
unit_read(void)
{
	struct unit unit = { .state = UNIT_UNKNOWN };
	static char service_name[] = "certgate.service",
		    socket_name[] = "certgate.socket";
	char service[ANSWER_MAX] = "", socket[ANSWER_MAX] = "";
	uint64_t process;

	if (access("/run/systemd/system", F_OK) != 0)
		return unit;
	bool is_loaded = ask(service_name, service);
	unit.state = find_state(service, socket, ask(socket_name, socket));
	if (!is_loaded)
		return unit;
	struct span user = find_value(service, "User");
	struct span status = find_value(service, "StatusText");
	unit.is_starting = span_equal(find_value(service, "ActiveState"),
				      SPAN("activating"));
	if (user.len < sizeof(unit.user))
		(void)snprintf(unit.user, sizeof(unit.user), "%.*s",
			       (int)user.len, user.len > 0 ? user.ptr : "");
	if (span_number(find_value(service, "MainPID"), 1, INT32_MAX, &process))
		unit.process = (int)process;
	unit.has_variables = find_value(service, "Environment").len > 0 ||
			     find_value(service, "EnvironmentFiles").len > 0;
	if (unit.state == UNIT_RUNNING)
		(void)snprintf(unit.status, sizeof(unit.status), "%.*s",
			       (int)status.len,
			       status.len > 0 ? status.ptr : "");
	return unit;
}

static bool is_handler, is_other, lacks_variables;
static const char *other_config;

static bool
become(const char *name)
{
	uid_t user;
	gid_t group;

	if (!account_user(name, &user, &group)) {
		print_problem("--as: no such user");
		return false;
	}
	if (user != geteuid() && !account_become(name, user, group)) {
		print_problem("only root can look as another user: %s",
			      error_word(span_of(name)));
		return false;
	}
	file_set_reader();
	is_handler = true;
	return true;
}

/* True if the settings are in the folder of the installed ones: others are
 * another handler's, whose user is not known. */
static bool
is_installed(void)
{
	static const char installed[] = CERTGATE_CONFIG_DEFAULT;
	const char *path = setup_source().path;
	size_t folder = (size_t)(strrchr(installed, '/') - installed) + 1;

	return path != NULL && strncmp(path, installed, folder) == 0;
}

static void
find_config(const struct buffer *text)
{
	const struct span name = SPAN("CERTGATE_CONFIG=");
	const char *at = (const char *)text->data, *end = at + text->len;

	for (; at < end; at += strlen(at) + 1)
		if (span_starts(span_of(at), name) &&
		    strcmp(at + name.len, setup_source().path) != 0)
			other_config = at + name.len;
}

const char *
unit_user(void)
{
	static struct unit unit;

	if (setup_user() != NULL)
		return setup_user();
	if (is_installed() && unit.user[0] == '\0')
		unit = unit_read();
	return unit.user[0] == '\0' ? UNIT_USER : unit.user;
}

/* The handler's own variables are settings, too: those of its process.  This
 * process must still be root. */
static bool
take_variables(const struct unit *unit)
{
	static struct buffer text; /* the settings borrow it */

	if (!unit->has_variables)
		return true;
	buffer_init(&text, ENVIRONMENT_MAX);
	if (unit->process == 0 || !read_environment(unit->process, &text))
		return false;
	find_config(&text);
	return setup_add_environment(text.data, text.len);
}

bool
unit_become(const char *name)
{
	uid_t user;
	gid_t group;

	if (name != NULL)
		return become(name);
	is_handler = geteuid() != 0;
	if (!is_installed())
		return true;
	struct unit unit = unit_read();
	const char *handler = unit.user[0] == '\0' ? UNIT_USER : unit.user;
	bool is_there = account_user(handler, &user, &group);
	if (is_handler) {
		is_other = is_there && user != geteuid();
		lacks_variables = unit.has_variables && !setup_has_variables();
		return true;
	}
	lacks_variables = !take_variables(&unit);
	return unit.user[0] == '\0' && !is_there ? true : become(handler);
}

bool
unit_take_variables(void)
{
	return geteuid() != 0 || !is_installed() ||
	       !unit_read().has_variables || unit_become(NULL);
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
	return other_config;
}

bool
unit_lacks_variables(void)
{
	return lacks_variables;
}
