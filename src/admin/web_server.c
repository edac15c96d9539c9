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

/* Where each web server of Debian has what is in force, files and folders, and
 * how it passes events to the handler. */
static const struct {
	const char *path, *wiring;
} servers[] = {
#define APACHE "a2enconf certgate && systemctl reload apache2"
	{ "/etc/apache2/apache2.conf", APACHE },
	{ "/etc/apache2/conf-enabled", APACHE },
	{ "/etc/apache2/sites-enabled", APACHE },
#define LIGHTTPD "lighty-enable-mod certgate && systemctl restart lighttpd"
	{ "/etc/lighttpd/lighttpd.conf", LIGHTTPD },
	{ "/etc/lighttpd/conf-enabled", LIGHTTPD },
#define NGINX                                                                  \
	"include /usr/share/certgate/www/nginx.conf in a server block of "     \
	"nginx, then systemctl reload nginx"
	{ "/etc/nginx/nginx.conf", NGINX },
	{ "/etc/nginx/conf.d", NGINX },
	{ "/etc/nginx/sites-enabled", NGINX },
};

/* True if a line other than a comment has the word certgate. */
static bool
names_certgate(const char *path)
{
	FILE *file = fopen(path, "re");
	bool found = false;
	char *line = NULL;
	size_t size = 0;

	while (!found && file != NULL && getline(&line, &size, file) > 0)
		found = line[strspn(line, " \t")] != '#' &&
			strstr(line, "certgate") != NULL;
	free(line);
	if (file != NULL)
		fclose(file);
	return found;
}

/* Return true if there is such a file. */
static bool
look_at(const char *path, char file[WEB_SERVER_PATH_SIZE])
{
	if (file[0] == '\0' && names_certgate(path))
		(void)snprintf(file, WEB_SERVER_PATH_SIZE, "%s", path);
	return access(path, F_OK) == 0;
}

/* Return true if a file in it exists. */
static bool
look_into(const char *path, DIR *folder, char found[WEB_SERVER_PATH_SIZE])
{
	const struct dirent *file;
	char whole[PATH_MAX];
	bool exists = false;

	while ((file = readdir(folder)) != NULL) {
		(void)snprintf(whole, sizeof(whole), "%s/%s", path,
			       file->d_name);
		if (file->d_name[0] != '.')
			exists |= look_at(whole, found);
	}
	return exists;
}

const char *
web_server_find(char file[WEB_SERVER_PATH_SIZE])
{
	const char *wiring = NULL;

	file[0] = '\0';
	for (size_t i = 0; i < sizeof(servers) / sizeof(servers[0]); i++) {
		const char *path = servers[i].path;
		DIR *folder = opendir(path);
		bool installed = folder == NULL ? look_at(path, file)
						: look_into(path, folder, file);
		if (folder != NULL)
			closedir(folder);
		if (installed && wiring == NULL)
			wiring = servers[i].wiring;
	}
	return wiring;
}
