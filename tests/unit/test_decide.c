/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * Whole requests through the core, one line each: which reason, and what is in
 * the answer.  Every reason must come up, so one without a case fails.
 *
 * In settings, lists, and bodies, %1 stands for the SHA-1 of a certificate that
 * is made here, %2 for its SHA-256, %K for the digest of its public key, %P for
 * its PEM as JSON has it, and %S for the connection's right signature.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "base/hex.h"
#include "handler.h"
#include "policy/match.h"

/* The certificate's time; those of the entries lie inside. */
#define BEGIN 1704067200 /* 2024-01-01 00:00:00 */
#define END 2335219199 /* 2043-12-31 23:59:59 */
#define NOW 1767225600 /* 2026-01-01 00:00:00 */
#define DAY 86400

#define KEY "7aab239577fd4f24bc919802fb629f5f"
#define ID "0f9c97a2f0bf4706afe87a14e0797b11"
#define ZERO                                                                   \
	"sha256="                                                              \
	"0000000000000000000000000000000000000000000000000000000000000000"
#define TRIAL "CERTGATE_REPORT_ONLY_UNTIL=2026-01-07\n"
#define SIGNED "CERTGATE_ACCESS_KEYS=" KEY "\n"
#define ONE "{\"clientCertificates\":[{\"thumbprint\":\"%1\"}]}"
#define WHOLE                                                                  \
	"{\"clientCertificates\":[{\"thumbprint\":\"%1\",\"content\":\"%P\"}]" \
	"}"
#define THE_ONE                                                                \
	"\"clientCertificates\":[{\"thumbprint\":\"%1\",\"content\":\"%P\"}]}"
#define QUERY(query) "{\"query\":" query "," THE_ONE
#define MQTT "{\"mqtt\":{\"protocolVersion\":4}," THE_ONE
#define OTHER "adaa3144a4a3f6395dbfa2635dde0b6faad69fdc"
#define OTHER256                                                               \
	"1f214f410541b6bde412b2f2c0c4f095f0a7f3184553603c4f6572f5ac13cfed"

enum { TEXT_MAX = 8192, PARAMETERS = 16 };

static char sha1[2 * DIGEST_SHA1_SIZE + 1], sha256[2 * DIGEST_SHA256_SIZE + 1],
	spki[2 * DIGEST_SHA256_SIZE + 1], pem[TEXT_MAX];

/* What every request has unless a row changes it. */
static const char *const standard[] = {
	"REQUEST_METHOD=POST",
	"HTTP_CE_TYPE=azure.webpubsub.sys.connect",
	"HTTP_CE_HUB=chat",
	("HTTP_CE_CONNECTIONID=" ID),
	"HTTP_WEBHOOK_REQUEST_ORIGIN=a.example",
	"CONTENT_TYPE=application/json",
};

struct row {
	enum reason reason;
	int status;
	const char *settings; /* of a file; one that fails: none */
	const char *list; /* one that fails: none */
	const char *body;
	const char *change; /* |NAME=value replaces or adds; |NAME drops */
	const char *says; /* somewhere in the answer; NULL: not looked at */
	int64_t now; /* 0: NOW */
};

