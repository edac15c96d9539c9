/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "host/outbox.h"

enum { BYTES_FULL = 65536 /* with so many, it is full */ };

void
outbox_init(struct outbox *box)
{
	*box = (struct outbox){ 0 };
	buffer_init(&box->bytes, BYTES_FULL + FASTCGI_ANSWER_MAX);
}

void
outbox_free(struct outbox *box)
{
	buffer_free(&box->bytes);
}

void
outbox_add(struct outbox *box, struct connection *to, size_t before)
{
	if (box->bytes.len == before)
		return;
	box->parcel[box->n++] = (struct parcel){
		.to = to,
		.length = box->bytes.len - before,
	};
}

bool
outbox_full(const struct outbox *box)
{
	return box->n == OUTBOX_CONNECTIONS || box->bytes.len >= BYTES_FULL;
}

bool
outbox_end(struct outbox *box, const struct connection *c)
{
	for (size_t i = box->n; i-- > 0;)
		if (box->parcel[i].to == c)
			return box->parcel[i].last = true;
	return false;
}

size_t
outbox_send(struct outbox *box, struct connection *ended[OUTBOX_CONNECTIONS])
{
	struct span rest = buffer_span(&box->bytes);
	size_t n = 0;

	for (size_t i = 0; i < box->n; i++) {
		struct parcel *parcel = &box->parcel[i];
		struct connection *to = parcel->to;
		struct span bytes = { rest.ptr, parcel->length };
		rest = span_after(rest, parcel->length);
		if (to == NULL || (connection_send(to, bytes) && !parcel->last))
			continue;
		outbox_forget(box, to); /* what is behind it, too */
		ended[n++] = to;
	}
	box->n = 0;
	buffer_clear(&box->bytes);
	return n;
}

void
outbox_forget(struct outbox *box, const struct connection *c)
{
	for (size_t i = 0; i < box->n; i++)
		if (box->parcel[i].to == c)
			box->parcel[i].to = NULL;
}
