/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * events N KIND FOLDER: makes N requests as the service sends them, each with a
 * certificate of its own (EC P-256, made here), and what must be answered.
 *
 * KIND is `connect` (one in ten refused) or `mixed` (all kinds of events, valid
 * and hostile).  Into FOLDER go `list` (the allowed ones, with a user each)
 * and `events`, a sequence of: size of the request, size of the expected body
 * (both 4 bytes, in this machine's order), expected status (2 bytes), the
 * request, the expected body (a prefix of what comes).
 */
#include "config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

static const char access_key[] = "bench-access-key";

enum { PEM_SIZE = 4096, BODY_SIZE = 16384, HEAD_SIZE = 4096 };

static void
die(const char *what)
{
	(void)fprintf(stderr, "events: %s\n", what);
	exit(3);
}

static void
to_hex(const unsigned char *bytes, size_t n, char *text)
{
	for (size_t i = 0; i < n; i++)
		(void)sprintf(text + 2 * i, "%02x", bytes[i]);
}

struct made {
	char pem[PEM_SIZE]; /* with \r\n written as in JSON, no final one */
	char sha1[41];
	char sha256[65];
};

static void
make_certificate(unsigned number, struct made *made)
{
	EVP_PKEY *key = EVP_EC_gen("P-256");
	X509 *certificate = X509_new();
	BIO *memory = BIO_new(BIO_s_mem());
	unsigned char digest[EVP_MAX_MD_SIZE];
	char name[32], *text;
	unsigned size;

	(void)snprintf(name, sizeof(name), "pump-%06u", number);
	if (key == NULL || certificate == NULL || memory == NULL)
		die("out of memory");
	X509_set_version(certificate, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(certificate), (long)number + 1);
	X509_gmtime_adj(X509_getm_notBefore(certificate), -86400);
	X509_gmtime_adj(X509_getm_notAfter(certificate), 864000);
	X509_set_pubkey(certificate, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN",
				   MBSTRING_ASC, (unsigned char *)name, -1, -1,
				   0);
	X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
	if (X509_sign(certificate, key, EVP_sha256()) == 0 ||
	    PEM_write_bio_X509(memory, certificate) != 1)
		die("cannot sign");
	X509_digest(certificate, EVP_sha1(), digest, &size);
	to_hex(digest, size, made->sha1);
	X509_digest(certificate, EVP_sha256(), digest, &size);
	to_hex(digest, size, made->sha256);
	long length = BIO_get_mem_data(memory, &text);
	size_t at = 0;
	for (long i = 0; i + 1 < length; i++) {
		if (text[i] == '\n') {
			memcpy(made->pem + at, "\\r\\n", 4);
			at += 4;
		} else {
			made->pem[at++] = text[i];
		}
	}
	made->pem[at] = '\0';
	BIO_free(memory);
	X509_free(certificate);
	EVP_PKEY_free(key);
}

struct event {
	const char *method;
	const char *type; /* ce-type */
	const char *content_type;
	const char *hub;
	char connection[40];
	bool sign_wrong;
	char body[BODY_SIZE];
	unsigned status;
	char answer[128];
};

static void
write_event(FILE *out, const struct event *e)
{
	unsigned char mac[32];
	char signature[65], head[HEAD_SIZE];
	unsigned size = sizeof(mac);
	uint32_t sizes[2];
	uint16_t status = (uint16_t)e->status;

	if (HMAC(EVP_sha256(), access_key, sizeof(access_key) - 1,
		 (const unsigned char *)e->connection, strlen(e->connection),
		 mac, &size) == NULL)
		die("HMAC");
	if (e->sign_wrong)
		mac[0] ^= 1;
	to_hex(mac, sizeof(mac), signature);
	int n = snprintf(
		head, sizeof(head),
		"%s /eventhandler/%s HTTP/1.1\r\nHost: handler.example\r\n"
		"WebHook-Request-Origin: bench.webpubsub.azure.com\r\n"
		"Content-Type: %s\r\nce-specversion: 1.0\r\n"
		"ce-awpsversion: 1.0\r\nce-type: %s\r\n"
		"ce-source: /hubs/%s/client/%s\r\nce-id: 0\r\n"
		"ce-time: 2026-01-01T00:00:00Z\r\nce-hub: %s\r\n"
		"ce-connectionId: %s\r\n"
		"ce-signature: sha256=%s,sha256=%064d\r\n"
		"x-ms-client-request-id: 6b29fc40-ca47-1067-b31d-00dd010662da"
		"\r\nContent-Length: %zu\r\n\r\n",
		e->method, e->hub, e->content_type, e->type, e->hub,
		e->connection, e->hub, e->connection, signature, 0,
		strlen(e->body));
	sizes[0] = (uint32_t)n + (uint32_t)strlen(e->body);
	sizes[1] = (uint32_t)strlen(e->answer);
	if (n < 0 || fwrite(sizes, sizeof(sizes), 1, out) != 1 ||
	    fwrite(&status, sizeof(status), 1, out) != 1 ||
	    fputs(head, out) < 0 || fputs(e->body, out) < 0 ||
	    fputs(e->answer, out) < 0)
		die("cannot write");
}

static void
set_body(struct event *e, const char *certificates, const char *more)
{
	(void)snprintf(
		e->body, sizeof(e->body),
		"{\"claims\":{},\"query\":{\"hub\":[\"bench\"],\"id\":"
		"[\"%s\"]},\"headers\":{\"Host\":[\"bench.webpubsub.azure.com"
		"\"],\"Upgrade\":[\"websocket\"],\"Connection\":[\"Upgrade\"],"
		"\"Sec-WebSocket-Version\":[\"13\"],\"Sec-WebSocket-Key\":"
		"[\"dGhlIHNhbXBsZSBub25jZQ==\"],\"User-Agent\":[\"pump/1.0\"],"
		"\"X-Forwarded-For\":[\"192.0.2.7\"]},\"subprotocols\":"
		"[\"ocpp1.6\"]%s,\"clientCertificates\":%s}",
		e->connection, more, certificates);
}

/* What kinds of events there are besides connect with a good certificate. */
enum kind {
	KIND_REFUSED,
	KIND_NO_CERTIFICATE,
	KIND_FORGED_LABEL,
	KIND_WRONG_SIGNATURE,
	KIND_MALFORMED,
	KIND_DUPLICATE,
	KIND_FOREIGN_HUB,
	KIND_USER,
	KIND_CONNECTED,
	KIND_UNKNOWN,
	KIND_VALIDATION,
	KIND_MQTT,
	KIND_DEEP,
	KIND_CONTENT_TYPE,
	KINDS
};

static void
refuse(struct event *e, unsigned status)
{
	e->status = status;
	(void)snprintf(e->answer, sizeof(e->answer), "Refused. Support code ");
}

static void
make_kind(struct event *e, enum kind kind, const char *certificates)
{
	switch (kind) {
	case KIND_REFUSED:
		refuse(e, 403);
		break;
	case KIND_NO_CERTIFICATE:
		set_body(e, "[]", "");
		refuse(e, 403);
		break;
	case KIND_FORGED_LABEL:
		e->body[strlen(e->body) - 4] = '\0';
		memcpy(strstr(e->body, "\"thumbprint\":\"") + 14, "0000", 4);
		strcat(e->body, "\"}]}");
		refuse(e, 403);
		break;
	case KIND_WRONG_SIGNATURE:
		e->sign_wrong = true;
		refuse(e, 401);
		break;
	case KIND_MALFORMED:
		e->body[strlen(e->body) / 2] = '\0';
		refuse(e, 400);
		break;
	case KIND_DUPLICATE:
		set_body(e, certificates, ",\"clientCertificates\":[]");
		refuse(e, 400);
		break;
	case KIND_FOREIGN_HUB:
		e->hub = "other";
		refuse(e, 404);
		break;
	case KIND_USER:
		e->type = "azure.webpubsub.user.message";
		e->content_type = "text/plain";
		memset(e->body, 'x', 200);
		e->body[200] = '\0';
		e->status = 204;
		break;
	case KIND_CONNECTED:
		e->type = "azure.webpubsub.sys.connected";
		strcpy(e->body, "{}");
		e->status = 204;
		break;
	case KIND_UNKNOWN:
		e->type = "azure.webpubsub.sys.other";
		refuse(e, 400);
		break;
	case KIND_VALIDATION:
		e->method = "OPTIONS";
		e->body[0] = '\0';
		e->status = 200;
		break;
	case KIND_MQTT:
		set_body(e, "[]", ",\"mqtt\":{\"protocolVersion\":5}");
		e->status = 401;
		strcpy(e->answer,
		       "{\"mqtt\":{\"code\":135,\"reason\":\"Refused.");
		break;
	case KIND_DEEP:
		memset(e->body, '[', 5000);
		e->body[5000] = '\0';
		refuse(e, 400);
		break;
	case KIND_CONTENT_TYPE:
		e->content_type = "text/plain";
		refuse(e, 415);
		break;
	case KINDS:
		break;
	}
}

int
main(int argc, char **argv)
{
	static struct event event;
	static struct made made;
	static char certificates[BODY_SIZE / 2];
	char path[4096];

	if (argc != 4)
		die("expected N connect|mixed FOLDER");
	unsigned n = (unsigned)strtoul(argv[1], NULL, 10);
	bool mixed = strcmp(argv[2], "mixed") == 0;
	(void)snprintf(path, sizeof(path), "%s/list", argv[3]);
	FILE *list = fopen(path, "w");
	(void)snprintf(path, sizeof(path), "%s/events", argv[3]);
	FILE *events = fopen(path, "w");
	if (n == 0 || list == NULL || events == NULL)
		die("cannot open the folder's files");
	for (unsigned i = 0; i < n; i++) {
		make_certificate(i, &made);
		event = (struct event){
			.method = "POST",
			.type = "azure.webpubsub.sys.connect",
			.content_type = "application/json; charset=utf-8",
			.hub = "bench",
			.status = 200,
		};
		(void)snprintf(event.connection, sizeof(event.connection),
			       "c%031u", i);
		(void)snprintf(certificates, sizeof(certificates),
			       "[{\"thumbprint\":\"%s\",\"content\":\"%s\"}]",
			       made.sha1, made.pem);
		set_body(&event, certificates, "");
		bool odd = i % (mixed ? 2 : 10) == 1;
		if (odd)
			make_kind(&event,
				  mixed ? (enum kind)(i / 2 % KINDS)
					: KIND_REFUSED,
				  certificates);
		else
			(void)snprintf(event.answer, sizeof(event.answer),
				       "{\"userId\":\"pump-%06u\"}", i);
		if (!odd || (mixed && i / 2 % KINDS != KIND_REFUSED))
			(void)fprintf(list, "sha256:%s\n", made.sha256);
		write_event(events, &event);
	}
	if (fclose(list) != 0 || fclose(events) != 0)
		die("cannot write");
	return 0;
}
