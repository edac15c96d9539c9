/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "emulator/trace.h"
#include "emulator/upstream.h"
#include "emulator/url_template.h"

enum {
	ANSWER_MAX = 16 << 20, /* bytes that the service reads of a body */
	CHUNK = 64 << 10, /* bytes */
	PEERS_MAX = 64, /* connections to one handler */
};

static const guint pauses_s[] = { 1, 3, 5 };

struct call {
	SoupSession *session;
	SoupMessage *message; /* of this attempt */
	SoupMessageHeaders *headers;
	char *method, *url, *content_type, *label;
	GBytes *body;
	GByteArray *received;
	GCancellable *late;
	guint deadline, pause; /* sources; 0: none */
	guint attempt; /* counted from 0 */
	gint64 began; /* monotonic microseconds */
	upstream_done done;
	gpointer data;
};

static void attempt(struct call *call);

SoupSession *
upstream_session(const struct settings *settings, GError **error)
{
	g_autoptr(SoupSession) session = soup_session_new_with_options(
		"max-conns", 4 * PEERS_MAX, "max-conns-per-host", PEERS_MAX,
		"timeout", 0, "proxy-resolver", NULL, NULL);

	/* What the handler says is taken as it is. */
	soup_session_remove_feature_by_type(session, SOUP_TYPE_AUTH_MANAGER);
	soup_session_remove_feature_by_type(session, SOUP_TYPE_CONTENT_DECODER);
	if (settings->ca != NULL) {
		g_autoptr(GTlsDatabase) database =
			g_tls_file_database_new(settings->ca, error);
		if (database == NULL)
			return NULL;
		soup_session_set_tls_database(session, database);
	}
	g_object_set_data(G_OBJECT(session), "insecure",
			  GINT_TO_POINTER(settings->insecure));
	return g_steal_pointer(&session);
}

static void
finish(struct call *call, guint status)
{
	struct upstream_answer answer = {
		.status = status,
		.headers = status == 0 ? NULL
				       : soup_message_get_response_headers(
						 call->message),
		.body = g_bytes_new(call->received->data, call->received->len),
	};

	g_clear_handle_id(&call->deadline, g_source_remove);
	g_clear_handle_id(&call->pause, g_source_remove);
	call->done(&answer, call->data);
	g_bytes_unref(answer.body);
	g_clear_object(&call->message);
	g_object_unref(call->session);
	g_object_unref(call->late);
	g_byte_array_unref(call->received);
	g_clear_pointer(&call->body, g_bytes_unref);
	g_free(call->method);
	g_free(call->url);
	g_free(call->content_type);
	g_free(call->label);
	g_free(call);
}

static int
on_pause_over(gpointer data)
{
	struct call *call = data;

	call->pause = 0;
	attempt(call);
	return G_SOURCE_REMOVE;
}

static int
on_deadline(gpointer data)
{
	struct call *call = data;

	call->deadline = 0;
	g_cancellable_cancel(call->late);
	if (call->pause != 0)
		finish(call, 0);
	return G_SOURCE_REMOVE;
}

static bool
is_worth_another(const struct call *call, guint status)
{
	return call->attempt < G_N_ELEMENTS(pauses_s) &&
	       !g_cancellable_is_cancelled(call->late) &&
	       (status == 0 || status == SOUP_STATUS_REQUEST_TIMEOUT ||
		status >= SOUP_STATUS_INTERNAL_SERVER_ERROR);
}

static void
attempt_over(struct call *call, guint status, const char *why)
{
	bool again = is_worth_another(call, status);
	bool good = SOUP_STATUS_IS_SUCCESSFUL(status);

	trace_line(good ? TRACE_INFORMATION : TRACE_WARNING,
		   good		 ? "HttpHandlerResponse"
		   : status != 0 ? "HttpHandlerUnexpectedResponse"
				 : "HttpHandlerRequestFailed",
		   "%s status=%u ms=%" G_GINT64_FORMAT "%s%s%s", call->label,
		   status, (g_get_monotonic_time() - call->began) / 1000,
		   again ? " retry" : "", why == NULL ? "" : ": ",
		   why == NULL ? "" : why);
	if (again)
		call->pause = g_timeout_add_seconds(pauses_s[call->attempt++],
						    on_pause_over, call);
	else
		finish(call, status);
}

