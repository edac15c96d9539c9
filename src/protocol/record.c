/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "protocol/record.h"

/* FastCGI specification 1.0, section 8 */
enum {
	FASTCGI_VERSION = 1,
	TYPE_BEGIN_REQUEST = 1,
	TYPE_PARAMS = 4,
	TYPE_STDIN = 5,
	ROLE_RESPONDER = 1,
	FLAG_KEEP_CONN = 1
};

enum stage { STAGE_BEGIN = 0, STAGE_PARAMS, STAGE_STDIN };

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
	buffer_clear(&r->params);
	buffer_clear(&r->body);
	r->body_length = 0;
	r->have = 0;
	r->stage = STAGE_BEGIN;
	r->padded = false;
}

bool
record_idle(const struct record_reader *r)
{
	return r->stage == STAGE_BEGIN && r->have == 0;
}

size_t
record_size(const struct record_reader *r)
{
	return r->params.size + r->body.size;
}

/* Take the first n bytes of *rest, or all if there are fewer. */
static struct span
cut(struct span *rest, size_t n)
{
	struct span first = { rest->ptr, rest->len < n ? rest->len : n };

	*rest = span_after(*rest, first.len);
	return first;
}

static unsigned
byte_at(struct span s, size_t i)
{
	return (unsigned char)s.ptr[i];
}

/* Begin the record whose header has come; false if it must not come now. */
static bool
begin_record(struct record_reader *r)
{
	static const unsigned expected[] = {
		[STAGE_BEGIN] = TYPE_BEGIN_REQUEST,
		[STAGE_PARAMS] = TYPE_PARAMS,
		[STAGE_STDIN] = TYPE_STDIN,
	};
	const unsigned char *h = r->header;
	uint16_t id = (uint16_t)(h[2] << 8 | h[3]);

	r->content = (size_t)(h[4] << 8 | h[5]);
	r->padding = h[6];
	r->padded |=
		r->padding > 0 && (r->content == 0 || r->stage == STAGE_BEGIN);
	if (h[0] != FASTCGI_VERSION || h[1] != expected[r->stage] || id == 0)
		return false;
	if (r->stage != STAGE_BEGIN)
		return id == r->id;
	r->id = id;
	return r->content == sizeof(r->begin);
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
		if (memchr(params.ptr, '=', name) != NULL ||
		    memchr(params.ptr, '\0', name + value) != NULL)
			return false;
		params = span_after(params, name + value);
	}
	return true;
}

static bool
take_content(struct record_reader *r, struct span content)
{
	switch ((enum stage)r->stage) {
	case STAGE_BEGIN:
		memcpy(r->begin + sizeof(r->begin) - r->content, content.ptr,
		       content.len);
		break;
	case STAGE_PARAMS:
		buffer_add(&r->params, content);
		break;
	case STAGE_STDIN:
		r->body_length += content.len;
		if (r->body_length > r->body.max)
			buffer_free(&r->body);
		else
			buffer_add(&r->body, content);
		break;
	}
	r->content -= content.len;
	return !r->params.failed && !r->body.failed;
}

static enum record_state
end_record(struct record_reader *r)
{
	r->have = 0;
	if (r->stage == STAGE_BEGIN) {
		if (r->begin[0] != 0 || r->begin[1] != ROLE_RESPONDER)
			return RECORD_BAD;
		r->keep = r->begin[2] & FLAG_KEEP_CONN;
		r->stage = STAGE_PARAMS;
	} else if (r->header[4] == 0 && r->header[5] == 0) {
		if (r->stage == STAGE_STDIN)
			return RECORD_COMPLETE;
		if (!params_fit(buffer_span(&r->params)))
			return RECORD_BAD;
		r->stage = STAGE_STDIN;
	}
	return RECORD_MORE;
}

enum record_state
record_take(struct record_reader *r, struct span *input)
{
	enum record_state state = RECORD_MORE;

	while (state == RECORD_MORE && input->len > 0) {
		if (r->have < RECORD_HEADER) {
			struct span part = cut(input, RECORD_HEADER - r->have);
			memcpy(r->header + r->have, part.ptr, part.len);
			r->have += part.len;
			if (r->have < RECORD_HEADER)
				return RECORD_MORE;
			if (!begin_record(r))
				return RECORD_BAD;
		}
		if (!take_content(r, cut(input, r->content)))
			return RECORD_BAD;
		r->padding -= cut(input, r->padding).len;
		if (r->content == 0 && r->padding == 0)
			state = end_record(r);
	}
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

/* The stream in records, with its empty end. */
static void
write_stream(struct buffer *out, unsigned type, uint16_t id, struct span stream)
{
	const struct span end = { 0 };

	while (stream.len > 0)
		write_record(out, type, id, cut(&stream, RECORD_CONTENT_MAX));
	write_record(out, type, id, end);
}

void
record_write(const struct record_reader *r, struct buffer *out)
{
	const char *begin = (const char *)r->begin;

	write_record(out, TYPE_BEGIN_REQUEST, r->id,
		     (struct span){ begin, sizeof(r->begin) });
	write_stream(out, TYPE_PARAMS, r->id, buffer_span(&r->params));
	write_stream(out, TYPE_STDIN, r->id, buffer_span(&r->body));
}
