/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "base/hex.h"
#include "protocol/request.h"

enum kind {
	KIND_ONE = 0, /* twice is ambiguous */
	KIND_WORD, /* the same, and a comma with a blank means joined lines */
	KIND_LAST, /* twice: the last one, for nothing depends on it */
	KIND_LINES, /* a list: several are joined */
	KIND_SITE, /* twice is unclear */
	KIND_OLD_SITE /* Apache's name for one from before a redirection */
};

static const struct field {
	struct span name;
	size_t offset;
	enum kind kind;
} fields[] = {
#define FIELD(name, member, kind)                                              \
	{                                                                      \
		{ name, sizeof(name) - 1 }, offsetof(struct request, member),  \
			kind                                                   \
	}
	FIELD("REQUEST_METHOD", method, KIND_ONE),
	FIELD("QUERY_STRING", query, KIND_ONE),
	FIELD("CONTENT_TYPE", content_type, KIND_ONE),
	FIELD("CONTENT_LENGTH", content_length, KIND_ONE),
	FIELD("REMOTE_USER", remote_user, KIND_ONE),
	FIELD("AUTH_TYPE", auth_type, KIND_ONE),
	FIELD("CERTGATE_SITE", site, KIND_SITE),
	FIELD("REDIRECT_CERTGATE_SITE", site, KIND_OLD_SITE),
	FIELD("HTTP_CE_SPECVERSION", spec_version, KIND_WORD),
	FIELD("HTTP_CE_TYPE", type, KIND_WORD),
	FIELD("HTTP_CE_HUB", hub, KIND_WORD),
	FIELD("HTTP_CE_CONNECTIONID", connection, KIND_ONE),
	FIELD("HTTP_CE_EVENTNAME", event_name, KIND_WORD),
	FIELD("HTTP_CE_TIME", time, KIND_LAST),
	FIELD("HTTP_CE_USERID", user, KIND_ONE),
	FIELD("HTTP_CE_SUBPROTOCOL", subprotocol, KIND_ONE),
	FIELD("HTTP_CE_PHYSICALCONNECTIONID", physical_connection, KIND_WORD),
	FIELD("HTTP_CE_SIGNATURE", signatures, KIND_LINES),
	FIELD("HTTP_WEBHOOK_REQUEST_ORIGIN", origins, KIND_LINES),
#undef FIELD
};

static const struct field *
find_field(struct span name)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(fields[0]); i++)
		if (span_equal(fields[i].name, name))
			return &fields[i];
	return NULL;
}

static void
take_line(struct request *r, struct request_lines *lines, struct span value)
{
	if (lines->n == REQUEST_MAX_LINES)
		r->ambiguous = true;
	else
		lines->line[lines->n++] = value;
}

/* Web servers join two lines of a header so. */
static bool
is_joined(struct span value)
{
	return span_contains(value, SPAN(", "));
}

static void
take(struct request *r, const struct field *field, struct span value)
{
	void *member = (char *)r + field->offset;

	if (field->kind == KIND_LINES) {
		take_line(r, member, value);
		return;
	}
	struct span *one = member;
	if (field->kind == KIND_SITE || field->kind == KIND_OLD_SITE)
		r->site_unclear |=
			one->ptr != NULL || field->kind == KIND_OLD_SITE;
	else if (field->kind != KIND_LAST &&
		 (one->ptr != NULL ||
		  (field->kind == KIND_WORD && is_joined(value))))
		r->ambiguous = true;
	*one = value;
}

static bool
is_setting(struct span name)
{
	return span_starts(name, SPAN("CERTGATE_")) ||
	       span_equal(name, SPAN("CLIENT_CERT_THUMBPRINT")) ||
	       span_equal(name, SPAN("WebPubSubConnectionString"));
}

void
request_read(struct request *r, char *const *parameters,
	     const struct request_body *body)
{
	*r = (struct request){ .body = *body };
	for (; *parameters != NULL; parameters++) {
		struct span value = span_of(*parameters), name;
		if (!span_next(&value, "=", &name) || value.ptr == NULL)
			continue;
		const struct field *field = find_field(name);
		if (field != NULL)
			take(r, field, value);
		else if (is_setting(name))
			r->setting = name;
	}
	/* The service's own ids have no comma; an MQTT client id has what the
	 * client likes (MQTT 5.0 3.1.3.1), and all of it is signed. */
	r->ambiguous |=
		is_joined(r->connection) && span_empty(r->physical_connection);
}

bool
request_length_agrees(const struct request *r)
{
	uint64_t stated;

	if (r->body.broken)
		return false;
	if (span_empty(r->content_length))
		return true;
	return span_number(r->content_length, 0, UINT64_MAX, &stated) &&
	       stated == r->body.length;
}

bool
request_is_site(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '-')
			return false;
	}
	return name.len > 0 && name.len <= REQUEST_SITE_MAX;
}

bool
request_has_type(const struct request *r, struct span type)
{
	struct span rest = r->content_type, media_type;

	return span_next(&rest, ";", &media_type) &&
	       span_equal_nocase(span_trim(media_type), type);
}

/* RFC 3986 2.1; a broken escape is false. */
static bool
percent_decode(struct span text, char *out, size_t size, size_t *length)
{
	size_t n = 0;

	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == '%') {
			uint8_t byte;
			if (text.len - i < 3 ||
			    !hex_decode((struct span){ text.ptr + i + 1, 2 },
					&byte, 1))
				return false;
			c = (char)byte;
			i += 2;
		}
		if (n == size)
			return false;
		out[n++] = c;
	}
	*length = n;
	return true;
}

bool
request_query(const struct request *r, struct span name, char *value,
	      size_t size, size_t *length)
{
	struct span rest = r->query, pair, found = { 0 };
	unsigned count = 0;

	*length = 0;
	while (span_next_word(&rest, "&", &pair)) {
		struct span key;
		span_next(&pair, "=", &key);
		if (span_equal_nocase(key, name)) {
			found = pair;
			count++;
		}
	}
	return count == 1 && percent_decode(found, value, size, length);
}
