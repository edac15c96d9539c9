/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate doctor: does what the service does, and names the faults. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin/cause.h"
#include "admin/command.h"
#include "admin/diagnosis.h"
#include "admin/event.h"
#include "admin/hub_settings.h"
#include "admin/input.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "admin/stranger.h"
#include "admin/unit.h"
#include "admin/web.h"
#include "base/date.h"
#include "policy/value.h"

enum {
	DAYS_LEFT = 14, /* of the web server's certificate */
	PADDING = REQUEST_BODY_MAX - 8192, /* bytes; the rest is the event */
	SLOW_S = 1, /* a client waits for each answer */
	RESULTS = 32
};

static const struct probe {
	const char *name;
	enum expected expected;
	const char *origins_before; /* in a validation */
	bool admitted; /* the certificate of --admitted */
	bool no_certificate, no_login, wrong_signature, chunked;
	unsigned mqtt;
	size_t padding;
} probes[] = {
	{ .name = "validation",
	  .expected = EXPECT_VALIDATED,
	  .origins_before = "" },
	{ .name = "validation with two origins",
	  .expected = EXPECT_VALIDATED,
	  .origins_before = "certgate.invalid, " },
	{ .name = "event without a login",
	  .expected = EXPECT_LOGIN_REJECTED,
	  .no_login = true },
	{ .name = "client with the certificate of --admitted",
	  .expected = EXPECT_ACCEPTED,
	  .admitted = true },
	{ .name = "unknown client", .expected = EXPECT_REJECTED },
	{ .name = "client without a certificate",
	  .expected = EXPECT_REJECTED,
	  .no_certificate = true },
	{ .name = "wrong signature",
	  .expected = EXPECT_SIGNATURE_REJECTED,
	  .wrong_signature = true },
	{ .name = "body in chunks",
	  .expected = EXPECT_REJECTED,
	  .chunked = true },
	{ .name = "MQTT client", .expected = EXPECT_MQTT_REJECTED, .mqtt = 5 },
	{ .name = "body of 1 MiB",
	  .expected = EXPECT_REJECTED,
	  .padding = PADDING },
};

enum { PROBES = sizeof(probes) / sizeof(probes[0]) };

enum result_kind { FAULT = 0, OK, NOTE, KINDS };

struct result {
	enum result_kind kind;
	char name[256]; /* of the probes that found it, or of a setting */
	char text[512];
	char reason[256]; /* of the handler here; "": none */
	const char *fix; /* of a fault */
};

struct doctor {
	const struct configuration *store;
	struct posting_plan plan; /* by the options, for --admitted */
	const char *authorities; /* a file of CAs; NULL: the system's */
	bool validation; /* send nothing but the first probe */
	char origin[256];
	struct buffer stranger, admitted; /* certificates, DER */
	struct buffer authorization; /* the file's bytes */
	struct buffer url; /* with the code of the settings */
	struct result results[RESULTS];
	size_t n;
	bool answered; /* by a web server, at least */
	bool reached; /* by the handler */
	int64_t certificate_end; /* UTC seconds; 0: not known */
	struct cause cause; /* of the handler of this host */
	bool has_cause;
};

/* Add a finding; if there is one like it, add only the name to that. */
static struct result *
add(struct doctor *doctor, enum result_kind kind, const char *name,
    const char *text, const char *fix)
{
	struct result *f = doctor->results, *end = f + doctor->n;

	while (f < end && (f->kind != kind || kind == OK || f->fix != fix ||
			   (fix == NULL && strcmp(f->text, text) != 0)))
		f++;
	if (f < end) {
		size_t used = strlen(f->name);
		(void)snprintf(f->name + used, sizeof(f->name) - used, ", %s",
			       name);
		return f;
	}
	doctor->n++;
	*f = (struct result){ .kind = kind, .fix = fix };
	(void)snprintf(f->name, sizeof(f->name), "%s", name);
	(void)snprintf(f->text, sizeof(f->text), "%s", text);
	return f;
}

static bool
can_sign(const struct settings *settings)
{
	return settings->keys.n > 0 ||
	       settings->signature != SIGNATURE_REQUIRED;
}

