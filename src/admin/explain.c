/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * certgate explain: what a handler decides on an event, and why.
 *
 * The event, or one made around a certificate, goes to the handler as a web
 * server would hand it over, from a sender that is all that the settings ask
 * for.
 */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/cause.h"
#include "admin/command.h"
#include "admin/event.h"
#include "admin/input.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "admin/unit.h"
#include "base/date.h"
#include "base/hex.h"
#include "base/json.h"
#include "base/text.h"
#include "host/configuration.h"
#include "host/file.h"
#include "host/log.h"
#include "policy/decide.h"
#include "policy/list.h"
#include "policy/stored.h"
#include "protocol/certificate.h"
#include "protocol/chain.h"
#include "protocol/event.h"
#include "protocol/pem.h"

/* Keep the first error in context, for show(): invalid settings or an invalid
 * list log it alone. */
static void
take_line(void *context, enum log_level level, const struct error *e)
{
	struct error *first = context;

	if (level == LOG_LEVEL_ERROR && !first->set)
		*first = *e;
	else if (level != LOG_LEVEL_NOTE)
		print_error(e);
}

/* The checks of the event, and the last reason of each; reasons are in the
 * order of the checks. */
static const struct {
	const char *text;
	enum reason last;
} first_checks[] = {
	{ "the settings are valid, and the request has the required headers",
	  REASON_UNKNOWN_EVENT },
	{ "the hub is one of CERTGATE_HUB", REASON_HUB },
	{ "a signature can be checked", REASON_SIGNATURE },
	{ "the body is valid", REASON_DUPLICATE_MEMBER },
	{ "the list is valid", REASON_LIST_UNREADABLE },
	{ "the store can be used", REASON_STORE },
};

enum { FIRST_CHECKS = sizeof(first_checks) / sizeof(first_checks[0]) };

static void
show_check(bool passed, const char *text, enum reason reason)
{
	print_json_open(NULL, '{');
	print_json_string("check", span_of(text));
	print_json_bool("passed", passed);
	print_json_close('}');
	print_label(passed ? "yes" : "no");
	print("%s%s%s\n", text, passed ? "" : ": ",
	      passed ? "" : reason_text(reason));
}

/* Show the checks that had something to check, as far as they were made. */
static void
show_checks(const struct decision *d)
{
	bool early = d->verdict != VERDICT_ALLOW && d->passed == 0 &&
		     d->reason <= REASON_STORE;

	for (size_t i = 0; i < FIRST_CHECKS; i++) {
		bool refused = early && d->reason <= first_checks[i].last;
		bool has_store = d->stored.source != NULL;
		enum reason last = first_checks[i].last;
		if (!refused && (last == REASON_SIGNATURE ||
				 (last == REASON_STORE && !has_store)))
			continue; /* it had nothing to check */
		show_check(!refused, first_checks[i].text, d->reason);
		if (refused)
			return;
	}
	if (d->reason == REASON_ANONYMOUS)
		return;
	for (size_t i = 0; decide_check(i) != NULL && i <= d->passed; i++)
		if ((d->applied >> i & 1) != 0)
			show_check(i < d->passed, decide_check(i),
				   d->reason == REASON_REPORT_ONLY ? d->would
								   : d->reason);
}

/* Find a line of the list as it is now; the list that decided is as old as this
 * program.  Empty if it cannot be read.  It borrows text. */
static struct span
find_line(const char *path, unsigned number, struct buffer *text)
{
	struct file_identity identity;
	struct error e = { 0 };
	struct span line = SPAN("");

	if (file_read(path, false, LIST_TEXT_MAX, text, &identity, &e) !=
	    FILE_READ)
		return line;
	struct span rest = lines_begin(buffer_span(text));
	for (unsigned i = 0; i < number; i++)
		if (!span_next(&rest, "\n", &line))
			return SPAN("");
	return line;
}

/* Return the line of the store's entry that decided. */
static struct span
find_stored(const struct configuration *store, const struct decision *d,
	    struct buffer *text)
{
	const struct thumbprint *pin = &d->entry->pin;
	const struct stored_source *source = store->list.store;
	const struct entry *first;
	struct stored_counts counts;
	struct span rest, line;

