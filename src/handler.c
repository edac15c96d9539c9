/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "base/hex.h"
#include "handler.h"
#include "policy/value.h"
#include "policy/sender.h"
#include "protocol/digest.h"
#include "protocol/event.h"

/* What to do with a request whose sender was checked. */
enum task {
	TASK_AGREE, /* to deliveries: the answer to a validation */
	TASK_DECIDE,
	TASK_NOTE /* nothing to be decided; whatever the body */
};

/* The first that fits.  A type that ends in '.' fits what begins with it and
 * goes on.  Types are compared exactly: connect must be nothing else. */
static const struct route {
	struct span method;
	struct span type; /* ce-type; absent: not looked at */
	struct span name; /* in the log */
	uint64_t body_max; /* bytes */
	enum task task;
} routes[] = {
	{ SPAN_TEXT("OPTIONS"),
	  { 0 },
	  SPAN_TEXT("validate"),
	  REQUEST_DRAIN_MAX,
	  TASK_AGREE },
	{ SPAN_TEXT("GET"),
	  { 0 },
	  SPAN_TEXT("validate"),
	  REQUEST_DRAIN_MAX,
	  TASK_AGREE },
	{ SPAN_TEXT("POST"), SPAN_TEXT("azure.webpubsub.sys.connect"),
	  SPAN_TEXT("connect"), REQUEST_BODY_MAX, TASK_DECIDE },
	{ SPAN_TEXT("POST"), SPAN_TEXT("azure.webpubsub.sys.connected"),
	  SPAN_TEXT("connected"), REQUEST_BODY_MAX, TASK_NOTE },
	{ SPAN_TEXT("POST"), SPAN_TEXT("azure.webpubsub.sys.disconnected"),
	  SPAN_TEXT("disconnected"), REQUEST_BODY_MAX, TASK_NOTE },
	{ SPAN_TEXT("POST"), SPAN_TEXT("azure.webpubsub.gp."),
	  SPAN_TEXT("group"), REQUEST_BODY_MAX, TASK_NOTE },
	{ SPAN_TEXT("POST"), SPAN_TEXT("azure.webpubsub.user."),
	  SPAN_TEXT("user"), REQUEST_DRAIN_MAX, TASK_NOTE },
};

enum { ROUTES = sizeof(routes) / sizeof(routes[0]) };

void
answer_init(struct answer *answer)
{
	*answer = (struct answer){ 0 };
	response_init(&answer->response);
	decision_init(&answer->decision);
}

void
answer_free(struct answer *answer)
{
	response_free(&answer->response);
	decision_free(&answer->decision);
}

static bool
type_fits(struct span wanted, struct span type)
{
	if (wanted.ptr == NULL)
		return true;
	if (wanted.ptr[wanted.len - 1] == '.')
		return type.len > wanted.len && span_starts(type, wanted);
	return span_equal(type, wanted);
}

/* The service asks by GET where OPTIONS is answered with 404. */
static bool
is_foreign_get(const struct request *request)
{
	return span_equal(request->method, SPAN("GET")) &&
	       (request->origins.n == 0 || request->type.ptr != NULL);
}

/* NULL, and the reason, if there is no route. */
static const struct route *
find_route(const struct request *request, enum reason *reason)
{
	*reason = REASON_METHOD;
	if (is_foreign_get(request))
		return NULL;
	for (size_t i = 0; i < ROUTES; i++) {
		if (!span_equal(routes[i].method, request->method))
			continue;
		*reason = REASON_UNKNOWN_EVENT;
		if (type_fits(routes[i].type, request->type))
			return &routes[i];
	}
	return NULL;
}

/* What every event has; a validation has none of it. */
static bool
has_headers(const struct request *request)
{
	return !span_empty(request->connection) && value_is_hub(request->hub) &&
	       (request->spec_version.ptr == NULL ||
		span_equal(request->spec_version, SPAN("1.0")));
}

static void
refuse(struct answer *answer, enum reason reason)
{
	answer->decision.verdict = VERDICT_DENY;
	answer->decision.reason = reason;
}

static void
accept(struct answer *answer, int status, enum reason reason)
{
	answer->response.status = status;
	answer->decision.reason = reason;
	answer->decision.verdict = VERDICT_ALLOW;
}

/* The support code: the same for a retry, and no hint of the reason. */
static void
set_code(struct answer *answer)
{
	uint8_t digest[DIGEST_SHA256_SIZE];

	if (span_empty(answer->connection) ||
	    !digest_sha256(answer->connection, digest))
		return;
	hex_encode(digest, HANDLER_CODE_DIGITS / 2, answer->code);
	answer->code[HANDLER_CODE_DIGITS] = '\0';
}

static void
support_text(const struct answer *answer, struct buffer *text)
{
	buffer_add(text, SPAN("Refused. Support code "));
	buffer_add(text, span_of(answer->code));
}

/* An MQTT client gets its refusal in the terms of its protocol, with 401 as
 * the service's own libraries pair them. */
static void
refuse_mqtt(const struct event *event, struct answer *answer)
{
	enum { TEXT_MAX = 64 };
	struct buffer text;

	set_code(answer);
	buffer_init(&text, TEXT_MAX);
	support_text(answer, &text);
	answer->response.status = 401;
	answer->mqtt =
		!text.failed && response_set_mqtt_refusal(&answer->response,
							  event->mqtt_version,
							  buffer_span(&text));
	buffer_free(&text);
}

