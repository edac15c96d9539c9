/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* access_keys: the keys of the settings, and of the file of them. */
#ifndef CERTGATE_POLICY_ACCESS_KEYS_H
#define CERTGATE_POLICY_ACCESS_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/span.h"
#include "protocol/signature.h"

enum { ACCESS_KEYS_MAX = 16 };

/* Owns everything in it.  All zero: none. */
struct access_keys {
	struct signature_key *key[ACCESS_KEYS_MAX];
	size_t n;
	bool has_connection; /* from WebPubSubConnectionString */
	char *host; /* the same's, if origins were set otherwise; NULL: not
		     * set */
};

void access_keys_free(struct access_keys *keys);

/* Add what CERTGATE_ACCESS_KEYS and WebPubSubConnectionString have to field, a
 * struct access_keys. */
bool access_keys_read(void *field, struct span value, struct error *e);
bool connection_string_read(void *field, struct span value, struct error *e);

#endif
