/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/log.h"
#include "host/sandbox.h"
#include "host/sites.h"

static const struct span ending = SPAN_TEXT(".conf");

char *
sites_path(const char *config, struct span name)
{
	const char *slash = strrchr(config, '/');
	char *path;

	if (config[0] != '/')
		return NULL;
	int folder = (int)(slash - config);
	int n = name.ptr == NULL
			? asprintf(&path, "%.*s/sites", folder, config)
			: asprintf(&path, "%.*s/sites/%.*s.conf", folder,
				   config, (int)name.len, name.ptr);
	return n < 0 ? NULL : path;
}

/* Return NAME of NAME.conf, valid or not; absent for another file name. */
static struct span
name_of(const char *file)
{
	struct span name = span_of(file);

	if (name.len <= ending.len || file[0] == '.' ||
	    !span_equal(span_after(name, name.len - ending.len), ending))
		return (struct span){ 0 };
	name.len -= ending.len;
	return name;
}

/* Return the next site's name in the folder; absent after the last, or with
 * errno if the folder cannot be read. */
static struct span
next_name(struct sites *sites)
{
	struct span name = { 0 };
	struct dirent *file;

	errno = 0;
	while (name.ptr == NULL && (file = readdir(sites->names)) != NULL)
		name = name_of(file->d_name);
	return name;
}

/* Return true if there is a site.  If the folder above cannot be searched, the
 * folder that is held open counts; one that cannot be read, or could not be
 * opened at the start, counts as one with sites.  The sandbox opens no folder,
 * so one that was created later counts as one with sites, too. */
static bool
has_site(struct sites *sites)
{
	bool was_unsafe = sites->unsure == SITES_UNSAFE;
	struct stat now, held;
	struct error e = { 0 };

	sites->unsure = 0;
	if (sites->folder == NULL)
		return false;
	if (stat(sites->folder, &now) != 0) {
		if (errno != ENOENT && errno != ENOTDIR)
			sites->unsure = errno;
		if (sites->unsure == 0)
			return false;
		if (sites->names == NULL)
			return sites->in_use || sites->closed != ESTALE;
		rewinddir(sites->names);
		return sites->in_use || next_name(sites).ptr != NULL ||
		       errno != 0;
	}
	if (sites->names == NULL || fstat(dirfd(sites->names), &held) != 0 ||
	    now.st_ino != held.st_ino || now.st_dev != held.st_dev) {
		sites->unsure = sites->closed;
		return true;
	}
	if (!file_check_folder(sites->folder, &e)) {
		sites->unsure = SITES_UNSAFE;
		if (!was_unsafe)
			log_error(LOG_LEVEL_ERROR, &e);
		return true;
	}
	rewinddir(sites->names);
	bool has = next_name(sites).ptr != NULL;
	sites->unsure = has ? 0 : errno;
	return has || sites->unsure != 0;
}

static const char *
unsure_text(int unsure)
{
	if (unsure == SITES_UNSAFE)
		return "bad folder";
	return unsure == ESTALE
		       ? "it is not the folder of the start; restart needed"
		       : strerror(unsure);
}

static void
look(struct sites *sites)
{
	bool before = sites->in_use;
	int unsure = sites->unsure;
	bool has = has_site(sites);
	int64_t now_ms = clock_ms();

	/* The folder or its files may be missing only for a moment. */
	if (has)
		sites->had_ms = now_ms;
	sites->in_use =
		has || (before && now_ms - sites->had_ms < FILES_MISSING_MS);
	if (has && sites->unsure != 0 && sites->unsure != unsure)
		log_note(LOG_LEVEL_WARNING,
			 "%s: it cannot be told whether there are sites (%s): "
			 "a request that names none is refused",
			 sites->folder, unsure_text(sites->unsure));
	if (has && sites->unsure == 0 && (!before || unsure != 0))
		log_note(LOG_LEVEL_NOTE,
			 "%s has sites: a request must name its own by "
			 "CERTGATE_SITE",
			 sites->folder);
	if (!sites->in_use && before)
		log_note(LOG_LEVEL_NOTE,
			 "%s has no site: a request need not name one",
			 sites->folder);
}

static struct site *
find(const struct sites *sites, struct span name)
{
	for (size_t i = 0; i < sites->n; i++)
		if (span_equal(span_of(sites->site[i]->name), name))
			return sites->site[i];
	return NULL;
}

static void
free_site(struct site *site)
{
	configuration_close(&site->store);
	free(site->name);
	free(site->path);
	free(site);
}

