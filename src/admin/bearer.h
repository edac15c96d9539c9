/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* bearer: the token with which a server shows to the service that it has an
 * access key: a JSON Web Token (RFC 7519), HS256. */
#ifndef CERTGATE_ADMIN_BEARER_H
#define CERTGATE_ADMIN_BEARER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "protocol/signature.h"

enum { BEARER_SECONDS = 300 /* for which it is good */ };

/* Adds to out the token for a request to audience, its URL without the query;
 * that has no character that JSON would escape.  False if it cannot be made. */
bool bearer_make(struct signature_key *key, struct span audience, int64_t now,
		 struct buffer *out) __attribute__((warn_unused_result));

#endif
