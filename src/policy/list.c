/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "policy/entry_parse.h"
#include "policy/list.h"
#include "policy/terms.h"
#include "policy/value.h"

enum { PAUSE_LINES = 1024 };

/* Texts of users, beside each other: malloc(3) would add half of their
 * length. */
struct list_users {
	struct list_users *next; /* owned */
	size_t n; /* bytes in use */
	char text[16 * VALUE_TEXT_MAX];
};

static bool
is_same(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

static void
pause_for(const struct entry_files *files)
{
	if (files->pause != NULL)
		files->pause();
}

static struct chain_trust *
read_trust(const struct terms *terms, const struct entry_files *files,
	   struct error *e)
{
	struct chain_trust *chain = NULL;
	struct buffer ca, crl;

	buffer_init(&ca, CHAIN_CA_TEXT_MAX);
	buffer_init(&crl, CHAIN_CRL_TEXT_MAX);
	if (files->read(files->context, terms->ca, &ca, e)) {
		chain = chain_trust_new(buffer_span(&ca), e);
		if (chain == NULL)
			error_prefix(e, error_word(span_of(terms->ca)));
	}
	bool ok = chain != NULL;
	if (ok && terms->crl != NULL) {
		ok = files->read(files->context, terms->crl, &crl, e);
		if (ok && !chain_trust_add_crls(chain, buffer_span(&crl), e))
			ok = error_prefix(e, error_word(span_of(terms->crl)));
	}
	buffer_free(&ca);
	buffer_free(&crl);
	if (ok)
		return chain;
	chain_trust_free(chain);
	return NULL;
}

/* Return the trust that terms, of a CA entry, names; borrowed from trusts.
 * NULL with e, which names the file, if one fails to load.  Add
 * chain_trust_warn()'s warnings when a pair of files is first loaded. */
static const struct chain_trust *
trusts_take(struct trusts *trusts, const struct terms *terms,
	    const struct entry_files *files, struct warnings *warnings,
	    struct error *e)
{
	for (size_t i = 0; i < trusts->n; i++)
		if (is_same(trusts->trust[i].ca, terms->ca) &&
		    is_same(trusts->trust[i].crl, terms->crl))
			return trusts->trust[i].chain;
	if (trusts->n == TRUSTS_MAX) {
		error_set(e, "too many files of CAs, at most %d", TRUSTS_MAX);
		return NULL;
	}
	struct chain_trust *chain = read_trust(terms, files, e);
	if (chain == NULL)
		return NULL;
	pause_for(files);
	chain_trust_warn(chain, terms->ca, terms->crl, warnings);
	size_t i = trusts->n++;
	trusts->trust[i].chain = chain;
	trusts->trust[i].ca = strdup(terms->ca);
	if (terms->crl != NULL)
		trusts->trust[i].crl = strdup(terms->crl);
	if (trusts->trust[i].ca != NULL &&
	    (terms->crl == NULL || trusts->trust[i].crl != NULL))
		return chain;
	error_set(e, "out of memory");
	return NULL;
}

static void
trusts_free(struct trusts *trusts)
{
	for (size_t i = 0; i < trusts->n; i++) {
		free(trusts->trust[i].ca);
		free(trusts->trust[i].crl);
		chain_trust_free(trusts->trust[i].chain);
	}
	*trusts = (struct trusts){ 0 };
}

bool
list_too_large(struct error *e)
{
	*e = (struct error){ 0 };
	return error_set(e, "too large, at most %d bytes " LIST_STORE_FIX,
			 LIST_TEXT_MAX);
}

/* Make room for as many entries as text has lines, and n pins. */
static bool
reserve(struct list *list, struct span text, size_t n, struct error *e)
{
	const char *end;

	while (list->size < LIST_ENTRIES_MAX && text.len > 0 &&
	       (end = memchr(text.ptr, '\n', text.len)) != NULL) {
		text = span_after(text, (size_t)(end + 1 - text.ptr));
		list->size++;
	}
	list->size += n + 1; /* the last line may have no end */
	list->entries = reallocarray(NULL, list->size, sizeof(*list->entries));
	return list->entries != NULL || error_set(e, "out of memory");
}

/* Move the user of the entry to the others of the list. */
static bool
move_user(struct list *list, struct entry *entry, struct error *e)
{
	struct list_users *users = list->users;

	if (entry->user == NULL)
		return true;
	size_t size = strlen(entry->user) + 1;
	if (users == NULL || size > sizeof(users->text) - users->n) {
		users = malloc(sizeof(*users));
		if (users == NULL)
			return error_set(e, "out of memory");
		users->n = 0;
		users->next = list->users;
		list->users = users;
	}
	char *user = memcpy(users->text + users->n, entry->user, size);
	users->n += size;
	free(entry->user);
	entry->user = user;
	return true;
}

/* Take the entry. */
static bool
add(struct list *list, struct entry *entry, struct error *e)
{
	if (list->n == LIST_ENTRIES_MAX) {
		error_set(e, "too many entries, at most %d " LIST_STORE_FIX,
			  LIST_ENTRIES_MAX);
		entry_free(entry);
		return false;
	}
	if (!move_user(list, entry, e)) {
		entry_free(entry);
		return false;
	}
	list->entries[list->n++] = *entry;
	return true;
}

/* Drops a comment: from a '#' at the line's start or behind a blank, unless it
 * is inside quotes. */
static struct span
without_comment(struct span line)
{
	bool quoted = false;

	if (line.len == 0 || memchr(line.ptr, '#', line.len) == NULL)
		return line;
	for (size_t i = 0; i < line.len; i++) {
		char c = line.ptr[i];
		if (c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (c == '#' && !quoted &&
			 (i == 0 || line.ptr[i - 1] == ' ' ||
			  line.ptr[i - 1] == '\t'))
			return (struct span){ line.ptr, i };
	}
	return line;
}

/* The CAs of an entry that names a file of them. */
static bool
take_trust(struct list *list, struct entry *entry,
	   const struct entry_files *files, struct error *e)
{
	if (entry->terms == NULL || entry->terms->ca == NULL)
		return true;
	size_t *n = entry->allows ? &list->n_authorities : &list->n_denials;
	if (++*n > LIST_AUTHORITIES_MAX)
		return error_set(e, "too many %sca: entries, at most %d",
				 entry->allows ? "" : "deny ",
				 LIST_AUTHORITIES_MAX);
	entry->trust = trusts_take(&list->trusts, entry->terms, files,
				   &list->warnings, e);
	return entry->trust != NULL;
}

/* Without the first half of a line end that has two, and the blanks around. */
static struct span
trim_line(struct span line)
{
	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	return span_trim(line);
}

struct span
list_entry_text(struct span line)
{
	return span_trim(without_comment(trim_line(line)));
}

struct span
list_comment_text(struct span line)
{
	line = trim_line(line);
	struct span entry = span_trim(without_comment(line));
	return span_trim(
		span_after(line, (size_t)(entry.ptr + entry.len - line.ptr)));
}

/* Note what the entry makes of a certificate of which the label alone came. */
static void
note_kind(struct list *list, const struct entry *entry)
{
	const struct terms *terms = entry->terms;

	list->denies |= !entry->allows;
	if (entry->pin.kind == THUMBPRINT_SHA1)
		return;
	if (entry->allows) {
		list->allows_by_content = true;
		list->limits_by_content |=
			terms != NULL && entry->trust == NULL;
		return;
	}
	int64_t end = entry->not_after == 0 ? INT64_MAX : entry->not_after;
	if (end > list->content_denied_until)
		list->content_denied_until = end;
}

static bool
add_line(struct list *list, struct span line, const struct entry_files *files,
	 struct terms_pool *pool, unsigned number, struct error *e)
{
	const char *begin = line.ptr;
	struct entry entry;

	if (line.len > LIST_LINE_MAX)
		return error_set(e, "line too long, at most %d bytes",
				 LIST_LINE_MAX);
	line = list_entry_text(line);
	if (line.len == 0)
		return true;
	list->warnings.begin = begin;
	list->warnings.line = number;
	bool ok = entry_parse_shared(&entry, line, files, pool, &list->warnings,
				     e);
	unsigned indent = (unsigned)(line.ptr - begin);
	if (!ok) {
		e->column += indent;
		return false;
	}
	entry.line = number;
	if (!take_trust(list, &entry, files, e)) {
		e->column = indent + 1;
		entry_free(&entry);
		return false;
	}
	note_kind(list, &entry);
	if (add(list, &entry, e))
		return true;
	e->column = indent + 1;
	return false;
}

/* Add the lines of text; with report, also those after an invalid line. */
static bool
add_text(struct list *list, struct span text, const struct entry_files *files,
	 struct report *report, struct error *e)
{
	struct terms_pool pool = { 0 };
	struct span line;
	unsigned number = 0;
	bool ok = true, full = false;

	if (!lines_start(&text, "an entry", report, e))
		return false;
	while (ok && !full && span_next(&text, "\n", &line)) {
		if (number++ % PAUSE_LINES == 0)
			pause_for(files);
		if (add_line(list, line, files, &pool, number, e))
			continue;
		full = list->n == LIST_ENTRIES_MAX;
		e->line = number;
		ok = error_report(report, e);
	}
	list->warnings.begin = NULL;
	terms_pool_free(&pool);
	pause_for(files);
	return ok;
}

static uint64_t
front_of(const struct thumbprint *pin)
{
	uint64_t front = 0;

	for (size_t i = 0; i < sizeof(front); i++)
		front = front << 8 | pin->digest[i];
	return front;
}

/* Where a key stands in relation to a pin: as memcmp. */
static int
compare_pin(const struct list_key *key, uint64_t front,
	    const struct thumbprint *pin)
{
	if (key->front != front)
		return key->front < front ? -1 : 1;
	return thumbprint_compare(&key->entry->pin, pin);
}

static int
compare(const void *a, const void *b)
{
	const struct list_key *one = a, *other = b;
	int order = compare_pin(one, other->front, &other->entry->pin);

	if (order != 0)
		return order;
	return one->entry < other->entry ? -1 : one->entry > other->entry;
}

/* Digests are spread evenly: of as many buckets as there are keys, by the bits
 * at the front, few have more than two. */
static bool
sort(struct list *list, struct error *e)
{
	unsigned bits = 1;

	while ((size_t)1 << bits < list->n)
		bits++;
	size_t buckets = (size_t)1 << bits, begin = 0;
	uint32_t *ends = calloc(buckets + 1, sizeof(*ends));
	free(list->sorted);
	list->sorted = calloc(list->n + 1, sizeof(*list->sorted));
	if (list->sorted == NULL || ends == NULL) {
		free(ends);
		return error_set(e, "out of memory");
	}
	for (size_t i = 0; i < list->n; i++)
		ends[(front_of(&list->entries[i].pin) >> (64 - bits)) + 1]++;
	for (size_t i = 1; i < buckets; i++)
		ends[i] += ends[i - 1];
	for (size_t i = 0; i < list->n; i++) {
		uint64_t front = front_of(&list->entries[i].pin);
		list->sorted[ends[front >> (64 - bits)]++] =
			(struct list_key){ front, &list->entries[i] };
	}
	for (size_t i = 0; i < buckets; begin = ends[i++])
		if (ends[i] - begin > 1)
			qsort(list->sorted + begin, ends[i] - begin,
			      sizeof(*list->sorted), compare);
	free(ends);
	return true;
}

/* Set *found to the n CA entries that allow, or deny. */
static bool
collect(const struct list *list, bool allows, const struct entry ***found,
	size_t n, struct error *e)
{
	size_t k = 0;

	if (n == 0)
		return true;
	*found = calloc(n, sizeof(const struct entry *));
	if (*found == NULL)
		return error_set(e, "out of memory");
	for (size_t i = 0; i < list->n; i++)
		if (list->entries[i].trust != NULL &&
		    list->entries[i].allows == allows)
			(*found)[k++] = &list->entries[i];
	return true;
}

/* The CA entries, once all entries have their place. */
static bool
collect_authorities(struct list *list, struct error *e)
{
	return collect(list, true, &list->authorities, list->n_authorities,
		       e) &&
	       collect(list, false, &list->denials, list->n_denials, e);
}

/* The last one before the i-th in order with the same pin and the same text;
 * NULL if none is near. */
static const struct entry *
find_repeated(const struct list *list, size_t i)
{
	/* All CA entries have the same pin. */
	enum { NEAR = 2 * LIST_AUTHORITIES_MAX };
	const struct list_key *key = &list->sorted[i];
	const struct entry *entry = key->entry;

	for (size_t n = 1; n <= i && n <= NEAR; n++) {
		const struct entry *one = list->sorted[i - n].entry;
		if (compare_pin(key - n, key->front, &entry->pin) != 0)
			return NULL;
		if (one->text_hash == entry->text_hash)
			return one;
	}
	return NULL;
}

/* True if the entry allows its pin without a condition of its own. */
static bool
is_open(const struct entry *entry)
{
	const struct terms *terms = entry->terms;

	return entry->allows && entry->trust == NULL && entry->not_after == 0 &&
	       (terms == NULL ||
		(terms->hubs == NULL && terms->not_before == 0 &&
		 terms->client_id.source == USER_DEFAULT &&
		 terms->n_queries == 0));
}

/* True if the i-th in order can have the pin of another one. */
static bool
is_beside_equal(const struct list *list, size_t i)
{
	const struct list_key *key = &list->sorted[i];

	return (i > 0 && key[-1].front == key->front) ||
	       (i + 1 < list->n && key[1].front == key->front);
}

static void
warn_of_repeats(struct list *list)
{
	const struct entry *open = NULL;

	for (size_t i = 0; i < list->n; i++) {
		if (!is_beside_equal(list, i))
			continue; /* nearly all */
		const struct entry *entry = list->sorted[i].entry;
		const struct entry *one = find_repeated(list, i);
		bool hidden = open != NULL && entry->allows &&
			      thumbprint_compare(&open->pin, &entry->pin) == 0;
		if (!hidden && is_open(entry))
			open = entry;
		if (one == NULL && !hidden)
			continue;
		struct error *warning = warnings_next(&list->warnings, NULL);
		if (one != NULL)
			error_set(warning, "the same as line %u", one->line);
		else
			error_set(warning,
				  "never matches: line %u has the same pin and "
				  "no conditions",
				  open->line);
		error_at(warning, entry->line, 1);
	}
}

static bool
is_allowed(const struct list *list, const struct thumbprint *pin)
{
	const struct list_key *found;
	size_t n = list_find(list, pin, &found);

	for (size_t i = 0; i < n; i++)
		if (found[i].entry->allows)
			return true;
	return false;
}

/* Adds the pins that the text, which is sorted and has room for them, does not
 * allow. */
static void
add_pins(struct list *list, const struct thumbprint *pins, size_t n)
{
	struct list text = { .sorted = list->sorted, .n = list->n };

	for (size_t i = 0; i < n; i++) {
		list->allows_by_content |= pins[i].kind != THUMBPRINT_SHA1;
		if (!is_allowed(&text, &pins[i]))
			list->entries[list->n++] = (struct entry){
				.pin = pins[i],
				.allows = true,
			};
	}
}

bool
list_build(struct list *list, struct span text, const struct thumbprint *pins,
	   size_t n, const struct entry_files *files, struct error *e)
{
	return list_report(list, text, pins, n, files, NULL, e);
}

bool
list_report(struct list *list, struct span text, const struct thumbprint *pins,
	    size_t n, const struct entry_files *files, struct report *report,
	    struct error *e)
{
	unsigned faults = report == NULL ? 0 : report->faults;
	bool ok = reserve(list, text, n, e) &&
		  add_text(list, text, files, report, e) &&
		  (report == NULL || report->faults == faults) &&
		  sort(list, e) && collect_authorities(list, e);

	if (ok) {
		pause_for(files);
		warn_of_repeats(list);
		add_pins(list, pins, n);
		ok = n == 0 || sort(list, e);
	}
	if (e->set)
		(void)error_report(report, e);
	if (!ok)
		list_free(list);
	return ok;
}

void
list_free(struct list *list)
{
	struct list_users *users;

	for (size_t i = 0; i < list->n; i++)
		terms_release(list->entries[i].terms);
	while ((users = list->users) != NULL) {
		list->users = users->next;
		free(users);
	}
	free(list->entries);
	free(list->sorted);
	free(list->authorities);
	free(list->denials);
	trusts_free(&list->trusts);
	*list = (struct list){ 0 };
}

size_t
list_find(const struct list *list, const struct thumbprint *pin,
	  const struct list_key **found)
{
	uint64_t front = front_of(pin);
	size_t low = 0, high = list->n, count = 0;

	*found = NULL;
	if (pin->kind == THUMBPRINT_NONE || list->n == 0)
		return 0;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		if (compare_pin(&list->sorted[middle], front, pin) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	while (low + count < list->n &&
	       compare_pin(&list->sorted[low + count], front, pin) == 0)
		count++;
	*found = list->sorted + low;
	return count;
}
