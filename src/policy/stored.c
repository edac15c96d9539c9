/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "policy/entry_parse.h"
#include "policy/list.h"
#include "policy/stored.h"

bool
stored_begin(struct stored *stored, const struct stored_source *source)
{
	stored->source = source;
	return source->begin(source->context, &stored->counts);
}

/* FNV-1a by eight bytes at a time, over length and bytes: each bit that flips
 * makes another one.  It resists no attack: the owner of the file writes what
 * it wants. */
static uint64_t
add_hash(uint64_t h, struct span bytes)
{
	uint64_t word = bytes.len;

	for (;;) {
		h = (h ^ word) * 0x100000001b3;
		h ^= h >> 32;
		if (bytes.len == 0)
			return h;
		size_t n = bytes.len < sizeof(word) ? bytes.len : sizeof(word);
		word = 0;
		memcpy(&word, bytes.ptr, n);
		bytes = span_after(bytes, n);
	}
}

static uint64_t
checksum(struct span key, struct span text)
{
	return add_hash(add_hash(0xcbf29ce484222325, key), text);
}

void
stored_seal(struct span key, struct span text, struct buffer *value)
{
	uint64_t sum = checksum(key, text);

	_Static_assert(sizeof(sum) == STORED_SEAL, "the size of a checksum");
	buffer_add(value, (struct span){ (const char *)&sum, sizeof(sum) });
	buffer_add(value, text);
}

bool
stored_open(struct span key, struct span value, struct span *text)
{
	uint64_t sum;

	if (value.len < sizeof(sum) ||
	    value.len > sizeof(sum) + STORED_TEXT_MAX)
		return false;
	memcpy(&sum, value.ptr, sizeof(sum));
	*text = span_after(value, sizeof(sum));
	return sum == checksum(key, *text);
}

size_t
stored_key(const struct thumbprint *pin, uint8_t key[STORED_KEY_MAX])
{
	size_t size = thumbprint_size(pin->kind);

	if (size == 0)
		return 0;
	key[0] = (uint8_t)pin->kind;
	memcpy(key + 1, pin->digest, size);
	return size + 1;
}

bool
stored_pin(struct span key, struct thumbprint *pin)
{
	uint8_t kind = key.len == 0 ? 0 : (uint8_t)key.ptr[0];

	if (kind != THUMBPRINT_SHA256 && kind != THUMBPRINT_SPKI &&
	    kind != THUMBPRINT_SHA1)
		return false;
	if (key.len != 1 + thumbprint_size((enum thumbprint_kind)kind))
		return false;
	*pin = thumbprint_of((enum thumbprint_kind)kind,
			     (const uint8_t *)key.ptr + 1);
	return true;
}

bool
stored_next(struct span *text, struct span *line)
{
	return span_next(text, "\n", line);
}

static const struct span deny = SPAN_TEXT("deny");

static bool
is_deny(struct span line)
{
	return span_starts(line, deny) &&
	       (line.len == deny.len || line.ptr[deny.len] == ' ');
}

void
stored_write_line(const struct thumbprint *pin, struct span line,
		  struct buffer *text)
{
	char digits[THUMBPRINT_TEXT_SIZE];

	if (is_deny(line)) {
		buffer_add(text, SPAN("deny "));
		line = span_skip_blanks(span_after(line, deny.len));
	}
	buffer_add(text, span_of(thumbprint_text(pin, digits)));
	if (line.len == 0)
		return;
	/* As between options and a comment. */
	buffer_add(text, line.ptr[0] == '#' ? SPAN("   ") : SPAN(" "));
	buffer_add(text, line);
}

void
stored_from_line(const struct entry *entry, struct span line,
		 struct buffer *text)
{
	struct span rest = span_after(list_entry_text(line), entry->pin_end);
	struct span comment = list_comment_text(line);

	rest = span_trim(rest);
	if (!entry->allows) {
		buffer_add(text, deny);
		if (rest.len > 0)
			buffer_add_byte(text, ' ');
	}
	buffer_add(text, rest);
	if (comment.len == 0)
		return;
	if (rest.len > 0 || !entry->allows)
		buffer_add(text, SPAN("   "));
	buffer_add(text, comment);
}

static bool
read_no_file(void *context, const char *path, struct buffer *text,
	     struct error *e)
{
	(void)context;
	(void)path;
	(void)text;
	return error_set(e, "an entry of the store names no file");
}

bool
stored_parse(const struct thumbprint *pin, struct span line,
	     struct entry *entry, struct error *e)
{
	static const struct entry_files no_files = { .read = read_no_file };
	struct warnings warnings = { 0 };
	struct buffer text;

