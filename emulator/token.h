/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* token: JSON Web Tokens with HS256 over an access key (RFC 7519, 7515). */
#ifndef CERTGATE_EMULATOR_TOKEN_H
#define CERTGATE_EMULATOR_TOKEN_H

#include <json-glib/json-glib.h>
#include <stdbool.h>

struct token_rules {
	const char *const *keys; /* up to a NULL; one must have signed */
	const char *const *hosts; /* up to a NULL; the audience names one */
	const char *path; /* percent-encoded; the audience's */
	gint64 now; /* seconds since 1970 */
};

/* The claims of a token that holds now, freed with json_object_unref; NULL if
 * it does not, and why. */
JsonObject *token_check(const char *token, const struct token_rules *rules,
			const char **why);

/* The caller frees it. */
char *token_make(JsonObject *claims, const char *key);

#endif
