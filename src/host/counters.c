/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/counters.h"
#include "host/log.h"
#include "host/numbered.h"

enum { READ_PAUSE_NS = 100000 };

/* In microseconds, each about twice the one before. */
static const unsigned limits[COUNTERS_TIMES] = {
	10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000, 50000, 100000
};

unsigned
counters_time_limit(unsigned i)
{
	return limits[i];
}

/* The one that writes it does not wait, so what does not add up is to be read
 * again; what nobody holds, nobody is writing by then. */
bool
counters_read_page(int file, off_t offset, unsigned *pauses,
		   char text[COUNTER_PAGE_SIZE])
{
	const struct timespec pause = { .tv_nsec = READ_PAUSE_NS };

	for (bool again = true;;) {
		ssize_t n = pread(file, text, COUNTER_PAGE_SIZE, offset);
		if (n != COUNTER_PAGE_SIZE)
			return false;
		if (counter_page_is_whole(
			    (struct span){ text, COUNTER_PAGE_SIZE }))
			return true;
		if (!again)
			return false;
		again = *pauses > 0 && numbered_is_held(file);
		if (!again)
			continue;
		(*pauses)--;
		(void)nanosleep(&pause, NULL);
	}
}

/* Pages of one version have one order, so that a name is looked for where the
 * last one was found. */
struct search {
	struct span text, rest;
};

/* The number that a page has for name, else false and 0. */
static bool
find(struct search *search, struct span name, uint64_t *value)
{
	struct span found;

	for (unsigned pass = 0; pass < 2; pass++) {
		while (counter_page_next(&search->rest, &found, value))
			if (span_equal(found, name))
				return true;
		search->rest = search->text;
	}
	*value = 0;
	return false;
}

/* Adds a counter of two words that goes on where old ends. */
static size_t
go_on(struct counters *c, struct search *old, const char *group,
      const char *name)
{
	char text[COUNTER_NAME_MAX + 2];
	int n = snprintf(text, sizeof(text), "%s%s", group, name);
	struct span whole = { text, n < 0 ? 0 : (size_t)n };
	uint64_t value;

	(void)find(old, whole, &value);
	return counter_page_add(&c->page, whole, value);
}

/* Another version counted what this one does not; that is kept. */
static bool
keep_others(struct counters *c, struct span old)
{
	struct span own = { c->page.text, c->page.len }, name;
	struct search search = { own, own };
	uint64_t value, unused;
	bool room = true;

	while (room && counter_page_next(&old, &name, &value))
		if (!span_starts(name, COUNTER_NOW) &&
		    !find(&search, name, &unused))
			room = counter_page_add(&c->page, name, value) > 0;
	return room;
}

/* The page of a process that begins, and goes on where old ends. */
static bool
begin_page(struct counters *c, struct span site, struct span text_of_old)
{
	struct counter_page *page = &c->page;
	struct search search = { text_of_old, text_of_old }, *old = &search;
	char text[sizeof("4294967295")];

	counter_page_init(page, site);
	(void)counter_page_add(page, SPAN("now.process"), (uint64_t)getpid());
	(void)counter_page_add(page, SPAN("now.since"), (uint64_t)time(NULL));
	c->at_list = counter_page_add(page, SPAN("now.list"), 0);
	c->at_entries = counter_page_add(page, SPAN("now.entries"), 0);
	c->at_stale = counter_page_add(page, SPAN("now.stale"), 0);
	c->at_events = go_on(c, old, "events", "");
	c->at_sum = go_on(c, old, "nanoseconds", "");
	for (unsigned i = 0; i < COUNTERS_TIMES; i++) {
		(void)snprintf(text, sizeof(text), "%u", limits[i]);
		c->at_time[i] =
			go_on(c, old, "time.", limits[i] > 0 ? text : "more");
	}
	for (int i = 0; i < REASONS; i++) {
		enum reason reason = (enum reason)i;
		bool allow = reason_status(reason) == 0;
		c->at_reason[i] = go_on(c, old, allow ? "allow." : "deny.",
					reason_name(reason));
	}
	return c->at_reason[REASONS - 1] > 0 && keep_others(c, text_of_old);
}

static bool
write_page(struct counters *c)
{
	return pwrite(c->file, c->page.text, sizeof(c->page.text), c->offset) ==
	       sizeof(c->page.text);
}

/* What a file has from before: a page, or nothing if whoever made it ended, or
 * found no room, as it began. */
static bool
read_old(int file, char text[COUNTER_PAGE_SIZE], struct span *old)
{
	ssize_t n = pread(file, text, COUNTER_PAGE_SIZE, 0);

	if (n < 0)
		return false;
	*old = (struct span){ text, (size_t)n };
	if (counter_page_is_whole(*old))
		return true;
	bool begun = n < COUNTER_PAGE_SIZE && counter_page_begins(*old);
	old->len = 0;
	return begun;
}

/* Goes on with file. */
static bool
take_over(void *context, int file)
{
	struct counters *c = context;
	char text[COUNTER_PAGE_SIZE];
	struct span old;

	return read_old(file, text, &old) &&
	       begin_page(c, (struct span){ 0 }, old);
}

bool
counters_begin(struct counters *c, int file, off_t offset, struct span site,
	       struct span old)
{
	*c = (struct counters){ .file = file, .offset = offset };
	return begin_page(c, site, old);
}

void
counters_close(struct counters *c)
{
	if (c->file >= 0)
		close(c->file);
	c->file = -1;
}

bool
counters_open(struct counters *c, const char *path, struct error *e)
{
	*c = (struct counters){ .file = -1 };
	c->file = numbered_take(path, "counters", take_over, c, e);
	if (c->file >= 0 && !write_page(c)) {
		error_system(e, "%s: no file to count in", path);
		counters_close(c);
	}
	return c->file >= 0;
}

static void
store_page(struct counters *c)
{
	if (write_page(c) || c->said)
		return;
	c->said = true;
	log_note(LOG_LEVEL_WARNING, "counters: %s", strerror(errno));
}

void
counters_count(struct counters *c, enum reason reason, uint64_t ns)
{
	unsigned i = 0;

	if (c->file < 0)
		return;
	while (limits[i] > 0 && ns > (uint64_t)limits[i] * 1000)
		i++;
	counter_page_count(&c->page, c->at_events, 1);
	counter_page_count(&c->page, c->at_reason[reason], 1);
	counter_page_count(&c->page, c->at_time[i], 1);
	counter_page_count(&c->page, c->at_sum, ns);
	store_page(c);
}

void
counters_set_now(struct counters *c, const struct counters_now *now)
{
	if (c->file < 0 ||
	    (now->list == c->now.list && now->entries == c->now.entries &&
	     now->stale == c->now.stale))
		return;
	c->now = *now;
	counter_page_set(&c->page, c->at_list, now->list);
	counter_page_set(&c->page, c->at_entries, now->entries);
	counter_page_set(&c->page, c->at_stale, now->stale);
	store_page(c);
}

struct taker {
	counters_taker *take;
	void *context;
	unsigned pauses;
};

static void
give_page(void *context, int file)
{
	struct taker *taker = context;
	char text[COUNTER_PAGE_SIZE];

	if (counters_read_page(file, 0, &taker->pauses, text))
		taker->take(taker->context, (struct span){ text, sizeof(text) },
			    numbered_is_held(file));
}

bool
counters_read(const char *path, counters_taker *take, void *context,
	      struct error *e)
{
	struct taker taker = { take, context, COUNTERS_PAUSES };

	return numbered_read(path, "counters", COUNTER_PAGE_SIZE, 1, give_page,
			     &taker, e);
}
