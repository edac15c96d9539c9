/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <string.h>

#include "admin/diagnosis.h"
#include "base/error.h"

/* The rest of enum known. */
enum {
	OURS = KNOWN_BY_ANSWER, /* the body of a refusal is the handler's */
	ASKS_LOGIN = OURS << 1,
	ALLOWS = OURS << 2, /* WebHook-Allowed-Origin is there */
	AGREES = OURS << 3, /* and names the origin */
	MQTT_CODE = OURS << 4, /* a refusal in terms of MQTT */
	MQTT_135 = OURS << 5 /* not authorized (MQTT 5.0 3.2.2.2) */
};

/* What follows from a fault. */
enum {
	GOOD = 1,
	STOP = 2,
	FOREIGN = 4,
	NAMELESS = 8 /* the service has no error for it */
};

static const char replaced[] =
	"the body of the refusal is replaced, or the web server rejects the "
	"client";
static const char no_error_pages[] =
	"pass POST of this path to the handler, and turn off the error pages "
	"of the web server for it (fastcgi_intercept_errors, ErrorDocument, "
	"server.error-intercept)";

/* The first row that applies to an answer is its diagnosis. */
static const struct fault {
	unsigned expected; /* by these probes */
	int first, last; /* HTTP statuses, or of enum web_result */
	unsigned needs, lacks; /* of what is known */
	unsigned then;
	const char *cause, *fix;
	const char *word; /* in the problem; NULL: any */
} faults[] = {
	/* No answer. */
	{ EXPECT_ANY, WEB_BROKEN, WEB_BROKEN, 0, 0, FOREIGN,
	  "not an answer in HTTP", "let a web server answer at this port" },
	{ EXPECT_ANY, WEB_NO_NAME, WEB_NO_NAME, 0, 0, FOREIGN,
	  "unknown host name", "add a public DNS record, or correct the URL" },
	{ EXPECT_ANY, WEB_NO_CONNECTION, WEB_NO_CONNECTION, 0, 0, FOREIGN,
	  "no connection",
	  "start the web server, and open its port to the service's addresses "
	  "(certgate addresses)" },
	{ EXPECT_ANY, WEB_SLOW, WEB_SLOW, 0, 0, FOREIGN, "no answer in time",
	  "find what the web server or the handler waits for; every client "
	  "waits as long" },
	{ EXPECT_ANY, WEB_NO_TLS, WEB_NO_TLS, 0, 0, FOREIGN, "TLS",
	  "renew the web server's certificate, and reload the web server",
	  "expired" },
	{ EXPECT_ANY, WEB_NO_TLS, WEB_NO_TLS, 0, 0, FOREIGN, "TLS",
	  "use a certificate that is valid now, or set the clock",
	  "not yet valid" },
	{ EXPECT_ANY, WEB_NO_TLS, WEB_NO_TLS, 0, 0, FOREIGN, "TLS",
	  "use a certificate of a public CA; the service accepts no other",
	  "signed certificate" },
	{ EXPECT_ANY, WEB_NO_TLS, WEB_NO_TLS, 0, 0, FOREIGN, "TLS",
	  "send the whole chain (fullchain.pem) of a certificate of a public "
	  "CA",
	  "issuer" },
	{ EXPECT_ANY, WEB_NO_TLS, WEB_NO_TLS, 0, 0, FOREIGN, "TLS",
	  "use a certificate with the host name in the URL", "subject name" },
	{ EXPECT_ANY, WEB_NO_TLS, WEB_NO_TLS, 0, 0, FOREIGN, "TLS",
	  "give --ca a readable PEM file of CAs", "setting certificate" },
	{ EXPECT_ANY, WEB_NO_TLS, WEB_NO_TLS, 0, 0, FOREIGN, "TLS",
	  "let the port speak TLS; it answers in plain HTTP",
	  "wrong version number" },
	{ EXPECT_ANY, WEB_NO_TLS, WEB_NO_TLS, 0, 0, FOREIGN, "TLS",
	  "let the web server speak TLS 1.2 or later, with a certificate of a "
	  "public CA" },

	/* Accepted. */
	{ EXPECT_VALIDATED, 200, 299, AGREES, 0, GOOD },
	{ EXPECT_VALIDATED, 200, 299, 0, ALLOWS, FOREIGN,
	  "no WebHook-Allowed-Origin",
	  "pass OPTIONS to the handler; something in front of it answers, such "
	  "as rules for CORS" },
	{ EXPECT_VALIDATED, 200, 299, 0, 0, 0, "invalid WebHook-Allowed-Origin",
	  "pass WebHook-Allowed-Origin on unchanged: one value, the origin or "
	  "*" },
	{ EXPECT_EVENT, 200, 299, 0, ALLOWS, FOREIGN | NAMELESS,
	  "another program than the handler accepts every client",
	  "pass POST of this path to the handler; something in front of it "
	  "answers" },
	{ EXPECT_ACCEPTED, 200, 299, 0, 0, GOOD },
	{ EXPECT_SIGNATURE_REJECTED, 200, 299, 0, 0, NAMELESS,
	  "the client is accepted, but the signature is wrong",
	  "set CERTGATE_ACCESS_KEYS of the handler" },
	{ EXPECT_LOGIN_REJECTED, 200, 299, 0, 0, NAMELESS,
	  "the client is accepted without a login of the service",
	  "set CERTGATE_REMOTE_USER of the handler, and check that certgate "
	  "answers at this URL" },
	{ EXPECT_EVENT, 200, 299, 0, 0, NAMELESS,
	  "the client is accepted, but no entry matches",
	  "check the list, and that certgate answers at this URL" },

	/* Rejected, as expected. */
	{ EXPECT_LOGIN_REJECTED, 401, 401, 0, 0, GOOD },
	{ EXPECT_REJECTED, 403, 403, OURS, 0, GOOD },
	{ EXPECT_MQTT_REJECTED, 401, 401, MQTT_135, ASKS_LOGIN, GOOD },
	{ EXPECT_SIGNATURE_REJECTED, 401, 401, OURS, ASKS_LOGIN, GOOD },
	{ EXPECT_REJECTED, 403, 403, KNOWN_REACHED, 0, NAMELESS, replaced,
	  no_error_pages },
	{ EXPECT_SIGNATURE_REJECTED, 401, 401, 0, ASKS_LOGIN, NAMELESS,
	  replaced, no_error_pages },
	{ EXPECT_MQTT_REJECTED, 401, 401, 0, OURS | ASKS_LOGIN, NAMELESS,
	  "the body of the refusal is replaced: MQTT clients see an "
	  "unspecified error",
	  no_error_pages },

	/* Rejected by the web server. */
	{ EXPECT_VALIDATED, 401, 401, ASKS_LOGIN, 0, FOREIGN,
	  "the web server asks for a login",
	  "let OPTIONS of this path pass without a login; the service never "
	  "logs in for a validation" },
	{ EXPECT_EVENT, 401, 401, ASKS_LOGIN | KNOWN_LOGIN, 0, STOP | FOREIGN,
	  "the web server does not accept the login",
	  "give --authorization a login that the web server accepts, such as a "
	  "token that has not expired; see the web server's error log" },
	{ EXPECT_EVENT, 401, 401, ASKS_LOGIN, 0, STOP | FOREIGN,
	  "the web server asks for a login",
	  "exempt POST of this path from the web server's authentication, or "
	  "let the service log in, by a managed identity of its event handler, "
	  "and the doctor by --authorization" },
	{ EXPECT_ANY, 300, 399, 0, 0, FOREIGN,
	  "a redirect, which the service does not follow",
	  "register that address with the service, or answer without a "
	  "redirect" },
	{ EXPECT_ANY, 502, 504, 0, 0, FOREIGN,
	  "the web server does not reach the handler",
	  "start the handler (systemctl status certgate.socket), and let the "
	  "web server use its socket" },
	{ EXPECT_ANY, 500, 599, 0, 0, FOREIGN, "the web server failed",
	  "see the web server's error log" },
	{ EXPECT_ANY, 413, 413, 0, 0, FOREIGN,
	  "the web server rejects a body of this size",
	  "allow bodies of 1 MiB: client_max_body_size (nginx), "
	  "LimitRequestBody, FcgidMaxRequestLen (Apache), "
	  "server.max-request-size (lighttpd)" },
	{ EXPECT_ANY, 411, 411, 0, 0, FOREIGN,
	  "the web server rejects a body in chunks",
	  "let the web server accept bodies in chunks" },
	{ EXPECT_ANY, 404, 404, 0, OURS, FOREIGN,
	  "the web server does not know the path",
	  "pass this path to the handler, or correct the path of the URL" },
	{ EXPECT_ANY, 400, 400, 0, OURS, FOREIGN,
	  "the web server rejects the request",
	  "do not ask for a TLS client certificate on this path, for the "
	  "service shows none; register https:// if the port speaks TLS; see "
	  "the web server's error log" },
	{ EXPECT_ANY, 403, 405, 0, OURS, FOREIGN,
	  "the web server forbids the method or the sender, or the path is not "
	  "the handler's",
	  "correct the path of the URL, or let OPTIONS and POST of this path "
	  "pass to the handler, from the service's addresses at least "
	  "(certgate addresses)" },

	/* Rejected by the handler. */
	{ EXPECT_VALIDATED, 400, 400, 0, 0, 0,
	  "the handler got no WebHook-Request-Origin",
	  "let the web server pass WebHook-Request-Origin on" },
	{ EXPECT_VALIDATED, 401, 401, 0, 0, STOP,
	  "the handler rejects the origin or the code",
	  "compare CERTGATE_ORIGINS and CERTGATE_CODE of the handler with the "
	  "host name of the service and with the URL" },
	{ EXPECT_VALIDATED, 403, 403, 0, 0, STOP,
	  "the handler has no valid settings, or does not know the site",
	  "run `certgate check` on the handler's host; if it has sites, let "
	  "the web server name one (CERTGATE_SITE)" },
	{ EXPECT_EVENT, 404, 404, 0, 0, STOP, "the handler is for other hubs",
	  "add the hub to CERTGATE_HUB of the handler, or name another by "
	  "--hub" },
	{ EXPECT_SIGNATURE_REJECTED, 403, 403, 0, 0, NAMELESS,
	  "the signature is not checked",
	  "set CERTGATE_ACCESS_KEYS and CERTGATE_SIGNATURE=required of the "
	  "handler" },
	{ EXPECT_LOGIN_REJECTED, 403, 403, 0, 0, NAMELESS,
	  "the login is not checked",
	  "set CERTGATE_REMOTE_USER of the handler too" },
	{ EXPECT_EVENT & ~EXPECT_SIGNATURE_REJECTED, 401, 401, KNOWN_LOGIN,
	  MQTT_CODE, STOP,
	  "the handler rejects the login, or the signature if it checks one",
	  "compare CERTGATE_REMOTE_USER of the handler with the user of the "
	  "login, and its access keys with those here; let the web server pass "
	  "REMOTE_USER, AUTH_TYPE and ce-signature on" },
	{ EXPECT_EVENT & ~EXPECT_SIGNATURE_REJECTED, 401, 401, KNOWN_NO_KEY,
	  MQTT_CODE, STOP,
	  "the handler requires a signature, and there is no key here",
	  "set CERTGATE_ACCESS_KEYS here to the access keys of the handler" },
	{ EXPECT_EVENT & ~EXPECT_SIGNATURE_REJECTED, 401, 401, 0, MQTT_CODE,
	  STOP, "the handler rejects the signature",
	  "set CERTGATE_ACCESS_KEYS of the handler to the access keys here, "
	  "those of the resource; let the web server pass ce-signature on" },
	{ EXPECT_ACCEPTED, 401, 403, 0, 0, NAMELESS,
	  "the handler rejects the client",
	  "run `certgate explain` with this certificate" },
	{ EXPECT_EVENT, 400, 415, 0, 0, 0,
	  "headers or body do not arrive as they were sent",
	  "let the web server pass the ce- headers, Content-Type and the body "
	  "on unchanged" },
	{ EXPECT_VALIDATED, 0, 999, 0, 0, 0, "unexpected answer",
	  "see the log of the handler" },
	{ EXPECT_EVENT, 0, 999, 0, 0, 0, "unexpected answer",
	  "see the logs of the handler and the web server" },
};

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