static bool
can_log_in(const struct doctor *doctor)
{
	return doctor->store->settings.remote_user == NULL ||
	       doctor->plan.authorization.ptr != NULL;
}

/* Find the first origin that no host has; certgate.conf begins with one. */
static void
check_origins(struct doctor *doctor)
{
	char **at = doctor->store->settings.origins;
	char text[128];

	while (at != NULL && *at != NULL &&
	       !value_is_invalid_domain(span_of(*at)))
		at++;
	if (at == NULL || *at == NULL)
		return;
	(void)snprintf(text, sizeof(text), "no host has the name %s",
		       error_word(span_of(*at)));
	add(doctor, FAULT, "CERTGATE_ORIGINS", text,
	    "set CERTGATE_ORIGINS to the host name of the Web PubSub resource");
}

static void
check_keys(struct doctor *doctor)
{
	const struct settings *s = &doctor->store->settings;

	if (!can_sign(s))
		add(doctor, FAULT, "CERTGATE_ACCESS_KEYS",
		    "no key here, and CERTGATE_SIGNATURE=required: no "
		    "event is sent",
		    "set CERTGATE_ACCESS_KEYS; for this command alone, "
		    "CERTGATE_ACCESS_KEYS_FILE in its environment");
	else if (s->keys.n == 0 && s->signature != SIGNATURE_OFF)
		add(doctor, NOTE, "CERTGATE_ACCESS_KEYS",
		    "no key here: events are sent without a signature", NULL);
	if (!can_log_in(doctor))
		add(doctor, NOTE, "CERTGATE_REMOTE_USER",
		    "other events are not sent without --authorization FILE",
		    NULL);
}

/* What the probes cannot see, if the handler is the one of this host. */
static void
check_handler(struct doctor *doctor)
{
	const struct cause *cause = &doctor->cause;

	if (doctor->has_cause)
		add(doctor, FAULT, "handler of this host", cause->sentence,
		    cause->fix);
}

static bool
is_https(const char *url)
{
	return strncmp(url, "https://", 8) == 0;
}

static void
check_transport(struct doctor *doctor, const char *url)
{
	int64_t left = doctor->certificate_end - (int64_t)time(NULL);
	char text[64];

	if (!is_https(url) && web_is_loopback(url))
		add(doctor, NOTE, "HTTPS",
		    "plain HTTP on loopback; register https://", NULL);
	else if (!is_https(url))
		add(doctor, FAULT, "HTTPS",
		    "plain HTTP: any host on the way can accept any client",
		    "let the web server speak TLS, and register https://");
	if (doctor->certificate_end == 0)
		return;
	(void)snprintf(text, sizeof(text), "expires in %lld days",
		       (long long)(left / DATE_DAY_SECONDS));
	if (left < DAYS_LEFT * (int64_t)DATE_DAY_SECONDS)
		add(doctor, FAULT, "the web server's certificate", text,
		    "renew it, and reload the web server");
	else
		add(doctor, OK, "the web server's certificate", text, NULL);
}

/* Return why a probe is not sent; NULL: it is sent, "": print nothing. */
static const char *
reason_to_skip(const struct doctor *doctor, const struct probe *probe)
{
	const struct settings *s = &doctor->store->settings;

	if (probe->expected == EXPECT_VALIDATED)
		return NULL;
	if (!can_sign(s) ||
	    (probe->no_login ? s->remote_user == NULL : !can_log_in(doctor)))
		return "";
	if (probe->admitted && doctor->admitted.len == 0)
		return "not sent without --admitted FILE";
	if (probe->no_certificate && s->missing_allowed)
		return "accepted: CERTGATE_MISSING_CERTIFICATE";
	if (probe->wrong_signature &&
	    (s->keys.n == 0 || s->signature == SIGNATURE_OFF))
		return s->remote_user != NULL
			       ? "not checked: the web server authenticates "
				 "the sender"
			       : "not checked: any host can post events (fix: "
				 "set CERTGATE_ACCESS_KEYS)";
	return NULL;
}

