/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>
#include <time.h>

#include "admin/history.h"

enum { MINUTE = 60, PART = 1800, DAY = 86400 /* seconds */ };

static const enum log_field kept[] = {
	FIELD_WOULD, FIELD_ORIGIN, FIELD_HUB,  FIELD_SITE,    FIELD_USER,
	FIELD_SHA1,  FIELD_SHA256, FIELD_CODE, FIELD_SUBJECT,
};

static void
keep_refusal(struct history *h, const struct log_reader *log,
	     enum reason reason)
{
	struct history_refusal *refusal =
		&h->refusal[h->refusals++ % HISTORY_REFUSALS];

	*refusal = (struct history_refusal){ log->time, reason, { "" } };
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		span_write(log->value[kept[i]], refusal->value[kept[i]],
			   HISTORY_TEXT_MAX);
}

/* A line of the second after now counts as now. */
static void
add(struct history *h, const struct log_reader *log)
{
	enum reason reason = reason_find(log->value[FIELD_REASON]);
	uint64_t count = log_reader_number(log, FIELD_COUNT);
	size_t age = log->time < h->now ? (size_t)(h->now - log->time) : 0;

	count += count == 0;
	if (age / MINUTE < HISTORY_MINUTES)
		h->minute[HISTORY_MINUTES - 1 - age / MINUTE][reason] += count;
	if (age / PART < HISTORY_PARTS)
		h->part[HISTORY_PARTS - 1 - age / PART][reason] += count;
	if (span_equal(log->value[FIELD_VERDICT], SPAN("deny")))
		keep_refusal(h, log, reason);
}

bool
history_read(struct history *h, const char *path, struct error *e)
{
	struct log_reader log = { .file = -1 };
	struct log_query query = {
		.path = path,
		.fields = FIELD_BIT(FIELD_VERDICT) | FIELD_BIT(FIELD_COUNT),
	};

	memset(h, 0, sizeof(*h));
	h->now = (int64_t)time(NULL);
	query.since = h->now - DAY;
	for (size_t i = 0; i < sizeof(kept) / sizeof(kept[0]); i++)
		query.fields |= FIELD_BIT(kept[i]);
	bool ok = log_reader_open(&log, &query, e);
	while (ok && log_reader_next(&log))
		add(h, &log);
	h->begins = log.begins;
	ok = ok && log_reader_ended(&log, e);
	log_reader_close(&log);
	return ok;
}

const struct history_refusal *
history_last(const struct history *h, size_t n)
{
	if (n >= h->refusals || n >= HISTORY_REFUSALS)
		return NULL;
	return &h->refusal[(h->refusals - 1 - n) % HISTORY_REFUSALS];
}
