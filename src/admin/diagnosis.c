/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "admin/diagnosis.h"

/* The service's names for what goes wrong (its live trace). */
#define FAILED "AbuseProtectionResponseFailed"
#define STATUS "AbuseProtectionResponseInvalidStatusCode"
#define MISSING "AbuseProtectionResponseMissingAllowedOrigin"
#define UNEXPECTED "HttpHandlerUnexpectedResponse"

static void say(struct diagnosis *d, const char *change, const char *format,
		...) __attribute__((format(printf, 3, 4)));

static void
say(struct diagnosis *d, const char *change, const char *format, ...)
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
	say(d, change, FAILED ": TLS: %s", answer->problem);
}

static void
diagnose_exchange(struct diagnosis *d, const struct web_answer *answer)
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

	if (answer->result == WEB_NO_TLS)
		diagnose_tls(d, answer);
	else
		say(d, changes[answer->result], FAILED ": %s", answer->problem);
}

/* A refusal that certgate made; nothing between it and us replaced it. */
static bool
is_ours(const struct web_answer *answer)
{
	return span_starts(buffer_span(&answer->body), SPAN("Refused."));
}

static bool
is_mqtt_refusal(const struct web_answer *answer)
{
	return span_contains(buffer_span(&answer->body), SPAN("\"code\":"));
}

static bool
asks_for_login(const struct web_answer *answer)
{
	return web_header(answer, "WWW-Authenticate", 0).ptr != NULL;
}

/* The web server's own answer; false: nothing is known of such a one. */
static bool
diagnose_foreign(struct diagnosis *d, int status, const char *name)
{
	if (status == 404)
		say(d,
		    "pass this path to the handler, or mend the path of the "
		    "URL",
		    "%s: 404, the web server does not know the path", name);
	else if (status == 400)
		say(d,
		    "ask for no TLS client certificate on this path, for the "
		    "service shows none; register https:// if the port speaks "
		    "TLS; else look into the web server's error log",
		    "%s: 400, the web server itself refuses the request", name);
	else if (status == 403 || status == 405)
		say(d,
		    "let OPTIONS and POST of this path pass to the handler, "
		    "from the service's addresses at least (certgate "
		    "addresses)",
		    "%s: %d, the web server itself answers: it forbids the "
		    "method or the sender, or the path is not the handler's",
		    name, status);
	else
		return false;
	return true;
}

/* What is wrong whatever was wanted; false: nothing of that. */
static bool
diagnose_status(struct diagnosis *d, const struct web_answer *answer,
		const char *name)
{
	int status = answer->status;
	struct span to = web_header(answer, "Location", 0);

	if (status / 100 == 3)
		say(d,
		    "register that address with the service, or answer "
		    "without a redirect: the service follows none",
		    "%s: %d, a redirect to %s", name, status, error_word(to));
	else if (status == 401 && asks_for_login(answer))
		say(d,
		    "exempt this location from the web server's own "
		    "authentication, OPTIONS at least",
		    "%s: 401, the web server asks for a login", name);
	else if (status == 502 || status == 503 || status == 504)
		say(d,
		    "start the handler (systemctl status certgate.socket), "
		    "and let the web server use its socket",
		    "%s: %d, the web server does not reach the handler", name,
		    status);
	else if (status / 100 == 5)
		say(d, "look into the web server's error log",
		    "%s: %d, the web server fails", name, status);
	else if (status == 413)
		say(d,
		    "allow bodies of 1 MiB: client_max_body_size (nginx), "
		    "LimitRequestBody, FcgidMaxRequestLen (Apache), "
		    "server.max-request-size (lighttpd)",
		    "%s: 413, the web server takes no such body", name);
	else if (status == 411)
		say(d, "let the web server take bodies in chunks",
		    "%s: 411, the web server takes no body in chunks", name);
	else if (!is_ours(answer))
		return diagnose_foreign(d, status, name);
	else
		return false;
	return true;
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
	else if (status / 100 == 2 && value.ptr == NULL)
		say(d,
		    "pass OPTIONS to the handler: something before it, such "
		    "as rules for CORS, answers instead",
		    MISSING ": %d without WebHook-Allowed-Origin", status);
	else if (status / 100 == 2)
		say(d,
		    "pass WebHook-Allowed-Origin on as the handler sends it: "
		    "one value, the origin or *",
		    MISSING ": WebHook-Allowed-Origin is %s",
		    error_word(value));
	else if (diagnose_status(d, answer, STATUS))
		return;
	else if (status == 400)
		say(d, "let the web server pass WebHook-Request-Origin on",
		    STATUS ": 400, the handler got no "
			   "WebHook-Request-Origin");
	else if (status == 401)
		say(d,
		    "compare CERTGATE_ORIGINS and CERTGATE_CODE of the "
		    "handler with the service's name and the URL",
		    STATUS ": 401, the handler refuses the origin or the "
			   "code");
	else if (status == 403) {
		d->of_all = true;
		say(d,
		    "ask `certgate check` on the host of the handler; if it "
		    "has sites, let the web server name one (CERTGATE_SITE)",
		    STATUS ": 403, the handler has no settings that read, or "
			   "no such site");
	} else
		say(d, "look into the log of the handler", STATUS ": %d",
		    status);
}