static bool
make_event(struct posting *posting, const struct doctor *doctor,
	   const struct probe *probe, struct error *e)
{
	struct posting_plan plan = {
		.der = buffer_span(&doctor->stranger),
		.hub = doctor->plan.hub,
		.origin = doctor->plan.origin,
		.authorization = doctor->plan.authorization,
		.mqtt = probe->mqtt,
		.padding = probe->padding,
		.wrong_signature = probe->wrong_signature,
	};

	if (probe->admitted) {
		plan = doctor->plan;
		plan.der = buffer_span(&doctor->admitted);
	}
	if (probe->no_login)
		plan.authorization = (struct span){ 0 };
	if (probe->no_certificate)
		plan.der = (struct span){ 0 };
	return posting_make(posting, &plan, &doctor->store->settings, e);
}

/* Say why the handler would reject the event with the settings and the list
 * here, if the list could be read. */
static void
add_reason(const struct doctor *doctor, struct posting *posting,
	   struct result *f)
{
	struct gate gate = configuration_gate(doctor->store);
	struct request request;
	struct answer answer;

	if (!doctor->store->has_list ||
	    !posting_request(posting, gate.settings, &request))
		return;
	answer_init(&answer);
	handler_answer(&gate, &request, (int64_t)time(NULL), &answer);
	enum reason reason = answer.decision.reason;
	if (answer.decision.verdict == VERDICT_ALLOW)
		(void)snprintf(f->reason, sizeof(f->reason),
			       "none here: the handler has other settings or "
			       "another list");
	else
		(void)snprintf(f->reason, sizeof(f->reason), "%s: %s",
			       reason_name(reason), reason_text(reason));
	answer_free(&answer);
}

static void
add_result(struct doctor *doctor, const struct probe *probe,
	   const struct web_answer *answer, const struct diagnosis *d,
	   struct posting *posting)
{
	char text[128], slow[64] = "";

	if (!d->good) {
		struct result *f =
			add(doctor, FAULT, probe->name, d->cause, d->fix);
		if (probe->admitted && !d->stop && !d->foreign)
			add_reason(doctor, posting, f);
		return;
	}
	if (answer->seconds > SLOW_S)
		(void)snprintf(slow, sizeof(slow),
			       ", after %.1f s: every client waits as long",
			       answer->seconds);
	(void)snprintf(text, sizeof(text), "%s (%d)%s",
		       answer->status / 100 == 2 ? "accepted" : "rejected",
		       answer->status, slow);
	add(doctor, OK, probe->name, text, NULL);
}

/* Return false if every later probe would fail in the same way. */
static bool
judge(struct doctor *doctor, const struct probe *probe,
      const struct web_answer *answer, struct posting *posting)
{
	const struct settings *s = &doctor->store->settings;
	bool validation = probe->expected == EXPECT_VALIDATED;
	bool has_login = !validation && !probe->no_login &&
			 doctor->plan.authorization.ptr != NULL;
	unsigned known = (doctor->reached ? KNOWN_REACHED : 0) |
			 (s->keys.n == 0 ? KNOWN_NO_KEY : 0) |
			 (has_login ? KNOWN_LOGIN : 0);
	struct diagnosis d;

	diagnose(&d, answer, probe->expected, doctor->origin, known);
	add_result(doctor, probe, answer, &d, posting);
	doctor->reached |= !d.foreign;
	if (answer->result == WEB_ANSWERED) {
		doctor->answered = true;
		doctor->certificate_end = answer->certificate_end;
	}
	return !d.stop && (doctor->reached ||
			   (validation && answer->result == WEB_ANSWERED));
}

