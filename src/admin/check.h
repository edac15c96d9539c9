/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* check: the configuration as a handler that starts now has it. */
#ifndef CERTGATE_ADMIN_CHECK_H
#define CERTGATE_ADMIN_CHECK_H

#include <stdbool.h>

#include "admin/findings.h"
#include "host/sites.h"

/* Read everything, as the user of unit_become(), into sites: sites_close() in
 * any case.  report is borrowed until then.  Return true if settings and list
 * load. */
bool check_files(struct findings *findings, struct report *report,
		 struct sites *sites);

#endif
