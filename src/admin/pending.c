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
#include "admin/setup.h"
#include "admin/stranger.h"
#include "base/date.h"
#include "base/hex.h"

enum {
	SLOTS = 16384, /* a power of two */
	FILTER_BITS = 8388608, /* two for each certificate */
	DIGITS_SHOWN = 16, /* of a SHA-256 */
	DIGITS = 2 * DIGEST_SHA256_SIZE
};

/* Rows by their hash.  Those that were seen once are behind the others, and
 * make room; the filter remembers them. */
struct pending_table {
	struct pending_row *slot[SLOTS];
	struct pending_row *row[PENDING_MAX];
	size_t repeated; /* rows that were seen more than once */
	size_t turn; /* whose turn it is to make room */
	uint8_t filter[FILTER_BITS / 8];
	struct pending_row memory[PENDING_MAX];
};

struct span
pending_text(const struct pending_text *text)
{
	return (struct span){ text->text, text->length };
}

static void
take_text(struct pending_text *to, const struct log_reader *log,
	  enum log_field field)
{
	struct buffer text;

	buffer_init(&text, 4 * PENDING_TEXT_MAX);
	log_reader_decode(log, field, &text);
	to->length = (uint8_t)(text.len < PENDING_TEXT_MAX ? text.len
							   : PENDING_TEXT_MAX);
	if (to->length > 0)
		memcpy(to->text, text.data, to->length);
	buffer_free(&text);
}

/* FNV-1a; the digest is as good as random in most cases. */
static uint64_t
hash_of(const uint8_t *sha256, const struct pending_text *hub)
{
	uint64_t hash = UINT64_C(14695981039346656037);

	for (size_t i = 0; i < DIGEST_SHA256_SIZE; i++)
		hash = (hash ^ sha256[i]) * UINT64_C(1099511628211);
	for (size_t i = 0; i < hub->length; i++)
		hash = (hash ^ (uint8_t)(hub->text[i] | 0x20)) *
		       UINT64_C(1099511628211);
	return hash ^ hash >> 32;
}

/* True if the filter had the hash, in both of its bits; it has it now. */
static bool
filter_add(struct pending_table *t, uint64_t hash)
{
	bool had = true;

	for (unsigned i = 0; i < 2; i++, hash >>= 24) {
		size_t bit = (size_t)(hash % FILTER_BITS);
		uint8_t mask = (uint8_t)(1U << bit % 8);
		had &= (t->filter[bit / 8] & mask) != 0;
		t->filter[bit / 8] |= mask;
	}
	return had;
}

static void
put(struct pending_table *t, struct pending_row *row, size_t at)
{
	t->row[at] = row;
	row->at = at;
}

/* The row was seen again: it goes before those that were seen once. */
static void
promote(struct pending_table *t, struct pending_row *row)
{
	struct pending_row *other = t->row[t->repeated];
	size_t at = row->at;

	put(t, row, t->repeated++);
	if (other != row)
		put(t, other, at);
}

/* Takes a row that was seen once out; NULL: there is none. */
static struct pending_row *
evict(struct pending *pending)
{
	struct pending_table *t = pending->table;

	if (t->repeated == PENDING_MAX)
		return NULL;
	t->turn = (t->turn + 1) % (PENDING_MAX - t->repeated);
	struct pending_row *row = t->row[t->repeated + t->turn];
	uint64_t hash = hash_of(row->sha256.digest, &row->hub);
	struct pending_row **link = &t->slot[hash % SLOTS];
	while (*link != row)
		link = &(*link)->next;
	*link = row->next;
	pending->more++;
	return row;
}

/* A row for a certificate that has none, of count 0; NULL: no room. */
static struct pending_row *
add(struct pending *pending, const uint8_t *sha256,
    const struct pending_text *hub, uint64_t hash)
{
	struct pending_table *t = pending->table;
	bool known = filter_add(t, hash);
	struct pending_row *row;

	if (pending->n < PENDING_MAX) {
		row = &t->memory[pending->n];
		put(t, row, pending->n++);
	} else if ((row = evict(pending)) == NULL) {
		pending->more += known ? 0 : 1;
		return NULL;
	}
	size_t at = row->at;
	*row = (struct pending_row){
		.sha256 = thumbprint_of(THUMBPRINT_SHA256, sha256),
		.hub = *hub,
		.count = known,
		.at = at,
		.next = t->slot[hash % SLOTS],
	};
	t->slot[hash % SLOTS] = row;
	pending->more -= known && pending->more > 0 ? 1 : 0;
	return row;
}

