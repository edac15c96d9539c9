/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "host/fixed.h"
#include "host/log.h"

static const char *
stats_of(const struct settings *settings)
{
	return settings->stats == NULL ? CERTGATE_STATS_DEFAULT
				       : settings->stats;
}

void
fixed_take(struct fixed *fixed, const struct settings *settings)
{
	*fixed = (struct fixed){
		.log_target = settings->log_target,
		.log_format = settings->log_format,
		.stats = strdup(stats_of(settings)),
	};
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
	compare(&fixed->said_target, settings->log_target != fixed->log_target,
		"CERTGATE_LOG");
	compare(&fixed->said_format, settings->log_format != fixed->log_format,
		"CERTGATE_LOG_FORMAT");
	compare(&fixed->said_stats,
		fixed->stats != NULL &&
			strcmp(stats_of(settings), fixed->stats) != 0,
		"CERTGATE_STATS");
}

void
fixed_free(struct fixed *fixed)
{
	free(fixed->stats);
	*fixed = (struct fixed){ 0 };
}
