/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* metrics: certgate stats --prometheus: counters that go on from a state file,
 * and gauges of the configurations in force and on disk. */
#ifndef CERTGATE_ADMIN_METRICS_H
#define CERTGATE_ADMIN_METRICS_H

#include <stdint.h>

#include "admin/command.h"
#include "policy/reason.h"

enum { METRICS_TIMES = 13 };

/* Microseconds; the last one is 0: without limit. */
extern const unsigned metrics_limit[METRICS_TIMES + 1];

/* Return the first limit that a decision of so many microseconds is within. */
unsigned metrics_slot(uint64_t us);

/* Return the verdict that a reason is of. */
const char *metrics_verdict(enum reason reason);

enum exit_code metrics_run(const struct command *command);

#endif