	buffer_init(text, LIST_LINE_MAX);
	size_t n = stored_find(&d->stored, pin, &first);
	if (n == 0 || !source->begin(source->context, &counts) ||
	    source->find(source->context, pin, &rest) != STORED_FOUND)
		return SPAN("");
	for (const struct entry *at = first; stored_next(&rest, &line); at++)
		if (at == d->entry)
			stored_write_line(pin, line, text);
	store_rest(store->store);
	return text->len == 0 ? SPAN("") : buffer_span(text);
}

static void
show_entry(const struct configuration *store, const struct decision *d)
{
	bool is_stored = d->entry->line == ENTRY_LINE_STORED;
	const char *path =
		is_stored ? store->settings.store : store->settings.list;
	struct buffer text;

	if (d->entry->line == 0) {
		print_field("entry", SPAN("CLIENT_CERT_THUMBPRINT"));
		return;
	}
	struct span line = is_stored ? find_stored(store, d, &text)
				     : find_line(path, d->entry->line, &text);
	struct span words = list_entry_text(line);
	struct span comment = list_comment_text(line);
	print_json_open("entry", '{');
	print_json_string("file", span_of(path));
	if (is_stored)
		print_json_string("line", SPAN("store"));
	else
		print_json_number("line", d->entry->line);
	print_json_string("text", words);
	print_json_string("comment", comment);
	print_json_close('}');
	print_label("entry");
	print_text(span_of(path));
	if (!is_stored)
		print(":%u", d->entry->line);
	print(": ");
	print_text(words);
	print(span_empty(comment) ? "" : "  ");
	print_text(comment);
	print("\n");
	buffer_free(&text);
}

/* Show the certificate also if something before it refuses: with nothing asked
 * for, and an empty list, it is read and no more. */
static void
show_certificate(const struct request *request, int64_t now)
{
	static const struct settings nothing = { 0 };
	static const struct list empty = { 0 };
	struct event event = { 0 };
	struct certificate c;
	struct decision d;

	decision_init(&d);
	if (event_read(&event, request->body.bytes) == EVENT_READ)
		decide_connect(&nothing, &empty, request, &event, now, &d);
	print_json_open("certificate", '{');
	if (certificate_read(buffer_span(&d.der), &c))
		print_certificate(&c, now);
	else
		print_field_digits("sha1", &d.sha1);
	print_json_close('}');
	event_free(&event);
	decision_free(&d);
}

/* Print each line of the answer to the web server. */
static void
show_answer(struct span bytes)
{
	struct span line;

	print_json_open("answer", '[');
	while (span_next(&bytes, "\n", &line)) {
		if (line.len > 0 && line.ptr[line.len - 1] == '\r')
			line.len--;
		if (bytes.len == 0 && line.len == 0)
			break;
		print_json_string(NULL, line);
		print_label("answer");
		print_text(line);
		print("\n");
	}
	print_json_close(']');
}

static void
show_reason(const char *name, const char *text, enum reason reason)
{
	print_json_string(name, span_of(reason_name(reason)));
	print_json_string(text, span_of(reason_text(reason)));
	print_label(name);
	print("%s: %s\n", reason_name(reason), reason_text(reason));
}

/* Print OpenSSL's error about the chain, and the CA that it is about. */
static void
show_chain(const struct decision *d)
{
	const struct chain_verdict *chain = &d->chain;
	struct buffer name;

	if (chain->error == 0 || d->entry == NULL || d->entry->trust == NULL)
		return;
	buffer_init(&name, CHAIN_SUBJECT_MAX);
	if (chain->names)
		chain_trust_subject(d->entry->trust, chain->authority, &name);
	struct span ca = buffer_span(&name);
	print_json_open("verify", '{');
	print_json_number("error", chain->error);
	print_json_number("depth", chain->depth);
	print_json_string("text", span_of(chain_error_text(chain->error)));
	if (chain->names)
		print_json_string("ca", ca);
	print_json_close('}');
	print_label("verify");
	print("%d at depth %u: %s%s%s", chain->error, chain->depth,
	      chain_error_text(chain->error), chain->names ? ": " : "",
	      chain->names && chain->result == CHAIN_CRL ? "issuer " : "");
	print_text(ca);
	print("\n");
	buffer_free(&name);
}

static void
show_log(const struct error *e)
{
	char text[sizeof(*e) + sizeof(":4294967295:4294967295: ")];

	if (!e->set)
		return;
	error_text(e, text, sizeof(text));
	print_field("log", span_of(text));
}

