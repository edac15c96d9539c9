/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/log.h"
#include "host/numbered.h"
#include "host/slots.h"

enum {
	SIZE_MAX_BYTES = 4096, /* of a slot in the file */
	READ_TRIES = 3 /* of a slot that is just being written */
};

/* As in the file: the check, then the slot. */
union image {
	max_align_t aligned;
	char bytes[SIZE_MAX_BYTES];
};

static size_t
contents_size(const struct slots_kind *kind)
{
	return kind->size - SLOTS_CHECK;
}

static off_t
file_size(const struct slots_kind *kind)
{
	return (off_t)(SLOTS * kind->size);
}

static bool
is_empty(const struct slots_kind *kind, const char *contents)
{
	for (size_t i = 0; i < contents_size(kind); i++)
		if (contents[i] != 0)
			return false;
	return true;
}

/* Whole, and in use. */
static bool
is_good(const struct slots_kind *kind, const union image *image)
{
	const char *contents = image->bytes + SLOTS_CHECK;
	uint8_t check[SLOTS_CHECK];

	return digest_sha256((struct span){ contents, contents_size(kind) },
			     check) &&
	       memcmp(check, image->bytes, sizeof(check)) == 0 &&
	       kind->is_sound(contents);
}

/* True with the i-th slot of file if that is in use. */
static bool
read_slot(const struct slots_kind *kind, int file, unsigned i,
	  union image *image)
{
	for (unsigned n = 0; n < READ_TRIES; n++) {
		if (pread(file, image->bytes, kind->size,
			  (off_t)(i * kind->size)) != (ssize_t)kind->size ||
		    is_empty(kind, image->bytes + SLOTS_CHECK))
			return false;
		if (is_good(kind, image))
			return true;
	}
	return false;
}

/* A file that is new has no bytes; of another size, it is something else. */
static bool
use(void *context, int file)
{
	const off_t *wanted = context;
	off_t size = lseek(file, 0, SEEK_END);

	return size == *wanted || (size == 0 && ftruncate(file, *wanted) == 0);
}

bool
slots_open(struct slots *slots, const struct slots_kind *kind,
	   const char *folder, struct error *e)
{
	off_t size = file_size(kind);

	*slots = (struct slots){ .kind = kind, .latest = SLOTS - 1 };
	slots->file = numbered_take(folder, kind->name, use, &size, e);
	return slots->file >= 0;
}

void
slots_close(struct slots *slots)
{
	if (slots->file >= 0)
		close(slots->file);
	free(slots->memory);
	*slots = (struct slots){ .file = -1 };
}

bool
slots_load(struct slots *slots)
{
	const struct slots_kind *kind = slots->kind;
	union image image;

	if (slots->file < 0 || slots->memory != NULL)
		return slots->file >= 0;
	slots->memory = calloc(SLOTS, contents_size(kind));
	if (slots->memory == NULL)
		return false;
	for (unsigned i = 0; i < SLOTS; i++) {
		if (!read_slot(kind, slots->file, i, &image))
			continue;
		memcpy(slots_at(slots, i), image.bytes + SLOTS_CHECK,
		       contents_size(kind));
		slots->key[i] = kind->key_of(slots_at(slots, i));
	}
	return true;
}

void *
slots_at(const struct slots *slots, unsigned i)
{
	return slots->memory + i * contents_size(slots->kind);
}

unsigned
slots_find(const struct slots *slots, uint64_t key, unsigned i)
{
	while (i < SLOTS && slots->key[i] != key)
		i++;
	return i;
}

void
slots_touch(struct slots *slots, unsigned i)
{
	slots->key[i] = slots->kind->key_of(slots_at(slots, i));
	slots->changed[i] = true;
	slots->latest = i;
}

static bool
write_slot(const struct slots *slots, unsigned i)
{
	const struct slots_kind *kind = slots->kind;
	union image image = { 0 };
	struct span contents = { slots_at(slots, i), contents_size(kind) };

	if (!is_empty(kind, contents.ptr) &&
	    !digest_sha256(contents, (uint8_t *)image.bytes))
		return false;
	memcpy(image.bytes + SLOTS_CHECK, contents.ptr, contents.len);
	errno = ENOSPC; /* if not all of it is written */
	return pwrite(slots->file, image.bytes, kind->size,
		      (off_t)(i * kind->size)) == (ssize_t)kind->size;
}

void
slots_write(struct slots *slots)
{
	for (unsigned i = 0; i < SLOTS; i++) {
		if (!slots->changed[i])
			continue;
		if (write_slot(slots, i)) {
			slots->changed[i] = false;
			continue;
		}
		if (!slots->said)
			log_note(LOG_LEVEL_WARNING, "%s: %s", slots->kind->name,
				 strerror(errno));
		slots->said = true;
		return;
	}
}

struct giver {
	const struct slots_kind *kind;
	void (*give)(void *context, const void *slot);
	void *context;
};

static void
give_slots(void *context, int file)
{
	const struct giver *giver = context;
	union image image;

	for (unsigned i = 0; i < SLOTS; i++)
		if (read_slot(giver->kind, file, i, &image))
			giver->give(giver->context, image.bytes + SLOTS_CHECK);
}

bool
slots_read(const char *folder, const struct slots_kind *kind,
	   void (*give)(void *context, const void *slot), void *context,
	   struct error *e)
{
	struct giver giver = { kind, give, context };

	return numbered_read(folder, kind->name, file_size(kind), 1, give_slots,
			     &giver, e);
}

static void
look_if_held(void *context, int file)
{
	bool *held = context;

	*held |= numbered_is_held(file);
}

bool
slots_are_held(const char *folder, const struct slots_kind *kind)
{
	bool held = false;
	struct error e = { 0 };

	return numbered_read(folder, kind->name, file_size(kind), 1,
			     look_if_held, &held, &e) &&
	       held;
}
