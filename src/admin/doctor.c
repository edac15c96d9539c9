/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate doctor: plays the service from outside, and says what is wrong. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin/command.h"
#include "admin/diagnosis.h"
#include "admin/hub.h"
#include "admin/input.h"
#include "admin/posting.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "admin/stranger.h"
#include "admin/web.h"

enum {
	URL_MAX = 8192, /* bytes */
	/* A body of 1 MiB, the most that the handler takes, less the rest. */
	PADDING = 1048576 - 8192,
	SECONDS_PER_DAY = 86400,
	DAYS_LEFT = 14, /* of the web server's certificate */
	SLOW_S = 1 /* a client waits for each answer */
};

struct doctor {
	const struct settings *settings;
	const char *url, *authorities;
	struct span hub, origin;
	char origin_text[256];
	struct buffer stranger, admitted; /* certificates, DER */
	const char *admitted_id; /* of its connection; NULL: a new one */
	unsigned admitted_mqtt; /* version; 0: it does not speak MQTT */
	struct web_answer answer; /* the last one */
	struct diagnosis last; /* fault that was said */
	unsigned faults;
};

static void
report_good(const char *what)
{
	print("ok    %s\n", what);
}

static void
report_fault(struct doctor *doctor, const char *what, const struct diagnosis *d)
{
	doctor->faults++;
	if (strcmp(d->fault, doctor->last.fault) == 0) {
		print("FAULT %s: the same\n", what);
		return;
	}
	print("FAULT %s\n      %s\n      to change: %s\n", what, d->fault,
	      d->change);
	doctor->last = *d;
}

static void
report_note(const char *what)
{
	print("note  %s\n", what);
}

/* False: what is wrong makes each further trial fail. */
static bool
judge(struct doctor *doctor, const char *what, enum wanted wanted)
{
	struct diagnosis d;

	diagnosis_make(&d, &doctor->answer, wanted, doctor->origin_text);
	if (!d.good)
		report_fault(doctor, what, &d);
	else if (doctor->answer.seconds > SLOW_S)
		print("ok    %s (after %.1f s: every client waits as long)\n",
		      what, doctor->answer.seconds);
	else
		report_good(what);
	return !d.of_all;
}

static void
exchange(struct doctor *doctor, struct web_request *request)
{
	request->url = doctor->url;
	request->authorities = doctor->authorities;
	web_free(&doctor->answer);
	web_exchange(request, &doctor->answer);
}

static bool
validate(struct doctor *doctor, const char *what, const char *before)
{
	char headers[512];
	struct web_request request = { .method = "OPTIONS" };

	(void)snprintf(headers, sizeof(headers),
		       "WebHook-Request-Origin: %s%s\nce-awpsversion: 1.0\n",
		       before, doctor->origin_text);
	request.headers = span_of(headers);
	exchange(doctor, &request);
	return judge(doctor, what, WANTED_AGREEMENT);
}

