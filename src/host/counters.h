/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * counters: what was decided and how long it took, counted in one file for each
 * process, and once more for each site in another.
 *
 * A process writes its file (numbered.h) once for each event, so that a kill
 * loses at most the event in hand.  Whoever takes over a file goes on counting:
 * sums never drop.  No answer depends on any of this.
 */
#ifndef CERTGATE_HOST_COUNTERS_H
#define CERTGATE_HOST_COUNTERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/error.h"
#include "host/counter_page.h"
#include "policy/reason.h"

enum { COUNTERS_TIMES = 14 /* classes of time */ };

/* How it stands, beside what is counted. */
struct counters_now {
	uint64_t list; /* its number; 0: there is none that reads */
	uint64_t entries;
	uint64_t stale; /* 1: what is on the disk could not be taken up */
};

struct counters {
	int file; /* owned, but for a site's; -1: nothing is kept */
	off_t offset; /* of the page in it, in bytes */
	bool said; /* that it cannot be written */
	struct counters_now now;
	size_t at_list, at_entries, at_stale;
	size_t at_events, at_sum;
	size_t at_reason[REASONS]; /* in the page, as are all of these */
	size_t at_time[COUNTERS_TIMES];
	struct counter_page page;
};

/*
 * Takes a file in folder.  False, and nothing is kept from then on, if there is
 * none to be had; then e says why, or nothing if folder is not there.
 */
bool counters_open(struct counters *c, const char *folder, struct error *e)
	__attribute__((warn_unused_result));

void counters_close(struct counters *c);

/* Begins to count for a site in the page at offset of file, which stays the
 * caller's.  old is the page that goes on there, or empty.  False: no room. */
bool counters_begin(struct counters *c, int file, off_t offset,
		    struct span site, struct span old)
	__attribute__((warn_unused_result));

/* Counts one event that was decided for this reason and took so many
 * nanoseconds. */
void counters_count(struct counters *c, enum reason reason, uint64_t ns);

/* Notes how it stands, if it is otherwise than before. */
void counters_set_now(struct counters *c, const struct counters_now *now);

/* The upper end of a class of time in microseconds; 0: there is none. */
unsigned counters_time_limit(unsigned i);

/* What takes a whole page, and whether its process runs. */
typedef void counters_taker(void *context, struct span page, bool runs);

/* Gives the page of each file in folder that reads.  False with e if folder
 * does not open. */
bool counters_read(const char *folder, counters_taker *take, void *context,
		   struct error *e) __attribute__((warn_unused_result));

enum { COUNTERS_PAUSES = 1000 /* in which a page is being written */ };

/* Reads the page at offset, again after a pause while it is being written;
 * false: none.  *pauses, COUNTERS_PAUSES for all pages of all files, is what is
 * left of them: nobody who fills files with what is no page makes readers wait
 * for each. */
bool counters_read_page(int file, off_t offset, unsigned *pauses,
			char text[COUNTER_PAGE_SIZE]);

#endif