static void
diagnose_admitted(struct diagnosis *d, enum wanted wanted)
{
	if (wanted == WANTED_SENDER_REFUSED)
		say(d,
		    "set CERTGATE_ACCESS_KEYS, so that only the service's "
		    "events count",
		    "an event with a wrong signature lets a client in");
	else
		say(d,
		    "look into the list, or whether certgate answers there "
		    "at all",
		    "a client that nobody knows is let in");
}

static void
diagnose_refused(struct diagnosis *d, const struct web_answer *answer,
		 enum wanted wanted)
{
	int status = answer->status;

	if (status == 404)
		say(d, "put the hub into CERTGATE_HUB",
		    UNEXPECTED ": 404, the handler is for other hubs");
	else if (status == 400 || status == 415)
		say(d,
		    "let the web server pass the ce- headers, Content-Type "
		    "and the body on as they come",
		    UNEXPECTED ": %d, headers or body do not arrive as they "
			       "were sent",
		    status);
	else if (wanted == WANTED_ADMISSION &&
		 (status == 403 || (status == 401 && is_mqtt_refusal(answer))))
		say(d,
		    "ask `certgate explain` with this certificate, and the "
		    "log for the reason",
		    "%d, the client is refused", status);
	else if (status == 401 && wanted != WANTED_SENDER_REFUSED)
		say(d,
		    "let the web server pass ce-signature on, and give the "
		    "handler the access keys of this resource",
		    UNEXPECTED ": 401, the handler does not accept the "
			       "signature");
	else if (status == 403 && wanted == WANTED_SENDER_REFUSED)
		say(d,
		    "set CERTGATE_ACCESS_KEYS, and CERTGATE_SIGNATURE=required",
		    "an event with a wrong signature is read all the same");
	else
		say(d, "look into the logs of handler and web server",
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
		     : is_ours(answer);
	if (!d->good)
		say(d,
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
	       enum wanted wanted)
{
	static const int statuses[] = {
		[WANTED_CLIENT_REFUSED] = 403,
		[WANTED_MQTT_REFUSED] = 401,
		[WANTED_SENDER_REFUSED] = 401,
	};

	if (answer->status / 100 == 2 &&
	    web_header(answer, "WebHook-Allowed-Origin", 0).ptr == NULL) {
		say(d,
		    "pass POST of this path to the handler: something before "
		    "it answers instead",
		    "%d, but not the handler's: every client is let in",
		    answer->status);
	} else if (answer->status / 100 == 2) {
		d->good = wanted == WANTED_ADMISSION;
		if (!d->good)
			diagnose_admitted(d, wanted);
	} else if (wanted != WANTED_ADMISSION &&
		   answer->status == statuses[wanted] &&
		   !asks_for_login(answer) &&
		   !(wanted == WANTED_MQTT_REFUSED && is_ours(answer))) {
		diagnose_body(d, answer, wanted);
	} else if (!diagnose_status(d, answer, UNEXPECTED)) {
		diagnose_refused(d, answer, wanted);
	}
}

void
diagnosis_make(struct diagnosis *d, const struct web_answer *answer,
	       enum wanted wanted, const char *origin)
{
	*d = (struct diagnosis){ 0 };
	if (answer->result != WEB_ANSWERED)
		diagnose_exchange(d, answer);
	else if (wanted == WANTED_AGREEMENT)
		diagnose_validation(d, answer, origin);
	else
		diagnose_event(d, answer, wanted);
}