/* A connect event, but for what more says. */
static const struct probe {
	const char *what;
	enum wanted wanted;
	bool admitted, none, wrong, chunked; /* certificate, signature, body */
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

/* Why a probe says nothing here; NULL: it does. */
static const char *
reason_to_skip(const struct doctor *doctor, const struct probe *probe)
{
	const struct settings *s = doctor->settings;

	if (probe->admitted && doctor->admitted.len == 0)
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

static void
try_probe(struct doctor *doctor, const struct probe *probe)
{
	char id[POSTING_ID + 1];
	struct posting posting = { 0 };
	struct error e = { 0 };
	struct posting_plan plan = {
		.der = buffer_span(probe->admitted ? &doctor->admitted
						   : &doctor->stranger),
		.hub = doctor->hub,
		.origin = doctor->origin,
		.mqtt = probe->mqtt,
		.padding = probe->padding,
		.wrong = probe->wrong,
	};

	if (probe->none)
		plan.der = (struct span){ 0 };
	if (!posting_id(id, &e))
		id[0] = '\0';
	plan.connection = span_of(id);
	if (probe->admitted) {
		plan.mqtt = doctor->admitted_mqtt;
		if (doctor->admitted_id != NULL)
			plan.connection = span_of(doctor->admitted_id);
	}
	if (posting_make(&posting, &plan, doctor->settings, &e)) {
		struct web_request request = {
			.method = "POST",
			.headers = buffer_span(&posting.headers),
			.body = buffer_span(&posting.body),
			.chunked = probe->chunked,
		};
		exchange(doctor, &request);
		(void)judge(doctor, probe->what, probe->wanted);
	} else {
		doctor->faults++;
		print_error(&e);
	}
	posting_free(&posting);
}

static bool
is_loopback(const char *url)
{
	const char *host = url + sizeof("http://") - 1;

	return strncmp(host, "127.", 4) == 0 ||
	       strncmp(host, "[::1]", 5) == 0 ||
	       strncmp(host, "localhost", 9) == 0;
}

/* HTTPS, and for how long yet. */
static void
judge_transport(struct doctor *doctor, const char *url)
{
	static const struct diagnosis plain = {
		.fault = "the events go over plain HTTP: whoever is on the "
			 "way can let anybody in",
		.change = "let the web server speak TLS, and register https://",
	};
	struct diagnosis ends = { .change = "renew it, and reload the web "
					    "server" };
	int64_t left = doctor->answer.certificate_end - (int64_t)time(NULL);

	if (strncmp(url, "https://", 8) != 0) {
		if (is_loopback(url))
			report_note(
				"plain HTTP on loopback: register https://");
		else
			report_fault(doctor, "HTTPS", &plain);
		return;
	}
	if (doctor->answer.certificate_end == 0)
		return;
	(void)snprintf(ends.fault, sizeof(ends.fault), "it ends in %lld days",
		       (long long)(left / SECONDS_PER_DAY));
	if (left < DAYS_LEFT * (int64_t)SECONDS_PER_DAY)
		report_fault(doctor, "the web server's certificate", &ends);
	else
		report_good("the web server's certificate");
}

/* Without a key each probe is refused for the same reason. */
static bool
can_sign(struct doctor *doctor)
{
	static const struct diagnosis none = {
		.fault = "CERTGATE_SIGNATURE is required, and the settings "
			 "that are read here have no key: no event is tried",
		.change = "set CERTGATE_ACCESS_KEYS; for this command alone, "
			  "CERTGATE_ACCESS_KEYS_FILE in its environment will "
			  "do",
	};
	const struct settings *s = doctor->settings;

	if (s->n_keys > 0 || s->signature != SIGNATURE_REQUIRED)
		return true;
	report_fault(doctor, "access keys", &none);
	return false;
}

static void
examine(struct doctor *doctor, const char *url)
{
	bool goes_on = validate(doctor, "validation", "");

	if (doctor->answer.result != WEB_ANSWERED)
		return;
	judge_transport(doctor, url);
	if (!goes_on)
		return;
	(void)validate(doctor, "validation, two origins", "certgate.invalid, ");
	if (!can_sign(doctor))
		return;
	for (size_t i = 0; i < sizeof(probes) / sizeof(probes[0]); i++) {
		const char *why = reason_to_skip(doctor, &probes[i]);
		if (why != NULL)
			report_note(why);
		else
			try_probe(doctor, &probes[i]);
	}
}

static bool
is_url(const char *url)
{
	return (strncmp(url, "https://", 8) == 0 ||
		strncmp(url, "http://", 7) == 0) &&
	       span_is_text(span_of(url)) && strpbrk(url, "'\\ ") == NULL;
}

static enum exit_code
treat(struct doctor *doctor, const struct command *command)
{
	const char *url = command->arguments[0];
	const struct settings *settings = doctor->settings;
	struct buffer target;

	buffer_init(&target, URL_MAX);
	posting_url(url, settings, &target);
	buffer_add_byte(&target, '\0');
	if (target.failed) {
		print_problem("the URL is too long");
		return EXIT_MISUSED;
	}
	doctor->url = target.data;
	doctor->authorities = command->option[OPTION_CA];
	doctor->origin = posting_origin(settings);
	doctor->hub = posting_hub(command->option[OPTION_HUB], settings);
	(void)snprintf(doctor->origin_text, sizeof(doctor->origin_text), "%.*s",
		       (int)doctor->origin.len, doctor->origin.ptr);
	examine(doctor, url);
	print("\n%u fault%s\n", doctor->faults, doctor->faults == 1 ? "" : "s");
	hub_print(doctor->hub, url);
	web_free(&doctor->answer);
	buffer_wipe(&target);
	return doctor->faults == 0 ? EXIT_DONE : EXIT_NO;
}

enum exit_code
doctor_run(const struct command *command)
{
	const char *admitted = command->option[OPTION_ADMITTED];
	struct doctor doctor = { .faults = 0 };
	struct store store = { 0 };
	struct error e = { 0 };
	enum exit_code code = EXIT_SYSTEM;

	if (!is_url(command->arguments[0])) {
		print_problem("expected a URL, https://HOST/PATH");
		return EXIT_MISUSED;
	}
	doctor.admitted_id = command->option[OPTION_CONNECTION_ID];
	if (!posting_mqtt(command->option[OPTION_MQTT],
			  &doctor.admitted_mqtt)) {
		print_problem("expected --mqtt 4 or 5");
		return EXIT_MISUSED;
	}
	buffer_init(&doctor.stranger, INPUT_MAX);
	buffer_init(&doctor.admitted, INPUT_MAX);
	if (!stranger_take(&doctor.stranger) ||
	    (admitted != NULL &&
	     !input_certificate(admitted, &doctor.admitted, &e))) {
		print_error(&e);
	} else if (setup_open(&store) && web_start()) {
		doctor.settings = &store.settings;
		code = treat(&doctor, command);
		web_stop();
	}
	store_close(&store);
	buffer_free(&doctor.stranger);
	buffer_free(&doctor.admitted);
	return code;
}
