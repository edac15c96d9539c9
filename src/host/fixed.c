/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "host/fixed.h"
#include "host/log.h"

void
fixed_take(struct fixed *fixed, const struct settings *settings)
{
	*fixed = (struct fixed){
		.log_target = settings->log_target,
		.log_format = settings->log_format,
	};
	if (settings->log_file != NULL)
		fixed->log_file = strdup(settings->log_file);
}

static void
compare(bool *said, bool other, const char *name)
{
	if (other && !*said)
		log_note(LOG_LEVEL_WARNING,
			 "%s is another than at the start: it counts from the "
			 "next start on; restart needed",
			 name);
	*said = other;
}

void
fixed_compare(struct fixed *fixed, const struct settings *settings)
{
	compare(&fixed->said_target,
		settings->log_target != fixed->log_target ||
			!span_equal(span_of(settings->log_file),
				    span_of(fixed->log_file)),
		"CERTGATE_LOG");
	compare(&fixed->said_format, settings->log_format != fixed->log_format,
		"CERTGATE_LOG_FORMAT");
}

void
fixed_free(struct fixed *fixed)
{
	free(fixed->log_file);
	fixed->log_file = NULL;
}
