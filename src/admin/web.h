/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * web: one HTTP exchange as the service would have it, by libcurl: no redirect
 * followed, no proxy, the chain of the certificate and its name checked.
 */
#ifndef CERTGATE_ADMIN_WEB_H
#define CERTGATE_ADMIN_WEB_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"

enum {
	WEB_TIMEOUT_S = 15, /* for the whole exchange */
	WEB_ANSWER_MAX = 65536 /* bytes of headers, and of a body */
};

/* How far it came. */
enum web_result {
	WEB_BROKEN = 0, /* connected, but no answer of HTTP */
	WEB_NO_NAME, /* the host's name is unknown */
	WEB_NO_CONNECTION,
	WEB_NO_TLS, /* or the certificate is not to be believed */
	WEB_SLOW,
	WEB_ANSWERED
};

struct web_request {
	const char *method, *url;
	const char *authorities; /* a PEM file; NULL: the system's */
	struct span headers; /* lines, each ended by a newline */
	struct span body; /* absent: none */
	bool chunked;
	size_t answer_max; /* bytes of the body; 0: WEB_ANSWER_MAX */
};

struct web_answer {
	enum web_result result;
	char problem[256]; /* if it came to no answer; harmless text */
	int status;
	struct buffer headers; /* lines as they came */
	struct buffer body;
	int64_t certificate_end; /* UTC seconds; 0: not known */
	double seconds;
};

/* The host in the URL is an address of loopback as such, or localhost: a name
 * that looks like one may lead anywhere. */
bool web_is_loopback(const char *url);

/* Return a copy of url without user, password and query, any of which may be a
 * secret; NULL: no memory.  Gives: free(). */
char *web_public_url(const char *url);

/* Fill answer; web_free in any case. */
void web_exchange(const struct web_request *request, struct web_answer *answer);
void web_free(struct web_answer *answer);

/* The value of the n-th header of that name; absent if there is none. */
struct span web_header(const struct web_answer *answer, const char *name,
		       unsigned n);

#endif
