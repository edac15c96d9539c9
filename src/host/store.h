/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * store: settings and list as they are on the disk, read again when they
 * change.
 *
 * A change is taken up when the file has been the same for a second, even at
 * the start, for half of settings or of a secret may ask for less, and half of
 * a list may have no deny; but a list that changes all the time is read as it
 * is after a while.  One that does not read is reported, and the last good one
 * stays.  A file that is missing or unreadable for five seconds counts as none:
 * then everybody is refused.  The same holds for the files that the list names:
 * without a CRL nobody can say whom it would have refused, and a start would
 * find no list.
 * At the start there is no last good one.
 */
#ifndef CERTGATE_HOST_STORE_H
#define CERTGATE_HOST_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "handler.h"
#include "host/named.h"
#include "host/sources.h"
#include "host/watch.h"
#include "policy/list.h"
#include "policy/settings.h"

struct store {
	char *const *environment; /* borrowed for ever */
	bool config_may_miss; /* it was not named, and never was there */
	struct watch file; /* of the settings */
	struct named named; /* the files that these name */
	struct sources sources; /* of the list in force */
	struct settings settings; /* without has_settings, what a process
				   * keeps from its start on alone */
	struct list list;
	bool has_settings; /* some that read */
	bool has_list; /* one that reads, or none is configured */
	bool settings_stale; /* what is on the disk could not be taken up */
	bool list_stale;
	bool list_outlived; /* the settings that it was made with */
	unsigned generation; /* lists taken up so far */
	int64_t looked_ms; /* monotonic */
};

/* Reads everything.  environment (ended by NULL) stays borrowed.  Whatever is
 * wrong is logged; the store is to be used all the same, and refuses. */
void store_open(struct store *store, char *const *environment);

/* The same for the settings file at path, without any environment. */
void store_open_site(struct store *store, const char *path);

/* Looks at the files, at most once a second unless now is true. */
void store_refresh(struct store *store, bool now);

void store_close(struct store *store);

/* What decides at this moment. */
struct gate store_gate(const struct store *store);

/* For the log: the number of the list, which need have no file, only settings
 * that read; "stale" if what is on the disk could not be taken up; "none" while
 * nothing reads, and so everybody is refused. */
struct span store_list_word(const struct store *store,
			    char text[SPAN_DIGITS_MAX]);

#endif
