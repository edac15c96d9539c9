/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * event: the body of a `connect` event, as far as a decision needs it.
 *
 * Certificates count at the top level only: the client writes query, headers
 * and claims.  Those can restrict, as the query does, but never accept a
 * client.
 */
#ifndef CERTGATE_PROTOCOL_EVENT_H
#define CERTGATE_PROTOCOL_EVENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/json.h"

enum {
	/* With more in clientCertificates it is rejected; the service sends
	 * one. */
	EVENT_MAX_CERTIFICATES = 10
};

/* What the client presented in the TLS handshake, by the event. */
enum presented {
	PRESENTED_UNREADABLE = 0, /* of another shape than documented */
	PRESENTED_NONE, /* absent, null or [] */
	PRESENTED_TOO_MANY,
	PRESENTED_ONE /* element 0 is valid; others are ignored */
};

enum event_result {
	EVENT_MALFORMED = 0, /* not a JSON object, or beyond a limit */
	EVENT_DUPLICATE_MEMBER,
	EVENT_READ
};

/* The members of a body that can decide. */
enum event_member {
	EVENT_CERTIFICATES,
	EVENT_MQTT,
	EVENT_QUERY,
	EVENT_SUBPROTOCOLS,
	EVENT_MEMBERS
};

struct event {
	enum presented presented;
	struct span thumbprint; /* as written; borrowed from its tree */
	struct span content; /* PEM; absent if absent or null */
	bool mqtt; /* the body has an object `mqtt` */
	int64_t mqtt_version; /* 4: 3.1.1, 5: 5.0; 0 if it does not say */
	struct json_member members[EVENT_MEMBERS]; /* borrow the body */
	void *trees[EVENT_MEMBERS]; /* owned; NULL: not decoded yet */
};

/* Parse body, which the event borrows.  event_free() in any case. */
enum event_result event_read(struct event *event, struct span body)
	__attribute__((warn_unused_result));
void event_free(struct event *event);

/* Return true if the client offered this subprotocol. */
bool event_offers(struct event *event, struct span subprotocol);

/* Return true if the client's query has the member name exactly once; then its
 * text is in *value, borrowed from the event. */
bool event_query(struct event *event, const char *name, struct span *value);

#endif
