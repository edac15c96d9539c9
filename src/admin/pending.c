/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate pending: rejected certificates that no entry names now. */
#include "config.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "admin/command.h"
#include "admin/pending.h"
#include "admin/print.h"
#include "admin/recheck.h"
#include "admin/setup.h"
#include "admin/stranger.h"
#include "base/date.h"
#include "base/hex.h"

enum {
	ROWS = 4 * PENDING_MAX, /* rows in memory before some are dropped */
	SLOTS = 131072, /* a power of two, more than twice as many */
	FILTER_BITS = 67108864, /* of a million, one in a thousand is wrong */
	DIGITS_SHOWN = 16, /* of a SHA-256 */
	DIGITS = 2 * DIGEST_SHA256_SIZE
};

/* The rows in the order of their first event; the filter has all
 * certificates. */
struct pending_table {
	struct pending_row memory[ROWS];
	size_t n, distinct; /* rows; certificates at all hubs */
	uint32_t slot
		[SLOTS]; /* number of a row at or behind its hash; 0: free */
	uint8_t filter[FILTER_BITS / 8];
	struct pending_row *row[PENDING_MAX];
};

struct span
pending_text(const struct pending_text *text)
{
	return (struct span){ text->text, text->length };
}

static void
take_text(struct pending_text *to, struct span value)
{
	size_t n = value.len < PENDING_TEXT_MAX ? value.len : PENDING_TEXT_MAX;

	to->length = (uint8_t)n;
	if (n > 0)
		memcpy(to->text, value.ptr, n);
}

/* Return an FNV-1a hash. */
static uint64_t
hash_of(const uint8_t *sha256, struct span hub)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < DIGEST_SHA256_SIZE; i++)
		hash = (hash ^ sha256[i]) * UINT64_C(1099511628211);
	for (size_t i = 0; i < hub.len; i++)
		hash = (hash ^ (uint8_t)(hub.ptr[i] | 0x20)) *
		       UINT64_C(1099511628211);
	return hash ^ hash >> 32;
}

/* Add the hash to the filter; return true if both of its bits were set. */
static bool
filter_add(struct pending_table *t, uint64_t hash)
{
	bool had = true;

	for (unsigned i = 0; i < 2; i++, hash >>= 32) {
		size_t bit = (size_t)(hash % FILTER_BITS);
		uint8_t mask = (uint8_t)(1U << bit % 8);
		had &= (t->filter[bit / 8] & mask) != 0;
		t->filter[bit / 8] |= mask;
	}
	return had;
}

/* Return the slot of this certificate at this hub, or a free one. */
static uint32_t *
find_slot(struct pending_table *t, const uint8_t *sha256, struct span hub,
	  uint64_t hash)
{
	size_t i = hash % SLOTS;

	for (; t->slot[i] != 0; i = (i + 1) % SLOTS) {
		const struct pending_row *row = &t->memory[t->slot[i] - 1];
		if (memcmp(row->sha256.digest, sha256, DIGEST_SHA256_SIZE) ==
			    0 &&
		    span_equal_nocase(pending_text(&row->hub), hub))
			break;
	}
	return &t->slot[i];
}

/* Keep PENDING_MAX rows: those that were seen once go first, and of these the
 * oldest. */
static void
shrink(struct pending_table *t)
{
	size_t repeated = 0, kept = 0, excess, repeated_excess;

	for (size_t i = 0; i < t->n; i++)
		repeated += t->memory[i].count > 1;
	excess = t->n > PENDING_MAX ? t->n - PENDING_MAX : 0;
	repeated_excess = repeated > PENDING_MAX ? repeated - PENDING_MAX : 0;
	memset(t->slot, 0, sizeof(t->slot));
	excess -= repeated_excess;
	for (size_t i = 0; i < t->n; i++) {
		struct pending_row *row = &t->memory[i];
		size_t *left = row->count > 1 ? &repeated_excess : &excess;
		if (*left > 0) {
			--*left;
			continue;
		}
		t->memory[kept++] = *row;
		row = &t->memory[kept - 1];
		struct span hub = pending_text(&row->hub);
		*find_slot(t, row->sha256.digest, hub,
			   hash_of(row->sha256.digest, hub)) = (uint32_t)kept;
	}
	t->n = kept;
}

