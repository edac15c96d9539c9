/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <grp.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "admin/web_server.h"

enum { FILES = 4, GROUPS_MAX = 64, RELOAD_S = 3600 };

/* Of each web server of Debian: where it has what is in force, files and
 * folders, and how it passes events to the handler. */
static const struct {
	const char *unit, *path[FILES], *wiring;
} servers[] = {
	{ "apache2.service",
	  { "/etc/apache2/apache2.conf", "/etc/apache2/conf-enabled",
	    "/etc/apache2/sites-enabled" },
	  "a2enconf certgate && systemctl reload apache2" },
	{ "lighttpd.service",
	  { "/etc/lighttpd/lighttpd.conf", "/etc/lighttpd/conf-enabled" },
	  "lighty-enable-mod certgate && systemctl restart lighttpd" },
	{ "nginx.service",
	  { "/etc/nginx/nginx.conf", "/etc/nginx/conf.d",
	    "/etc/nginx/sites-enabled", "/etc/nginx/snippets" },
	  "include /usr/share/certgate/www/nginx.conf in a server block of "
	  "nginx, then systemctl reload nginx" },
};

/* Return true if the line passes events to the handler: by its socket, its
 * program or the file of the package. */
static bool
passes_events(const char *line)
{
	static const char *const words[] = { "certgate.sock", "certgate.fcgi",
					     "certgate.cgi", "certgate/www/" };

	if (line[strspn(line, " \t")] == '#')
		return false;
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		if (strstr(line, words[i]) != NULL)
			return true;
	return false;
}

/* Note when the path changed.  Return true if it exists. */
static bool
add_change(const char *path, struct web_server *server)
{
	struct stat s;

	if (stat(path, &s) != 0)
		return false;
	if (s.st_mtim.tv_sec > server->changed)
		server->changed = s.st_mtim.tv_sec;
	return true;
}

/* Write the path to file, if it is the first that passes events.  Return true
 * if there is such a file. */
static bool
look_at(const char *path, struct web_server *server)
{
	FILE *file = fopen(path, "re");
	char *line = NULL;
	size_t size = 0;

	while (file != NULL && server->file[0] == '\0' &&
	       getline(&line, &size, file) > 0)
		if (passes_events(line))
			(void)snprintf(server->file, sizeof(server->file), "%s",
				       path);
	free(line);
	if (file != NULL)
		fclose(file);
	return add_change(path, server);
}

/* Return true if a file in it exists. */
static bool
look_into(const char *path, DIR *folder, struct web_server *server)
{
	const struct dirent *file;
	char whole[PATH_MAX];
	bool exists = false;

	(void)add_change(path, server);
	while ((file = readdir(folder)) != NULL) {
		(void)snprintf(whole, sizeof(whole), "%s/%s", path,
			       file->d_name);
		if (file->d_name[0] != '.')
			exists |= look_at(whole, server);
	}
	return exists;
}

/* Return true if it is installed. */
static bool
look(const char *const path[FILES], struct web_server *server)
{
	bool installed = false;

	for (size_t i = 0; i < FILES && path[i] != NULL; i++) {
		DIR *folder = opendir(path[i]);
		installed |= folder == NULL
				     ? look_at(path[i], server)
				     : look_into(path[i], folder, server);
		if (folder != NULL)
			closedir(folder);
	}
	return installed;
}

/* Return when the last change of the files took effect: the last start or
 * reload if it came within an hour after the change, else the change itself. */
static int64_t
change_in_force(const struct web_server *server, const struct unit_stop *stop)
{
	int64_t after = stop->time - server->changed;

	return after > 0 && after < RELOAD_S ? stop->time : server->changed;
}

void
web_server_find(struct web_server *found)
{
	struct web_server unwired = { .wiring = NULL };

	*found = (struct web_server){ .wiring = NULL };
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		struct web_server server = { .wiring = servers[i].wiring,
					     .unit = servers[i].unit };
		if (!look(servers[i].path, &server))
			continue;
		struct unit_stop stop = unit_find_stop(server.unit);
		int64_t changed = change_in_force(&server, &stop);
		server.changed = 0;
		if (server.file[0] != '\0') {
			server.stop = stop;
		} else if (stop.process > 0 && changed > unwired.changed) {
			unwired.wiring = server.wiring;
			unwired.changed = changed;
		}
		if (found->wiring == NULL ||
		    (server.file[0] != '\0' &&
		     (found->file[0] == '\0' ||
		      (found->stop.is_stopped && !server.stop.is_stopped))))
			*found = server;
	}
	if (unwired.wiring != NULL) {
		found->wiring = unwired.wiring;
		found->changed = unwired.changed;
	}
}

/* Of a process. */
struct identity {
	uid_t user;
	gid_t group, groups[GROUPS_MAX];
	size_t n;
};

