/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* notice: what the log says of settings and lists that are taken up, though
 * nothing is wrong with them. */
#ifndef CERTGATE_HOST_NOTICE_H
#define CERTGATE_HOST_NOTICE_H

#include <stdint.h>

#include "base/error.h"
#include "host/watch.h"
#include "policy/settings.h"

/* Each that was kept, and how many more there are, as of the file where; NULL:
 * of the list. */
void notice_warnings(const struct warnings *warnings, const char *where);

/* What a careful administrator wants to know of settings at the time now; they
 * were read from file, whose path may be NULL. */
void notice_settings(const struct settings *settings, const struct watch *file,
		     int64_t now);

#endif