static bool
run_probe(struct doctor *doctor, const struct probe *probe)
{
	char headers[512];
	struct web_request request = { .method = "OPTIONS",
				       .url = doctor->url.data,
				       .authorities = doctor->authorities,
				       .chunked = probe->chunked };
	struct posting posting = { 0 };
	struct web_answer answer = { 0 };
	struct error e = { 0 };
	bool ok = true;

	if (probe->expected == EXPECT_VALIDATED) {
		(void)snprintf(headers, sizeof(headers),
			       "WebHook-Request-Origin: %s%s\n"
			       "ce-awpsversion: 1.0\n",
			       probe->origins_before, doctor->origin);
		request.headers = span_of(headers);
	} else {
		ok = make_event(&posting, doctor, probe, &e);
		request.method = "POST";
		request.headers = buffer_span(&posting.headers);
		request.body = buffer_span(&posting.body);
	}
	if (ok) {
		web_exchange(&request, &answer);
		ok = judge(doctor, probe, &answer, &posting);
	} else {
		add(doctor, FAULT, probe->name, e.text, "correct the options");
	}
	web_free(&answer);
	posting_free(&posting);
	return ok;
}

static void
run_probes(struct doctor *doctor)
{
	bool goes_on = true;

	for (size_t i = 0; goes_on && i < PROBES; i++) {
		const char *why = reason_to_skip(doctor, &probes[i]);
		if (why == NULL)
			goes_on = run_probe(doctor, &probes[i]);
		else if (why[0] != '\0')
			add(doctor, NOTE, probes[i].name, why, NULL);
	}
	if (!goes_on)
		add(doctor, NOTE, "other events",
		    "not sent: they would fail in the same way", NULL);
}

static void
print_result(const struct result *f)
{
	static const char *const words[KINDS] = { "FAULT", "ok   ", "note " };
	static const char *const results[KINDS] = { "fault", "ok", "note" };

	print("%s %s%s%s\n", words[f->kind], f->name,
	      f->kind == FAULT ? "\n      " : ": ", f->text);
	print_json_open(NULL, '{');
	print_json_string("result", span_of(results[f->kind]));
	print_json_string("name", span_of(f->name));
	print_json_string("text", span_of(f->text));
	if (f->reason[0] != '\0') {
		print("      reason: %s\n", f->reason);
		print_json_string("reason", span_of(f->reason));
	}
	if (f->fix != NULL) {
		print("      fix: %s\n", f->fix);
		print_json_string("fix", span_of(f->fix));
	}
	print_json_close('}');
}

/* Return the number of faults. */
static unsigned
print_results(const struct doctor *doctor)
{
	unsigned faults = 0;

	if (doctor->origin[0] != '\0')
		print("hub %s, origin %s\n\n", error_word(doctor->plan.hub),
		      doctor->origin);
	print_json_open(NULL, '{');
	print_json_string("hub", doctor->plan.hub);
	print_json_string("origin", doctor->plan.origin);
	print_json_open("findings", '[');
	for (unsigned kind = 0; kind < KINDS; kind++)
		for (size_t i = 0; i < doctor->n; i++) {
			const struct result *f = &doctor->results[i];
			if (f->kind != kind)
				continue;
			print_result(f);
			faults += f->kind == FAULT;
		}
	print_json_close(']');
	print_json_number("faults", faults);
	print_json_close('}');
	print("\n%u fault%s\n", faults, faults == 1 ? "" : "s");
	return faults;
}

static enum exit_code
examine(struct doctor *doctor, const char *url)
{
	const struct settings *settings = &doctor->store->settings;
	bool named = doctor->plan.hub.ptr != NULL || settings->hubs != NULL;
	struct error e = { 0 };

	if (!posting_url(&doctor->url, url, settings, &e)) {
		print_error(&e);
		return EXIT_MISUSED;
	}
	posting_default(&doctor->plan, settings);
	span_write(doctor->plan.origin, doctor->origin, sizeof(doctor->origin));
	if (doctor->validation) {
		check_origins(doctor);
		(void)!run_probe(doctor, &probes[0]);
		return print_results(doctor) > 0 ? EXIT_NO : EXIT_DONE;
	}
	check_handler(doctor);
	check_origins(doctor);
	check_keys(doctor);
	run_probes(doctor);
	if (doctor->answered)
		check_transport(doctor, url);
	if (print_results(doctor) > 0)
		return EXIT_NO;
	return hub_settings_print(settings, named ? doctor->plan.hub : SPAN(""),
				  url)
		       ? EXIT_DONE
		       : EXIT_SYSTEM;
}

