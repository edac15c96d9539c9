/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * service: the REST API of a Web PubSub resource, as far as it closes
 * connections.
 */
#ifndef CERTGATE_ADMIN_SERVICE_H
#define CERTGATE_ADMIN_SERVICE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"
#include "policy/settings.h"
#include "protocol/signature.h"

enum { BEARER_SECONDS = 300 /* for which it is good */ };

/* Adds to out the token for a request to audience, its URL without the query;
 * that has no character that JSON would escape.  False if it cannot be made. */
bool bearer_make(struct signature_key *key, struct span audience, int64_t now,
		 struct buffer *out) __attribute__((warn_unused_result));

enum { SERVICE_PROBLEM = 256 /* bytes of a text */ };

/* A resource. */
struct service {
	char *url; /* owned; https://HOST, no slash at the end */
	const char *authorities; /* a PEM file; NULL: the system's */
	size_t key; /* of the settings: the one that it took last */
	char silent[SERVICE_PROBLEM]; /* why it gave no answer; else "" */
};

enum service_kind {
	SERVICE_USER = 0, /* all connections of a user id */
	SERVICE_CONNECTION
};

/* What is closed: by kind, a user's id or a connection's. */
struct service_target {
	enum service_kind kind;
	struct span hub, id;
};

/* https://HOST[:PORT], and perhaps a slash. */
bool service_is_endpoint(struct span url);

/* A path can name it.  Of "..", whoever puts paths in order would make the
 * whole hub. */
bool service_is_name(struct span id);

/* Prints the request that would be made. */
void service_show(const struct service *service,
		  const struct service_target *target);

/* Asks it to close, with each of the settings' keys until one is taken.  False,
 * and why, if it does not say that it has. */
bool service_close(struct service *service, const struct settings *settings,
		   const struct service_target *target,
		   char problem[SERVICE_PROBLEM])
	__attribute__((warn_unused_result));

#endif
