/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * counter_page: the counters of one process as one page of text.
 *
 * A first line, which may name a site, then lines of a name, a blank and
 * COUNTER_DIGITS digits, then newlines to the end.  A page says by itself what
 * it counts, so that the next version can go on with it.  Its numbers check one
 * another: one that was read while it was being written does not add up.
 */
#ifndef CERTGATE_HOST_COUNTER_PAGE_H
#define CERTGATE_HOST_COUNTER_PAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum {
	COUNTER_PAGE_SIZE = 4096, /* bytes; within one page of the kernel's
				   * cache, of which no half is written */
	COUNTER_NAME_MAX = 32, /* bytes */
	COUNTER_DIGITS = 16
};

/* Names that are not added up, but say how it stands, begin with this. */
#define COUNTER_NOW SPAN("now.")

struct counter_page {
	size_t len; /* bytes before the newlines at the end */
	char text[COUNTER_PAGE_SIZE];
};

/* A page of the first line alone; site may be absent. */
void counter_page_init(struct counter_page *page, struct span site);

/* The site that the first line names; absent: none. */
struct span counter_page_site(struct span text);

/* Adds a counter and gives where its digits are; 0 if the page is full. */
size_t counter_page_add(struct counter_page *page, struct span name,
			uint64_t value);

/* Changes the number at a place that counter_page_add gave. */
void counter_page_set(struct counter_page *page, size_t at, uint64_t value);
void counter_page_count(struct counter_page *page, size_t at, uint64_t more);

/* It is the beginning of a page; one that was cut short has nothing in it. */
bool counter_page_begins(struct span text);

/* It has the first line, reads to its end, and adds up: the events by verdict
 * and reason, and those by time, are as many as the events. */
bool counter_page_is_whole(struct span text);

/* Takes the next counter of a whole page: begin with *rest the page's text.
 * False, with *rest as it was, behind the last. */
bool counter_page_next(struct span *rest, struct span *name, uint64_t *value);

#endif
