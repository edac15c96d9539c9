/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * response: the answer as a value, and its bytes for the web server
 * (RFC 3875 6.2, a document response).
 */
#ifndef CERTGATE_PROTOCOL_RESPONSE_H
#define CERTGATE_PROTOCOL_RESPONSE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"

enum {
	/* Bytes.  What an entry can grant fits: 40 KiB of groups, as much of
	 * roles, and the rest, each byte of which may become two. */
	RESPONSE_BODY_MAX = 204800,
	RESPONSE_MAX = RESPONSE_BODY_MAX + 1024 /* bytes with the header */
};

enum response_content { CONTENT_NONE = 0, CONTENT_TEXT, CONTENT_JSON };

struct response {
	int status; /* HTTP; 0 is written as 403 */
	struct span allowed_origin; /* WebHook-Allowed-Origin; absent: none */
	bool validation; /* with the headers that agree to deliveries */
	bool methods; /* with Allow */
	enum response_content content;
	struct buffer body;
};

/* What an accepted client is given; absent members are not sent. */
struct grant {
	struct span user;
	char *const *groups; /* ended by NULL; or NULL */
	char *const *roles; /* ended by NULL; or NULL; empty takes all away */
	struct span subprotocol;
};

void response_init(struct response *r);
void response_free(struct response *r);

/* Back to response_init's state, keeping the memory of the body. */
void response_clear(struct response *r);

/* Make the body {"userId":…,"groups":…,"roles":…,"subprotocol":…}; false if
 * there is no memory for it. */
bool response_set_grant(struct response *r, const struct grant *grant)
	__attribute__((warn_unused_result));

/* Make the body {"mqtt":{"code":…,"reason":…}}: "not authorized" in the terms
 * of that version (MQTT 3.1.1 3.2.2.3: 5; MQTT 5.0 3.2.2.2: 135). */
bool response_set_mqtt_refusal(struct response *r, int64_t version,
			       struct span text)
	__attribute__((warn_unused_result));

/* Make the body text and a line end. */
void response_set_text(struct response *r, struct span text);

/* What is sent if there is not even the memory for an answer. */
extern const struct span response_refusal;

/* Add header and body to out; no body for 204 and, with head, for none. */
void response_write(const struct response *r, bool head, struct buffer *out);

#endif
