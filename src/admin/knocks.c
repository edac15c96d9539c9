/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "admin/knocks.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "admin/stranger.h"
#include "base/hex.h"

enum {
	DIGITS_SHOWN = 12, /* at least */
	DIGITS = 2 * DIGEST_SHA256_SIZE
};

struct span
knock_hub(const struct knock *knock)
{
	return (struct span){ knock->of.hub, knock->of.hub_length };
}

struct span
knock_der(const struct knock *knock)
{
	return (struct span){ knock->of.der, knock->of.der_length };
}

static struct span
site_of(const struct pending_knock *k)
{
	return (struct span){ k->site, k->site_length };
}

/* NULL: there is no memory, or no certificate in it. */
static struct knock *
copy(const struct pending_knock *k, bool *failed)
{
	struct knock *knock = malloc(sizeof(*knock));

	*failed |= knock == NULL;
	if (knock == NULL)
		return NULL;
	knock->of = *k;
	if (certificate_read(knock_der(knock), &knock->certificate))
		return knock;
	free(knock);
	return NULL;
}

static bool
grow(struct knocks *knocks)
{
	size_t size = knocks->size == 0 ? SLOTS : 2 * knocks->size;
	struct knock **more;

	if (knocks->n < knocks->size)
		return true;
	more = reallocarray(knocks->knock, size, sizeof(struct knock *));
	if (more == NULL)
		return false;
	knocks->knock = more;
	knocks->size = size;
	return true;
}

static void
take(void *context, const void *slot)
{
	struct knocks *knocks = context;
	const struct pending_knock *k = slot;

	if (pending_is_over(k, knocks->now))
		return;
	if (!span_equal(site_of(k), knocks->site)) {
		knocks->elsewhere++;
		return;
	}
	struct knock *knock = copy(k, &knocks->failed);
	if (knock == NULL)
		return;
	if (grow(knocks)) {
		knocks->knock[knocks->n++] = knock;
	} else {
		knocks->failed = true;
		free(knock);
	}
}

static int
compare(const void *one, const void *other)
{
	const struct knock *a = *(struct knock *const *)one;
	const struct knock *b = *(struct knock *const *)other;
	int order = memcmp(a->of.sha256, b->of.sha256, sizeof(a->of.sha256));

	if (order == 0)
		order = (int)a->of.hub_length - (int)b->of.hub_length;
	return order != 0 ? order
			  : strncasecmp(a->of.hub, b->of.hub, a->of.hub_length);
}

static void
add_to(struct pending_knock *sum, const struct pending_knock *k)
{
	if (k->first < sum->first)
		sum->first = k->first;
	if (k->last > sum->last)
		sum->last = k->last;
	sum->count = k->count > INT64_MAX - sum->count ? INT64_MAX
						       : sum->count + k->count;
}

/* Those of several handlers become one. */
static void
merge(struct knocks *knocks)
{
	size_t n = 0;

	for (size_t i = 0; i < knocks->n; i++) {
		struct knock *knock = knocks->knock[i];
		if (knock->of.count > INT64_MAX)
			knock->of.count = INT64_MAX;
		if (n > 0 && compare(&knocks->knock[n - 1], &knock) == 0) {
			add_to(&knocks->knock[n - 1]->of, &knock->of);
			free(knock);
		} else {
			knocks->knock[n++] = knock;
		}
	}
	knocks->n = n;
}

bool
knock_same_certificate(const struct knock *a, const struct knock *b)
{
	return memcmp(a->of.sha256, b->of.sha256, sizeof(a->of.sha256)) == 0;
}

static void
write_digits(const struct knock *knock, char digits[DIGITS])
{
	hex_encode(knock->of.sha256, DIGEST_SHA256_SIZE, digits);
}

/* How many digits tell a from b, another certificate. */
static unsigned
tell_apart(const struct knock *a, const struct knock *b)
{
	char one[DIGITS], other[DIGITS];
	unsigned n = 0;

	write_digits(a, one);
	write_digits(b, other);
	while (n < DIGITS && one[n] == other[n])
		n++;
	return n + 1;
}

/* In their order the neighbours of those of one certificate are the ones that
 * are most alike. */
static void
set_digits(const struct knocks *knocks)
{
	struct knock *const *all = knocks->knock;
	unsigned below = 0, above;

	for (size_t first = 0, end; first < knocks->n; first = end) {
		end = first + 1;
		while (end < knocks->n &&
		       knock_same_certificate(all[first], all[end]))
			end++;
		above = end < knocks->n ? tell_apart(all[first], all[end]) : 0;
		unsigned most = above > below ? above : below;
		for (size_t i = first; i < end; i++)
			all[i]->digits =
				most > DIGITS_SHOWN ? most : DIGITS_SHOWN;
		below = above;
	}
}

bool
knocks_read(struct knocks *knocks, struct error *e)
{
	*knocks = (struct knocks){
		.site = setup_site(),
		.now = (int64_t)time(NULL),
	};
	char *folder = setup_stats(e);
	bool ok = folder != NULL &&
		  slots_read(folder, &pending_kind, take, knocks, e) &&
		  (!knocks->failed || error_set(e, "out of memory"));
	free(folder);
	if (!ok)
		return false;
	if (knocks->n > 0)
		qsort(knocks->knock, knocks->n, sizeof(struct knock *),
		      compare);
	merge(knocks);
	set_digits(knocks);
	return true;
}

void
knocks_free(struct knocks *knocks)
{
	for (size_t i = 0; i < knocks->n; i++)
		free(knocks->knock[i]);
	free(knocks->knock);
	*knocks = (struct knocks){ 0 };
}

size_t
knocks_find(const struct knocks *knocks, struct span digits, size_t *first)
{
	char own[DIGITS];
	size_t n = 0;

	*first = 0;
	for (size_t i = 0; i < knocks->n; i++) {
		write_digits(knocks->knock[i], own);
		if (!span_starts_nocase((struct span){ own, sizeof(own) },
					digits))
			continue;
		if (n++ == 0)
			*first = i;
	}
	return n;
}

void
knock_print(const struct knock *knock)
{
	char digits[DIGITS];

	write_digits(knock, digits);
	print("%.*s  hub ", (int)knock->digits, digits);
	print_text(knock_hub(knock));
	print(", %" PRIu64 " time%s, first ", knock->of.count,
	      knock->of.count == 1 ? "" : "s");
	print_time(knock->of.first);
	print(", last ");
	print_time(knock->of.last);
	print("%s\n",
	      stranger_is(knock_der(knock)) ? ", certgate doctor's own" : "");
}
