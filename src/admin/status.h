/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* status: what certgate status found. */
#ifndef CERTGATE_ADMIN_STATUS_H
#define CERTGATE_ADMIN_STATUS_H

#include <stdbool.h>

#include "admin/check.h"
#include "admin/findings.h"
#include "admin/hour.h"
#include "admin/unit.h"
#include "admin/web_server.h"
#include "base/error.h"
#include "host/sites.h"

struct facts {
	struct unit unit;
	const char *socket; /* NULL: none was looked at */
	bool servers; /* a web server is installed */
	char server[WEB_SERVER_PATH_SIZE]; /* its file that has certgate; empty:
					    * none has */
	struct hour hour;
	bool has_log; /* hour was read */
	struct error log; /* why not */
	struct findings findings;
	struct report report;
	struct sites sites;
	bool starts;
	const struct check_refusal *refusal;
	bool full; /* the disk of the log */
};

#endif
