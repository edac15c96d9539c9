/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin/print.h"
#include "admin/service.h"
#include "admin/web.h"
#include "base/hex.h"
#include "policy/form.h"
#include "protocol/digest.h"

enum { CLAIMS_MAX = 16384 /* bytes */ };

/* RFC 4648 5, without padding. */
static void
add_base64url(struct buffer *out, struct span bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	const uint8_t *in = (const uint8_t *)bytes.ptr;

	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
		uint32_t word = (uint32_t)in[i] << 16;
		word |= n > 1 ? (uint32_t)in[i + 1] << 8 : 0;
		word |= n > 2 ? in[i + 2] : 0;
		for (size_t k = 0; k <= n; k++)
			buffer_add_byte(out, digits[word >> (18 - 6 * k) & 63]);
	}
}

static void
add_claims(struct buffer *out, struct span audience, int64_t now)
{
	struct buffer claims;

	buffer_init(&claims, CLAIMS_MAX);
	buffer_add(&claims, SPAN("{\"aud\":\""));
	buffer_add(&claims, audience);
	buffer_add(&claims, SPAN("\",\"iat\":"));
	buffer_add_number(&claims, (uint64_t)now);
	buffer_add(&claims, SPAN(",\"exp\":"));
	buffer_add_number(&claims, (uint64_t)now + BEARER_SECONDS);
	buffer_add_byte(&claims, '}');
	add_base64url(out, buffer_span(&claims));
	out->failed |= claims.failed;
	buffer_free(&claims);
}

bool
bearer_make(struct signature_key *key, struct span audience, int64_t now,
	    struct buffer *out)
{
	size_t begin = out->len;
	char signature[SIGNATURE_TOKEN_SIZE];
	uint8_t digest[DIGEST_SHA256_SIZE];

	add_base64url(out, SPAN("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"));
	buffer_add_byte(out, '.');
	add_claims(out, audience, now);
	if (out->failed ||
	    !signature_make(key, span_after(buffer_span(out), begin),
			    signature) ||
	    !hex_decode(span_after(span_of(signature), sizeof("sha256=") - 1),
			digest, sizeof(digest)))
		return false;
	buffer_add_byte(out, '.');
	add_base64url(out,
		      (struct span){ (const char *)digest, sizeof(digest) });
	return !out->failed;
}

enum {
	URL_MAX = 8192, /* bytes */
	HEADERS_MAX = 32768, /* bytes */
	OK_BEGIN = 200,
	OK_END = 299,
	UNAUTHORIZED = 401
};

#define API_VERSION SPAN("?api-version=2024-01-01")

static const struct {
	const char *method;
	struct span before, after; /* the id, in the path */
} calls[] = {
	[SERVICE_USER] = { "POST", SPAN_TEXT("/users/"),
			   SPAN_TEXT("/:closeConnections") },
	[SERVICE_CONNECTION] = { "DELETE", SPAN_TEXT("/connections/"),
				 SPAN_TEXT("") },
};

bool
service_is_endpoint(struct span url)
{
	struct span scheme = SPAN("https://"), host;
	uint64_t port;

	if (!span_starts(url, scheme))
		return false;
	url = span_after(url, scheme.len);
	if (url.len > 0 && url.ptr[url.len - 1] == '/')
		url.len--;
	const char *colon = memrchr(url.ptr, ':', url.len);
	if (colon == NULL)
		return form_is_host(url);
	host = (struct span){ url.ptr, (size_t)(colon - url.ptr) };
	return form_is_host(host) &&
	       span_number(span_after(url, host.len + 1), 1, 65535, &port);
}

bool
service_is_name(struct span id)
{
	struct span part;
	bool ok = id.len > 0 && span_is_text(id);

	while (ok && span_next(&id, "/\\", &part))
		ok = !span_equal(part, SPAN(".")) &&
		     !span_equal(part, SPAN(".."));
	return ok;
}

/* Without the query, as it is the audience of the token. */
static void
add_url(struct buffer *url, const struct service *service,
	const struct service_target *target)
{
	buffer_add(url, span_of(service->url));
	buffer_add(url, SPAN("/api/hubs/"));
	web_escape(url, target->hub);
	buffer_add(url, calls[target->kind].before);
	web_escape(url, target->id);
	buffer_add(url, calls[target->kind].after);
}

void
service_show(const struct service *service, const struct service_target *target)
{
	struct buffer url;

	buffer_init(&url, URL_MAX);
	add_url(&url, service, target);
	buffer_add(&url, API_VERSION);
	print("%s ", calls[target->kind].method);
	print_text(buffer_span(&url));
	print("\nAuthorization: Bearer ***\n");
	buffer_free(&url);
}

/* The status; 0, and why in service->silent, without an answer. */
static int
ask(struct service *service, const struct service_target *target,
    struct signature_key *key)
{
	struct buffer url, headers;
	struct web_answer answer = { 0 };
	bool asked = false;

	buffer_init(&url, URL_MAX);
	buffer_init(&headers, HEADERS_MAX);
	add_url(&url, service, target);
	buffer_add(&headers, SPAN("Authorization: Bearer "));
	bool ok = bearer_make(key, buffer_span(&url), (int64_t)time(NULL),
			      &headers);
	buffer_add_byte(&headers, '\n');
	buffer_add(&url, API_VERSION);
	buffer_add_byte(&url, '\0');
	if (ok && !url.failed && !headers.failed) {
		struct web_request request = {
			.method = calls[target->kind].method,
			.url = url.data,
			.authorities = service->authorities,
			.headers = buffer_span(&headers),
			.body = SPAN(""), /* its length has to be there */
		};
		web_exchange(&request, &answer);
		asked = answer.result == WEB_ANSWERED;
	}
	if (!asked)
		(void)snprintf(service->silent, sizeof(service->silent), "%s",
			       answer.problem[0] == '\0' ? "no answer"
							 : answer.problem);
	int status = asked ? answer.status : 0;
	web_free(&answer);
	buffer_free(&url);
	buffer_wipe(&headers);
	return status;
}

bool
service_close(struct service *service, const struct settings *settings,
	      const struct service_target *target,
	      char problem[SERVICE_PROBLEM])
{
	int status = UNAUTHORIZED;

	for (size_t i = 0; i < settings->n_keys && status == UNAUTHORIZED;
	     i++) {
		size_t key = (service->key + i) % settings->n_keys;
		status = ask(service, target, settings->keys[key]);
		if (status != UNAUTHORIZED) {
			service->key = key;
			break;
		}
	}
	if (status >= OK_BEGIN && status <= OK_END)
		return true;
	if (status == 0)
		memcpy(problem, service->silent, SERVICE_PROBLEM);
	else if (status == UNAUTHORIZED)
		(void)snprintf(problem, SERVICE_PROBLEM,
			       "401: it takes none of the access keys");
	else
		(void)snprintf(problem, SERVICE_PROBLEM, "it answers %d",
			       status);
	return false;
}
