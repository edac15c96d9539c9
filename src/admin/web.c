/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <curl/curl.h>

#include "admin/web.h"
#include "host/library.h"

#define FUNCTIONS(X)                                                           \
	X(easy_cleanup)                                                        \
	X(easy_getinfo)                                                        \
	X(easy_init)                                                           \
	X(easy_perform)                                                        \
	X(easy_setopt)                                                         \
	X(easy_strerror)                                                       \
	X(free)                                                                \
	X(getdate)                                                             \
	X(slist_append)                                                        \
	X(slist_free_all)                                                      \
	X(url)                                                                 \
	X(url_cleanup)                                                         \
	X(url_get)                                                             \
	X(url_set)

/* Each as curl_ and its name. */
static struct {
#define FIELD(name) __typeof__(curl_##name) *name;
	FUNCTIONS(FIELD)
} curl;

static bool
load(struct error *e)
{
#define ROW(name) { "curl_" #name, &curl.name },
	static const struct library_function functions[] = { FUNCTIONS(ROW) };

	return library_load("libcurl.so.4", functions,
			    sizeof(functions) / sizeof(functions[0]), e);
}

bool
web_is_loopback(const char *url)
{
	enum { IN_127 = 0xff000000, NET_127 = 0x7f000000 };
	struct in_addr address;
	struct error e = { 0 };
	char *host = NULL;

	if (!load(&e))
		return false;
	CURLU *parts = curl.url();
	bool is = parts != NULL &&
		  curl.url_set(parts, CURLUPART_URL, url, 0) == CURLUE_OK &&
		  curl.url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK;
	is = is && (strcasecmp(host, "localhost") == 0 ||
		    strcmp(host, "[::1]") == 0 ||
		    (inet_pton(AF_INET, host, &address) == 1 &&
		     (ntohl(address.s_addr) & IN_127) == NET_127));
	curl.free(host);
	curl.url_cleanup(parts);
	return is;
}

char *
web_public_url(const char *url)
{
	const char *host = strstr(url, "://");
	host = host == NULL ? url : host + 3;
	const char *at = memchr(host, '@', strcspn(host, "/?#"));
	const char *from = at == NULL ? host : at + 1;
	char *shown;

	return asprintf(&shown, "%.*s%.*s", (int)(host - url), url,
			(int)strcspn(from, "?#"), from) < 0
		       ? NULL
		       : shown;
}

/* A longer answer ends the exchange. */
static size_t
take_bytes(char *bytes, size_t one, size_t n, void *context)
{
	struct buffer *to = context;

	(void)one;
	buffer_add(to, (struct span){ bytes, n });
	return to->failed ? 0 : n;
}

static size_t
give_bytes(char *to, size_t one, size_t n, void *context)
{
	struct span *rest = context;

	n *= one;
	if (n > rest->len)
		n = rest->len;
	if (n > 0)
		memcpy(to, rest->ptr, n);
	*rest = span_after(*rest, n);
	return n;
}

static const struct {
	CURLcode code;
	enum web_result result;
} results[] = {
	{ CURLE_OK, WEB_ANSWERED },
	{ CURLE_COULDNT_RESOLVE_HOST, WEB_NO_NAME },
	{ CURLE_COULDNT_CONNECT, WEB_NO_CONNECTION },
	{ CURLE_SSL_CONNECT_ERROR, WEB_NO_TLS },
	{ CURLE_PEER_FAILED_VERIFICATION, WEB_NO_TLS },
	{ CURLE_SSL_CACERT_BADFILE, WEB_NO_TLS },
	{ CURLE_OPERATION_TIMEDOUT, WEB_SLOW },
};

static enum web_result
result_of(CURLcode code)
{
	for (size_t i = 0; i < sizeof(results) / sizeof(results[0]); i++)
		if (results[i].code == code)
			return results[i].result;
	return WEB_BROKEN;
}

/* Header lines as libcurl wants them; NULL if there is no memory. */
static struct curl_slist *
make_headers(const struct web_request *request)
{
	/* Not by libcurl: it would wait for an answer of its own. */
	struct curl_slist *list = curl.slist_append(NULL, "Expect:");
	struct span rest = request->headers, line;

	if (request->chunked && list != NULL)
		list = curl.slist_append(list, "Transfer-Encoding: chunked");
	while (list != NULL && span_next_word(&rest, "\n", &line)) {
		char *text = span_copy(line);
		struct curl_slist *longer =
			text == NULL ? NULL : curl.slist_append(list, text);
		free(text);
		if (longer == NULL)
			curl.slist_free_all(list);
		list = longer;
	}
	return list;
}

/* rest is read from until the exchange ends. */
static void
set_body(CURL *handle, const struct web_request *request, struct span *rest)
{
	if (request->body.ptr == NULL)
		return;
	(void)curl.easy_setopt(handle, CURLOPT_UPLOAD, 1L);
	(void)curl.easy_setopt(handle, CURLOPT_READFUNCTION, give_bytes);
	(void)curl.easy_setopt(handle, CURLOPT_READDATA, rest);
	if (!request->chunked)
		(void)curl.easy_setopt(handle, CURLOPT_INFILESIZE_LARGE,
				       (curl_off_t)request->body.len);
}

