/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "base/date.h"
#include "host/sandbox.h"
#include "host/seen.h"

static bool
is_sound(const void *slot)
{
	const struct seen_pin *seen = slot;

	return seen->last > 0 && seen->last <= DATE_SECONDS_MAX &&
	       seen->kind != THUMBPRINT_NONE && seen->kind <= THUMBPRINT_SHA1 &&
	       seen->site_length <= SITES_NAME_MAX;
}

static uint64_t
key_of(const void *slot)
{
	const struct seen_pin *seen = slot;
	uint64_t front;

	memcpy(&front, seen->digest, sizeof(front));
	return seen->last == 0 ? 0 : front;
}

const struct slots_kind seen_kind = { "seen", SEEN_SIZE, is_sound, key_of };

_Static_assert(SLOTS *SEEN_SIZE <= SANDBOX_FILE_MAX, "all can be kept");
_Static_assert(sizeof(struct seen_pin) == SEEN_SIZE - SLOTS_CHECK,
	       "a pin fills its slot");

bool
seen_is(const struct seen_pin *seen, const struct thumbprint *pin,
	struct span site)
{
	return seen->kind == pin->kind &&
	       memcmp(seen->digest, pin->digest, sizeof(seen->digest)) == 0 &&
	       span_equal((struct span){ seen->site, seen->site_length }, site);
}

bool
seen_is_ahead(const struct seen_pin *seen, int64_t now)
{
	return seen->last - now > DATE_DAY_SECONDS;
}

static int64_t
age_rank(const struct seen_pin *seen, int64_t now)
{
	return seen_is_ahead(seen, now) ? 0 : seen->last;
}

/* The one that is empty or as good as that, or was not seen longest. */
static unsigned
find_oldest(const struct slots *slots, int64_t now)
{
	unsigned oldest = 0;

	for (unsigned i = 1; i < SLOTS; i++) {
		const struct seen_pin *seen = slots_at(slots, i);
		const struct seen_pin *old = slots_at(slots, oldest);
		if (age_rank(seen, now) < age_rank(old, now))
			oldest = i;
	}
	return oldest;
}

static void
remember(struct slots *slots, const struct thumbprint *pin, struct span site,
	 int64_t now)
{
	uint64_t key;

	memcpy(&key, pin->digest, sizeof(key));
	unsigned i = slots_find(slots, key, 0);
	while (i < SLOTS && !seen_is(slots_at(slots, i), pin, site))
		i = slots_find(slots, key, i + 1);
	bool is_new = i == SLOTS;
	if (is_new)
		i = find_oldest(slots, now);
	struct seen_pin *seen = slots_at(slots, i);
	if (is_new) {
		*seen = (struct seen_pin){
			.kind = (uint8_t)pin->kind,
			.site_length = (uint8_t)site.len,
		};
		memcpy(seen->digest, pin->digest, sizeof(seen->digest));
		if (site.len > 0)
			memcpy(seen->site, site.ptr, site.len);
	}
	if (seen->last == now)
		return;
	seen->last = now;
	slots_touch(slots, i);
}

bool
seen_notes(const struct entry *entry)
{
	return entry->allows && entry->pin.kind != THUMBPRINT_NONE &&
	       entry->terms != NULL && entry->terms->not_after != 0;
}

void
seen_note(struct slots *slots, const struct answer *answer, int64_t now)
{
	const struct entry *entry = answer->decision.entry;

	if (answer->decision.reason == REASON_LISTED && entry != NULL &&
	    seen_notes(entry) && answer->site.len <= SITES_NAME_MAX &&
	    slots_load(slots))
		remember(slots, &entry->pin, answer->site, now);
}
