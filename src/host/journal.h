/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* journal: lines with fields for systemd's journal, by its native protocol
 * ("Native Journal Protocol": a datagram of NAME=value lines). */
#ifndef CERTGATE_HOST_JOURNAL_H
#define CERTGATE_HOST_JOURNAL_H

#include <stdbool.h>

#include "host/log_line.h"

/* False if there is no journal to be reached. */
bool journal_open(void);

/* Send each field in upper case, and all of them as the message; false if the
 * journal did not take them. */
bool journal_send(const struct log_fields *fields, int priority);

/* A message alone; it has no line ends. */
void journal_note(struct span message, int priority);

#endif
