/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * request: what the web server hands over (RFC 3875 4.1), by meaning.
 *
 * Made from one list of NAME=value strings, whatever it came from: the
 * environment of a CGI program or the parameters of a FastCGI request.
 */
#ifndef CERTGATE_PROTOCOL_REQUEST_H
#define CERTGATE_PROTOCOL_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

enum {
	/* Lines of one header that is a list; the tunnel tool sends two of
	 * ce-signature.  More refuse. */
	REQUEST_MAX_LINES = 4,
	REQUEST_BODY_MAX = 1048576, /* bytes of a system event */
	REQUEST_DRAIN_MAX = 16777216, /* bytes of any other event */
	REQUEST_SITE_MAX = 64 /* bytes of the name of a site */
};

/* A header whose value is a list and that may come as several parameters. */
struct request_lines {
	struct span line[REQUEST_MAX_LINES];
	size_t n;
};

struct request_body {
	struct span bytes; /* what was kept: all, or nothing if too long */
	uint64_t length; /* bytes that came */
	bool broken; /* ended by an error, not by its end */
};

/* Everything is borrowed from the parameters and the body. */
struct request {
	struct span method;
	struct span query; /* without '?', still percent-encoded */
	struct span content_type;
	struct span content_length; /* as sent; may be empty */
	struct span remote_user;
	struct span auth_type;
	struct span site; /* CERTGATE_SITE */
	struct span spec_version;
	struct span type;
	struct span hub;
	struct span connection; /* ce-connectionId */
	struct span event_name;
	struct span time; /* ce-time; the last one, for it decides nothing */
	struct span user; /* ce-userId: UTF-8, of a token */
	struct span subprotocol;
	struct span physical_connection; /* MQTT only */
	struct request_lines signatures;
	struct request_lines origins; /* WebHook-Request-Origin */
	struct request_body body;
	struct span setting; /* a parameter with the name of a setting */
	bool site_unclear; /* it came twice, or from before a redirection */
	bool ambiguous; /* a decisive parameter came twice, or joined */
};

/* Take parameters (ended by NULL; borrowed, as is body). */
void request_read(struct request *r, char *const *parameters,
		  const struct request_body *body);

/* True if the body is as long as CONTENT_LENGTH says.  Without one (chunked
 * transfer) every length is valid; with one that is not a number, none is. */
bool request_length_agrees(const struct request *r);

/* True if name can be that of a site: a-z, 0-9 and '-', not too long.  It can
 * name no other folder. */
bool request_is_site(struct span name);

/* The media type of Content-Type is type, without case; parameters behind it
 * are passed over. */
bool request_has_type(const struct request *r, struct span type);

/* True if the query string has the member name, in any case, exactly once; then
 * its value, percent-decoded, is in value (a buffer's worth: at most size
 * bytes, and *length of them are used).  '+' stands for itself. */
bool request_query(const struct request *r, struct span name, char *value,
		   size_t size, size_t *length);

#endif
