/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * events N KIND FOLDER: makes N requests as the service sends them, each with a
 * certificate of its own (EC P-256, made here), and what must be answered.
 *
 * KIND is `connect` (each certificate has a plain pin, but one in ten is
 * refused), `refused` (none has), `options` (as the first, and the pins have
 * options), `authority` (the same with one entry, of the CA that issued them
 * all) or `mixed` (all kinds of events, valid and hostile, with plain pins).
 * Into FOLDER, an absolute path, go `list`, with `authority` the CA's
 * certificate, and `events`, a sequence of: size of the request, size of the
 * expected body (both 4 bytes, in this machine's order), expected status (2
 * bytes), the request, the expected body (a prefix of what comes).
 */
#include "config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/hmac.h>

#include "identity.h"

static const char access_key[] = "bench-access-key";

enum { BODY_SIZE = 16384, HEAD_SIZE = 4096 };

static void
die(const char *what)
{
	(void)fprintf(stderr, "events: %s\n", what);
	exit(3);
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
	char answer[256];
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
	identity_hex(mac, sizeof(mac), signature);
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

static FILE *
create(const char *folder, const char *name)
{
	char path[4096];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	if (file == NULL)
		die(path);
	return file;
}

/* What the entries say behind the pin, and what they grant by that. */
static const char options[] =
	" user=@cn groups=plant,of-{user} "
	"roles=joinLeaveGroup,sendToGroup.alarms subprotocol=ocpp1.6 "
	"hub=bench query.hub=bench expires=2099-12-31";

static void
admit(struct event *e, const char *name, bool with_options)
{
	int n = snprintf(e->answer, sizeof(e->answer), "{\"userId\":\"%s\"",
			 name);

	if (with_options)
		(void)snprintf(e->answer + n, sizeof(e->answer) - (size_t)n,
			       ",\"groups\":[\"plant\",\"of-%s\"],\"roles\":["
			       "\"webpubsub.joinLeaveGroup\","
			       "\"webpubsub.sendToGroup.alarms\"],"
			       "\"subprotocol\":\"ocpp1.6\"}",
			       name);
	else
		strcpy(e->answer + n, "}");
}

struct making {
	bool mixed, options, refused;
	const struct authority *authority; /* NULL: the list has pins */
	FILE *list;
};

/* The i-th event, and its entry in the list. */
static void
make_event(const struct making *m, unsigned i, struct event *e)
{
	static struct identity made;
	static char certificates[BODY_SIZE / 2];
	bool odd = m->refused || i % (m->mixed ? 2 : 10) == 1;
	enum kind kind = m->mixed ? (enum kind)(i / 2 % KINDS) : KIND_REFUSED;
	bool refused = odd && kind == KIND_REFUSED;
	char name[32];

	/* The CA's entry has its limit in the name. */
	(void)snprintf(name, sizeof(name), "%s-%06u", refused ? "door" : "pump",
		       i);
	identity_make(m->authority, name, (long)i + 2, &made);
	*e = (struct event){
		.method = "POST",
		.type = "azure.webpubsub.sys.connect",
		.content_type = "application/json; charset=utf-8",
		.hub = "bench",
		.status = 200,
	};
	(void)snprintf(e->connection, sizeof(e->connection), "c%031u", i);
	(void)snprintf(certificates, sizeof(certificates),
		       "[{\"thumbprint\":\"%s\",\"content\":\"%s\"}]",
		       made.sha1, made.pem);
	set_body(e, certificates, "");
	if (odd)
		make_kind(e, kind, certificates);
	else
		admit(e, name, m->options);
	if (!refused && m->authority == NULL)
		(void)fprintf(m->list, "sha256:%s%s\n", made.sha256,
			      m->options ? options : "");
}

int
main(int argc, char **argv)
{
	static struct event event;
	char path[4096];

	if (argc != 4)
		die("expected N connect|refused|options|authority|mixed "
		    "FOLDER");
	unsigned n = (unsigned)strtoul(argv[1], NULL, 10);
	struct making making = {
		.mixed = strcmp(argv[2], "mixed") == 0,
		.options = strcmp(argv[2], "options") == 0,
		.refused = strcmp(argv[2], "refused") == 0,
		.list = create(argv[3], "list"),
	};
	FILE *events = create(argv[3], "events");
	if (strcmp(argv[2], "authority") == 0) {
		(void)snprintf(path, sizeof(path), "%s/ca.pem", argv[3]);
		making.authority = identity_authority(path);
		(void)fprintf(making.list, "ca:%s cn=pump-*\n", path);
	} else if (!making.mixed && !making.options && !making.refused &&
		   strcmp(argv[2], "connect") != 0) {
		die("no such kind");
	}
	for (unsigned i = 0; i < n; i++) {
		make_event(&making, i, &event);
		write_event(events, &event);
	}
	if (fclose(making.list) != 0 || fclose(events) != 0)
		die("cannot write");
	return 0;
}
