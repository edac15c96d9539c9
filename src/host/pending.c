/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <ctype.h>
#include <string.h>

#include "base/date.h"
#include "host/pending.h"
#include "host/sandbox.h"

enum { SHIFT_MAX = 63 /* bits of a count but one */ };

static struct span
site_of(const struct pending_knock *k)
{
	return (struct span){ k->site, k->site_length };
}

static struct span
hub_of(const struct pending_knock *k)
{
	return (struct span){ k->hub, k->hub_length };
}

/* Of site and hub, however the client writes its name: the front of a SHA-256,
 * made odd, so that nobody finds a hub that uses up the share of another.  0:
 * it cannot be computed. */
static uint64_t
place_of(struct span site, struct span hub)
{
	char names[SITES_NAME_MAX + 1 + PENDING_HUB_MAX];
	struct span all = { names, site.len + 1 + hub.len };
	uint8_t digest[DIGEST_SHA256_SIZE];
	uint64_t front;

	for (size_t i = 0; i < site.len; i++)
		names[i] = site.ptr[i];
	names[site.len] = '\0';
	for (size_t i = 0; i < hub.len; i++)
		names[site.len + 1 + i] =
			(char)tolower((unsigned char)hub.ptr[i]);
	if (!digest_sha256(all, digest))
		return 0;
	memcpy(&front, digest, sizeof(front));
	return front | 1;
}

static bool
is_sound(const void *slot)
{
	const struct pending_knock *k = slot;
	uint8_t digest[DIGEST_SHA256_SIZE];

	return k->count > 0 && k->first >= 0 && k->first <= k->last &&
	       k->last <= DATE_SECONDS_MAX &&
	       k->site_length <= SITES_NAME_MAX && k->hub_length > 0 &&
	       k->hub_length <= PENDING_HUB_MAX &&
	       k->der_length <= PENDING_DER_MAX && k->place != 0 &&
	       k->place == place_of(site_of(k), hub_of(k)) &&
	       digest_sha256((struct span){ k->der, k->der_length }, digest) &&
	       memcmp(digest, k->sha256, sizeof(digest)) == 0;
}

static uint64_t
key_of(const void *slot)
{
	const struct pending_knock *k = slot;
	uint64_t front;

	memcpy(&front, k->sha256, sizeof(front));
	return k->count == 0 ? 0 : front;
}

const struct slots_kind pending_kind = { "pending", PENDING_SIZE, is_sound,
					 key_of };

_Static_assert(SLOTS *PENDING_SIZE <= SANDBOX_FILE_MAX,
	       "all knocks can be kept");
_Static_assert(sizeof(struct pending_knock) == PENDING_SIZE - SLOTS_CHECK,
	       "a knock fills its slot");

/* Nor does one from the future count: the clock was wrong then. */
bool
pending_is_over(const struct pending_knock *k, int64_t now)
{
	return now - k->last > (int64_t)PENDING_DAYS * DATE_DAY_SECONDS ||
	       k->last - now > DATE_DAY_SECONDS;
}

static bool
is_free(const struct pending_knock *k, int64_t now)
{
	return k->count == 0 || pending_is_over(k, now);
}

/* How much a knock is worth to be kept: its count, halved for each day on which
 * it did not come, so that nobody holds a place for what he once did. */
static uint64_t
weight_of(const struct pending_knock *k, int64_t now)
{
	int64_t days = now > k->last ? (now - k->last) / DATE_DAY_SECONDS : 0;

	return k->count >> (days > SHIFT_MAX ? SHIFT_MAX : days);
}

static bool
is_less(const struct pending_knock *a, const struct pending_knock *b,
	int64_t now)
{
	uint64_t one = weight_of(a, now), other = weight_of(b, now);

	return one < other || (one == other && a->last < b->last);
}

/* Where the tally has this place, or will have it. */
static unsigned *
tally_of(struct pending_tally *tally, uint64_t place)
{
	size_t at = place % PENDING_TALLY;

	while (tally->place[at] != 0 && tally->place[at] != place)
		at = (at + 1) % PENDING_TALLY;
	tally->place[at] = place;
	return &tally->n[at];
}

/* How many slots each has. */
struct spread {
	struct pending_tally places;
	unsigned first[SLOTS]; /* of each slot's site */
	unsigned of_site[SLOTS]; /* how many, by the site's first slot */
	bool room; /* one is free */
	unsigned most_of_site;
	unsigned most_of_place; /* in a site that has most */
};

static unsigned
first_of_site(const struct slots *slots, unsigned i, int64_t now)
{
	struct span site = site_of(slots_at(slots, i));
	unsigned first = 0;

	while (first < i &&
	       (is_free(slots_at(slots, first), now) ||
		!span_equal(site_of(slots_at(slots, first)), site)))
		first++;
	return first;
}

static bool
site_has_most(const struct spread *s, unsigned i)
{
	return s->of_site[s->first[i]] == s->most_of_site;
}

static void
measure(const struct slots *slots, int64_t now, struct spread *s)
{
	*s = (struct spread){ 0 };
	for (unsigned i = 0; i < SLOTS; i++) {
		const struct pending_knock *k = slots_at(slots, i);
		if (is_free(k, now)) {
			s->room = true;
			continue;
		}
		s->first[i] = first_of_site(slots, i, now);
		unsigned n = ++s->of_site[s->first[i]];
		s->most_of_site = n > s->most_of_site ? n : s->most_of_site;
		(*tally_of(&s->places, k->place))++;
	}
	for (unsigned i = 0; i < SLOTS; i++) {
		const struct pending_knock *k = slots_at(slots, i);
		if (is_free(k, now) || !site_has_most(s, i))
			continue;
		unsigned n = *tally_of(&s->places, k->place);
		s->most_of_place = n > s->most_of_place ? n : s->most_of_place;
	}
}