static void
on_read(GObject *source, GAsyncResult *result, gpointer data)
{
	GInputStream *stream = G_INPUT_STREAM(source);
	struct call *call = data;
	g_autoptr(GError) error = NULL;
	g_autoptr(GBytes) bytes =
		g_input_stream_read_bytes_finish(stream, result, &error);

	if (bytes == NULL) {
		attempt_over(call, 0,
			     g_cancellable_is_cancelled(call->late)
				     ? "time limit"
				     : error->message);
	} else if (g_bytes_get_size(bytes) == 0) {
		attempt_over(call, soup_message_get_status(call->message),
			     NULL);
	} else if (call->received->len + g_bytes_get_size(bytes) > ANSWER_MAX) {
		attempt_over(call, 0, "the body is too long");
	} else {
		g_byte_array_append(call->received,
				    g_bytes_get_data(bytes, NULL),
				    (guint)g_bytes_get_size(bytes));
		g_input_stream_read_bytes_async(stream, CHUNK,
						G_PRIORITY_DEFAULT, call->late,
						on_read, call);
		return;
	}
	g_object_unref(stream);
}

static void
on_head(GObject *source, GAsyncResult *result, gpointer data)
{
	struct call *call = data;
	g_autoptr(GError) error = NULL;
	GInputStream *stream =
		soup_session_send_finish(SOUP_SESSION(source), result, &error);

	if (stream == NULL)
		attempt_over(call, 0,
			     g_cancellable_is_cancelled(call->late)
				     ? "time limit"
				     : error->message);
	else
		g_input_stream_read_bytes_async(stream, CHUNK,
						G_PRIORITY_DEFAULT, call->late,
						on_read, call);
}

static gboolean
on_certificate(SoupMessage *message, GTlsCertificate *certificate,
	       GTlsCertificateFlags faults, gpointer session)
{
	(void)message;
	(void)certificate;
	(void)faults;
	return g_object_get_data(session, "insecure") != NULL;
}

static void
attempt(struct call *call)
{
	g_autofree char *shown = url_template_shown(call->url);
	SoupMessageHeadersIter iterator;
	const char *name, *value;

	g_set_object(&call->message, NULL);
	g_byte_array_set_size(call->received, 0);
	call->message = soup_message_new(call->method, call->url);
	call->began = g_get_monotonic_time();
	trace_line(TRACE_INFORMATION, "HttpHandlerRequest",
		   "%s %s %s attempt=%u", call->label, call->method, shown,
		   call->attempt + 1);
	soup_message_set_flags(call->message, SOUP_MESSAGE_NO_REDIRECT);
	g_signal_connect(call->message, "accept-certificate",
			 G_CALLBACK(on_certificate), call->session);
	soup_message_headers_iter_init(&iterator, call->headers);
	while (soup_message_headers_iter_next(&iterator, &name, &value))
		soup_message_headers_append(
			soup_message_get_request_headers(call->message), name,
			value);
	if (call->body != NULL)
		soup_message_set_request_body_from_bytes(
			call->message, call->content_type, call->body);
	soup_session_send_async(call->session, call->message,
				G_PRIORITY_DEFAULT, call->late, on_head, call);
}

void
upstream_send(SoupSession *session, const struct upstream_request *request,
	      upstream_done done, gpointer data)
{
	struct call *call = g_new0(struct call, 1);

	call->session = g_object_ref(session);
	call->headers = request->headers;
	call->method = g_strdup(request->method);
	call->url = g_strdup(request->url);
	call->content_type = g_strdup(request->content_type);
	call->label = g_strdup(request->label);
	call->body = request->body == NULL ? NULL : g_bytes_ref(request->body);
	call->received = g_byte_array_new();
	call->late = g_cancellable_new();
	call->deadline =
		g_timeout_add_seconds(request->limit_s, on_deadline, call);
	call->done = done;
	call->data = data;
	attempt(call);
}
