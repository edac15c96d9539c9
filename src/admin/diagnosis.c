/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "admin/diagnosis.h"
#include "admin/print.h"

void
hub_print(struct span name, const char *url)
{
	bool named = name.ptr != NULL;
	int n = (int)(named ? name.len : sizeof("HUB") - 1);
	const char *hub = named ? name.ptr : "HUB";

	print("\nSettings of the hub, by az:\n");
	if (!named)
		print("# HUB: the one that clients connect to, for "
		      "CERTGATE_HUB names none; --hub NAME writes it here\n");
	print("az webpubsub update --name NAME --resource-group GROUP "
	      "--client-cert-enabled true\n"
	      "az webpubsub hub create --name NAME --resource-group GROUP "
	      "--hub-name %.*s \\\n"
	      "  --allow-anonymous true \\\n"
	      "  --event-handler url-template='%s' system-event=connect\n",
	      n, hub, url);
	print("\nand in Bicep:\n"
	      "resource hub "
	      "'Microsoft.SignalRService/webPubSub/hubs@2024-03-01' = {\n"
	      "  parent: service // with tls.clientCertEnabled: true\n"
	      "  name: '%.*s'\n"
	      "  properties: {\n"
	      "    anonymousConnectPolicy: 'allow'\n"
	      "    eventHandlers: [\n"
	      "      { urlTemplate: '%s', systemEvents: [ 'connect' ] }\n"
	      "    ]\n"
	      "  }\n"
	      "}\n",
	      n, hub, url);
}

/* The service's names for what goes wrong (its live trace). */
#define STATUS "AbuseProtectionResponseInvalidStatusCode"
#define MISSING "AbuseProtectionResponseMissingAllowedOrigin"
#define UNEXPECTED "HttpHandlerUnexpectedResponse"

static bool
is_mqtt_refusal(const struct web_answer *answer)
{
	return span_contains(buffer_span(&answer->body), SPAN("\"code\":"));
}

static bool
agrees(const struct web_answer *answer, const char *origin)
{
	struct span value;

	for (unsigned i = 0;
	     (value = web_header(answer, "WebHook-Allowed-Origin", i)).ptr !=
	     NULL;
	     i++)
		if (span_equal(value, SPAN("*")) ||
		    span_equal_nocase(value, span_of(origin)))
			return true;
	return false;
}

static void
diagnose_validation(struct diagnosis *d, const struct web_answer *answer,
		    const char *origin)
{
	struct span value = web_header(answer, "WebHook-Allowed-Origin", 0);
	int status = answer->status;

	if (status / 100 == 2 && agrees(answer, origin))
		d->good = true;
	else if (status / 100 == 2 && value.ptr == NULL) {
		d->foreign = true;
		diagnosis_say(d,
			      "pass OPTIONS to the handler: something before "
			      "it, such as rules for CORS, answers instead",
			      MISSING ": %d without WebHook-Allowed-Origin",
			      status);
	} else if (status / 100 == 2)
		diagnosis_say(d,
			      "pass WebHook-Allowed-Origin on as the handler "
			      "sends it: one value, the origin or *",
			      MISSING ": WebHook-Allowed-Origin is %s",
			      error_word(value));
	else if (diagnosis_asks_login(answer)) {
		d->foreign = true;
		diagnosis_say(d,
			      "let OPTIONS of this path pass without a login: "
			      "the service never logs in for a validation",
			      STATUS ": 401, the web server asks for a login");
	} else if (diagnosis_of_status(d, answer, STATUS))
		return;
	else if (status == 400)
		diagnosis_say(
			d, "let the web server pass WebHook-Request-Origin on",
			STATUS ": 400, the handler got no "
			       "WebHook-Request-Origin");
	else if (status == 401)
		diagnosis_say(
			d,
			"compare CERTGATE_ORIGINS and CERTGATE_CODE of the "
			"handler with the service's name and the URL",
			STATUS ": 401, the handler refuses the origin or the "
			       "code");
	else if (status == 403) {
		d->of_all = true;
		diagnosis_say(
			d,
			"ask `certgate check` on the host of the handler; if "
			"it has sites, let the web server name one "
			"(CERTGATE_SITE)",
			STATUS
			": 403, the handler has no settings that read, or no "
			"such site");
	} else
		diagnosis_say(d, "look into the log of the handler",
			      STATUS ": %d", status);
}

static void
diagnose_admitted(struct diagnosis *d, enum wanted wanted)
{
	if (wanted == WANTED_SENDER_REFUSED)
		diagnosis_say(
			d,
			"set CERTGATE_ACCESS_KEYS, so that only the service's "
			"events count",
			"an event with a wrong signature lets a client in");
	else
		diagnosis_say(
			d,
			"look into the list, or whether certgate answers there "
			"at all",
			"a client that nobody knows is let in");
}

static void
diagnose_refused(struct diagnosis *d, const struct web_answer *answer,
		 enum wanted wanted)
{
	int status = answer->status;