static bool
is_url(const char *url)
{
	return (is_https(url) || strncmp(url, "http://", 7) == 0) &&
	       span_is_text(span_of(url)) && strpbrk(url, "'\\ ") == NULL;
}

/* Refuse an option of an event that is not sent, and the name of no hub. */
static bool
check_options(const struct command *command, struct error *e)
{
	static const struct {
		enum command_option option;
		const char *name;
	} events[] = {
		{ OPTION_CONNECTION_ID, "connection-id" },
		{ OPTION_MQTT, "mqtt" },
		{ OPTION_QUERY, "query" },
		{ OPTION_ADMITTED, "admitted" },
		{ OPTION_AUTHORIZATION, "authorization" },
		{ OPTION_HUB, "hub" },
	};
	bool validation = command->option[OPTION_VALIDATION] != NULL;
	bool admitted = command->option[OPTION_ADMITTED] != NULL;
	size_t n = validation ? sizeof(events) / sizeof(events[0])
		   : admitted ? 0
			      : 3; /* are of the accepted client alone */

	for (size_t i = 0; i < n; i++)
		if (command->option[events[i].option] != NULL)
			return error_set(e, "%s (fix: remove --%s)",
					 validation ? "--validation sends no "
						      "event"
						    : "missing --admitted FILE",
					 events[i].name);
	const char *hub = command->option[OPTION_HUB];
	return hub == NULL || value_check_hub(span_of(hub), e);
}

static bool
read_options(struct doctor *doctor, const struct command *command,
	     struct error *e)
{
	const char *url = command->arguments[0];

	doctor->authorities = command->option[OPTION_CA];
	doctor->validation = command->option[OPTION_VALIDATION] != NULL;
	if (!is_url(url))
		return error_set(e, "expected a URL, https://HOST/PATH");
	if (command->option[OPTION_AUTHORIZATION] != NULL && !is_https(url) &&
	    !web_is_loopback(url))
		return error_set(e, "--authorization: expected https://: "
				    "plain HTTP can be read on the way");
	return check_options(command, e) &&
	       posting_read_options(&doctor->plan, command, e);
}

static bool
read_files(struct doctor *doctor, const struct command *command,
	   struct error *e)
{
	const char *admitted = command->option[OPTION_ADMITTED];
	const char *path = command->option[OPTION_AUTHORIZATION];

	buffer_init(&doctor->stranger, INPUT_MAX);
	buffer_init(&doctor->admitted, INPUT_MAX);
	return (stranger_take(&doctor->stranger) ||
		error_set(e, "out of memory")) &&
	       (admitted == NULL ||
		input_certificate(admitted, &doctor->admitted, e)) &&
	       (path == NULL ||
		input_line(path, "one line, such as Bearer TOKEN",
			   &doctor->authorization, &doctor->plan.authorization,
			   e));
}

/* The log is root's to read, keys in the unit are the handler's. */
static bool
become_handler(struct doctor *doctor)
{
	doctor->has_cause = !doctor->validation && cause_ask(&doctor->cause);
	return unit_take_variables();
}

/* Without settings, no event can be sent. */
static enum exit_code
tell_handler(struct doctor *doctor)
{
	check_handler(doctor);
	if (!doctor->has_cause)
		return EXIT_SYSTEM;
	(void)print_results(doctor);
	return EXIT_NO;
}

enum exit_code
doctor_run(const struct command *command)
{
	struct configuration store = { 0 };
	struct doctor doctor = { .store = &store };
	struct error e = { 0 };
	enum exit_code code = EXIT_SYSTEM;

	if (!read_options(&doctor, command, &e)) {
		print_error(&e);
		return EXIT_MISUSED;
	}
	if (!read_files(&doctor, command, &e)) {
		print_error(&e);
	} else if (become_handler(&doctor)) {
		if (setup_open(&store))
			code = examine(&doctor, command->arguments[0]);
		else
			code = tell_handler(&doctor);
	}
	configuration_close(&store);
	buffer_free(&doctor.stranger);
	buffer_free(&doctor.admitted);
	buffer_wipe(&doctor.authorization);
	buffer_wipe(&doctor.url);
	return code;
}