static const struct row sender_rows[] = {
	{ REASON_SETTINGS, 403, "CERTGATE_X=1\n", "%1\n", ONE, "", NULL, 0 },
	{ REASON_SITE, 403, "", "%1\n", ONE, "|CERTGATE_SITE=", NULL, 0 },
	{ REASON_SITE, 403, "", "%1\n", ONE, "|REDIRECT_CERTGATE_SITE=a", NULL,
	  0 },
	{ REASON_METHOD, 405, "", "%1\n", ONE, "|REQUEST_METHOD=GET",
	  "Allow: OPTIONS, POST", 0 },
	{ REASON_METHOD, 405, "", "%1\n", ONE, "|REQUEST_METHOD=post", NULL,
	  0 },
	{ REASON_METHOD, 405, "", "%1\n", ONE, "|REQUEST_METHOD", NULL, 0 },
	{ REASON_UNKNOWN_EVENT, 400, "", "%1\n", ONE, "|HTTP_CE_TYPE", NULL,
	  0 },
	{ REASON_UNKNOWN_EVENT, 400, "", "%1\n", ONE,
	  "|HTTP_CE_TYPE=azure.webpubsub.sys.Connect", NULL, 0 },
	{ REASON_UNKNOWN_EVENT, 400, "", "%1\n", ONE,
	  "|HTTP_CE_TYPE=azure.webpubsub.sys.connect ", NULL, 0 },
	{ REASON_UNKNOWN_EVENT, 400, "", "%1\n", ONE,
	  "|HTTP_CE_TYPE=azure.webpubsub.user.", NULL, 0 },
	{ REASON_MALFORMED_REQUEST, 400, "", "%1\n", ONE, "|HTTP_CE_HUB", NULL,
	  0 },
	{ REASON_MALFORMED_REQUEST, 400, "", "%1\n", ONE,
	  "|HTTP_CE_CONNECTIONID=", NULL, 0 },
	{ REASON_MALFORMED_REQUEST, 400, "", "%1\n", ONE,
	  "|HTTP_CE_SPECVERSION=0.3", NULL, 0 },
	{ REASON_MALFORMED_REQUEST, 400, "", "%1\n", ONE,
	  "|HTTP_CE_HUB=a, chat", NULL, 0 },
	{ REASON_NO_ORIGIN, 400, "", "%1\n", ONE,
	  "|HTTP_WEBHOOK_REQUEST_ORIGIN", NULL, 0 },
	{ REASON_NO_ORIGIN, 400, "", "%1\n", ONE,
	  "|HTTP_WEBHOOK_REQUEST_ORIGIN= , ", NULL, 0 },
	{ REASON_ORIGIN, 401, "CERTGATE_ORIGINS=b.example\n", "%1\n", ONE, "",
	  NULL, 0 },
	{ REASON_ORIGIN, 401, "CERTGATE_ORIGINS=a.example\n", "%1\n", ONE,
	  "|HTTP_WEBHOOK_REQUEST_ORIGIN=a.example.b", NULL, 0 },
	{ REASON_HUB, 404, "CERTGATE_HUB=other\n", "%1\n", ONE, "", NULL, 0 },
	{ REASON_CODE, 401, "CERTGATE_CODE=x\n", "%1\n", ONE, "", NULL, 0 },
	{ REASON_CODE, 401, "CERTGATE_CODE=x\n", "%1\n", ONE,
	  "|QUERY_STRING=code=x&code=x", NULL, 0 },
	{ REASON_CODE, 401, "CERTGATE_CODE=x\n", "%1\n", ONE,
	  "|QUERY_STRING=code=xy", NULL, 0 },
	{ REASON_CODE, 401, "CERTGATE_CODE=x\n", "", "",
	  "|REQUEST_METHOD=OPTIONS", NULL, 0 },
	{ REASON_REMOTE_USER, 401, "CERTGATE_REMOTE_USER=*\n", "%1\n", ONE, "",
	  NULL, 0 },
	{ REASON_REMOTE_USER, 401, "CERTGATE_REMOTE_USER=*\n", "%1\n", ONE,
	  "|REMOTE_USER=a", NULL, 0 },
	{ REASON_REMOTE_USER, 401, "CERTGATE_REMOTE_USER=a\n", "%1\n", ONE,
	  "|AUTH_TYPE=Basic|REMOTE_USER=A", NULL, 0 },
	{ REASON_NO_KEY, 401, "CERTGATE_SIGNATURE=required\n", "%1\n", ONE,
	  "|HTTP_CE_SIGNATURE=%S", NULL, 0 },
	{ REASON_NO_KEY, 401, "CERTGATE_ACCESS_KEYS_FILE=/k\n", "%1\n", ONE,
	  "|HTTP_CE_SIGNATURE=%S", NULL, 0 },
	{ REASON_NO_SIGNATURE, 401, SIGNED, "%1\n", ONE, "", NULL, 0 },
	{ REASON_SIGNATURE, 401, SIGNED, "%1\n", ONE,
	  "|HTTP_CE_SIGNATURE=" ZERO, NULL, 0 },
	{ REASON_SIGNATURE, 401, SIGNED, "%1\n", ONE,
	  "|HTTP_CE_SIGNATURE=%S|HTTP_CE_CONNECTIONID=x", NULL, 0 },
	{ REASON_LENGTH, 400, "", "%1\n", ONE, "|CONTENT_LENGTH=1", NULL, 0 },
	{ REASON_CONTENT_TYPE, 415, "", "%1\n", ONE, "|CONTENT_TYPE=text/plain",
	  NULL, 0 },
	{ REASON_CONTENT_TYPE, 415, "", "%1\n", ONE,
	  "|CONTENT_TYPE=application/json-seq", NULL, 0 },
	{ REASON_BODY, 400, "", "%1\n", "[]", "", NULL, 0 },
	{ REASON_BODY, 400, "", "%1\n", "", "", NULL, 0 },
	{ REASON_DUPLICATE_MEMBER, 400, "", "%1\n",
	  "{\"clientCertificates\":[],\"clientCertificates\":[{"
	  "\"thumbprint\":\"%1\"}]}",
	  "", NULL, 0 },
	{ REASON_VALIDATED, 200, "CERTGATE_ORIGINS=a.example\n", "x\n", "",
	  "|REQUEST_METHOD=OPTIONS|HTTP_CE_HUB|HTTP_CE_TYPE",
	  "WebHook-Allowed-Origin: a.example\r\n", 0 },
	{ REASON_VALIDATED, 200, SIGNED "CERTGATE_HUB=other\n", "", "",
	  "|REQUEST_METHOD=OPTIONS", "WebHook-Allowed-Rate: *\r\n", 0 },
	{ REASON_NOTIFIED, 204, SIGNED, "x\n", "",
	  "|HTTP_CE_TYPE=azure.webpubsub.sys.connected"
	  "|HTTP_CE_SIGNATURE=%S",
	  "WebHook-Allowed-Origin: *\r\n", 0 },
	{ REASON_NOTIFIED, 204, "", "x\n", "no JSON",
	  "|HTTP_CE_TYPE=azure.webpubsub.user.a", NULL, 0 },
};