static void
admit(struct answer *answer)
{
	answer->response.status = answer->decision.grants ? 200 : 204;
	if (answer->decision.grants &&
	    !response_set_grant(&answer->response, &answer->decision.grant))
		refuse(answer, REASON_INTERNAL);
	if (!span_empty(answer->decision.grant.user))
		answer->user = answer->decision.grant.user;
}

static void
answer_connect(const struct gate *gate, const struct request *request,
	       int64_t now, struct answer *answer)
{
	struct span name = request->event_name;
	struct event event = { 0 };

	if (!request_has_type(request, SPAN("application/json"))) {
		refuse(answer, REASON_CONTENT_TYPE);
		return;
	}
	if (name.ptr != NULL && !span_equal_nocase(name, SPAN("connect"))) {
		refuse(answer, REASON_MALFORMED_REQUEST);
		return;
	}
	switch (event_read(&event, request->body.bytes)) {
	case EVENT_READ:
		decide_connect(gate->settings, gate->list, request, &event, now,
			       &answer->decision);
		break;
	case EVENT_DUPLICATE_MEMBER:
		refuse(answer, REASON_DUPLICATE_MEMBER);
		break;
	case EVENT_MALFORMED:
		refuse(answer, REASON_BODY);
		break;
	}
	if (answer->decision.verdict == VERDICT_ALLOW)
		admit(answer);
	if (answer->decision.verdict != VERDICT_ALLOW && event.mqtt)
		refuse_mqtt(&event, answer);
	event_free(&event);
}

/* Of a site that is not there, the gate has none. */
static bool
site_agrees(const struct gate *gate, const struct request *request)
{
	if (request->site.ptr == NULL)
		return !gate->has_sites;
	return !request->site_unclear && gate->site.ptr != NULL &&
	       span_equal(gate->site, request->site);
}

/* All that comes before the event itself; false: the reason is set. */
static bool
check_request(const struct gate *gate, const struct request *request,
	      const struct route *route, struct sender *sender,
	      enum reason *reason)
{
	bool validation = route->task == TASK_AGREE;

	if (!site_agrees(gate, request))
		*reason = REASON_SITE;
	else if (gate->settings == NULL)
		*reason = REASON_SETTINGS;
	else if (request->ambiguous || (!validation && !has_headers(request)))
		*reason = REASON_MALFORMED_REQUEST;
	else if (!sender_check(gate->settings, request, validation, sender,
			       reason))
		return false;
	else if (request->body.length > route->body_max)
		*reason = REASON_TOO_LARGE;
	else if (!request_length_agrees(request))
		*reason = REASON_LENGTH;
	else
		return true;
	return false;
}

static void
finish_refusal(struct answer *answer)
{
	struct response *response = &answer->response;
	enum reason reason = answer->decision.reason;

	response->allowed_origin = (struct span){ 0 };
	if (answer->mqtt)
		return;
	set_code(answer);
	response_clear(response);
	response->status = reason_status(reason);
	response->methods = reason == REASON_METHOD;
	response_set_text(response, SPAN("Refused."));
	if (answer->code[0] == '\0')
		return;
	buffer_clear(&response->body);
	support_text(answer, &response->body);
	buffer_add_byte(&response->body, '\n');
}

/* The answer to a request that was checked. */
static void
answer_route(const struct route *route, const struct gate *gate,
	     const struct request *request, int64_t now, struct answer *answer)
{
	switch (route->task) {
	case TASK_AGREE:
		answer->response.validation = true;
		answer->response.methods = true;
		accept(answer, 200, REASON_VALIDATED);
		break;
	case TASK_DECIDE:
		answer_connect(gate, request, now, answer);
		break;
	case TASK_NOTE:
		accept(answer, 204, REASON_NOTIFIED);
		break;
	}
}

void
handler_answer(const struct gate *gate, const struct request *request,
	       int64_t now, struct answer *answer)
{
	struct sender sender = { 0 };
	enum reason reason;
	const struct route *route = find_route(request, &reason);

	response_clear(&answer->response);
	decision_clear(&answer->decision);
	answer->event = route == NULL ? SPAN("-") : route->name;
	answer->origin = request->origins.line[0];
	answer->hub = request->hub;
	answer->connection = request->connection;
	answer->user = request->user;
	answer->site = request->site;
	answer->time = request->time;
	answer->setting = request->setting;
	answer->code[0] = '\0';
	answer->mqtt = false;
	if (route == NULL ||
	    !check_request(gate, request, route, &sender, &reason)) {
		refuse(answer, reason);
	} else {
		answer->response.allowed_origin = sender.origin;
		answer_route(route, gate, request, now, answer);
	}
	/* The line may name others, too. */
	if (sender.origin.ptr != NULL && !span_equal(sender.origin, SPAN("*")))
		answer->origin = sender.origin;
	answer->verified = sender.verified;
	if (answer->decision.verdict != VERDICT_ALLOW)
		finish_refusal(answer);
}

void
handler_write(const struct answer *answer, const struct request *request,
	      struct buffer *out)
{
	response_write(&answer->response,
		       span_equal(request->method, SPAN("HEAD")), out);
}
