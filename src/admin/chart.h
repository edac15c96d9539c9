/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* chart: a history as charts and a table of reasons, in HTML and SVG. */
#ifndef CERTGATE_ADMIN_CHART_H
#define CERTGATE_ADMIN_CHART_H

#include "admin/history.h"
#include "base/buffer.h"

/* Add one chart of the last hour, one of the last day, and the reasons with
 * their numbers. */
void chart_add(struct buffer *out, const struct history *history);

#endif
