/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* metrics: certgate stats --prometheus: counters that go on from a state file,
 * and gauges of the configurations in force and on disk. */
#ifndef CERTGATE_ADMIN_METRICS_H
#define CERTGATE_ADMIN_METRICS_H

#include "admin/command.h"

enum exit_code metrics_run(const struct command *command);

#endif
