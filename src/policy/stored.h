/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * stored: entries of the store: a store on disk in the place of a long list.
 *
 * The store maps a pin to its lines: those of a list, with neither the pin nor
 * the line end.  They are validated when they are written, and parsed when a
 * client has the pin.  This file knows keys and values; files and transactions
 * are elsewhere.
 */
#ifndef CERTGATE_POLICY_STORED_H
#define CERTGATE_POLICY_STORED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "base/span.h"
#include "policy/entry.h"
#include "policy/thumbprint.h"

enum {
	STORED_KEY_MAX = 1 + DIGEST_MAX_SIZE, /* bytes: the kind, the digest */
	STORED_SEAL = 8, /* bytes of a checksum in front of each value */
	STORED_TEXT_MAX = 65536, /* bytes of the lines of one pin */
	STORED_PINS_MAX = 5, /* of one client: three, and two of its twin */
	STORED_KINDS = THUMBPRINT_SHA1 + 1,
	STORED_NAME_MAX = 64, /* bytes of the name of a value */
	STORED_VALUE_MAX = 4096 /* bytes of such a value */
};

/* The entries in the store, by the kind of their pin. */
struct stored_counts {
	uint64_t entries[STORED_KINDS];
	uint64_t denies[STORED_KINDS]; /* of the entries */
	uint64_t limits[STORED_KINDS]; /* that allow, with options */
	/* UTC seconds, the last one in which a deny entry that needs more than
	 * the label may be in force; entries that were removed count until none
	 * is left.  0: none. */
	int64_t content_denied_until;
};

enum stored_result {
	STORED_FAILED = 0, /* cannot be told: the client is rejected */
	STORED_NONE,
	STORED_FOUND
};

/* The source of the lines; both look at one and the same commit until the
 * owner of context ends that. */
struct stored_source {
	/* False: the store cannot be used. */
	bool (*begin)(void *context, struct stored_counts *counts);
	/* Set *text, borrowed, to the lines of the pin. */
	enum stored_result (*find)(void *context, const struct thumbprint *pin,
				   struct span *text);
	void *context;
};

/* The entries of one client.  All zero: no store. */
struct stored {
	const struct stored_source *source; /* borrowed; NULL: no store */
	struct stored_counts counts;
	struct {
		struct thumbprint pin;
		struct entry *entries; /* owned */
		size_t n;
	} found[STORED_PINS_MAX];
	size_t n;
};

/* Begin with the entries of a client.  False if the store cannot be used. */
bool stored_begin(struct stored *stored, const struct stored_source *source)
	__attribute__((warn_unused_result));

/* Take the entries with this pin; again is nothing.  False if one of them is
 * damaged, or cannot be read. */
bool stored_take(struct stored *stored, const struct thumbprint *pin)
	__attribute__((warn_unused_result));

/* Return how many of the entries taken have this pin, the first at *entries
 * (borrowed). */
size_t stored_find(const struct stored *stored, const struct thumbprint *pin,
		   const struct entry **entries);

void stored_free(struct stored *stored);

/* True if the store has a deny entry.  This and the functions above that ask
 * take NULL, too: no store. */
bool stored_denies(const struct stored *stored);

/* The last UTC second in which a deny entry may need more than the label; 0:
 * none does. */
int64_t stored_content_denied_until(const struct stored *stored);

/* True if an allow entry of the store needs more than the label; if one with
 * options does. */
bool stored_allows_by_content(const struct stored *stored);
bool stored_limits_by_content(const struct stored *stored);

/* Count the entries of one pin, or with sign -1 count them off. */
void stored_count(struct stored_counts *counts, struct span text,
		  enum thumbprint_kind kind, int sign);

/* Write the key of a pin, and return how long it is; 0: it can have none. */
size_t stored_key(const struct thumbprint *pin, uint8_t key[STORED_KEY_MAX]);

/* The pin of a key; false if it is not a key of a pin. */
bool stored_pin(struct span key, struct thumbprint *pin);

/* Write what the store has for key: text, and in front of it the checksum of
 * both. */
void stored_seal(struct span key, struct span text, struct buffer *value);

/* Take the text out of that; false if it is damaged. */
bool stored_open(struct span key, struct span value, struct span *text);

/* Take the lines of a pin; false: no more of them. */
typedef bool stored_function(void *context, const struct thumbprint *pin,
			     struct span text);

/* Take the next line of a value's text; false behind the last. */
bool stored_next(struct span *text, struct span *line);

/* Write the line of a list for a line of the store, without a line end. */
void stored_write_line(const struct thumbprint *pin, struct span line,
		       struct buffer *text);

/* The same the other way: what of a list's line, with its comment, the store
 * has for the entry.  borrows line and writes to text. */
void stored_from_line(const struct entry *entry, struct span line,
		      struct buffer *text);

/* Parse a line of the store.  False with e if it is invalid. */
bool stored_parse(const struct thumbprint *pin, struct span line,
		  struct entry *entry, struct error *e)
	__attribute__((warn_unused_result));

#endif