static unsigned
known_by(const struct web_answer *answer, const char *origin)
{
	struct span body = buffer_span(&answer->body);
	unsigned known = 0;

	known |= span_starts(body, SPAN("Refused.")) ? OURS : 0;
	known |= span_contains(body, SPAN("\"code\":")) ? MQTT_CODE : 0;
	known |= span_contains(body, SPAN("\"code\":135")) ? MQTT_135 : 0;
	known |= web_header(answer, "WWW-Authenticate", 0).ptr != NULL
			 ? ASKS_LOGIN
			 : 0;
	known |= web_header(answer, "WebHook-Allowed-Origin", 0).ptr != NULL
			 ? ALLOWS
			 : 0;
	return known | (agrees(answer, origin) ? AGREES : 0);
}

static const struct fault *
find_fault(const struct web_answer *answer, int status, unsigned expected,
	   unsigned known)
{
	const struct fault *f = faults;

	while ((f->expected & expected) == 0 || status < f->first ||
	       status > f->last || (known & f->needs) != f->needs ||
	       (known & f->lacks) != 0 ||
	       (f->word != NULL && strstr(answer->problem, f->word) == NULL))
		f++;
	return f;
}

/* The service's name for the fault, in its live trace. */
static const char *
service_error(const struct fault *f, int status, unsigned expected)
{
	if ((f->then & NAMELESS) != 0)
		return "";
	if (status <= WEB_ANSWERED)
		return "AbuseProtectionResponseFailed: ";
	if (expected != EXPECT_VALIDATED)
		return "HttpHandlerUnexpectedResponse: ";
	return status / 100 == 2
		       ? "AbuseProtectionResponseMissingAllowedOrigin: "
		       : "AbuseProtectionResponseInvalidStatusCode: ";
}