	*entry = (struct entry){ .pin = *pin, .allows = true };
	if (line.len == 0) {
		entry->line = ENTRY_LINE_STORED;
		return true;
	}
	buffer_init(&text, LIST_LINE_MAX);
	stored_write_line(pin, line, &text);
	bool ok = text.failed ? error_set(e, "line too long, at most %d bytes",
					  LIST_LINE_MAX)
			      : entry_parse(entry,
					    list_entry_text(buffer_span(&text)),
					    &no_files, &warnings, e);
	buffer_free(&text);
	if (ok && thumbprint_compare(&entry->pin, pin) != 0) {
		entry_free(entry);
		ok = error_set(e, "not a line of the store");
	}
	entry->line = ENTRY_LINE_STORED;
	return ok;
}

static bool
has_by_content(const uint64_t counts[STORED_KINDS])
{
	return counts[THUMBPRINT_SHA256] > 0 || counts[THUMBPRINT_SPKI] > 0;
}

/* When the deny entry of a line ends; one that cannot be told does not. */
static int64_t
end_of(enum thumbprint_kind kind, struct span line)
{
	struct thumbprint pin = { .kind = kind };
	struct error e = { 0 };
	struct entry entry;
	int64_t end = INT64_MAX;

	if (!stored_parse(&pin, line, &entry, &e))
		return end;
	if (entry.not_after != 0)
		end = entry.not_after;
	entry_free(&entry);
	return end;
}

static void
note_deny(struct stored_counts *counts, enum thumbprint_kind kind,
	  struct span line)
{
	int64_t end = kind == THUMBPRINT_SHA1 ? 0 : end_of(kind, line);

	if (end > counts->content_denied_until)
		counts->content_denied_until = end;
}

void
stored_count(struct stored_counts *counts, struct span text,
	     enum thumbprint_kind kind, int sign)
{
	struct span line;

	while (stored_next(&text, &line)) {
		uint64_t one = sign < 0 ? UINT64_MAX : 1; /* modulo 2^64 */
		bool denies = is_deny(line);
		counts->entries[kind] += one;
		if (denies)
			counts->denies[kind] += one;
		else if (list_entry_text(line).len > 0)
			counts->limits[kind] += one;
		if (denies && sign > 0)
			note_deny(counts, kind, line);
	}
	if (!has_by_content(counts->denies))
		counts->content_denied_until = 0;
}

static bool
parse_all(struct stored *stored, size_t at, struct span text)
{
	struct error e = { 0 };
	struct span line;
	size_t n = span_count(text, '\n') + 1;
	struct entry *entries = calloc(n, sizeof(*entries));

	stored->found[at].entries = entries;
	if (entries == NULL)
		return false;
	while (stored_next(&text, &line)) {
		if (!stored_parse(&stored->found[at].pin, line,
				  &entries[stored->found[at].n], &e))
			return false;
		stored->found[at].n++;
	}
	return true;
}

bool
stored_take(struct stored *stored, const struct thumbprint *pin)
{
	struct span text;

	if (stored == NULL || pin->kind == THUMBPRINT_NONE ||
	    stored->counts.entries[pin->kind] == 0)
		return true;
	for (size_t i = 0; i < stored->n; i++)
		if (thumbprint_compare(&stored->found[i].pin, pin) == 0)
			return true;
	switch (stored->source->find(stored->source->context, pin, &text)) {
	case STORED_FOUND:
		break;
	case STORED_NONE:
		return true;
	case STORED_FAILED:
	default:
		return false;
	}
	if (stored->n == STORED_PINS_MAX)
		return false;
	stored->found[stored->n].pin = *pin;
	stored->n++;
	return parse_all(stored, stored->n - 1, text);
}

size_t
stored_find(const struct stored *stored, const struct thumbprint *pin,
	    const struct entry **entries)
{
	*entries = NULL;
	for (size_t i = 0; stored != NULL && i < stored->n; i++) {
		if (thumbprint_compare(&stored->found[i].pin, pin) != 0)
			continue;
		*entries = stored->found[i].entries;
		return stored->found[i].n;
	}
	return 0;
}

void
stored_free(struct stored *stored)
{
	for (size_t i = 0; i < stored->n; i++) {
		for (size_t k = 0; k < stored->found[i].n; k++)
			entry_free(&stored->found[i].entries[k]);
		free(stored->found[i].entries);
	}
	*stored = (struct stored){ 0 };
}

int64_t
stored_content_denied_until(const struct stored *stored)
{
	return stored == NULL ? 0 : stored->counts.content_denied_until;
}

bool
stored_denies(const struct stored *stored)
{
	return stored != NULL && (has_by_content(stored->counts.denies) ||
				  stored->counts.denies[THUMBPRINT_SHA1] > 0);
}

bool
stored_limits_by_content(const struct stored *stored)
{
	return stored != NULL && has_by_content(stored->counts.limits);
}

bool
stored_allows_by_content(const struct stored *stored)
{
	uint64_t allows[STORED_KINDS] = { 0 };

	for (size_t i = 0; stored != NULL && i < STORED_KINDS; i++)
		allows[i] =
			stored->counts.entries[i] - stored->counts.denies[i];
	return has_by_content(allows);
}
