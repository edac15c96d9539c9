/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* seen_ids: the ids of a client's latest requests. */
#ifndef CERTGATE_EMULATOR_SEEN_IDS_H
#define CERTGATE_EMULATOR_SEEN_IDS_H

#include <glib.h>
#include <stdbool.h>

struct seen_ids;

struct seen_ids *seen_ids_new(void);

/* NULL is fine. */
void seen_ids_free(struct seen_ids *ids);

/* False if it is among the last 1024 that were added. */
bool seen_ids_add(struct seen_ids *ids, gint64 id);

#endif
