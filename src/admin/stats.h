/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* stats: what counts of events and of their times have in common. */
#ifndef CERTGATE_ADMIN_STATS_H
#define CERTGATE_ADMIN_STATS_H

#include <stddef.h>
#include <stdint.h>

enum { STATS_TIMES = 13 };

/* Microseconds; the last one is 0: without limit. */
extern const unsigned stats_limit[STATS_TIMES + 1];

/* The first limit that a decision of so many microseconds is within. */
unsigned stats_slot(uint64_t us);

/* The word and the verdict of a reason; REASONS: unknown. */
const char *stats_reason(size_t reason);
const char *stats_verdict(size_t reason);

#endif