void
diagnose(struct diagnosis *d, const struct web_answer *answer,
	 enum expected expected, const char *origin, unsigned known)
{
	bool answered = answer->result == WEB_ANSWERED;
	int status = answered ? answer->status : (int)answer->result;
	const struct fault *f = find_fault(answer, status, expected,
					   known | known_by(answer, origin));
	struct span detail = span_of(answered ? NULL : answer->problem);
	char number[16] = "";

	if (status / 100 == 3) {
		struct span location = web_header(answer, "Location", 0);
		/* Behind it may be the code. */
		(void)span_next(&location, "?", &detail);
	}
	if (status / 100 == 2 && expected == EXPECT_VALIDATED)
		detail = web_header(answer, "WebHook-Allowed-Origin", 0);
	if (answered)
		(void)snprintf(number, sizeof(number), "%d: ", status);
	*d = (struct diagnosis){
		.good = (f->then & GOOD) != 0,
		.stop = (f->then & STOP) != 0,
		.foreign = (f->then & FOREIGN) != 0,
		.fix = f->fix,
	};
	if (!d->good)
		(void)snprintf(d->cause, sizeof(d->cause), "%s%s%s%s%s",
			       service_error(f, status, expected), number,
			       f->cause, detail.len > 0 ? ": " : "",
			       answered ? error_word(detail) : answer->problem);
}