static void
show_note(const char *text)
{
	print_json_string(NULL, span_of(text));
	print_label("note");
	print("%s\n", text);
}

static struct cause cause; /* of an outage; empty: none */

/* Print a cause of refusals outside the settings, the list and the event. */
static void
show_cause(const struct configuration *store)
{
	const struct outage_refusal *refusal =
		outage_find_refusal(store, (int64_t)time(NULL));
	char text[sizeof("every client is refused: ") + sizeof(cause.sentence)];

	if (refusal != NULL) {
		(void)snprintf(text, sizeof(text),
			       "every client is refused: %s", refusal->text);
		show_note(text);
	} else if (cause.sentence[0] != '\0') {
		(void)snprintf(text, sizeof(text), "certgate status: %s",
			       cause.sentence);
		show_note(text);
	}
}

/* Return true if the user id is the thumbprint because the common name is
 * invalid. */
static bool
has_no_name(const struct decision *d)
{
	char digits[2 * DIGEST_SHA1_SIZE];
	struct certificate c;

	hex_encode(d->sha1.digest, DIGEST_SHA1_SIZE, digits);
	return d->reason == REASON_LISTED &&
	       span_equal(d->grant.user,
			  (struct span){ digits, sizeof(digits) }) &&
	       certificate_read(buffer_span(&d->der), &c) &&
	       certificate_has_unusable_name(&c);
}

static void
show_notes(const struct configuration *store, const struct decision *d,
	   bool has_code)
{
	enum reason reason = d->reason;

	print_json_open("notes", '[');
	if (has_no_name(d))
		show_note("the user id is the "
			  "thumbprint: " CERTIFICATE_UNUSABLE_NAME);
	if (reason == REASON_SETTINGS)
		show_note("a running handler keeps its last good settings and "
			  "list, unless a file is missing: it may accept this "
			  "client");
	if (reason == REASON_LIST_UNREADABLE)
		show_note("a running handler keeps its last good list, unless "
			  "a file is missing: it may accept this client");
	if (has_code)
		show_note("the support code belongs to no connection; it is in "
			  "no log");
	show_cause(store);
	print_json_close(']');
}

static void
show(const struct answer *answer, const struct configuration *store,
     const struct error *log, struct span bytes)
{
	const struct decision *d = &answer->decision;
	const char *verdict = d->verdict == VERDICT_ALLOW ? "allow" : "deny";

	print_field("sender",
		    SPAN("not checked: code, origin, login, signature"));
	print_json_open("checks", '[');
	show_checks(d);
	print_json_close(']');
	print_field("verdict", span_of(verdict));
	show_reason("reason", "reasonText", d->reason);
	if (d->reason == REASON_REPORT_ONLY)
		show_reason("would", "wouldText", d->would);
	show_chain(d);
	show_log(log);
	if (d->entry != NULL)
		show_entry(store, d);
	show_answer(bytes);
}

/* Return true if bytes are JSON with no member of a connect event: that of a
 * "connected" event is empty.  A damaged event may have had some. */
static bool
is_other_json(struct span bytes)
{
	struct json_member members[] = {
		{ .name = SPAN("clientCertificates") },
		{ .name = SPAN("claims") },
		{ .name = SPAN("headers") },
		{ .name = SPAN("query") },
		{ .name = SPAN("subprotocols") },
		{ .name = SPAN("mqtt") },
	};
	const size_t n = sizeof(members) / sizeof(members[0]);
	bool duplicate;

	if (!json_read(bytes, members, n, &duplicate) || duplicate)
		return false;
	for (size_t i = 0; i < n; i++)
		if (members[i].value.ptr != NULL)
			return false;
	return true;
}

/* Set plan to the body of the event, or the certificate, that bytes are. */
static enum exit_code
take_input(struct posting_plan *plan, struct span bytes, struct buffer *der,
	   struct error *e)
{
	struct certificate c;
	struct span front = bytes;