static const struct row client_rows[] = {
	{ REASON_LIST_UNREADABLE, 403, "", "x\n", ONE, "", NULL, 0 },
	{ REASON_LIST_UNREADABLE, 403, "CERTGATE_MISSING_CERTIFICATE=allow\n",
	  "x\n", "{}", "", NULL, 0 },
	{ REASON_LIST_UNREADABLE, 403, "CLIENT_CERT_THUMBPRINT=%1\n", "x\n",
	  ONE, "", NULL, 0 },
	{ REASON_NO_CERTIFICATE, 403, "", "%1\n", "{}", "", NULL, 0 },
	{ REASON_NO_CERTIFICATE, 403, "", "%1\n",
	  "{\"headers\":{\"clientCertificates\":[{\"thumbprint\":\"%1\"}]}}",
	  "", NULL, 0 },
	{ REASON_TOO_MANY_CERTIFICATES, 403, "", "%1\n",
	  "{\"clientCertificates\":[{\"thumbprint\":\"%1\"},0,0,0,0,0,0,0,0,0,"
	  "0]}",
	  "", NULL, 0 },
	{ REASON_CERTIFICATE, 403, "", "%1\n",
	  "{\"clientCertificates\":[{\"thumbprint\":\"%1 \"}]}", "", NULL, 0 },
	{ REASON_CERTIFICATE, 403, "CERTGATE_MISSING_CERTIFICATE=allow\n",
	  "%1\n", "{\"clientCertificates\":{}}", "", NULL, 0 },
	{ REASON_CERTIFICATE, 403, "", "%1\n",
	  "{\"clientCertificates\":[{\"thumbprint\":\"%1\",\"content\":"
	  "\"\"}]}",
	  "", NULL, 0 },
	{ REASON_CERTIFICATE, 403, "", "%1\n",
	  "{\"clientCertificates\":[{\"thumbprint\":\"%2\"}]}", "", NULL, 0 },
	/* The list has the label, but the content is another's. */
	{ REASON_LABEL_MISMATCH, 403, "", OTHER "\n",
	  "{\"clientCertificates\":[{\"thumbprint\":\"" OTHER
	  "\",\"content\":\"%P\"}]}",
	  "", NULL, 0 },
	{ REASON_CONTENT_MISSING, 403, "CERTGATE_REQUIRE_CONTENT=yes\n", "%1\n",
	  ONE, "", NULL, 0 },
	{ REASON_CONTENT_NEEDED, 403, "", "%1\ndeny " OTHER256 "\n", ONE, "",
	  NULL, 0 },
	{ REASON_LISTED, 200, "", "%1\ndeny " OTHER256 "\n", WHOLE, "", NULL,
	  0 },
	{ REASON_LISTED, 200, "", "%1\ndeny " OTHER "\n", ONE, "", NULL, 0 },
	{ REASON_DENIED, 403, "", "%1\ndeny %1\n", ONE, "", NULL, 0 },
	{ REASON_DENIED, 403, "", "deny %1\n%1\n", ONE, "", NULL, 0 },
	{ REASON_DENIED, 403, "", "%1\ndeny %2\n", WHOLE, "", NULL, 0 },
	{ REASON_DENIED, 403, "", "%2\ndeny %1\n", WHOLE, "", NULL, 0 },
	{ REASON_DENIED, 403, "CLIENT_CERT_THUMBPRINT=%1\n", "deny %1\n", ONE,
	  "", NULL, 0 },
	{ REASON_DENIED, 403, "CLIENT_CERT_THUMBPRINT=%2\n", "deny %1\n", WHOLE,
	  "", NULL, 0 },
	{ REASON_DENIED, 403, "", "%1\ndeny spki:%K\n", WHOLE, "", NULL, 0 },
	{ REASON_DENIED, 403, "", "deny spki:%K\n%2\n", WHOLE, "", NULL, 0 },
	{ REASON_CONTENT_NEEDED, 403, "", "%1\ndeny spki:%2\n", ONE, "", NULL,
	  0 },
	/* A digest of the one kind is none of the other. */
	{ REASON_NOT_LISTED, 403, "", "spki:%2\n%K\n", WHOLE, "", NULL, 0 },
	{ REASON_NOT_LISTED, 403, "", "spki:%K\n", ONE, "", NULL, 0 },
	{ REASON_NOT_LISTED, 403, "", "", ONE, "", NULL, 0 },
	{ REASON_NOT_LISTED, 403, "", "%2\n", ONE, "", NULL, 0 },
	{ REASON_NOT_LISTED, 403, "", OTHER "\n", WHOLE, "", NULL, 0 },
	{ REASON_ENTRY_HUB, 403, "", "%1 hub=other\n", ONE, "", NULL, 0 },
	{ REASON_ENTRY_NOT_YET, 403, "", "%1 not-before=2026-01-02\n", ONE, "",
	  NULL, NOW + 86399 },
	{ REASON_LISTED, 200, "", "%1 not-before=2026-01-02\n", ONE, "", NULL,
	  NOW + 86400 },
	{ REASON_LISTED, 200, "", "%1 expires=2026-01-01\n", ONE, "", NULL,
	  NOW + 86399 },
	{ REASON_ENTRY_EXPIRED, 403, "", "%1 expires=2026-01-01\n", ONE, "",
	  NULL, NOW + 86400 },
	/* Of several, the first that holds; else the first one's reason. */
	{ REASON_ENTRY_HUB, 403, "", "%1 hub=x\n%1 expires=2020-01-01\n", ONE,
	  "", NULL, 0 },
	{ REASON_LISTED, 200, "", "%1 hub=x\n%1 user=two\n%1 user=three\n", ONE,
	  "", "\"userId\":\"two\"", 0 },
	{ REASON_LISTED, 200, "", "%1 user=one\n%2 user=two\n", WHOLE, "",
	  "\"userId\":\"two\"", 0 },
	{ REASON_LISTED, 200, "", "%1 user=one\n%2 user=two hub=x\n", WHOLE, "",
	  "\"userId\":\"one\"", 0 },
	{ REASON_LISTED, 200, "CLIENT_CERT_THUMBPRINT=%1\n", "%1 user=one\n",
	  ONE, "", "\"userId\":\"one\"", 0 },
	/* The variable does not widen what the list limits. */
	{ REASON_ENTRY_HUB, 403, "CLIENT_CERT_THUMBPRINT=%1\n", "%1 hub=x\n",
	  ONE, "", NULL, 0 },
	/* Bound to a client id, which only MQTT clients choose. */
	{ REASON_LISTED, 200, "", "%1 client-id=" ID "\n", MQTT, "", NULL, 0 },
	{ REASON_LISTED, 200, "", "%1 client-id=" ID "\n", WHOLE,
	  "|HTTP_CE_PHYSICALCONNECTIONID=p", NULL, 0 },
	{ REASON_LISTED, 200, "", "%1 client-id=@cn\n", MQTT,
	  "|HTTP_CE_CONNECTIONID=pump", NULL, 0 },
	{ REASON_LISTED, 200, "", "%1 client-id=@san\n", MQTT,
	  "|HTTP_CE_CONNECTIONID=p.example", NULL, 0 },
	{ REASON_ENTRY_CLIENT_ID, 401, "", "%1 client-id=@cn\n", MQTT,
	  "|HTTP_CE_CONNECTIONID=Pump", NULL, 0 },
	{ REASON_ENTRY_CLIENT_ID, 401, "", "%1 client-id=x\n", MQTT, "", NULL,
	  0 },
	{ REASON_ENTRY_CLIENT_ID, 403, "", "%1 client-id=" ID "\n", WHOLE, "",
	  NULL, 0 },
	{ REASON_ENTRY_CLIENT_ID, 403, "", "%1 client-id=@cn\n", ONE,
	  "|HTTP_CE_PHYSICALCONNECTIONID=p|HTTP_CE_CONNECTIONID=pump", NULL,
	  0 },
	/* Bound to the query string: one value, and it is a string. */
	{ REASON_LISTED, 200, "", "%1 query.id=pump\n",
	  QUERY("{\"id\":[\"pump\"]}"), "", NULL, 0 },
	{ REASON_LISTED, 200, "", "%1 query.id=@cn query.at=@san\n",
	  QUERY("{\"at\":[\"p.example\"],\"id\":[\"pump\"]}"), "", NULL, 0 },
	{ REASON_ENTRY_QUERY, 403, "", "%1 query.id=@cn query.at=@san\n",
	  QUERY("{\"at\":[\"p\"],\"id\":[\"pump\"]}"), "", NULL, 0 },
	{ REASON_ENTRY_QUERY, 403, "", "%1 query.id=pump\n",
	  QUERY("{\"id\":[\"pump\",\"pump\"]}"), "", NULL, 0 },
	{ REASON_ENTRY_QUERY, 403, "", "%1 query.id=pump\n",
	  QUERY("{\"id\":\"pump\"}"), "", NULL, 0 },
	{ REASON_ENTRY_QUERY, 403, "", "%1 query.id=1\n", QUERY("{\"id\":[1]}"),
	  "", NULL, 0 },
	{ REASON_ENTRY_QUERY, 403, "", "%1 query.id=pump\n",
	  QUERY("{\"ID\":[\"pump\"]}"), "", NULL, 0 },
	{ REASON_ENTRY_QUERY, 403, "", "%1 query.id=pump\n",
	  QUERY("{\"id\":[]}"), "", NULL, 0 },
	{ REASON_ENTRY_QUERY, 403, "", "%1 query.id=pump\n", QUERY("[]"), "",
	  NULL, 0 },
	{ REASON_ENTRY_QUERY, 403, "", "%1 query.id=pump\n", WHOLE, "", NULL,
	  0 },
	{ REASON_CERTIFICATE_NOT_YET, 403, "", "%1\n", WHOLE, "", NULL,
	  BEGIN - MATCH_LEEWAY - 1 },
	{ REASON_LISTED, 200, "", "%1\n", WHOLE, "", NULL,
	  BEGIN - MATCH_LEEWAY },
	{ REASON_LISTED, 200, "", "%1\n", WHOLE, "", NULL, END + MATCH_LEEWAY },
	{ REASON_CERTIFICATE_EXPIRED, 403, "", "%1\n", WHOLE, "", NULL,
	  END + MATCH_LEEWAY + 1 },
	{ REASON_LISTED, 200, "CERTGATE_CHECK_DATES=no\n", "%1\n", WHOLE, "",
	  NULL, END + MATCH_LEEWAY + 1 },
	{ REASON_NO_USER_ID, 403, "", "%1 user=@cn\n", ONE, "", NULL, 0 },
	{ REASON_NO_USER_ID, 403, "", "%1 user=@san\n", ONE, "", NULL, 0 },
	{ REASON_NO_USER_ID, 403, "CERTGATE_USER_ID=cn\n", "%1\n", ONE, "",
	  NULL, 0 },
	{ REASON_LISTED, 200, "", "%1\n", WHOLE, "", "\"userId\":\"pump\"", 0 },
	{ REASON_LISTED, 200, "", "%1\n", ONE, "", "\"userId\":\"%1\"", 0 },
	{ REASON_LISTED, 200, "", "%1 user=@san\n", WHOLE, "",
	  "\"userId\":\"p.example\"", 0 },
	{ REASON_LISTED, 200, "", "%1 user=@thumbprint\n", WHOLE, "",
	  "\"userId\":\"%1\"", 0 },
	{ REASON_LISTED, 204, "CERTGATE_USER_ID=entry\n", "%1\n", WHOLE, "",
	  NULL, 0 },
	{ REASON_LISTED, 200, "", "spki:%K\n", WHOLE, "", "\"userId\":\"%K\"",
	  0 },
	{ REASON_LISTED, 200, "CERTGATE_USER_ID=cn\n", "spki:%K\n", WHOLE, "",
	  "\"userId\":\"%K\"", 0 },
	{ REASON_LISTED, 200, "CERTGATE_USER_ID=san\n", "spki:%K\n", WHOLE, "",
	  "\"userId\":\"%K\"", 0 },
	{ REASON_LISTED, 200, "CERTGATE_USER_ID=thumbprint\n", "spki:%K\n",
	  WHOLE, "", "\"userId\":\"%1\"", 0 },
	{ REASON_LISTED, 204, "CERTGATE_USER_ID=entry\n", "spki:%K\n", WHOLE,
	  "", NULL, 0 },
	{ REASON_LISTED, 200, "", "spki:%K user=a\n%1 user=b\n", WHOLE, "",
	  "\"userId\":\"a\"", 0 },
	{ REASON_LISTED, 200, "", "spki:%K user=a\n%2 user=b\n", WHOLE, "",
	  "\"userId\":\"b\"", 0 },
	{ REASON_LISTED, 204, "", "%1\n", WHOLE, "|HTTP_CE_USERID=t", NULL, 0 },
	{ REASON_LISTED, 200, "", "%1 user=a\n", WHOLE, "|HTTP_CE_USERID=t",
	  "\"userId\":\"a\"", 0 },
	{ REASON_LISTED, 200, "", "%1 subprotocol=a,b\n",
	  "{\"subprotocols\":[\"b\",\"c\"],\"clientCertificates\":[{"
	  "\"thumbprint\":\"%1\"}]}",
	  "", "\"subprotocol\":\"b\"", 0 },
	/* The user id in groups and roles, escaped where it would be more. */
	{ REASON_LISTED, 200, "",
	  "%1 groups=all,{user} roles=sendToGroup.{user}\n", WHOLE, "",
	  "\"groups\":[\"all\",\"pump\"],"
	  "\"roles\":[\"webpubsub.sendToGroup.pump\"]",
	  0 },
	{ REASON_LISTED, 200, "",
	  "%1 user=a* roles=sendToGroups.{user}.*,sendToGroup.{user}\n", ONE,
	  "",
	  "[\"webpubsub.sendToGroups.a\\\\*.*\","
	  "\"webpubsub.sendToGroup.a*\"]",
	  0 },
	{ REASON_LISTED, 200, "", "%1 groups={user}\n", ONE,
	  "|HTTP_CE_USERID=t", "{\"groups\":[\"t\"]}", 0 },
	{ REASON_NO_USER_ID, 403, "CERTGATE_USER_ID=entry\n",
	  "%1 groups={user}\n", ONE, "", NULL, 0 },
	{ REASON_GRANT, 403, "", "%1 groups={user}\n", ONE,
	  "|HTTP_CE_USERID=a\tb", NULL, 0 },
	{ REASON_ANONYMOUS, 200, "CERTGATE_MISSING_CERTIFICATE=allow\n", "",
	  "{}", "", "{\"userId\":\"anonymous\",\"roles\":[]}", 0 },
	/* On trial: whom no entry has, and whose entry has expired. */
	{ REASON_REPORT_ONLY, 200, TRIAL, OTHER "\n", WHOLE, "",
	  "{\"userId\":\"%1\",\"roles\":[]}", 0 },
	{ REASON_REPORT_ONLY, 200, TRIAL "CERTGATE_USER_ID=cn\n", "", ONE, "",
	  "{\"userId\":\"%1\",\"roles\":[]}", 0 },
	{ REASON_REPORT_ONLY, 200, TRIAL, "", ONE, "|HTTP_CE_USERID=t",
	  "{\"roles\":[]}", 0 },
	{ REASON_REPORT_ONLY, 200, TRIAL,
	  "%1 user=a groups=b roles=sendToGroup expires=2020-01-01\n", WHOLE,
	  "", "{\"userId\":\"%1\",\"roles\":[]}", 0 },
	{ REASON_REPORT_ONLY, 200, TRIAL, "", ONE, "",
	  "{\"userId\":\"%1\",\"roles\":[]}", NOW + 7 * DAY - 1 },
	{ REASON_NOT_LISTED, 403, TRIAL, "", ONE, "", NULL, NOW + 7 * DAY },
	{ REASON_NOT_LISTED, 403, TRIAL, "", ONE, "", NULL,
	  NOW - 25 * DAY - 1 },
	{ REASON_REPORT_ONLY, 200, TRIAL, "", ONE, "", NULL, NOW - 25 * DAY },
	/* No clock makes a trial of none. */
	{ REASON_NOT_LISTED, 403, "", "", ONE, "", NULL, -1 },
	{ REASON_LISTED, 200, TRIAL, "%1 user=a\n", ONE, "",
	  "{\"userId\":\"a\"}", 0 },
	{ REASON_DENIED, 403, TRIAL, "deny %1\n", ONE, "", NULL, 0 },
	{ REASON_CONTENT_NEEDED, 403, TRIAL, "deny spki:%2\n", ONE, "", NULL,
	  0 },
	{ REASON_NO_CERTIFICATE, 403, TRIAL, "", "{}", "", NULL, 0 },
	{ REASON_CERTIFICATE, 403, TRIAL, "",
	  "{\"clientCertificates\":[{\"thumbprint\":\"%2\"}]}", "", NULL, 0 },
	{ REASON_LABEL_MISMATCH, 403, TRIAL, "",
	  "{\"clientCertificates\":[{\"thumbprint\":\"" OTHER
	  "\",\"content\":\"%P\"}]}",
	  "", NULL, 0 },
	{ REASON_CONTENT_MISSING, 403, TRIAL "CERTGATE_REQUIRE_CONTENT=yes\n",
	  "", ONE, "", NULL, 0 },
	{ REASON_LIST_UNREADABLE, 403, TRIAL, "x\n", ONE, "", NULL, 0 },
	{ REASON_ENTRY_HUB, 403, TRIAL, "%1 hub=other\n", ONE, "", NULL, 0 },
	{ REASON_ENTRY_NOT_YET, 403, TRIAL, "%1 not-before=2027-01-01\n", ONE,
	  "", NULL, 0 },
	/* Expired, and something else is wrong too. */
	{ REASON_ENTRY_EXPIRED, 403, TRIAL,
	  "%1 expires=2020-01-01 client-id=x\n", ONE, "", NULL, 0 },
	{ REASON_ENTRY_EXPIRED, 403, TRIAL,
	  "%1 expires=2020-01-01 query.id=x\n", ONE, "", NULL, 0 },
	{ REASON_SIGNATURE, 401, TRIAL SIGNED, "", ONE,
	  "|HTTP_CE_SIGNATURE=" ZERO, NULL, 0 },
	{ REASON_BODY, 400, TRIAL, "", "[]", "", NULL, 0 },
	/* In the terms of MQTT, whatever the reason. */
	{ REASON_NOT_LISTED, 401, "", "",
	  "{\"mqtt\":{\"protocolVersion\":4},\"clientCertificates\":[{"
	  "\"thumbprint\":\"%1\"}]}",
	  "", "{\"mqtt\":{\"code\":5,", 0 },
	{ REASON_NO_CERTIFICATE, 401, "", "",
	  "{\"mqtt\":{\"protocolVersion\":5}}", "", "{\"mqtt\":{\"code\":135,",
	  0 },
};

