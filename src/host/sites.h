/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * sites: several customers behind one handler, each with settings, list and
 * keys of its own, in sites/NAME.conf beside the main settings file.
 *
 * A request names its site by the parameter CERTGATE_SITE, and the site's file
 * alone counts for it: neither the main file nor the environment.  While the
 * folder has a site, a request that names none is refused.  Log,
 * listener and sandbox belong to the process: the main settings say them.
 */
#ifndef CERTGATE_HOST_SITES_H
#define CERTGATE_HOST_SITES_H

#include <dirent.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "handler.h"
#include "host/configuration.h"

enum {
	SITES_MAX = 256, /* in one process; a further one is refused */
	SITES_UNSAFE = -1 /* in unsure: others can change the folder */
};

struct site {
	char *name; /* owned */
	char *path; /* owned */
	struct configuration store;
	unsigned generation; /* of store, when the status was last told */
};

struct sites {
	struct configuration main;
	char *folder; /* owned; NULL: the main settings are in no file */
	DIR *names; /* owned; of the folder, since the start; NULL: none */
	bool in_use; /* the folder has a site: requests must name theirs */
	int64_t had_ms; /* when it last had; monotonic */
	int unsure; /* errno of a look that failed: the folder may have a site;
		     * ESTALE: not the folder of the start; or SITES_UNSAFE;
		     * 0: none */
	int closed; /* the same of a folder whose names are not there */
	bool full; /* and it was said */
	struct site *site[SITES_MAX]; /* owned */
	size_t n;
	int64_t looked_ms; /* monotonic */
	bool refreshing; /* sites_refresh() runs */
};

/* Read the main settings.  environment stays borrowed, and is that of these
 * alone; so does report (NULL: none), of all faults of each configuration. */
void sites_open(struct sites *sites, struct configuration_source main,
		struct report *report);

/* Read every site there is: what they name is then known to the sandbox. */
void sites_read(struct sites *sites);

void sites_close(struct sites *sites);

/* Look at all files; now: also try again what failed.  Within itself, by its
 * pause, it does nothing. */
void sites_refresh(struct sites *sites, bool now);

/* Fill gate with what decides on request.  Gives the store that is from, or
 * NULL: gate refuses. */
struct configuration *sites_find(struct sites *sites,
				 const struct request *request,
				 struct gate *gate);

/* The settings file of the site name (absent: the folder of all) beside the
 * main file config; gives: free().  NULL if config is a relative path, or when
 * out of memory. */
char *sites_path(const char *config, struct span name);

#endif
