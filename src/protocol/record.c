/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "protocol/record.h"

/* FastCGI specification 1.0, section 8 */
enum {
	FASTCGI_VERSION = 1,
	TYPE_BEGIN_REQUEST = 1,
	TYPE_PARAMS = 4,
	TYPE_STDIN = 5,
	ROLE_RESPONDER = 1,
	FLAG_KEEP_CONN = 1,
	BEGIN_CONTENT = 8 /* bytes of a BEGIN_REQUEST's content */
};

enum stage { STAGE_BEGIN = 0, STAGE_PARAMS, STAGE_STDIN };

struct record {
	unsigned type;
	uint16_t id;
	struct span content;
};

void
record_init(struct record_reader *r, size_t body_max)
{
	*r = (struct record_reader){ 0 };
	buffer_init(&r->params, RECORD_PARAMS_MAX);
	buffer_init(&r->body, body_max);
}

void
record_free(struct record_reader *r)
{
	buffer_free(&r->params);
	buffer_free(&r->body);
}

void
record_clear(struct record_reader *r)
{
	enum { KEPT_SIZE = 65536 /* bytes an idle connection may hold */ };

	buffer_clear(&r->params);
	buffer_clear(&r->body);
	if (r->body.size > KEPT_SIZE)
		buffer_free(&r->body);
	r->body_length = 0;
	r->stage = STAGE_BEGIN;
	r->id = 0;
	r->keep = false;
}

bool
record_idle(const struct record_reader *r)
{
	return r->stage == STAGE_BEGIN;
}

static unsigned
byte_at(struct span s, size_t i)
{
	return (unsigned char)s.ptr[i];
}

/* Takes the first record of *rest, padding and all; false if it is not there
 * to its end. */
static bool
next_record(struct span *rest, struct record *record)
{
	if (rest->len < RECORD_HEADER)
		return false;
	size_t length = byte_at(*rest, 4) << 8 | byte_at(*rest, 5);
	size_t whole = RECORD_HEADER + length + byte_at(*rest, 6);
	if (rest->len < whole)
		return false;
	record->type = byte_at(*rest, 1);
	record->id = (uint16_t)(byte_at(*rest, 2) << 8 | byte_at(*rest, 3));
	record->content = (struct span){ rest->ptr + RECORD_HEADER, length };
	*rest = span_after(*rest, whole);
	return true;
}

/* Bad as soon as the first eight bytes say so, before any content came. */
static bool
header_fits(const struct record_reader *r, struct span header)
{
	static const unsigned expected[] = {
		[STAGE_BEGIN] = TYPE_BEGIN_REQUEST,
		[STAGE_PARAMS] = TYPE_PARAMS,
		[STAGE_STDIN] = TYPE_STDIN,
	};
	unsigned id = byte_at(header, 2) << 8 | byte_at(header, 3);
	unsigned length = byte_at(header, 4) << 8 | byte_at(header, 5);

	if (byte_at(header, 0) != FASTCGI_VERSION || id == 0 ||
	    byte_at(header, 1) != expected[r->stage])
		return false;
	return r->stage == STAGE_BEGIN ? length == BEGIN_CONTENT : id == r->id;
}

/* The length in front of a name or a value: one byte, or four whose first has
 * its top bit set (section 3.4). */
static bool
next_length(struct span *rest, size_t *length)
{
	if (rest->len < 1)
		return false;
	if (byte_at(*rest, 0) < 0x80) {
		*length = byte_at(*rest, 0);
		*rest = span_after(*rest, 1);
		return true;
	}
	if (rest->len < 4)
		return false;
	*length = (size_t)(byte_at(*rest, 0) & 0x7f) << 24 |
		  byte_at(*rest, 1) << 16 | byte_at(*rest, 2) << 8 |
		  byte_at(*rest, 3);
	*rest = span_after(*rest, 4);
	return true;
}

static bool
params_fit(struct span params)
{
	while (params.len > 0) {
		size_t name, value;
		if (!next_length(&params, &name) ||
		    !next_length(&params, &value) || name > params.len ||
		    value > params.len - name)
			return false;
		/* libfcgi joins them by '=' and ends them by a NUL: a name or
		 * a value that holds one would become another parameter. */
		struct span text = { params.ptr, name };
		struct span all = { params.ptr, name + value };
		if (span_contains(text, SPAN("=")) ||
		    span_contains(all, (struct span){ "", 1 }))
			return false;
		params = span_after(params, name + value);
	}
	return true;
}

static enum record_state
take_one(struct record_reader *r, const struct record *record)
{
	switch ((enum stage)r->stage) {
	case STAGE_BEGIN:
		if (byte_at(record->content, 0) != 0 ||
		    byte_at(record->content, 1) != ROLE_RESPONDER)
			return RECORD_BAD;
		r->keep = byte_at(record->content, 2) & FLAG_KEEP_CONN;
		r->id = record->id;
		r->stage = STAGE_PARAMS;
		return RECORD_MORE;
	case STAGE_PARAMS:
		buffer_add(&r->params, record->content);
		if (r->params.failed)
			return RECORD_BAD;
		if (record->content.len > 0)
			return RECORD_MORE;
		if (!params_fit(buffer_span(&r->params)))
			return RECORD_BAD;
		r->stage = STAGE_STDIN;
		return RECORD_MORE;
	case STAGE_STDIN:
		if (record->content.len == 0)
			return RECORD_COMPLETE;
		r->body_length += record->content.len;
		if (r->body_length > r->body.max)
			buffer_free(&r->body);
		else
			buffer_add(&r->body, record->content);
		return r->body.failed ? RECORD_BAD : RECORD_MORE;
	}
	return RECORD_BAD;
}

enum record_state
record_take(struct record_reader *r, struct buffer *input)
{
	struct span rest = buffer_span(input);
	enum record_state state = RECORD_MORE;
	struct record record;

	while (state == RECORD_MORE) {
		if (rest.len >= RECORD_HEADER && !header_fits(r, rest))
			return RECORD_BAD;
		if (!next_record(&rest, &record))
			break;
		state = take_one(r, &record);
	}
	buffer_drop(input, input->len - rest.len);
	return state;
}

static void
write_record(struct buffer *out, unsigned type, uint16_t id,
	     struct span content)
{
	const char header[RECORD_HEADER] = {
		FASTCGI_VERSION,	  (char)type,
		(char)(id >> 8),	  (char)(id & 0xff),
		(char)(content.len >> 8), (char)(content.len & 0xff),
	};

	buffer_add(out, (struct span){ header, sizeof(header) });
	buffer_add(out, content);
}

void
record_write_begin(const struct record_reader *r, struct buffer *out)
{
	const char begin[BEGIN_CONTENT] = { 0, ROLE_RESPONDER, FLAG_KEEP_CONN };
	struct span none = { 0 };

	write_record(out, TYPE_BEGIN_REQUEST, r->id,
		     (struct span){ begin, sizeof(begin) });
	if (r->params.len > 0)
		write_record(out, TYPE_PARAMS, r->id, buffer_span(&r->params));
	write_record(out, TYPE_PARAMS, r->id, none);
	write_record(out, TYPE_STDIN, r->id, none);
}