static void
add(struct pending_table *t, const struct log_reader *log,
    const uint8_t *sha256, uint64_t hash)
{
	const struct span *value = log->value;
	struct pending_row *row = &t->memory[t->n++];
	bool known = filter_add(t, hash);

	*row = (struct pending_row){
		.sha256 = thumbprint_of(THUMBPRINT_SHA256, sha256),
		.count = known,
	};
	t->distinct += known ? 0 : 1;
	(void)log_pin_read(THUMBPRINT_SHA1, value[FIELD_SHA1], &row->sha1);
	(void)log_pin_read(THUMBPRINT_SPKI, value[FIELD_SPKI], &row->spki);
	(void)date_time_parse(value[FIELD_NOT_AFTER], &row->not_after);
	take_text(&row->hub, value[FIELD_HUB]);
	take_text(&row->subject, value[FIELD_SUBJECT]);
	take_text(&row->issuer, value[FIELD_ISSUER]);
}

/* Take a line, unless the certificate has no SHA-256: its event had only the
 * thumbprint. */
static void
take_line(struct pending_table *t, const struct log_reader *log,
	  bool signed_only)
{
	const struct span *value = log->value;
	struct span hub = value[FIELD_HUB];
	uint8_t sha256[DIGEST_SHA256_SIZE];

	if ((signed_only && !span_equal(value[FIELD_SIGNED], SPAN("yes"))) ||
	    !hex_decode(value[FIELD_SHA256], sha256, sizeof(sha256)) ||
	    (span_equal(value[FIELD_REASON], SPAN("report-only")) &&
	     !span_equal(value[FIELD_WOULD], SPAN("not-listed"))))
		return;
	hub.len = hub.len < PENDING_TEXT_MAX ? hub.len : PENDING_TEXT_MAX;
	uint64_t hash = hash_of(sha256, hub);
	uint32_t *slot = find_slot(t, sha256, hub, hash);
	if (*slot == 0 && t->n == ROWS) {
		shrink(t);
		slot = find_slot(t, sha256, hub, hash);
	}
	if (*slot == 0) {
		add(t, log, sha256, hash);
		*slot = (uint32_t)t->n;
	}
	struct pending_row *row = &t->memory[*slot - 1];
	row->count++;
	if (log->time > row->last)
		row->last = log->time;
}

static int
compare(const void *one, const void *other)
{
	const struct pending_row *a = *(struct pending_row *const *)one;
	const struct pending_row *b = *(struct pending_row *const *)other;
	int order = thumbprint_compare(&a->sha256, &b->sha256);

	if (order == 0)
		order = (int)a->hub.length - (int)b->hub.length;
	return order != 0
		       ? order
		       : strncasecmp(a->hub.text, b->hub.text, a->hub.length);
}

bool
pending_read(struct pending *pending, const char *path, struct error *e)
{
	static const char *const reasons[] = { "not-listed", "report-only",
					       NULL };
	const struct log_query query = {
		.path = path,
		.reasons = reasons,
		.one_site = true,
		.fields = FIELD_BIT(FIELD_WOULD) | FIELD_BIT(FIELD_SIGNED) |
			  FIELD_BIT(FIELD_HUB) | FIELD_BIT(FIELD_SHA1) |
			  FIELD_BIT(FIELD_SHA256) | FIELD_BIT(FIELD_SPKI) |
			  FIELD_BIT(FIELD_SUBJECT) | FIELD_BIT(FIELD_ISSUER) |
			  FIELD_BIT(FIELD_NOT_AFTER),
	};
	bool signed_only = setup_wants_signature();
	struct pending_table *t = calloc(1, sizeof(*t));

	*pending = (struct pending){ .table = t };
	if (!log_reader_open(&pending->log, &query, e))
		return false;
	if (t == NULL)
		return error_set(e, "out of memory");
	while (log_reader_next(&pending->log))
		take_line(t, &pending->log, signed_only);
	shrink(t);
	pending->row = t->row;
	pending->n = t->n;
	pending->more = t->distinct > t->n ? t->distinct - t->n : 0;
	for (size_t i = 0; i < t->n; i++)
		t->row[i] = &t->memory[i];
	qsort(pending->row, pending->n, sizeof(*pending->row), compare);
	return log_reader_ended(&pending->log, e);
}

void
pending_free(struct pending *pending)
{
	log_reader_close(&pending->log);
	free(pending->table);
	*pending = (struct pending){ 0 };
}