static void
expand(char *out, const char *text)
{
	static const char good[] = "sha256="
				   "7767effcb3946f3e1de039df4b986ef02c110b1469"
				   "d02c0a06f41b3b727ab561";
	char *at = out;

	for (; *text != '\0'; text++) {
		const char *put = NULL;
		if (text[0] == '%')
			put = text[1] == '1'   ? sha1
			      : text[1] == '2' ? sha256
			      : text[1] == 'K' ? spki
			      : text[1] == 'P' ? pem
			      : text[1] == 'S' ? good
					       : NULL;
		if (put == NULL) {
			*at++ = *text;
			continue;
		}
		at = stpcpy(at, put);
		text++;
	}
	*at = '\0';
}

/* The parameters of a request: the standard ones, with changes. */
struct parameters {
	char text[PARAMETERS][TEXT_MAX];
	char *list[PARAMETERS + 1];
};

static void
fill(struct parameters *p, const char *change)
{
	size_t n = COUNT(standard);
	struct span rest = span_of(change), word;

	for (size_t i = 0; i < n; i++)
		(void)snprintf(p->text[i], TEXT_MAX, "%s", standard[i]);
	while (span_next_word(&rest, "|", &word)) {
		struct span value = word, name;
		char copy[TEXT_MAX];
		size_t i = 0;
		span_next(&value, "=", &name);
		while (i < n && !(span_starts(span_of(p->text[i]), name) &&
				  p->text[i][name.len] == '='))
			i++;
		(void)snprintf(copy, sizeof(copy), "%.*s", (int)word.len,
			       word.ptr);
		if (value.ptr == NULL) {
			assert_true(i < n);
			n--;
			memmove(p->text[i], p->text[n], TEXT_MAX);
			continue;
		}
		n += i == n;
		assert_true(n <= PARAMETERS);
		expand(p->text[i], copy);
	}
	for (size_t i = 0; i < n; i++)
		p->list[i] = p->text[i];
	p->list[n] = NULL;
}

