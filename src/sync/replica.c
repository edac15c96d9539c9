/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "base/hex.h"
#include "host/store_contact.h"
#include "host/store_writer.h"
#include "policy/entry_parse.h"
#include "policy/list.h"
#include "sync/replica.h"

enum { DIGITS = 2 * DIGEST_SHA256_SIZE };

struct replica {
	const char *path; /* borrowed */
	struct store_writer *writer; /* owned; NULL: a write failed */
	struct revision at;
	char asked[STORE_CONTACT_SIZE]; /* when, as a contact */
};

/* The revision that the store has in this transaction. */
static bool
read_revision(struct replica *replica, struct error *e)
{
	struct buffer number, digest;
	uint64_t n;

	buffer_init(&number, STORED_VALUE_MAX);
	buffer_init(&digest, STORED_VALUE_MAX);
	replica->at = (struct revision){ .number = -1 };
	bool ok = store_writer_value(replica->writer, "revision", &number, e) &&
		  store_writer_value(replica->writer, "digest", &digest, e);
	/* Without one, or with a half of it, all entries are read again. */
	if (ok && span_number(buffer_span(&number), 0, INT64_MAX, &n) &&
	    hex_decode(buffer_span(&digest), replica->at.digest,
		       sizeof(replica->at.digest)))
		replica->at.number = (int64_t)n;
	buffer_free(&number);
	buffer_free(&digest);
	return ok;
}

/* Before the first copy, which replaces what is in the store: an edit by hand
 * is refused from now on, and the contact counts as unknown. */
static bool
claim(struct replica *replica, struct error *e)
{
	return store_writer_set(replica->writer, "revision", SPAN("none"), e) &&
	       store_writer_commit(replica->writer, e);
}

struct replica *
replica_open(const char *path, struct error *e)
{
	struct replica *replica = calloc(1, sizeof(*replica));

	if (replica == NULL) {
		error_set(e, "out of memory");
		return NULL;
	}
	replica->path = path;
	replica->writer = store_writer_open(path, NULL, e);
	if (replica->writer != NULL && store_writer_begin(replica->writer, e)) {
		bool ok = read_revision(replica, e) &&
			  (replica->at.number >= 0 || claim(replica, e));
		store_writer_abort(replica->writer);
		if (ok)
			return replica;
	}
	replica_close(replica);
	return NULL;
}

void
replica_close(struct replica *replica)
{
	if (replica != NULL)
		store_writer_close(replica->writer);
	free(replica);
}

struct revision
replica_at(const struct replica *replica)
{
	return replica->at;
}

void
replica_ask(struct replica *replica)
{
	store_contact_write(replica->asked);
}

/* After some failed writes LMDB refuses all others, until the store is opened
 * again. */
static bool
fail(struct replica *replica)
{
	store_writer_close(replica->writer);
	replica->writer = NULL;
	return false;
}

/* A process that can write the lock file can make LMDB go back to an older
 * commit. */
static bool
check_revision(struct replica *replica, struct error *e)
{
	struct revision was = replica->at;

	return read_revision(replica, e) &&
	       ((replica->at.number == was.number &&
		 digest_equal(replica->at.digest, was.digest,
			      sizeof(was.digest))) ||
		error_set(e,
			  "%s: at revision %" PRId64 ", expected %" PRId64
			  ": changed by another program",
			  replica->path, replica->at.number, was.number));
}

bool
replica_begin(struct replica *replica, bool empty, struct error *e)
{
	if (replica->writer == NULL)
		replica->writer = store_writer_open(replica->path, NULL, e);
	if (replica->writer == NULL)
		return false;
	if (store_writer_begin(replica->writer, e) &&
	    (empty ? store_writer_clear(replica->writer, e)
		   : check_revision(replica, e)))
		return true;
	return fail(replica);
}

static bool
read_no_file(void *context, const char *path, struct buffer *text,
	     struct error *e)
{
	(void)context;
	(void)path;
	(void)text;
	return error_set(e, "an entry of a fleet names no file");
}

/* Parse the entry as the handler will.  Add the store's line to line. */
static bool
parse(struct span entry, struct thumbprint *pin, struct buffer *line,
      struct error *e)
{
	static const struct entry_files no_files = { .read = read_no_file };
	struct warnings warnings = { 0 };
	struct entry parsed;

