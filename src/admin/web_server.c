/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <dirent.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/web_server.h"

enum { FILES = 3 };

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
	    "/etc/nginx/sites-enabled" },
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
	return access(path, F_OK) == 0;
}

/* Return true if a file in it exists. */
static bool
look_into(const char *path, DIR *folder, struct web_server *server)
{
	const struct dirent *file;
	char whole[PATH_MAX];
	bool exists = false;

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

void
web_server_find(struct web_server *found)
{
	*found = (struct web_server){ .wiring = NULL };
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		struct web_server server = { .wiring = servers[i].wiring,
					     .unit = servers[i].unit };
		if (!look(servers[i].path, &server))
			continue;
		if (server.file[0] != '\0')
			server.stop = unit_find_stop(server.unit);
		if (found->wiring == NULL ||
		    (server.file[0] != '\0' &&
		     (found->file[0] == '\0' ||
		      (found->stop.is_stopped && !server.stop.is_stopped))))
			*found = server;
	}
}
