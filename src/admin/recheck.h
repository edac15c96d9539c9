/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* recheck: the handler's decision as of now on a client of the log. */
#ifndef CERTGATE_ADMIN_RECHECK_H
#define CERTGATE_ADMIN_RECHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "admin/log_reader.h"
#include "host/sites.h"
#include "policy/decide.h"
#include "policy/match.h"

/* What a line must be read for. */
#define RECHECK_FIELDS                                                         \
	(FIELD_BIT(FIELD_HUB) | FIELD_BIT(FIELD_SITE) |                        \
	 FIELD_BIT(FIELD_SHA1) | FIELD_BIT(FIELD_SHA256) |                     \
	 FIELD_BIT(FIELD_SPKI) | FIELD_BIT(FIELD_SERIAL) |                     \
	 FIELD_BIT(FIELD_ISSUER) | FIELD_BIT(FIELD_NOT_AFTER))

/* Return what decides on the clients of the line's site; NULL: the site is
 * unknown.  Sites of one site's settings (setup_site()) are that site. */
const struct configuration *recheck_site(const struct sites *sites,
					 struct span site);

/* Read the certificate in the line, which logged borrows. */
void recheck_read(const struct log_reader *log, struct logged_client *logged);

/* Return true if an entry of list or store has this pin. */
bool recheck_has_pin(const struct configuration *c,
		     const struct thumbprint *pin);

/* Decide on the client by c as of now.  d borrows logged. */
void recheck_client(const struct configuration *c,
		    const struct logged_client *logged, struct span hub,
		    int64_t now, struct decision *d);

#endif