	if (status == 404) {
		d->of_all = true;
		diagnosis_say(
			d,
			"put the hub into CERTGATE_HUB of the handler, or name "
			"another by --hub",
			UNEXPECTED ": 404, the handler is for other hubs");
	} else if (status == 400 || status == 415)
		diagnosis_say(
			d,
			"let the web server pass the ce- headers, Content-Type "
			"and the body on as they come",
			UNEXPECTED
			": %d, headers or body do not arrive as they were sent",
			status);
	else if (wanted == WANTED_ADMISSION &&
		 (status == 403 || (status == 401 && is_mqtt_refusal(answer))))
		diagnosis_say(
			d,
			"ask `certgate explain` with this certificate, and the "
			"log for the reason",
			"%d, the client is refused", status);
	else if (status == 401 && wanted != WANTED_SENDER_REFUSED) {
		d->of_all = true;
		diagnosis_say(
			d,
			"give the handler the access keys of this resource, "
			"those that are set here; let the web server pass "
			"ce-signature on, and REMOTE_USER and AUTH_TYPE, if "
			"the handler has CERTGATE_REMOTE_USER",
			UNEXPECTED ": 401, the handler does not accept the "
				   "signature, or the login");
	} else if (status == 403 && wanted == WANTED_SENDER_REFUSED)
		diagnosis_say(
			d,
			"set CERTGATE_ACCESS_KEYS, and "
			"CERTGATE_SIGNATURE=required",
			"an event with a wrong signature is read all the same");
	else if (status == 403 && wanted == WANTED_LOGIN_REFUSED)
		diagnosis_say(d, "give the handler CERTGATE_REMOTE_USER, too",
			      "an event without a login is read all the same");
	else
		diagnosis_say(d, "look into the logs of handler and web server",
			      UNEXPECTED ": %d", status);
}

/* A refusal is right only if its body arrives, too. */
static void
diagnose_body(struct diagnosis *d, const struct web_answer *answer,
	      enum wanted wanted)
{
	bool mqtt = wanted == WANTED_MQTT_REFUSED;
	struct span body = buffer_span(&answer->body);

	d->good =
		mqtt ? body.len > 0 && span_contains(body, SPAN("\"code\":135"))
		     : diagnosis_is_ours(answer);
	if (!d->good)
		diagnosis_say(
			d,
			"let POST of this path pass to the handler, and switch "
			"off the web server's own error pages for it "
			"(fastcgi_intercept_errors, ErrorDocument, "
			"server.error-intercept)",
			"the body of a refusal is replaced on its way%s",
			mqtt ? ": MQTT clients see an unspecified error"
			     : ", or the web server itself refuses");
}

static void
diagnose_event(struct diagnosis *d, const struct web_answer *answer,
	       enum wanted wanted, bool reached)
{
	static const int statuses[] = {
		[WANTED_CLIENT_REFUSED] = 403,
		[WANTED_MQTT_REFUSED] = 401,
		[WANTED_SENDER_REFUSED] = 401,
		[WANTED_LOGIN_REFUSED] = 401,
	};

	if (answer->status / 100 == 2 &&
	    web_header(answer, "WebHook-Allowed-Origin", 0).ptr == NULL) {
		d->foreign = true;
		diagnosis_say(
			d,
			"pass POST of this path to the handler: something "
			"before it answers instead",
			"%d, but not the handler's: every client is let in",
			answer->status);
	} else if (answer->status / 100 == 2) {
		d->good = wanted == WANTED_ADMISSION;
		if (!d->good)
			diagnose_admitted(d, wanted);
	} else if (wanted == WANTED_LOGIN_REFUSED && answer->status == 401) {
		d->good = true;
	} else if (wanted != WANTED_ADMISSION &&
		   answer->status == statuses[wanted] &&
		   (reached || answer->status == 401 ||
		    diagnosis_is_ours(answer)) &&
		   !diagnosis_asks_login(answer) &&
		   !(wanted == WANTED_MQTT_REFUSED &&
		     diagnosis_is_ours(answer))) {
		diagnose_body(d, answer, wanted);
	} else if (diagnosis_asks_login(answer)) {
		d->of_all = d->foreign = true;
		diagnosis_say(d,
			      "exempt POST of this path from the web server's "
			      "own authentication, or let the service log in, "
			      "by a managed identity of its event handler, and "
			      "the doctor by --authorization",
			      UNEXPECTED
			      ": 401, the web server asks for a login");
	} else if (!diagnosis_of_status(d, answer, UNEXPECTED)) {
		diagnose_refused(d, answer, wanted);
	}
}

void
wanted_judge(struct diagnosis *d, const struct web_answer *answer,
	     enum wanted wanted, const char *origin, bool reached)
{
	*d = (struct diagnosis){ 0 };
	if (answer->result != WEB_ANSWERED)
		diagnosis_of_exchange(d, answer);
	else if (wanted == WANTED_AGREEMENT)
		diagnose_validation(d, answer, origin);
	else
		diagnose_event(d, answer, wanted, reached);
}

/* The service's name for this (its live trace). */
#define FAILED "AbuseProtectionResponseFailed"