size_t
pending_find(const struct pending *pending, struct span digits, size_t *first)
{
	char own[DIGITS];
	size_t n = 0;

	*first = 0;
	for (size_t i = 0; i < pending->n; i++) {
		hex_encode(pending->row[i]->sha256.digest, DIGEST_SHA256_SIZE,
			   own);
		if (!span_starts_nocase((struct span){ own, sizeof(own) },
					digits))
			continue;
		if (n++ == 0)
			*first = i;
	}
	return n;
}

static void
print_name(const char *indent, const char *name,
	   const struct pending_text *text)
{
	print("%s%-10s ", indent, name);
	print_text(pending_text(text));
	print("\n");
}

void
pending_print(const struct pending_row *row, const char *indent)
{
	char digits[DIGITS];

	hex_encode(row->sha256.digest, DIGEST_SHA256_SIZE, digits);
	print("%.*s  hub ", DIGITS_SHOWN, digits);
	print_text(pending_text(&row->hub));
	print(", %" PRIu64 " time%s, last ", row->count,
	      row->count == 1 ? "" : "s");
	print_time(row->last);
	print("%s\n",
	      stranger_is(&row->sha256) ? ", certgate doctor's own" : "");
	print_name(indent, "subject", &row->subject);
	print_name(indent, "issuer", &row->issuer);
}

bool
pending_is_settled(const struct configuration *store,
		   const struct pending_row *row)
{
	const struct thumbprint *pins[] = { &row->sha256, &row->spki,
					    &row->sha1 };
	bool settled = false;

	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++)
		settled |= recheck_has_pin(store, pins[i]);
	return settled;
}

static void
show_json(const struct pending_row *row)
{
	print_json_open(NULL, '{');
	print_json_string("hub", pending_text(&row->hub));
	print_json_number("count", (int64_t)row->count);
	print_json_time("last", row->last);
	print_json_bool("doctor", stranger_is(&row->sha256));
	print_json_string("subject", pending_text(&row->subject));
	print_json_string("issuer", pending_text(&row->issuer));
	if (row->not_after != 0)
		print_json_date("to", row->not_after);
	print_json_digits("sha1", &row->sha1);
	print_json_digits("sha256", &row->sha256);
	print_json_digits("spki", &row->spki);
	print_json_close('}');
}

static int
compare_times(const void *one, const void *other)
{
	const struct pending_row *a = *(struct pending_row *const *)one;
	const struct pending_row *b = *(struct pending_row *const *)other;

	return (a->last < b->last) - (a->last > b->last);
}

void
pending_sort(struct pending *pending)
{
	qsort(pending->row, pending->n, sizeof(*pending->row), compare_times);
}

static void
show_all(const struct command *command, const struct configuration *store,
	 struct pending *pending)
{
	struct span hub = span_of(command->option[OPTION_HUB]);
	bool json = command->option[OPTION_JSON] != NULL;
	size_t shown = 0;

	pending_sort(pending);
	for (size_t i = 0; i < pending->n; i++) {
		const struct pending_row *row = pending->row[i];
		if ((hub.ptr != NULL &&
		     !span_equal_nocase(hub, pending_text(&row->hub))) ||
		    pending_is_settled(store, row))
			continue;
		if (json)
			show_json(row);
		else
			pending_print(row, "    ");
		shown++;
	}
	if (!json && shown > 0)
		print("A name is the certificate's claim.  To allow one: "
		      "certgate allow%s DIGITS\n",
		      setup_options(""));
}

static void
show(const struct command *command, const struct configuration *store,
     struct pending *pending)
{
	bool json = command->option[OPTION_JSON] != NULL;

	if (json) {
		print_json_open(NULL, '{');
		log_reader_print_begin(&pending->log, true);
		print_json_number("more", (int64_t)pending->more);
		print_json_open("certificates", '[');
	}
	show_all(command, store, pending);
	if (json) {
		print_json_close(']');
		print_json_close('}');
		return;
	}
	if (pending->more > 0)
		print("and %" PRIu64 " more certificates seen once\n",
		      pending->more);
	log_reader_print_begin(&pending->log, false);
}

enum exit_code
pending_run(const struct command *command)
{
	struct configuration store;
	struct pending pending;
	struct error e = { 0 };
	enum exit_code code = EXIT_SYSTEM;

	bool ok = setup_open(&store);
	bool read = pending_read(&pending, command->option[OPTION_LOG], &e);
	if (!read)
		print_error(&e);
	if (ok && read) {
		show(command, &store, &pending);
		code = EXIT_DONE;
	}
	pending_free(&pending);
	configuration_close(&store);
	return code;
}
