/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * site_counters: counters for each site that a process answers for, each in a
 * page of its own in one file.
 *
 * The file is taken at the start, for none opens later; a page is taken when
 * the site's first event is counted, and stays the site's in this file.
 */
#ifndef CERTGATE_HOST_SITE_COUNTERS_H
#define CERTGATE_HOST_SITE_COUNTERS_H

#include "host/counters.h"
#include "host/sites.h"

struct site_counters {
	int file; /* owned; -1: nothing is kept */
	bool said; /* that there is no page to be had */
	size_t n;
	struct counters *of[SITES_MAX]; /* owned */
};

/* Takes a file in folder; as counters_open. */
bool site_counters_open(struct site_counters *sites, const char *folder,
			struct error *e) __attribute__((warn_unused_result));

void site_counters_close(struct site_counters *sites);

/* As counters_read, of this site alone. */
bool site_counters_read(const char *folder, struct span site,
			counters_taker *take, void *context, struct error *e)
	__attribute__((warn_unused_result));

/* The site's counters; NULL: nothing is kept. */
struct counters *site_counters_of(struct site_counters *sites,
				  struct span site);

#endif
