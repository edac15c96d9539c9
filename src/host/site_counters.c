/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <unistd.h>

#include "host/log.h"
#include "host/numbered.h"
#include "host/sandbox.h"
#include "host/site_counters.h"

_Static_assert(SITES_MAX *COUNTER_PAGE_SIZE <= SANDBOX_FILE_MAX,
	       "all sites can be counted");

static const char files[] = "sites";

static struct counters *
find(const struct site_counters *sites, struct span site)
{
	for (size_t i = 0; i < sites->n; i++)
		if (span_equal(counter_page_site((struct span){
				       sites->of[i]->page.text,
				       sizeof(sites->of[i]->page.text) }),
			       site))
			return sites->of[i];
	return NULL;
}

/* Gives the next page in the file to the site; NULL if there is none, or no
 * memory. */
static struct counters *
add(struct site_counters *sites, int file, struct span site, struct span old)
{
	struct counters *c;

	if (sites->n == SITES_MAX || (c = malloc(sizeof(*c))) == NULL)
		return NULL;
	if (!counters_begin(c, file, (off_t)sites->n * COUNTER_PAGE_SIZE, site,
			    old)) {
		free(c);
		return NULL;
	}
	sites->of[sites->n++] = c;
	return c;
}

static void
forget(struct site_counters *sites)
{
	while (sites->n > 0)
		free(sites->of[--sites->n]);
}

/* Goes on with file, to the first page that is no site's: one that was cut
 * short as it began has counted nothing. */
static bool
take_over(void *context, int file)
{
	struct site_counters *sites = context;
	char text[COUNTER_PAGE_SIZE];
	struct span old = { text, sizeof(text) };
	off_t size = lseek(file, 0, SEEK_END);
	unsigned pauses = COUNTERS_PAUSES;

	while (counters_read_page(file, (off_t)sites->n * COUNTER_PAGE_SIZE,
				  &pauses, text)) {
		struct span site = counter_page_site(old);
		if (!sites_is_name(site) || find(sites, site) != NULL ||
		    add(sites, file, site, old) == NULL)
			break;
	}
	if (size >= 0 && size / COUNTER_PAGE_SIZE == (off_t)sites->n)
		return true;
	forget(sites);
	return false;
}

bool
site_counters_open(struct site_counters *sites, const char *folder,
		   struct error *e)
{
	*sites = (struct site_counters){ 0 };
	sites->file = numbered_take(folder, files, take_over, sites, e);
	return sites->file >= 0;
}

void
site_counters_close(struct site_counters *sites)
{
	forget(sites);
	if (sites->file >= 0)
		close(sites->file);
	sites->file = -1;
}

struct counters *
site_counters_of(struct site_counters *sites, struct span site)
{
	struct counters *c;

	if (sites->file < 0)
		return NULL;
	c = find(sites, site);
	if (c == NULL)
		c = add(sites, sites->file, site, (struct span){ 0 });
	if (c == NULL && !sites->said) {
		sites->said = true;
		log_note(LOG_LEVEL_WARNING,
			 "counters: no room for those of another site");
	}
	return c;
}

struct reader {
	struct span site;
	counters_taker *take;
	void *context;
	unsigned pauses;
};

/* One page of a file at most, whatever is in it. */
static void
give_page(void *context, int file)
{
	struct reader *reader = context;
	char text[COUNTER_PAGE_SIZE];
	struct span page = { text, sizeof(text) };
	off_t size = lseek(file, 0, SEEK_END), at = 0;

	while (at < size &&
	       !(counters_read_page(file, at, &reader->pauses, text) &&
		 span_equal(counter_page_site(page), reader->site)))
		at += COUNTER_PAGE_SIZE;
	if (at < size)
		reader->take(reader->context, page, numbered_is_held(file));
}

bool
site_counters_read(const char *folder, struct span site, counters_taker *take,
		   void *context, struct error *e)
{
	struct reader reader = { site, take, context, COUNTERS_PAUSES };

	return numbered_read(folder, files, COUNTER_PAGE_SIZE, SITES_MAX,
			     give_page, &reader, e);
}