static void
take_certificate(struct pending_row *row, struct log_reader *log)
{
	const struct span *field = log->field;
	uint8_t digest[DIGEST_MAX_SIZE];

	log_reader_fetch(log);
	if (hex_decode(field[LOG_SHA1], digest, DIGEST_SHA1_SIZE))
		row->sha1 = thumbprint_of(THUMBPRINT_SHA1, digest);
	if (hex_decode(field[LOG_SPKI], digest, DIGEST_SHA256_SIZE))
		row->spki = thumbprint_of(THUMBPRINT_SPKI, digest);
	(void)date_time_parse(field[LOG_NOT_AFTER], &row->not_after);
	take_text(&row->subject, log, LOG_SUBJECT);
	take_text(&row->issuer, log, LOG_ISSUER);
}

/* A certificate that has no SHA-256, for its event had none of its bytes, has
 * no digits to be allowed by. */
static void
take_line(struct pending *pending, bool signed_only)
{
	struct pending_table *t = pending->table;
	struct log_reader *log = &pending->log;
	const struct span *field = log->field;
	uint8_t sha256[DIGEST_SHA256_SIZE];
	struct pending_text hub;

	if ((signed_only && !span_equal(field[LOG_SIGNED], SPAN("yes"))) ||
	    !hex_decode(field[LOG_SHA256], sha256, sizeof(sha256)) ||
	    (span_equal(field[LOG_REASON], SPAN("report-only")) &&
	     !span_equal(field[LOG_WOULD], SPAN("not-listed"))))
		return;
	take_text(&hub, log, LOG_HUB);
	uint64_t hash = hash_of(sha256, &hub);
	struct pending_row *row = t->slot[hash % SLOTS];
	while (row != NULL &&
	       (memcmp(row->sha256.digest, sha256, sizeof(sha256)) != 0 ||
		!span_equal_nocase(pending_text(&row->hub),
				   pending_text(&hub))))
		row = row->next;
	if (row == NULL) {
		row = add(pending, sha256, &hub, hash);
		if (row == NULL)
			return;
		take_certificate(row, log);
	}
	if (++row->count == 2)
		promote(t, row);
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
	struct log_query query = {
		.path = path,
		.reasons = reasons,
		.site = setup_site(),
		.fields = LOG_BIT(LOG_WOULD) | LOG_BIT(LOG_SIGNED) |
			  LOG_BIT(LOG_HUB) | LOG_BIT(LOG_SHA256),
		.more = LOG_BIT(LOG_SHA1) | LOG_BIT(LOG_SPKI) |
			LOG_BIT(LOG_SUBJECT) | LOG_BIT(LOG_ISSUER) |
			LOG_BIT(LOG_NOT_AFTER),
	};
	bool signed_only = setup_wants_signature();

	*pending =
		(struct pending){ .table = calloc(1, sizeof(*pending->table)) };
	if (!log_reader_open(&pending->log, &query, e))
		return false;
	if (pending->table == NULL)
		return error_set(e, "out of memory");
	while (log_reader_next(&pending->log))
		take_line(pending, signed_only);
	if (pending->log.failed)
		return error_set(e, "the log cannot be read to its end");
	pending->row = pending->table->row;
	qsort(pending->row, pending->n, sizeof(*pending->row), compare);
	return true;
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

/* An entry, whatever it says, has one of its pins. */
static bool
is_settled(const struct configuration *store, const struct pending_row *row)
{
	const struct thumbprint *pins[] = { &row->sha256, &row->spki,
					    &row->sha1 };
	const struct list_key *found;
	bool settled = false;

	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++)
		settled |= store->has_list &&
			   list_find(&store->list, pins[i], &found) > 0;
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

/* Newest first. */
static void
show_all(const struct command *command, const struct configuration *store,
	 struct pending *pending)
{
	struct span hub = span_of(command->option[OPTION_HUB]);
	bool json = command->option[OPTION_JSON] != NULL;
	size_t shown = 0;

	qsort(pending->row, pending->n, sizeof(*pending->row), compare_times);
	for (size_t i = 0; i < pending->n; i++) {
		const struct pending_row *row = pending->row[i];
		if ((hub.ptr != NULL &&
		     !span_equal_nocase(hub, pending_text(&row->hub))) ||
		    is_settled(store, row))
			continue;
		if (json)
			show_json(row);
		else
			pending_print(row, "    ");
		shown++;
	}
	if (!json && shown > 0)
		print("A name is the certificate's claim.  To allow one: "
		      "certgate allow DIGITS\n");
}

/* 1,234 */
static void
print_count(uint64_t count)
{
	char digits[SPAN_DIGITS_MAX];
	struct span text = span_of_number(count, digits);

	for (size_t i = 0; i < text.len; i++)
		print("%s%c", i > 0 && (text.len - i) % 3 == 0 ? "," : "",
		      text.ptr[i]);
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
	if (pending->more > 0) {
		print("and ");
		print_count(pending->more);
		print(" more certificates seen once\n");
	}
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