/* No site takes the slots of another that has fewer, whatever hubs it names. */
static bool
has_most(struct spread *s, const struct slots *slots, unsigned i)
{
	const struct pending_knock *k = slots_at(slots, i);

	return site_has_most(s, i) &&
	       *tally_of(&s->places, k->place) == s->most_of_place;
}

/* Where one that is new to place goes: in its share if that is used up, else to
 * a free slot, else to one of those that have most. */
static unsigned
find_room(const struct slots *slots, uint64_t place, int64_t now)
{
	struct spread spread;
	unsigned least = SLOTS;

	measure(slots, now, &spread);
	bool full = *tally_of(&spread.places, place) >= PENDING_PER_HUB;
	/* Of those that came in one second, round and round. */
	for (unsigned n = 1; n <= SLOTS; n++) {
		unsigned i = (slots->latest + n) % SLOTS;
		const struct pending_knock *k = slots_at(slots, i);
		bool unused = is_free(k, now);
		if (!full && unused)
			return i;
		if (unused || (!full && spread.room) ||
		    (full ? k->place != place : !has_most(&spread, slots, i)))
			continue;
		if (least == SLOTS || is_less(k, slots_at(slots, least), now))
			least = i;
	}
	return least;
}

/* What there is to be noted. */
struct caller {
	struct span site, hub, der;
	const uint8_t *sha256;
	uint64_t key, place;
};

static bool
is_of(const struct pending_knock *k, const struct caller *c)
{
	return memcmp(k->sha256, c->sha256, sizeof(k->sha256)) == 0 &&
	       span_equal(site_of(k), c->site);
}

static void
write_knock(struct pending_knock *k, const struct caller *c, int64_t now)
{
	*k = (struct pending_knock){
		.first = now,
		.place = c->place,
		.der_length = (uint16_t)c->der.len,
		.site_length = (uint8_t)c->site.len,
		.hub_length = (uint8_t)c->hub.len,
	};
	memcpy(k->sha256, c->sha256, sizeof(k->sha256));
	if (c->site.len > 0)
		memcpy(k->site, c->site.ptr, c->site.len);
	memcpy(k->hub, c->hub.ptr, c->hub.len);
	memcpy(k->der, c->der.ptr, c->der.len);
}

static void
forget_fresh(struct pending *pending)
{
	memset(&pending->fresh, 0, sizeof(pending->fresh));
	pending->fresh_places = 0;
}

/* False if place has had, since they were written, as many new ones as it may.
 * More places than slots push each other out: then it begins again. */
static bool
take_turn(struct pending *pending, uint64_t place)
{
	if (pending->fresh_places == SLOTS)
		forget_fresh(pending);
	unsigned *n = tally_of(&pending->fresh, place);
	if (*n == PENDING_PER_HUB)
		return false;
	pending->fresh_places += *n == 0;
	(*n)++;
	return true;
}

static void
remember(struct pending *pending, const struct caller *c, int64_t now)
{
	struct slots *slots = &pending->slots;
	unsigned i = slots_find(slots, c->key, 0);

	for (; i < SLOTS; i = slots_find(slots, c->key, i + 1)) {
		const struct pending_knock *k = slots_at(slots, i);
		if (is_of(k, c) && span_equal_nocase(hub_of(k), c->hub))
			break;
	}
	bool is_new = i == SLOTS || is_free(slots_at(slots, i), now);
	if (is_new && !take_turn(pending, c->place))
		return;
	if (i == SLOTS)
		i = find_room(slots, c->place, now);
	struct pending_knock *k = slots_at(slots, i);
	if (is_new)
		write_knock(k, c, now);
	k->count += k->count < UINT64_MAX;
	k->last = now > k->first ? now : k->first;
	slots_touch(slots, i);
}

static void
forget(struct slots *slots, const struct caller *c)
{
	unsigned i = slots_find(slots, c->key, 0);

	for (; i < SLOTS; i = slots_find(slots, c->key, i + 1)) {
		struct pending_knock *k = slots_at(slots, i);
		if (!is_of(k, c))
			continue;
		memset(k, 0, sizeof(*k));
		slots_touch(slots, i);
	}
}

/* Refused, or with a trial let in, because no entry has him. */
static bool
is_stranger(const struct decision *d)
{
	return d->reason == REASON_NOT_LISTED ||
	       (d->reason == REASON_REPORT_ONLY &&
		d->would == REASON_NOT_LISTED);
}

void
pending_note(struct pending *pending, const struct answer *answer, int64_t now)
{
	struct slots *slots = &pending->slots;
	const struct decision *d = &answer->decision;
	struct caller c = {
		.site = answer->site,
		.hub = answer->hub,
		.der = buffer_span(&d->der),
		.sha256 = d->sha256.digest,
	};

	memcpy(&c.key, c.sha256, sizeof(c.key));
	if (!answer->verified || d->sha256.kind != THUMBPRINT_SHA256 ||
	    c.site.len > SITES_NAME_MAX)
		return;
	if (is_stranger(d)) {
		if (c.hub.len > 0 && c.hub.len <= PENDING_HUB_MAX &&
		    c.der.len <= PENDING_DER_MAX && slots_load(slots)) {
			c.place = place_of(c.site, c.hub);
			if (c.place != 0)
				remember(pending, &c, now);
		}
	} else if (d->entry != NULL && slots->memory != NULL) {
		forget(slots, &c);
	}
}

void
pending_write(struct pending *pending)
{
	slots_write(&pending->slots);
	forget_fresh(pending);
}
