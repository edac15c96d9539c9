/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <dirent.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/web_server.h"

/* Where each web server of Debian has what is in force: files and folders. */
static const char *const server_files[] = {
	"/etc/apache2/apache2.conf",  "/etc/apache2/conf-enabled",
	"/etc/apache2/sites-enabled", "/etc/lighttpd/lighttpd.conf",
	"/etc/lighttpd/conf-enabled", "/etc/nginx/nginx.conf",
	"/etc/nginx/conf.d",	      "/etc/nginx/sites-enabled",
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

bool
web_server_find(char file[WEB_SERVER_PATH_SIZE])
{
	enum { PATHS = sizeof(server_files) / sizeof(server_files[0]) };
	bool installed = false;

	file[0] = '\0';
	for (size_t i = 0; i < PATHS; i++) {
		DIR *folder = opendir(server_files[i]);
		if (folder == NULL) {
			installed |= look_at(server_files[i], file);
			continue;
		}
		installed |= look_into(server_files[i], folder, file);
		closedir(folder);
	}
	return installed;
}