	while (front.len > 0 && memchr(" \t\r\n", front.ptr[0], 4) != NULL)
		front = span_after(front, 1);
	if (!span_starts(front, SPAN("{")) && pem_file_is_likely(bytes)) {
		if (!pem_file_first(bytes, der, &c, e))
			return EXIT_SYSTEM;
		plan->der = buffer_span(der);
		return EXIT_DONE;
	}
	if (!span_empty(front) && !span_starts(front, SPAN("{"))) {
		error_set(e, "neither a certificate (PEM or DER) nor a connect "
			     "event (a JSON object)");
		return EXIT_SYSTEM;
	}
	if (is_other_json(bytes)) {
		error_set(e, "not a connect event: no member of one, such as "
			     "clientCertificates");
		return EXIT_SYSTEM;
	}
	plan->body = bytes.ptr == NULL ? SPAN("") : bytes;
	if (plan->query.ptr == NULL)
		return EXIT_DONE;
	error_set(e, "--query: this event has a query of its own");
	return EXIT_MISUSED;
}

/* Make the event of the input and the options. */
static enum exit_code
make_event(struct posting *posting, const struct command *command,
	   const struct settings *settings, struct span bytes, struct error *e)
{
	struct posting_plan plan = { 0 };
	struct buffer der;

	if (!posting_read_options(&plan, command, e))
		return EXIT_MISUSED;
	posting_default(&plan, settings);
	buffer_init(&der, INPUT_MAX);
	enum exit_code code = take_input(&plan, bytes, &der, e);
	error_where(e, input_name(command->arguments[0]));
	if (code == EXIT_DONE && !posting_make(posting, &plan, settings, e))
		code = EXIT_SYSTEM;
	buffer_free(&der);
	return code;
}

static enum exit_code
explain(const struct command *command, const struct configuration *store,
	const struct error *log, struct posting *posting, struct span bytes,
	struct error *e)
{
	struct gate gate = configuration_gate(store);
	struct request request;
	struct answer answer;
	struct buffer out;
	int64_t now;

	if (!setup_now(command, &now, e))
		return EXIT_MISUSED;
	enum exit_code code =
		make_event(posting, command, gate.settings, bytes, e);
	if (code != EXIT_DONE)
		return code;
	if (!posting_request(posting, gate.settings, &request)) {
		error_set(e, "the options are too long");
		return EXIT_MISUSED;
	}
	answer_init(&answer);
	buffer_init(&out, RESPONSE_MAX);
	handler_answer(&gate, &request, now, &answer);
	handler_write(&answer, &request, &out);
	print_json_open(NULL, '{');
	show_certificate(&request, now);
	show(&answer, store, log, buffer_span(&out));
	show_notes(store, &answer.decision,
		   answer.code[0] != '\0' &&
			   command->option[OPTION_CONNECTION_ID] == NULL);
	print_json_close('}');
	code = answer.decision.verdict == VERDICT_ALLOW ? EXIT_DONE : EXIT_NO;
	buffer_free(&out);
	answer_free(&answer);
	return code;
}

/* Explain input that the administrator's user read; settings and list are read
 * as the handler's user. */
static enum exit_code
explain_input(const struct command *command, struct span bytes, struct error *e)
{
	struct posting posting = { 0 };
	struct configuration store;
	struct error log = { 0 };

	if (command->option[OPTION_LIST] != NULL || !cause_ask(&cause))
		cause = (struct cause){ .code = EXIT_DONE };
	if (!unit_become(command->option[OPTION_AS]))
		return EXIT_SYSTEM;
	log_divert(take_line, &log);
	configuration_open(&store, setup_source(), NULL);
	enum exit_code code =
		explain(command, &store, &log, &posting, bytes, e);
	posting_free(&posting);
	configuration_close(&store);
	return code;
}

/* Explain that a missing file could be a pin. */
static void
explain_pin(const char *path)
{
	struct span rest = span_trim(span_of(path));
	struct warnings warnings = { 0 };
	struct thumbprint pin;
	struct error e = { 0 };

	if (thumbprint_take(&rest, &pin, &warnings, &e) && rest.len == 0)
		print_problem("for a pin: certgate why PIN");
}

enum exit_code
explain_run(const struct command *command)
{
	const char *path = command->arguments[0];
	enum exit_code code = EXIT_SYSTEM;
	struct error e = { 0 };
	struct buffer bytes;

	if (input_read(path, "a file with a certificate or a connect event",
		       &bytes, &e))
		code = explain_input(command, buffer_span(&bytes), &e);
	else
		error_where(&e, input_name(path));
	if (e.set) {
		print_error(&e);
		input_explain_code(path);
		explain_pin(path);
	}
	buffer_wipe(&bytes);
	return code;
}
