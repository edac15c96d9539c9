/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "admin/event.h"
#include "admin/print.h"
#include "admin/trials.h"
#include "protocol/request.h"

enum {
	/* Of the largest body that the handler takes all but the rest. */
	PADDING = REQUEST_BODY_MAX - 8192,
	SLOW_S = 1 /* a client waits for each answer */
};

void
trials_good(const char *what)
{
	print("ok    %s\n", what);
}

void
trials_fault(struct trials *trials, const char *what, const struct diagnosis *d)
{
	trials->faults++;
	if (strcmp(d->fault, trials->last.fault) == 0) {
		print("FAULT %s: the same\n", what);
		return;
	}
	print("FAULT %s\n      %s\n      to change: %s\n", what, d->fault,
	      d->change);
	trials->last = *d;
}

void
trials_note(const char *text)
{
	print("note  %s\n", text);
}

/* False: what is wrong makes each further trial fail. */
static bool
judge(struct trials *trials, const char *what, enum wanted wanted)
{
	struct diagnosis d;

	wanted_judge(&d, &trials->answer, wanted, trials->origin_text,
		     trials->reached);
	if (!d.good)
		trials_fault(trials, what, &d);
	else if (trials->answer.seconds > SLOW_S)
		print("ok    %s (after %.1f s: every client waits as long)\n",
		      what, trials->answer.seconds);
	else
		trials_good(what);
	trials->reached |= !d.foreign;
	return !d.of_all && (trials->reached || wanted == WANTED_AGREEMENT);
}

static void
exchange(struct trials *trials, struct web_request *request)
{
	request->url = trials->url;
	request->authorities = trials->authorities;
	web_free(&trials->answer);
	web_exchange(request, &trials->answer);
}

bool
trials_validate(struct trials *trials, const char *what, const char *before)
{
	char headers[512];
	struct web_request request = { .method = "OPTIONS" };

	(void)snprintf(headers, sizeof(headers),
		       "WebHook-Request-Origin: %s%s\nce-awpsversion: 1.0\n",
		       before, trials->origin_text);
	request.headers = span_of(headers);
	exchange(trials, &request);
	return judge(trials, what, WANTED_AGREEMENT);
}

/* A connect event, but for what more says. */
static const struct probe {
	const char *what;
	enum wanted wanted;
	bool admitted, none, wrong, chunked; /* certificate, signature, body */
	bool unknown; /* no login */
	unsigned mqtt;
	size_t padding;
} probes[] = {
	{ .what = "a client that is to be let in",
	  .wanted = WANTED_ADMISSION,
	  .admitted = true },
	{ .what = "a client that nobody knows",
	  .wanted = WANTED_CLIENT_REFUSED },
	{ .what = "a client without a certificate",
	  .wanted = WANTED_CLIENT_REFUSED,
	  .none = true },
	{ .what = "a wrong signature",
	  .wanted = WANTED_SENDER_REFUSED,
	  .wrong = true },
	{ .what = "a body in chunks",
	  .wanted = WANTED_CLIENT_REFUSED,
	  .chunked = true },
	{ .what = "a client that speaks MQTT",
	  .wanted = WANTED_MQTT_REFUSED,
	  .mqtt = 5 },
	{ .what = "a body of 1 MiB",
	  .wanted = WANTED_CLIENT_REFUSED,
	  .padding = PADDING },
};

static const struct probe without_login = {
	.what = "an event without a login",
	.wanted = WANTED_LOGIN_REFUSED,
	.unknown = true,
};

/* Why a probe says nothing here; NULL: it does. */
static const char *
reason_to_skip(const struct trials *trials, const struct probe *probe)
{
	const struct settings *s = trials->settings;

	if (probe->admitted && trials->admitted.len == 0)
		return "a client that is to be let in: not tried without "
		       "--admitted FILE";
	if (probe->none && s->missing_allowed)
		return "a client without a certificate: let in, as "
		       "CERTGATE_MISSING_CERTIFICATE says";
	if (probe->wrong && (s->n_keys == 0 || s->signature == SIGNATURE_OFF))
		return "signatures are not checked: anybody can post events; "
		       "set CERTGATE_ACCESS_KEYS";
	return NULL;
}

/* The event of a probe; posting_free in any case. */
static bool
make(struct posting *posting, const struct trials *trials,
     const struct probe *probe, struct error *e)
{
	struct posting_plan plan = {
		.der = buffer_span(probe->admitted ? &trials->admitted
						   : &trials->stranger),
		.hub = trials->plan.hub,
		.origin = trials->plan.origin,
		.mqtt = probe->mqtt,
		.padding = probe->padding,
		.wrong_signature = probe->wrong,
	};

	if (!probe->unknown)
		plan.authorization = trials->authorization;
	if (probe->none)
		plan.der = (struct span){ 0 };
	if (probe->admitted) {
		plan.mqtt = trials->plan.mqtt;
		plan.query = trials->plan.query;
		plan.connection = trials->plan.connection;
	}
	return posting_make(posting, &plan, trials->settings, e);
}

/* False: each further one would end the same. */
static bool
try_probe(struct trials *trials, const struct probe *probe)
{
	bool goes_on = true;
	struct posting posting = { 0 };
	struct error e = { 0 };

	if (make(&posting, trials, probe, &e)) {
		struct web_request request = {
			.method = "POST",
			.headers = buffer_span(&posting.headers),
			.body = buffer_span(&posting.body),
			.chunked = probe->chunked,
		};
		exchange(trials, &request);
		goes_on = judge(trials, probe->what, probe->wanted);
		if (!goes_on)
			trials_note("the other events, which would end the "
				    "same, are not tried");
	} else {
		trials->faults++;
		print_error(&e);
	}
	posting_free(&posting);
	return goes_on;
}

/* Without a key each probe is refused for the same reason. */
static bool
can_sign(struct trials *trials)
{
	static const struct diagnosis none = {
		.fault = "CERTGATE_SIGNATURE is required, and the settings "
			 "that are read here have no key: no event is tried",
		.change = "set CERTGATE_ACCESS_KEYS; for this command alone, "
			  "CERTGATE_ACCESS_KEYS_FILE in its environment will "
			  "do",
	};
	const struct settings *s = trials->settings;

	if (s->n_keys == 0 && s->signature == SIGNATURE_REQUIRED) {
		trials_fault(trials, "access keys", &none);
		return false;
	}
	if (s->n_keys == 0)
		trials_note("no access key is set here: events are posted "
			    "without a signature");
	return true;
}

/* Where a login is asked for, that is tried without one, too. */
static bool
can_log_in(struct trials *trials)
{
	if (trials->settings->remote_user == NULL)
		return true;
	if (!try_probe(trials, &without_login))
		return false;
	if (trials->authorization.ptr != NULL)
		return true;
	trials_note("CERTGATE_REMOTE_USER asks for a login: beyond what stands "
		    "above nothing is tried without --authorization FILE");
	return false;
}

void
trials_post(struct trials *trials)
{
	if (!can_sign(trials) || !can_log_in(trials))
		return;
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		const char *why = reason_to_skip(trials, &probes[i]);
		if (why != NULL)
			trials_note(why);
		else if (!try_probe(trials, &probes[i]))
			return;
	}
}