static void
set_up(CURL *handle, const struct web_request *request,
       struct web_answer *answer)
{
	(void)curl.easy_setopt(handle, CURLOPT_URL, request->url);
	(void)curl.easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
	(void)curl.easy_setopt(handle, CURLOPT_PROXY, "");
	(void)curl.easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
	(void)curl.easy_setopt(handle, CURLOPT_TIMEOUT, (long)WEB_TIMEOUT_S);
	(void)curl.easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request->method);
	if (strcmp(request->method, "HEAD") == 0)
		(void)curl.easy_setopt(handle, CURLOPT_NOBODY, 1L);
	(void)curl.easy_setopt(handle, CURLOPT_CERTINFO, 1L);
	(void)curl.easy_setopt(handle, CURLOPT_ERRORBUFFER, answer->problem);
	(void)curl.easy_setopt(handle, CURLOPT_WRITEFUNCTION, take_bytes);
	(void)curl.easy_setopt(handle, CURLOPT_WRITEDATA, &answer->body);
	(void)curl.easy_setopt(handle, CURLOPT_HEADERFUNCTION, take_bytes);
	(void)curl.easy_setopt(handle, CURLOPT_HEADERDATA, &answer->headers);
	/* HTTP/2 has no chunks, and an answer that comes before the whole body,
	 * such as a 413, ends there as an error of the stream. */
	(void)curl.easy_setopt(handle, CURLOPT_HTTP_VERSION,
			       (long)CURL_HTTP_VERSION_1_1);
	if (request->authorities != NULL)
		(void)curl.easy_setopt(handle, CURLOPT_CAINFO,
				       request->authorities);
}

static void
take_certificate_end(CURL *handle, struct web_answer *answer)
{
	struct curl_certinfo *info = NULL;
	struct span prefix = SPAN("Expire date:");

	if (curl.easy_getinfo(handle, CURLINFO_CERTINFO, &info) != CURLE_OK ||
	    info == NULL || info->num_of_certs == 0)
		return;
	for (struct curl_slist *line = info->certinfo[0]; line != NULL;
	     line = line->next)
		if (span_starts(span_of(line->data), prefix))
			answer->certificate_end = (int64_t)curl.getdate(
				line->data + prefix.len, NULL);
	if (answer->certificate_end < 0)
		answer->certificate_end = 0;
}

/* Names in a certificate of the other side, for instance, are in the text. */
static void
make_harmless(char *text)
{
	for (; *text != '\0'; text++)
		if (*text < ' ' || *text > '~')
			*text = '?';
}

static void
perform(CURL *handle, struct web_answer *answer)
{
	long status = 0;
	CURLcode code = curl.easy_perform(handle);

	answer->result = result_of(code);
	if (code != CURLE_OK && answer->problem[0] == '\0')
		(void)snprintf(answer->problem, sizeof(answer->problem), "%s",
			       curl.easy_strerror(code));
	if (answer->headers.failed || answer->body.failed)
		(void)snprintf(answer->problem, sizeof(answer->problem),
			       "the answer is longer than %zu bytes",
			       answer->headers.failed ? answer->headers.max
						      : answer->body.max);
	make_harmless(answer->problem);
	(void)curl.easy_getinfo(handle, CURLINFO_RESPONSE_CODE, &status);
	(void)curl.easy_getinfo(handle, CURLINFO_TOTAL_TIME, &answer->seconds);
	answer->status = (int)status;
	take_certificate_end(handle, answer);
}

void
web_exchange(const struct web_request *request, struct web_answer *answer)
{
	struct error e = { 0 };

	*answer = (struct web_answer){ 0 };
	buffer_init(&answer->headers, WEB_ANSWER_MAX);
	buffer_init(&answer->body, request->answer_max > 0 ? request->answer_max
							   : WEB_ANSWER_MAX);
	if (!load(&e)) {
		(void)snprintf(answer->problem, sizeof(answer->problem), "%.*s",
			       (int)sizeof(answer->problem) - 1, e.text);
		return;
	}
	CURL *handle = curl.easy_init();
	struct curl_slist *headers = make_headers(request);
	struct span body = request->body;
	if (handle != NULL && headers != NULL) {
		set_up(handle, request, answer);
		set_body(handle, request, &body);
		(void)curl.easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
		perform(handle, answer);
	} else {
		(void)snprintf(answer->problem, sizeof(answer->problem),
			       "libcurl: out of memory");
	}
	curl.slist_free_all(headers);
	curl.easy_cleanup(handle);
}

void
web_free(struct web_answer *answer)
{
	buffer_free(&answer->headers);
	buffer_free(&answer->body);
}

struct span
web_header(const struct web_answer *answer, const char *name, unsigned n)
{
	struct span rest = buffer_span(&answer->headers), line, found;

	while (span_next_word(&rest, "\r\n", &line)) {
		struct span value = line;
		span_next(&value, ":", &found);
		if (value.ptr != NULL &&
		    span_equal_nocase(found, span_of(name)) && n-- == 0)
			return span_trim(value);
	}
	return (struct span){ 0 };
}
