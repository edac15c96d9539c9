/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "admin/diagnosis.h"

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
