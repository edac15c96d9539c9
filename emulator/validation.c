/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "emulator/trace.h"
#include "emulator/upstream.h"
#include "emulator/validation.h"

enum {
	LIMIT_S = 10,
	REFRESH_S = 60,
};

struct validations {
	SoupSession *session;
	const char *host;
	SoupMessageHeaders *headers; /* of every request */
	GHashTable *of_url;
};

struct question {
	validation_done done;
	gpointer data;
};

struct validation {
	struct validations *all;
	char *url;
	bool known, allowed;
	guint backoff_s; /* 0: not refused */
	guint timer;
	GArray *waiting; /* of struct question */
};

static void
free_validation(gpointer data)
{
	struct validation *validation = data;

	g_clear_handle_id(&validation->timer, g_source_remove);
	g_array_unref(validation->waiting);
	g_free(validation->url);
	g_free(validation);
}

struct validations *
validations_new(SoupSession *session, const char *host)
{
	struct validations *all = g_new0(struct validations, 1);

	all->session = g_object_ref(session);
	all->host = host;
	all->headers = soup_message_headers_new(SOUP_MESSAGE_HEADERS_REQUEST);
	soup_message_headers_append(all->headers, "WebHook-Request-Origin",
				    host);
	soup_message_headers_append(all->headers, "ce-awpsversion", "1.0");
	all->of_url = g_hash_table_new_full(g_str_hash, g_str_equal, NULL,
					    free_validation);
	return all;
}

void
validations_free(struct validations *all)
{
	g_hash_table_unref(all->of_url);
	soup_message_headers_unref(all->headers);
	g_object_unref(all->session);
	g_free(all);
}

bool
validation_permits(SoupMessageHeaders *headers, const char *host)
{
	SoupMessageHeadersIter iterator;
	const char *name, *value;

	soup_message_headers_iter_init(&iterator, headers);
	while (soup_message_headers_iter_next(&iterator, &name, &value)) {
		if (g_ascii_strcasecmp(name, "WebHook-Allowed-Origin") == 0 &&
		    (g_strcmp0(value, "*") == 0 ||
		     g_ascii_strcasecmp(value, host) == 0))
			return true;
	}
	return false;
}

static void ask(struct validation *validation, const char *method,
		upstream_done done);
static void on_options(const struct upstream_answer *answer, gpointer data);

static int
on_time(gpointer data)
{
	struct validation *validation = data;

	validation->timer = 0;
	ask(validation, "OPTIONS", on_options);
	return G_SOURCE_REMOVE;
}

static void
judge(struct validation *validation, const struct upstream_answer *answer)
{
	const char *fault = NULL;

	if (answer->status == 0)
		fault = "AbuseProtectionResponseFailed";
	else if (!SOUP_STATUS_IS_SUCCESSFUL(answer->status))
		fault = "AbuseProtectionResponseInvalidStatusCode";
	else if (!validation_permits(answer->headers, validation->all->host))
		fault = "AbuseProtectionResponseMissingAllowedOrigin";

	validation->known = true;
	validation->allowed = fault == NULL;
	if (fault == NULL)
		validation->backoff_s = 0;
	else
		validation->backoff_s =
			CLAMP(validation->backoff_s * 2, 1, REFRESH_S);
	validation->timer = g_timeout_add_seconds(
		fault == NULL ? REFRESH_S : validation->backoff_s, on_time,
		validation);
	trace_line(fault == NULL ? TRACE_INFORMATION : TRACE_ERROR,
		   fault == NULL ? "AbuseProtectionPassed" : fault,
		   "status=%u origin=%s", answer->status,
		   validation->all->host);
}

static void
conclude(struct validation *validation, const struct upstream_answer *answer)
{
	judge(validation, answer);

	GArray *waiting = validation->waiting;
	validation->waiting =
		g_array_new(FALSE, FALSE, sizeof(struct question));
	for (guint i = 0; i < waiting->len; i++) {
		struct question *question =
			&g_array_index(waiting, struct question, i);
		question->done(validation->allowed, question->data);
	}
	g_array_unref(waiting);
}

static void
on_get(const struct upstream_answer *answer, gpointer data)
{
	conclude(data, answer);
}

static void
on_options(const struct upstream_answer *answer, gpointer data)
{
	if (answer->status == SOUP_STATUS_NOT_FOUND)
		ask(data, "GET", on_get);
	else
		conclude(data, answer);
}

static void
ask(struct validation *validation, const char *method, upstream_done done)
{
	struct upstream_request request = {
		.method = method,
		.url = validation->url,
		.headers = validation->all->headers,
		.limit_s = LIMIT_S,
		.label = "validation",
	};

	upstream_send(validation->all->session, &request, done, validation);
}

void
validation_ask(struct validations *all, const char *url, validation_done done,
	       gpointer data)
{
	struct validation *validation = g_hash_table_lookup(all->of_url, url);
	struct question question = { done, data };

	if (validation != NULL && validation->known) {
		done(validation->allowed, data);
		return;
	}
	if (validation == NULL) {
		validation = g_new0(struct validation, 1);
		validation->all = all;
		validation->url = g_strdup(url);
		validation->waiting =
			g_array_new(FALSE, FALSE, sizeof(question));
		g_hash_table_insert(all->of_url, validation->url, validation);
		ask(validation, "OPTIONS", on_options);
	}
	g_array_append_val(validation->waiting, question);
}
