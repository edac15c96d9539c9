/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>

#include "admin/last_used.h"

/* From an edit until every handler has loaded it. */
enum { LOAD_SECONDS = 15 };

static int
compare_uses(const void *one, const void *other)
{
	const struct use *a = one, *b = other;

	return thumbprint_compare(&a->pin, &b->pin);
}

static int64_t
later(int64_t a, int64_t b)
{
	return a > b ? a : b;
}

/* Sort the uses, and merge those of a pin. */
static void
merge_uses(struct last_used *used)
{
	size_t n = 0;

	if (used->n > 0)
		qsort(used->uses, used->n, sizeof(*used->uses), compare_uses);
	for (size_t i = 0; i < used->n; i++) {
		const struct use *one = &used->uses[i];
		struct use *last = &used->uses[n - (n > 0)];
		if (n == 0 || compare_uses(last, one) != 0) {
			used->uses[n++] = *one;
			continue;
		}
		last->allowed = later(last->allowed, one->allowed);
		last->denied = later(last->denied, one->denied);
	}
	used->n = n;
}

static bool
add_use(struct last_used *used, const struct thumbprint *pin, bool allows)
{
	if (used->n == used->size)
		merge_uses(used);
	if (used->n >= used->size / 2) {
		size_t size = used->size == 0 ? 1024 : 2 * used->size;
		struct use *uses =
			reallocarray(used->uses, size, sizeof(*uses));
		if (uses == NULL)
			return false;
		used->uses = uses;
		used->size = size;
	}
	used->uses[used->n++] = (struct use){
		.pin = *pin,
		.allowed = allows ? used->log.time : 0,
		.denied = allows ? 0 : used->log.time,
	};
	return true;
}

/* Count a use for every pin of the certificate, so that an entry counts as used
 * even if another one decided.  Return false without memory. */
static bool
use_pins(struct last_used *used, bool allows)
{
	const struct list_key *found;
	struct thumbprint pin;

	for (enum thumbprint_kind kind = THUMBPRINT_SHA256;
	     kind <= THUMBPRINT_SHA1; kind++) {
		if (!log_pin_read(kind, used->log.value[log_pin_field[kind]],
				  &pin))
			continue;
		if (used->has_store && !add_use(used, &pin, allows))
			return false;
		size_t n = list_find(used->list, &pin, &found);
		for (size_t k = 0; k < n; k++) {
			int64_t *at =
				&used->at[found[k].entry - used->list->entries];
			if (found[k].entry->allows == allows &&
			    used->log.time > *at)
				*at = used->log.time;
		}
	}
	return true;
}

/* Count a use by line, for an entry of a CA.  Only lines of the list on disk
 * count, not those of an older list or of CLIENT_CERT_THUMBPRINT. */
static void
use_line(struct last_used *used, bool allows)
{
	uint64_t line = log_reader_number(&used->log, FIELD_LINE);
	uint64_t generation = log_reader_number(&used->log, FIELD_LIST);

	const struct list *list = used->list;
	const struct entry **entries =
		allows ? list->authorities : list->denials;
	size_t n = allows ? list->n_authorities : list->n_denials;

	if (used->log.time < used->lines_since || line == 0 || generation == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		int64_t *at = &used->at[entries[i] - list->entries];
		if (entries[i]->line == line && used->log.time > *at)
			*at = used->log.time;
	}
}

bool
last_used_read(struct last_used *used, const struct list *list,
	       const struct file_identity *identity, const char *path,
	       struct error *e)
{
	static const char *const reasons[] = { "listed", "denied", NULL };
	const struct log_query query = {
		.path = path,
		.reasons = reasons,
		.one_site = true,
		.fields = FIELD_BIT(FIELD_VERDICT) | FIELD_BIT(FIELD_SHA256) |
			  FIELD_BIT(FIELD_SPKI) | FIELD_BIT(FIELD_SHA1) |
			  FIELD_BIT(FIELD_LINE) | FIELD_BIT(FIELD_LIST),
	};

	used->list = list;
	used->lines_since = identity->changed.tv_sec + LOAD_SECONDS;
	used->at = calloc(list->n + 1, sizeof(*used->at));
	if (used->at == NULL)
		return error_set(e, "out of memory");
	if (!log_reader_open(&used->log, &query, e))
		return false;
	while (log_reader_next(&used->log)) {
		bool allows = span_equal(used->log.value[FIELD_VERDICT],
					 SPAN("allow"));
		if (!use_pins(used, allows))
			return error_set(e, "out of memory");
		use_line(used, allows);
	}
	merge_uses(used);
	return log_reader_ended(&used->log, e);
}

void
last_used_free(struct last_used *used)
{
	log_reader_close(&used->log);
	free(used->at);
	free(used->uses);
}
