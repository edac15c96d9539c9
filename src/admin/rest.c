/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin/print.h"
#include "admin/rest.h"
#include "admin/web.h"
#include "base/buffer.h"
#include "base/hex.h"
#include "protocol/digest.h"
#include "protocol/signature.h"

enum {
	TOKEN_S = 300, /* validity of a token */
	TEXT_MAX = 32768 /* bytes of a URL, of claims, of headers */
};

/* Add the claims. audience: the URL without the query; it needs no escapes in
 * JSON. */
static void
add_claims(struct buffer *out, struct span audience)
{
	struct buffer claims;
	uint64_t now = (uint64_t)time(NULL);

	buffer_init(&claims, TEXT_MAX);
	buffer_add(&claims, SPAN("{\"aud\":\""));
	buffer_add(&claims, audience);
	buffer_add(&claims, SPAN("\",\"iat\":"));
	buffer_add_number(&claims, now);
	buffer_add(&claims, SPAN(",\"exp\":"));
	buffer_add_number(&claims, now + TOKEN_S);
	buffer_add_byte(&claims, '}');
	buffer_add_base64(out, buffer_span(&claims), true);
	out->failed |= claims.failed;
	buffer_free(&claims);
}

static bool
add_token(struct buffer *out, struct signature_key *key, struct span audience)
{
	size_t begin = out->len;
	char signature[SIGNATURE_TOKEN_SIZE];
	uint8_t digest[DIGEST_SHA256_SIZE];

	buffer_add_base64(out, SPAN("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"),
			  true);
	buffer_add_byte(out, '.');
	add_claims(out, audience);
	if (out->failed ||
	    !signature_make(key, span_after(buffer_span(out), begin),
			    signature) ||
	    !hex_decode(span_after(span_of(signature), sizeof("sha256=") - 1),
			digest, sizeof(digest)))
		return false;
	buffer_add_byte(out, '.');
	buffer_add_base64(out,
			  (struct span){ (const char *)digest, sizeof(digest) },
			  true);
	return !out->failed;
}

/* Make the URL; *audience is the length without the query. */
static void
make_url(struct buffer *url, const struct rest_call *call, size_t *audience)
{
	buffer_init(url, TEXT_MAX);
	buffer_add(url, span_of(call->host));
	buffer_add(url, SPAN("/api/hubs/"));
	buffer_add_percent(url, span_of(call->hub));
	buffer_add(url, call->before);
	buffer_add_percent(url, call->id);
	buffer_add(url, call->after);
	*audience = url->len;
	buffer_add(url, SPAN("?api-version=2024-01-01"));
	buffer_add_byte(url, '\0');
}

void
rest_show(const struct rest_call *call)
{
	struct buffer url;
	size_t audience;

	make_url(&url, call, &audience);
	if (!url.failed)
		print("%s %s\nAuthorization: Bearer ***\n", call->method,
		      url.data);
	buffer_free(&url);
}

/* Send a call; web_free(answer) in any case. key: NULL if a token was given. */
static void
send_call(const struct rest *rest, const struct rest_call *call,
	  struct signature_key *key, struct web_answer *answer)
{
	struct buffer url, headers;
	size_t audience;

	*answer = (struct web_answer){ .problem = "out of memory" };
	make_url(&url, call, &audience);
	buffer_init(&headers, TEXT_MAX);
	buffer_add(&headers, SPAN("Authorization: Bearer "));
	buffer_add(&headers, rest->token);
	if (!url.failed &&
	    (key == NULL ||
	     add_token(&headers, key, (struct span){ url.data, audience }))) {
		buffer_add_byte(&headers, '\n');
		struct web_request request = {
			.method = call->method,
			.url = url.data,
			.authorities = rest->authorities,
			.headers = buffer_span(&headers),
		};
		if (strcmp(call->method, "HEAD") != 0)
			request.body = SPAN(""); /* for Content-Length: 0 */
		web_exchange(&request, answer);
	}
	buffer_free(&url);
	buffer_wipe(&headers);
}

int
rest_send(struct rest *rest, const struct rest_call *call,
	  char problem[REST_PROBLEM_SIZE])
{
	const struct settings *s = rest->settings;
	struct web_answer answer = { 0 };
	int status = 401;

	if (!span_empty(rest->token)) {
		send_call(rest, call, NULL, &answer);
		status = answer.status;
	}
	for (size_t i = 0;
	     span_empty(rest->token) && i < s->keys.n && status == 401; i++) {
		rest->key = (rest->key + (i > 0)) % s->keys.n;
		web_free(&answer);
		send_call(rest, call, s->keys.key[rest->key], &answer);
		status = answer.status;
	}
	if (answer.result != WEB_ANSWERED)
		status = 0;
	if (status == 0)
		(void)snprintf(problem, REST_PROBLEM_SIZE, "%s",
			       answer.problem);
	else if (status == 401 || status == 403)
		(void)snprintf(problem, REST_PROBLEM_SIZE,
			       "%d: it does not accept %s", status,
			       span_empty(rest->token) ? "the access keys"
						       : "the token");
	else
		(void)snprintf(problem, REST_PROBLEM_SIZE, "it answers %d",
			       status);
	web_free(&answer);
	return status;
}
