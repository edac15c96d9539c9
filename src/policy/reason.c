/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stddef.h>

#include "policy/reason.h"

/* 408 and 5xx would be sent again by the service, so no refusal is one. */
static const struct {
	const char *name;
	int status;
	const char *text;
} table[REASONS + 1] = {
	[REASON_INTERNAL] = { "internal", 403,
			      "Internal error, such as a lack of memory." },
	[REASON_MALFORMED_REQUEST] = { "malformed-request", 400,
				       "A required header is missing, "
				       "repeated or invalid." },
	[REASON_SETTINGS] = { "settings", 403,
			      "The settings failed to load; the log has the "
			      "error." },
	[REASON_SITE] = { "site", 403,
			  "CERTGATE_SITE is missing, repeated, or not "
			  "the name of a site." },
	[REASON_METHOD] = { "method", 405,
			    "The method is not POST, and not OPTIONS or "
			    "GET of a validation." },
	[REASON_UNKNOWN_EVENT] = { "unknown-event", 400,
				   "Unknown event type." },
	[REASON_CODE] = { "code", 401,
			  "The query string does not have CERTGATE_CODE as its "
			  "only code." },
	[REASON_NO_ORIGIN] = { "no-origin", 400,
			       "The header WebHook-Request-Origin is "
			       "missing." },
	[REASON_ORIGIN] = { "origin", 401,
			    "No host in WebHook-Request-Origin is in "
			    "CERTGATE_ORIGINS." },
	[REASON_HUB] = { "hub", 404, "The hub is not in CERTGATE_HUB." },
	[REASON_REMOTE_USER] = { "remote-user", 401,
				 "The web server did not authenticate the "
				 "sender as CERTGATE_REMOTE_USER." },
	[REASON_NO_KEY] = { "no-key", 401,
			    "A signature is required, and no access key "
			    "is set." },
	[REASON_NO_SIGNATURE] = { "no-signature", 401,
				  "The header ce-signature is missing." },
	[REASON_SIGNATURE] = { "signature", 401,
			       "No signature in ce-signature is valid for "
			       "the connection id." },
	[REASON_LENGTH] = { "length", 400,
			    "The body is shorter or longer than Content-"
			    "Length." },
	[REASON_TOO_LARGE] = { "too-large", 413,
			       "The body is larger than 1 MiB (system "
			       "events) or 16 MiB." },
	[REASON_CONTENT_TYPE] = { "content-type", 415,
				  "The content type of the connect event is "
				  "not application/json." },
	[REASON_BODY] = { "body", 400,
			  "The body is not a JSON object, or exceeds a "
			  "limit." },
	[REASON_DUPLICATE_MEMBER] = { "duplicate-member", 400,
				      "Two members of one JSON object have the "
				      "same name." },
	[REASON_LIST_UNREADABLE] = { "list-unreadable", 403,
				     "The list failed to load; the log has the "
				     "error." },
	[REASON_STORE] = { "store", 403,
			   "The store cannot be used or is too old, or an "
			   "entry of it is damaged; the log has the error." },
	[REASON_NO_CERTIFICATE] = { "no-certificate", 403,
				    "The client presented no certificate." },
	[REASON_TOO_MANY_CERTIFICATES] = { "too-many-certificates", 403,
					   "The event has more than ten "
					   "certificates." },
	[REASON_CERTIFICATE] = { "certificate", 403,
				 "The certificate is invalid." },
	[REASON_LABEL_MISMATCH] = { "label-mismatch", 403,
				    "The thumbprint is not that of the "
				    "certificate beside it." },
	[REASON_CONTENT_MISSING] = { "content-missing", 403,
				     "The event has a thumbprint without its "
				     "certificate, and "
				     "CERTGATE_REQUIRE_CONTENT is yes." },
	[REASON_CONTENT_NEEDED] = { "content-needed", 403,
				    "The event has only the SHA-1, and the "
				    "list may allow, deny or limit the "
				    "certificate by other fields." },
	[REASON_DENIED] = { "denied", 403,
			    "A deny entry matches the certificate." },
	[REASON_NOT_LISTED] = { "not-listed", 403,
				"No entry matches the certificate." },
	[REASON_ENTRY_NAME] = { "entry-name", 403,
				"The certificate's issuer is a CA of an "
				"entry, but its names do not match cn= and "
				"san=, or are several or invalid." },
	[REASON_ENTRY_HUB] = { "entry-hub", 403,
			       "The entry is for other hubs." },
	[REASON_ENTRY_NOT_YET] = { "entry-not-yet", 403,
				   "The entry is not valid yet." },
	[REASON_ENTRY_EXPIRED] = { "entry-expired", 403,
				   "The entry has expired." },
	[REASON_ENTRY_CLIENT_ID] = { "entry-client-id", 403,
				     "The entry is for another MQTT client id, "
				     "or the client does not use MQTT." },
	[REASON_ENTRY_QUERY] = { "entry-query", 403,
				 "The entry requires another query string." },
	[REASON_NOT_BEFORE_INVALID] = { "not-before-invalid", 403,
					"The certificate's notBefore is not a "
					"valid date." },
	[REASON_NOT_AFTER_INVALID] = { "not-after-invalid", 403,
				       "The certificate's notAfter is not a "
				       "valid date." },
	[REASON_CERTIFICATE_NOT_YET] = { "certificate-not-yet", 403,
					 "The certificate is not valid yet." },
	[REASON_CERTIFICATE_EXPIRED] = { "certificate-expired", 403,
					 "The certificate has expired." },
	[REASON_CHAIN] = { "chain", 403,
			   "The certificate does not chain to an anchor "
			   "in the entry's file; verify= in the log is "
			   "the OpenSSL error." },
	[REASON_PURPOSE] = { "purpose", 403,
			     "The certificate, or a CA of its chain, is "
			     "not for client authentication." },
	[REASON_WEAK] = { "weak", 403,
			  "A key or signature in the chain is below "
			  "CERTGATE_SECURITY_LEVEL." },
	[REASON_CRL] = { "crl", 403,
			 "The file of crl= has no current CRL of an "
			 "issuer in the chain." },
	[REASON_REVOKED] = { "revoked", 403,
			     "A CRL in the file of crl= revokes the "
			     "certificate or a CA of its chain." },
	[REASON_NO_USER_ID] = { "no-user-id", 403,
				"A user id is required, and the certificate "
				"has no valid name for it." },
	[REASON_GRANT] = { "grant", 403,
			   "A group or role with the user id in it is "
			   "invalid, or all of them exceed 40 KiB." },
	[REASON_VALIDATED] = { "validated", 0,
			       "The service may post events here." },
	[REASON_NOTIFIED] = { "notified", 0, "The event needs no decision." },
	[REASON_LISTED] = { "listed", 0,
			    "An allow entry matches, and its conditions "
			    "hold." },
	[REASON_ANONYMOUS] = { "anonymous", 0,
			       "The client presented no certificate, and "
			       "CERTGATE_MISSING_CERTIFICATE is allow." },
	[REASON_REPORT_ONLY] = { "report-only", 0,
				 "Accepted without roles until "
				 "CERTGATE_REPORT_ONLY_UNTIL; would= is the "
				 "reason of the refusal." },
	[REASONS] = { "unknown", 403, "A reason of another version." },
};

const char *
reason_name(enum reason reason)
{
	return table[reason].name;
}

enum reason
reason_find(struct span name)
{
	enum reason i = 0;

	while (i < REASONS && !span_equal(span_of(table[i].name), name))
		i++;
	return i;
}

const char *
reason_text(enum reason reason)
{
	return table[reason].text;
}

int
reason_status(enum reason reason)
{
	return table[reason].status;
}

bool
reason_is_acceptance(enum reason reason)
{
	return reason == REASON_LISTED || reason == REASON_ANONYMOUS ||
	       reason == REASON_REPORT_ONLY;
}

bool
reason_is_client(enum reason reason)
{
	return reason >= REASON_LIST_UNREADABLE && reason <= REASON_GRANT;
}