static bool
read_nothing(void *context, const char *path, struct buffer *text,
	     struct error *e)
{
	(void)context;
	(void)path;
	(void)text;
	return error_set(e, "no files");
}

static void
check_answer(const struct answer *answer, const struct row *row, size_t i,
	     struct span out)
{
	char says[TEXT_MAX], status[32];
	bool allowed = reason_status(row->reason) == 0;

	(void)snprintf(status, sizeof(status), "Status: %d ", row->status);
	if (answer->decision.reason != row->reason ||
	    !span_starts(out, span_of(status)))
		fail_msg("row %zu (settings %s, list %s, change %s): got %s, "
			 "%.12s; expected %s, %s",
			 i, row->settings, row->list, row->change,
			 reason_name(answer->decision.reason), out.ptr,
			 reason_name(row->reason), status);
	assert_int_equal(answer->decision.verdict == VERDICT_ALLOW, allowed);
	assert_int_equal(span_contains(out, SPAN("WebHook-Allowed-Origin: ")),
			 allowed);
	if (!allowed)
		assert_false(span_contains(out, SPAN("userId")));
	if (row->says == NULL)
		return;
	expand(says, row->says);
	if (!span_contains(out, span_of(says)))
		fail_msg("row %zu: got %.*s, expected …%s…", i, (int)out.len,
			 out.ptr, says);
}

