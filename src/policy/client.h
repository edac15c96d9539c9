/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* client: who wants in: the request, the event and the certificate, read. */
#ifndef CERTGATE_POLICY_CLIENT_H
#define CERTGATE_POLICY_CLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "policy/entry.h"
#include "policy/list.h"
#include "policy/settings.h"
#include "policy/thumbprint.h"
#include "protocol/certificate.h"
#include "protocol/chain.h"
#include "protocol/event.h"
#include "protocol/request.h"

/* One of the certificate's names; looked for when it is first asked for. */
struct client_name {
	bool looked;
	enum certificate_name result;
	enum certificate_kind kind; /* of the alternative name */
	struct buffer *text; /* borrowed; where it goes */
};

struct client {
	const struct settings *settings;
	const struct list *list;
	const struct request *request;
	struct event *event;
	int64_t now;
	struct chain_memory *memory; /* borrowed; of verified chains */
	bool has_content; /* the certificate itself came, not its label alone */
	struct span der; /* with has_content, as what follows */
	struct certificate certificate;
	struct chain_client chain; /* owned; the same for chain_verify() */
	struct client_name common_name, alternative_name;
	struct thumbprint sha256, spki, sha1; /* THUMBPRINT_NONE: not known */
};

/* Parse the certificate in der, which c borrows: its fields, its pins and what
 * chains need.  False if the certificate is invalid; c->has_content is not set
 * then.  Free with client_free(). */
bool client_read(struct client *c, struct span der)
	__attribute__((warn_unused_result));

/* Free what was parsed for c. */
void client_free(struct client *c);

/* The name that source stands for: the common name (USER_COMMON_NAME) or the
 * alternative name (USER_ALTERNATIVE_NAME).  Lives in the client. */
const struct client_name *client_name(struct client *c,
				      enum user_source source);

/* The same as text; absent if the certificate has none that can be used. */
struct span client_name_text(struct client *c, enum user_source source);

/* The event is that of an MQTT client. */
bool client_is_mqtt(const struct client *c);

#endif
