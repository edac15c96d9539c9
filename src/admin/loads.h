/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* loads: the list in force of each site, from what the handler logs when it
 * loads one or fails to. */
#ifndef CERTGATE_ADMIN_LOADS_H
#define CERTGATE_ADMIN_LOADS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"
#include "host/sites.h"

enum {
	LOADS_MAX = SITES_MAX + 1, /* and the main settings */
	LOADS_DIGEST_SIZE = 17 /* digits, and a NUL */
};

/* The numbers of a load, in the order of the state of metrics. */
enum load_number {
	LOAD_TIME, /* UTC seconds; 0: only failures are known */
	LOAD_REVISION,
	LOAD_ENTRIES,
	LOAD_FAILED, /* 1: a later load */
	LOAD_NUMBERS
};

struct load {
	char site[REQUEST_SITE_MAX + 1]; /* empty: the main settings */
	uint64_t number[LOAD_NUMBERS];
	char digest[LOADS_DIGEST_SIZE]; /* of the list file; empty: no file */
};

struct loads {
	struct load load[LOADS_MAX];
	size_t n;
};

/* Note a line about the program of that time, if it is about a load. */
void loads_add(struct loads *loads, int64_t time, struct span note);

/* Keep the loads of sites alone; main: the name of the main settings. */
void loads_keep(struct loads *loads, const struct sites *sites,
		const char *main);

/* Add lines "load …" to the state of metrics; take the rest of one. */
void loads_write(const struct loads *loads, struct buffer *text);
void loads_take(struct loads *loads, struct span line);

/* Print them as metrics. */
void loads_print(const struct loads *loads);

#endif