/* Take a line of /proc/PID/status.  The second user is the effective one. */
static void
take_line(struct identity *id, const char *line)
{
	struct span rest = span_of(line), name, word;
	gid_t numbers[GROUPS_MAX] = { 0 };
	uint64_t number;
	size_t n = 0;

	(void)span_next(&rest, ":", &name);
	while (n < GROUPS_MAX && span_next_word(&rest, " \t\n", &word) &&
	       span_number(word, 0, UINT32_MAX, &number))
		numbers[n++] = (gid_t)number;
	if (span_equal(name, SPAN("Uid"))) {
		id->user = numbers[1];
	} else if (span_equal(name, SPAN("Gid"))) {
		id->group = numbers[1];
	} else if (span_equal(name, SPAN("Groups"))) {
		memcpy(id->groups, numbers, sizeof(numbers));
		id->n = n;
	}
}

static struct identity
identify(uint64_t process)
{
	struct identity id = { .user = 0 };
	char path[sizeof("/proc//status") + SPAN_DIGITS_MAX], *line = NULL;
	size_t size = 0;

	(void)snprintf(path, sizeof(path), "/proc/%" PRIu64 "/status", process);
	FILE *file = fopen(path, "re");
	while (file != NULL && getline(&line, &size, file) > 0)
		take_line(&id, line);
	free(line);
	if (file != NULL)
		fclose(file);
	return id;
}

/* Return true if the process with this identity has no right to the path.  Its
 * groups may differ from those of /etc/group. */
static bool
is_denied(const struct identity *id, const char *path, int mode)
{
	int code = 0;
	pid_t child = fork();

	if (child == 0)
		_exit(setgroups(id->n, id->groups) == 0 &&
		      setgid(id->group) == 0 && setuid(id->user) == 0 &&
		      access(path, mode) != 0 && errno == EACCES);
	return child > 0 && waitpid(child, &code, 0) == child &&
	       WIFEXITED(code) && WEXITSTATUS(code) != 0;
}

/* Return true if every process of the web server that is not root's has no
 * right to the path: the process, or else its children.  *last: that of the
 * last one. */
static bool
all_denied(int process, const char *path, int mode, struct identity *last)
{
	char name[sizeof("/proc//task//children") + 2 * SPAN_DIGITS_MAX];
	char *line = NULL;
	size_t size = 0;
	struct span rest = { 0 }, word;
	uint64_t child;
	struct identity id = identify((uint64_t)process);
	bool denied = id.user != 0 && is_denied(&id, path, mode);

	*last = id;
	if (id.user != 0)
		return denied;
	(void)snprintf(name, sizeof(name), "/proc/%d/task/%d/children", process,
		       process);
	FILE *file = fopen(name, "re");
	if (file != NULL && getline(&line, &size, file) > 0)
		rest = span_of(line);
	while (span_next_word(&rest, " \n", &word) &&
	       span_number(word, 1, INT32_MAX, &child)) {
		id = identify(child);
		if (id.user == 0)
			continue;
		*last = id;
		denied = is_denied(&id, path, mode);
		if (!denied)
			break;
	}
	free(line);
	if (file != NULL)
		fclose(file);
	return denied;
}

/* Return the newest of a time and the changes of the path and its folders. */
static int64_t
newest(int64_t time, const char *path)
{
	char copy[PATH_MAX];
	struct stat s;

	(void)snprintf(copy, sizeof(copy), "%s", path);
	for (const char *at = copy; at[strspn(at, "./")] != '\0';
	     at = dirname(copy))
		if (stat(at, &s) == 0 && s.st_ctim.tv_sec > time)
			time = s.st_ctim.tv_sec;
	return time;
}

bool
web_server_connects(const struct web_server *server, const char *path,
		    int64_t *since, struct error *e)
{
	char folder[PATH_MAX], user[ACCOUNT_NAME_SIZE],
		group[ACCOUNT_NAME_SIZE];
	int process = server->stop.process;
	struct identity id;
	bool shut = false;

	if (geteuid() != 0 || process == 0 || path[0] != '/')
		return true;
	*since = newest(server->stop.time, path);
	(void)snprintf(folder, sizeof(folder), "%s", path);
	for (char *at = strchr(folder + 1, '/'); at != NULL && !shut;
	     at = strchr(at + 1, '/')) {
		*at = '\0';
		shut = all_denied(process, folder, X_OK, &id);
		if (!shut)
			*at = '/';
	}
	if (!shut && !all_denied(process, path, W_OK, &id))
		return true;
	account_user_name(id.user, user);
	account_group_name(id.group, group);
	if (shut)
		return error_set(e,
				 "%s: user %s cannot search it (fix: chmod o+x "
				 "%s)",
				 folder, user, folder);
	return error_set(e,
			 "%s: user %s cannot write to it; certgate.socket sets "
			 "its group and mode (fix: chgrp %s %s && chmod 660 "
			 "%s)",
			 path, user, group, path, path);
}