static void
run(const struct row *row, size_t i, struct answer *answer)
{
	static const struct entry_files files = { .read = read_nothing };
	static struct parameters parameters;
	char settings_text[TEXT_MAX], list_text[TEXT_MAX], body[TEXT_MAX];
	char *environment[] = { NULL };
	struct settings settings = { 0 };
	struct list list = { 0 };
	struct request request;
	struct gate gate = { 0 };
	struct error e = { 0 };
	struct buffer out;

	expand(settings_text, row->settings);
	expand(list_text, row->list);
	expand(body, row->body);
	fill(&parameters, row->change);
	struct request_body bytes = { .bytes = span_of(body),
				      .length = strlen(body) };
	if (settings_read(&settings, file_text(settings_text), "settings",
			  environment, &e))
		gate.settings = &settings;
	if (list_build(&list, file_text(list_text), settings.pins,
		       settings.n_pins, &files, &e))
		gate.list = &list;
	request_read(&request, parameters.list, &bytes);
	handler_answer(&gate, &request, row->now == 0 ? NOW : row->now, answer);
	buffer_init(&out, RESPONSE_MAX);
	handler_write(answer, &request, &out);
	check_answer(answer, row, i, buffer_span(&out));
	buffer_free(&out);
	list_free(&list);
	settings_free(&settings);
}

