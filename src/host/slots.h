/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * slots: a few things of one size that a process remembers, kept in memory and
 * written to a numbered file of one size when there is time.
 *
 * In the file each has the SHA-256 of itself before it, so that one that was
 * written halfway, or is something else, counts as empty.  That is no proof of
 * who wrote it.  What is all zero is empty.
 */
#ifndef CERTGATE_HOST_SLOTS_H
#define CERTGATE_HOST_SLOTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "protocol/digest.h"

enum {
	SLOTS = 128, /* of each process */
	SLOTS_CHECK = DIGEST_SHA256_SIZE /* bytes before each, in the file */
};

/* What is in the slots. */
struct slots_kind {
	const char *name; /* of the files */
	size_t size; /* bytes of each in the file, with its check */
	/* Every number and length in it is one that can be. */
	bool (*is_sound)(const void *slot);
	/* By which one is looked for; 0: it is empty. */
	uint64_t (*key_of)(const void *slot);
};

struct slots {
	const struct slots_kind *kind;
	int file; /* owned; -1: nothing is kept */
	char *memory; /* owned; NULL: they were not read yet */
	uint64_t key[SLOTS]; /* of each */
	bool changed[SLOTS]; /* since they were written */
	unsigned latest; /* that was touched */
	bool said; /* that they cannot be written */
};

/* Takes a file in folder, without reading it.  False, and nothing is kept from
 * then on, if there is none to be had; then e says why, or nothing if folder is
 * not there. */
bool slots_open(struct slots *slots, const struct slots_kind *kind,
		const char *folder, struct error *e)
	__attribute__((warn_unused_result));
void slots_close(struct slots *slots);

/* Reads, the first time, what whoever had the file before has left.  False if
 * nothing is kept. */
bool slots_load(struct slots *slots);

/* The i-th, once they are loaded; aligned for any type. */
void *slots_at(const struct slots *slots, unsigned i);

/* The next one from the i-th on that has this key; SLOTS if there is none. */
unsigned slots_find(const struct slots *slots, uint64_t key, unsigned i);

/* The i-th is another than before, and to be written. */
void slots_touch(struct slots *slots, unsigned i);

/* Writes those that were touched; what cannot be written is tried again the
 * next time, and the log says so once. */
void slots_write(struct slots *slots);

/* Gives each slot in use of all files in folder, whoever wrote them; aligned,
 * and borrowed for the call.  False with e if folder does not open. */
bool slots_read(const char *folder, const struct slots_kind *kind,
		void (*give)(void *context, const void *slot), void *context,
		struct error *e) __attribute__((warn_unused_result));

/* True if a process that runs has a file of these in folder. */
bool slots_are_held(const char *folder, const struct slots_kind *kind);

#endif