/* Load the site in the existing file path.  Takes path. */
static struct site *
read_site(struct sites *sites, struct span name, char *path)
{
	struct site *site = calloc(1, sizeof(*site));

	if (site != NULL)
		*site = (struct site){ .name = span_copy(name), .path = path };
	if (site == NULL || site->name == NULL) {
		free(site);
		free(path);
		log_note(LOG_LEVEL_ERROR, "site %s: out of memory",
			 error_word(name));
		return NULL;
	}
	const char *before = log_about(site->name);
	configuration_open(&site->store,
			   (struct configuration_source){
				   .path = site->path,
				   .is_site = true,
				   .pause = sites->main.source.pause },
			   sites->main.report);
	(void)log_about(before);
	site->generation = site->store.generation;
	sites->site[sites->n++] = site;
	return site;
}

/* Add a site at its first request; NULL if it does not exist. */
static struct site *
add(struct sites *sites, struct span name)
{
	struct file_identity identity = { 0 };
	char *path = NULL;

	if (sites->folder != NULL)
		path = sites_path(sites->main.source.path, name);
	if (path != NULL)
		file_identify(path, &identity);
	if (identity.exists && sites->n < SITES_MAX)
		return read_site(sites, name, path);
	if (identity.exists && !sites->full) {
		sites->full = true;
		log_note(LOG_LEVEL_ERROR,
			 "site %s: too many sites, at most %d in one process: "
			 "it is refused",
			 error_word(name), SITES_MAX);
	}
	free(path);
	return NULL;
}

void
sites_open(struct sites *sites, struct configuration_source main,
	   struct report *report)
{
	const char *config;

	*sites = (struct sites){ 0 };
	configuration_open(&sites->main, main, report);
	config = sites->main.source.path;
	if (config == NULL)
		return;
	sites->folder = sites_path(config, (struct span){ 0 });
	if (sites->folder == NULL)
		return;
	sites->names = opendir(sites->folder);
	sites->closed =
		sites->names != NULL || errno == ENOENT ? ESTALE : errno;
	if (sites->names != NULL)
		sandbox_take(dirfd(sites->names), SANDBOX_READ);
	sites->looked_ms = clock_ms();
	look(sites);
}

void
sites_read(struct sites *sites)
{
	struct span name;

	if (sites->names == NULL)
		return;
	rewinddir(sites->names);
	while ((name = next_name(sites)).ptr != NULL) {
		if (request_is_site(name))
			(void)add(sites, name);
		else
			log_note(LOG_LEVEL_WARNING,
				 "%s/%s.conf: no site's name: expected a-z, "
				 "0-9 and -",
				 sites->folder, error_word(name));
	}
}

/* Return true if the site's file is gone for good, so that the site is
 * freed. */
static bool
is_over(const struct site *site)
{
	struct file_identity now;

	file_identify(site->path, &now);
	return !site->store.has_settings && !now.exists && now.error == 0;
}

void
sites_refresh(struct sites *sites, bool now)
{
	if (sites->refreshing)
		return;
	sites->refreshing = true;
	look(sites);
	configuration_refresh(&sites->main, now);
	for (size_t i = sites->n; i-- > 0;) {
		struct site *site = sites->site[i];
		(void)log_about(site->name);
		configuration_refresh(&site->store, now);
		(void)log_about(NULL);
		if (!is_over(site))
			continue;
		sites->site[i] = sites->site[--sites->n];
		sites->full = false;
		free_site(site);
	}
	sites->looked_ms = clock_ms();
	sites->refreshing = false;
}

struct configuration *
sites_find(struct sites *sites, const struct request *request,
	   struct gate *gate)
{
	struct span name = request->site;
	struct site *site;

	*gate = (struct gate){ 0 };
	/* Settings that failed to load are the reason, before sites that could
	 * not be listed. */
	if (name.ptr == NULL &&
	    (!sites->in_use ||
	     (sites->unsure != 0 && !sites->main.has_settings))) {
		*gate = configuration_gate(&sites->main);
		return &sites->main;
	}
	gate->has_sites = true;
	if (request->site_unclear || !request_is_site(name))
		return NULL;
	site = find(sites, name);
	if (site == NULL)
		site = add(sites, name);
	if (site == NULL)
		return NULL;
	*gate = configuration_gate(&site->store);
	gate->has_sites = true;
	gate->site = span_of(site->name);
	return &site->store;
}

void
sites_close(struct sites *sites)
{
	for (size_t i = 0; i < sites->n; i++)
		free_site(sites->site[i]);
	if (sites->names != NULL)
		(void)closedir(sites->names);
	free(sites->folder);
	configuration_close(&sites->main);
	*sites = (struct sites){ 0 };
}