/* One answer serves them all: nothing of one must be left in the next. */
static void
test_rows(void **state)
{
	bool seen[REASONS] = { false };
	struct answer answer;

	(void)state;
	answer_init(&answer);
	for (size_t i = 0; i < COUNT(sender_rows); i++) {
		run(&sender_rows[i], i, &answer);
		seen[sender_rows[i].reason] = true;
	}
	for (size_t i = 0; i < COUNT(client_rows); i++) {
		run(&client_rows[i], COUNT(sender_rows) + i, &answer);
		seen[client_rows[i].reason] = true;
	}
	answer_free(&answer);
	/* By test_lengths, and by memory alone (test_handler). */
	seen[REASON_TOO_LARGE] = seen[REASON_INTERNAL] = true;
	/* By the cases of odd dates (tests/cases/own.json). */
	seen[REASON_NOT_BEFORE_INVALID] = seen[REASON_NOT_AFTER_INVALID] = true;
	/* By the cases of CAs (tests/harness/authorities.py). */
	seen[REASON_ENTRY_NAME] = true;
	for (int i = REASON_CHAIN; i <= REASON_REVOKED; i++)
		seen[i] = true;
	for (int i = 0; i < REASONS; i++)
		if (!seen[i])
			fail_msg("no case has the reason %s",
				 reason_name((enum reason)i));
}

