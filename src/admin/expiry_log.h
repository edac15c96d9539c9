/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* expiry_log: the certificates in the log, and which of them count. */
#ifndef CERTGATE_ADMIN_EXPIRY_LOG_H
#define CERTGATE_ADMIN_EXPIRY_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/expiry.h"
#include "base/error.h"
#include "host/sites.h"

struct expiry_log;

/* Read all of the log of path (NULL: that of the settings, or the journal), for
 * the site of the settings.  NULL with e if it cannot be read.  Gives:
 * expiry_log_free().  To be called before
 * the process becomes a user that cannot read the log. */
struct expiry_log *expiry_log_read(const char *path, struct error *e);

/* Add the certificates of the log that the lists of sites admit.  False with e
 * if there is no memory. */
bool expiries_add_log(struct expiries *all, struct expiry_log *log,
		      const struct sites *sites, int64_t now, struct error *e)
	__attribute__((warn_unused_result));

/* Add all: of the lists of sites, and of the log (NULL: none).  False with e if
 * there is no memory. */
bool expiries_add(struct expiries *all, const struct sites *sites,
		  struct expiry_log *log, int64_t now, struct error *e)
	__attribute__((warn_unused_result));

void expiry_log_free(struct expiry_log *log);

#endif