	if (!span_equal(list_entry_text(entry), entry))
		return error_set(e, "not an entry alone");
	if (!entry_parse(&parsed, entry, &no_files, &warnings, e))
		return false;
	*pin = parsed.pin;
	stored_from_line(&parsed, entry, line);
	entry_free(&parsed);
	return (pin->kind != THUMBPRINT_NONE && !line->failed) ||
	       error_set(e, "an entry without a pin");
}

/* Find line among lines, and copy the others to rest. */
static bool
split_line(struct span lines, struct span line, struct buffer *rest)
{
	struct span one;
	bool found = false, some = false;

	while (stored_next(&lines, &one)) {
		if (!found && span_equal(one, line)) {
			found = true;
			continue;
		}
		if (some)
			buffer_add_byte(rest, '\n');
		buffer_add(rest, one);
		some = true;
	}
	return found;
}

/* Put the lines of the pin with line among them, or without. */
static enum replica_result
change(struct replica *replica, const struct thumbprint *pin, struct span line,
       bool adds, struct error *e)
{
	struct buffer lines, rest;
	enum replica_result result = REPLICA_DOUBT; /* the record is damaged */
	bool found = false;

	buffer_init(&lines, STORED_TEXT_MAX);
	buffer_init(&rest, STORED_TEXT_MAX);
	if (store_writer_get(replica->writer, pin, &lines, &found, e)) {
		struct span text =
			lines.len > 0 ? buffer_span(&lines) : SPAN("");
		bool there = found && split_line(text, line, &rest);
		bool last = !adds && text.len == line.len;
		if (there == adds) {
			error_set(e, adds ? "the store has it already"
					  : "the store does not have it");
		} else if (last) {
			result = store_writer_remove(replica->writer, pin,
						     &found, e)
					 ? REPLICA_DONE
					 : REPLICA_FAILED;
		} else {
			if (adds && found)
				buffer_add_byte(&rest, '\n');
			if (adds)
				buffer_add(&rest, line);
			text = rest.len > 0 ? buffer_span(&rest) : SPAN("");
			if (rest.failed) {
				error_set(e, "too many entries of one pin");
				result = REPLICA_INVALID;
			} else {
				result = store_writer_put(replica->writer, pin,
							  text, e)
						 ? REPLICA_DONE
						 : REPLICA_FAILED;
			}
		}
	}
	buffer_free(&lines);
	buffer_free(&rest);
	return result;
}

static enum replica_result
change_entry(struct replica *replica, struct span entry, bool adds,
	     struct error *e)
{
	enum replica_result result = REPLICA_INVALID;
	struct error inner = { 0 };
	struct thumbprint pin;
	struct buffer line;

	buffer_init(&line, STORED_TEXT_MAX);
	errno = 0;
	if (parse(entry, &pin, &line, &inner))
		result = change(replica, &pin,
				line.len > 0 ? buffer_span(&line) : SPAN(""),
				adds, &inner);
	/* An entry that malloc(3) failed for may be valid. */
	if (result != REPLICA_DONE && errno == ENOMEM) {
		error_set(e, "out of memory");
		result = REPLICA_FAILED;
	} else if (result == REPLICA_INVALID) {
		error_set(e, "invalid entry (%s): %s", error_word(entry),
			  inner.text);
	} else if (result != REPLICA_DONE) {
		*e = inner;
	}
	buffer_free(&line);
	return result;
}

enum replica_result
replica_add(struct replica *replica, struct span entry, struct error *e)
{
	return change_entry(replica, entry, true, e);
}

enum replica_result
replica_remove(struct replica *replica, struct span entry, struct error *e)
{
	return change_entry(replica, entry, false, e);
}

static bool
write_revision(struct replica *replica, const struct revision *at, bool contact,
	       struct error *e)
{
	char number[sizeof("-9223372036854775808")], digest[DIGITS];

	(void)snprintf(number, sizeof(number), "%" PRId64, at->number);
	hex_encode(at->digest, sizeof(at->digest), digest);
	return store_writer_set(replica->writer, "revision", span_of(number),
				e) &&
	       store_writer_set(replica->writer, "digest",
				(struct span){ digest, sizeof(digest) }, e) &&
	       (!contact || store_writer_set(replica->writer, "contact",
					     span_of(replica->asked), e));
}

bool
replica_commit(struct replica *replica, const struct revision *at, bool contact,
	       struct error *e)
{
	if (!write_revision(replica, at, contact, e) ||
	    !store_writer_commit(replica->writer, e))
		return fail(replica);
	replica->at = *at;
	return true;
}

void
replica_abort(struct replica *replica)
{
	store_writer_abort(replica->writer);
}