/* How much may come, of which event; what was kept does not matter. */
static void
test_lengths(void **state)
{
	static const struct {
		const char *type;
		uint64_t length;
		enum reason reason;
	} rows[] = {
		{ "sys.connect", REQUEST_BODY_MAX + 1, REASON_TOO_LARGE },
		{ "sys.connect", REQUEST_BODY_MAX, REASON_BODY },
		{ "sys.connected", REQUEST_BODY_MAX, REASON_NOTIFIED },
		{ "sys.connected", REQUEST_BODY_MAX + 1, REASON_TOO_LARGE },
		{ "user.a", REQUEST_DRAIN_MAX, REASON_NOTIFIED },
		{ "user.a", REQUEST_DRAIN_MAX + 1, REASON_TOO_LARGE },
		{ "user.a", UINT64_MAX, REASON_TOO_LARGE },
	};
	static struct parameters parameters;
	char *environment[] = { NULL };
	struct settings settings = { 0 };
	struct list list = { 0 };
	struct gate gate = { &settings, &list };
	struct error e = { 0 };
	struct answer answer;

	(void)state;
	assert_true(settings_read(&settings, (struct span){ 0 }, "",
				  environment, &e));
	answer_init(&answer);
	for (size_t i = 0; i < COUNT(rows); i++) {
		char change[128];
		struct request_body body = { .length = rows[i].length };
		struct request request;
		(void)snprintf(change, sizeof(change),
			       "|HTTP_CE_TYPE=azure.webpubsub.%s",
			       rows[i].type);
		fill(&parameters, change);
		request_read(&request, parameters.list, &body);
		handler_answer(&gate, &request, NOW, &answer);
		if (answer.decision.reason != rows[i].reason)
			fail_msg("%s, %ju bytes: got %s, expected %s",
				 rows[i].type, (uintmax_t)rows[i].length,
				 reason_name(answer.decision.reason),
				 reason_name(rows[i].reason));
		body.broken = true;
		request_read(&request, parameters.list, &body);
		handler_answer(&gate, &request, NOW, &answer);
		assert_int_equal(answer.decision.verdict, VERDICT_DENY);
	}
	answer_free(&answer);
	settings_free(&settings);
}

static void
write_pem(X509 *x)
{
	BIO *bio = BIO_new(BIO_s_mem());
	char *text, *at = pem;

	assert_int_equal(PEM_write_bio_X509(bio, x), 1);
	long n = BIO_get_mem_data(bio, &text);
	for (long i = 0; i < n; i++)
		if (text[i] == '\n')
			at = stpcpy(at, "\\n");
		else
			*at++ = text[i];
	*at = '\0';
	BIO_free(bio);
}

static int
make_certificate(void **state)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	EVP_PKEY *key = EVP_RSA_gen(2048);
	X509 *x = X509_new();
	X509_EXTENSION *san = X509V3_EXT_conf_nid(
		NULL, NULL, NID_subject_alt_name, "DNS:p.example");

	(void)state;
	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 1);
	ASN1_TIME_set(X509_getm_notBefore(x), BEGIN);
	ASN1_TIME_set(X509_getm_notAfter(x), END);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "CN", MBSTRING_ASC,
				   (const unsigned char *)"pump", -1, -1, 0);
	X509_add_ext(x, san, -1);
	X509_EXTENSION_free(san);
	bool ok = X509_sign(x, key, EVP_sha256()) > 0;
	X509_digest(x, EVP_sha1(), digest, NULL);
	hex_encode(digest, DIGEST_SHA1_SIZE, sha1);
	X509_digest(x, EVP_sha256(), digest, NULL);
	hex_encode(digest, DIGEST_SHA256_SIZE, sha256);
	unsigned char *der = NULL;
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x), &der);
	ok &= EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(), NULL) == 1;
	hex_encode(digest, DIGEST_SHA256_SIZE, spki);
	OPENSSL_free(der);
	write_pem(x);
	X509_free(x);
	EVP_PKEY_free(key);
	return !ok || !digest_start(DIGEST_USE_HANDLER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rows),
		cmocka_unit_test(test_lengths),
	};

	return cmocka_run_group_tests_name("decide", tests, make_certificate,
					   NULL);
}
