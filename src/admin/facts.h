/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* facts: about the handler, from systemd, the web servers, the log and the
 * files. */
#ifndef CERTGATE_ADMIN_FACTS_H
#define CERTGATE_ADMIN_FACTS_H

#include <stdbool.h>

#include "admin/findings.h"
#include "admin/hour.h"
#include "admin/unit.h"
#include "admin/web_server.h"
#include "host/outage.h"
#include "host/sites.h"

struct facts {
	struct unit unit;
	const char *socket; /* NULL: none was looked at */
	struct web_server server;
	bool server_stopped; /* no web server that passes events is running */
	struct error access; /* why it cannot connect to the socket */
	struct hour hour;
	bool has_log; /* hour was read */
	struct error log; /* why not */
	char log_folder[256];
	char log_owner[ACCOUNT_NAME_SIZE]; /* empty: root, or none is named */
	bool full; /* its disk */
	bool other_log; /* the handler does not have it open */
	bool has_files; /* the rest was read */
	int64_t now; /* UTC seconds */
	struct findings findings;
	struct report report;
	struct sites sites;
	bool starts;
	const struct outage_refusal *refusal;
};

/* Collect what is not in the files, as the user of this process.  socket and
 * log: of the options, NULL: the settings say. */
void facts_collect(struct facts *f, const char *socket, const char *log);

/* Read the files as a handler that starts at that time, as the user of
 * unit_become(). */
void facts_read_files(struct facts *f, int64_t now);

/* Return the first site, or the main settings, whose configuration loads here
 * but did not load in the handler, which uses none or an older one; NULL: no
 * site. */
const struct hour_site *facts_find_failure(const struct facts *f, bool none);

enum { FACTS_FILES_SIZE = 64 };

/* Write how many errors and warnings the files have. */
void facts_tell_files(const struct facts *f, char text[FACTS_FILES_SIZE]);

void facts_free(struct facts *f);

#endif