void
diagnosis_say(struct diagnosis *d, const char *change, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	(void)vsnprintf(d->fault, sizeof(d->fault), format, arguments);
	va_end(arguments);
	(void)snprintf(d->change, sizeof(d->change), "%s", change);
}

/* Words of OpenSSL and libcurl, and what they come from. */
static const struct {
	const char *word, *change;
} tls_faults[] = {
	{ "expired", "renew the web server's certificate, and reload it" },
	{ "not yet valid",
	  "take a certificate that is valid already, or set the clock" },
	{ "self-signed",
	  "take a certificate of a public CA: the service knows no other" },
	{ "self signed",
	  "take a certificate of a public CA: the service knows no other" },
	{ "issuer", "let the web server send the whole chain (fullchain.pem) "
		    "of a certificate of a public CA" },
	{ "subject name", "take a certificate that has the name in the URL" },
	{ "setting certificate",
	  "name a PEM file with CAs, that can be read, behind --ca" },
	{ "wrong version number",
	  "let the port speak TLS: plain HTTP answers there" },
};

static void
diagnose_tls(struct diagnosis *d, const struct web_answer *answer)
{
	const char *change = "let the web server speak TLS 1.2 or later, with "
			     "a certificate of a public CA";

	for (size_t i = 0; i < sizeof(tls_faults) / sizeof(tls_faults[0]); i++)
		if (strstr(answer->problem, tls_faults[i].word) != NULL) {
			change = tls_faults[i].change;
			break;
		}
	diagnosis_say(d, change, FAILED ": TLS: %s", answer->problem);
}

void
diagnosis_of_exchange(struct diagnosis *d, const struct web_answer *answer)
{
	static const char *const changes[] = {
		[WEB_BROKEN] = "let a web server answer there, by HTTP",
		[WEB_NO_NAME] = "make a DNS record that the whole internet "
				"sees, or mend the URL",
		[WEB_NO_CONNECTION] = "start the web server, and open its "
				      "port to the service's addresses "
				      "(certgate addresses)",
		[WEB_SLOW] = "look for what the web server or the handler "
			     "waits for; a client waits as long",
	};

	d->foreign = true;
	if (answer->result == WEB_NO_TLS)
		diagnose_tls(d, answer);
	else
		diagnosis_say(d, changes[answer->result], FAILED ": %s",
			      answer->problem);
}

bool
diagnosis_is_ours(const struct web_answer *answer)
{
	return span_starts(buffer_span(&answer->body), SPAN("Refused."));
}

bool
diagnosis_asks_login(const struct web_answer *answer)
{
	return answer->status == 401 &&
	       web_header(answer, "WWW-Authenticate", 0).ptr != NULL;
}

/* The web server's own answer; false: nothing is known of such a one. */
static bool
diagnose_foreign(struct diagnosis *d, int status, const char *name)
{
	if (status == 404)
		diagnosis_say(d,
			      "pass this path to the handler, or mend the path "
			      "of the URL",
			      "%s: 404, the web server does not know the path",
			      name);
	else if (status == 400)
		diagnosis_say(
			d,
			"ask for no TLS client certificate on this path, for "
			"the service shows none; register https:// if the port "
			"speaks TLS; else look into the web server's error log",
			"%s: 400, the web server itself refuses the request",
			name);
	else if (status == 403 || status == 405)
		diagnosis_say(
			d,
			"mend the path of the URL, or let OPTIONS and POST of "
			"this path pass to the handler, from the service's "
			"addresses at least (certgate addresses)",
			"%s: %d, the web server itself answers: it forbids the "
			"method or the sender, or the path is not the "
			"handler's",
			name, status);
	else
		return false;
	return true;
}

bool
diagnosis_of_status(struct diagnosis *d, const struct web_answer *answer,
		    const char *name)
{
	int status = answer->status;
	struct span to = web_header(answer, "Location", 0);

	if (status / 100 == 3)
		diagnosis_say(
			d,
			"register that address with the service, or answer "
			"without a redirect: the service follows none",
			"%s: %d, a redirect to %s", name, status,
			error_word(to));
	else if (status == 502 || status == 503 || status == 504)
		diagnosis_say(
			d,
			"start the handler (systemctl status certgate.socket), "
			"and let the web server use its socket",
			"%s: %d, the web server does not reach the handler",
			name, status);
	else if (status / 100 == 5)
		diagnosis_say(d, "look into the web server's error log",
			      "%s: %d, the web server fails", name, status);
	else if (status == 413)
		diagnosis_say(
			d,
			"allow bodies of 1 MiB: client_max_body_size (nginx), "
			"LimitRequestBody, FcgidMaxRequestLen (Apache), "
			"server.max-request-size (lighttpd)",
			"%s: 413, the web server takes no such body", name);
	else if (status == 411)
		diagnosis_say(d, "let the web server take bodies in chunks",
			      "%s: 411, the web server takes no body in chunks",
			      name);
	else if (diagnosis_is_ours(answer) ||
		 !diagnose_foreign(d, status, name))
		return false;
	d->foreign = true;
	return true;
}
