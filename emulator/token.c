/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "emulator/json_value.h"
#include "emulator/token.h"

enum {
	LEEWAY_S = 300, /* as servers of .NET have it */
	DIGEST_SIZE = 32,
	TOKEN_MAX = 8192, /* bytes */
};

static const char no_audience[] = "its audience is another";

static char *
encode(const void *data, gsize length)
{
	char *text = g_base64_encode(data, length);
	gsize end = strlen(text);

	while (end > 0 && text[end - 1] == '=')
		text[--end] = '\0';
	g_strdelimit(text, "+", '-');
	return g_strdelimit(text, "/", '_');
}

static guchar *
decode(const char *text, gsize length, gsize *size)
{
	static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				       "abcdefghijklmnopqrstuvwxyz"
				       "0123456789-_";

	if (strspn(text, alphabet) < length || length % 4 == 1)
		return NULL;
	g_autofree char *copy = g_strndup(text, length);
	g_strdelimit(copy, "-", '+');
	g_strdelimit(copy, "_", '/');
	g_autofree char *padded =
		g_strconcat(copy, &"==="[3 - (4 - length % 4) % 4], NULL);
	return g_base64_decode(padded, size);
}

static void
sign(const char *key, const char *text, gsize length, guint8 *digest)
{
	g_autoptr(GHmac) hmac =
		g_hmac_new(G_CHECKSUM_SHA256, (const guchar *)key, strlen(key));
	gsize size = DIGEST_SIZE;

	g_hmac_update(hmac, (const guchar *)text, (gssize)length);
	g_hmac_get_digest(hmac, digest, &size);
}

static bool
is_signed(const char *const *keys, const char *text, gsize length,
	  const guchar *digest)
{
	for (; *keys != NULL; keys++) {
		guint8 expected[DIGEST_SIZE];
		guint8 difference = 0;
		sign(*keys, text, length, expected);
		for (gsize i = 0; i < DIGEST_SIZE; i++)
			difference |= (guint8)(expected[i] ^ digest[i]);
		if (difference == 0)
			return true;
	}
	return false;
}

static JsonObject *
object_of(const char *text, gsize length)
{
	gsize size = 0;
	g_autofree guchar *bytes = decode(text, length, &size);

	return bytes == NULL
		       ? NULL
		       : json_value_parse_object((const char *)bytes, size);
}

static bool
audience_is(const char *audience, const struct token_rules *rules)
{
	g_autoptr(GUri) uri = g_uri_parse(
		audience, G_URI_FLAGS_ENCODED_PATH | G_URI_FLAGS_ENCODED_QUERY,
		NULL);

	if (uri == NULL || g_uri_get_host(uri) == NULL)
		return false;
	g_autofree char *path =
		g_uri_unescape_string(g_uri_get_path(uri), NULL);
	g_autofree char *wanted = g_uri_unescape_string(rules->path, NULL);
	if (path == NULL || g_strcmp0(path, wanted) != 0)
		return false;
	for (const char *const *host = rules->hosts; *host != NULL; host++) {
		if (g_ascii_strcasecmp(*host, g_uri_get_host(uri)) == 0)
			return true;
	}
	return false;
}

static const char *
fault_of(JsonObject *claims, const struct token_rules *rules)
{
	const char *audience;
	gint64 at;

	if (!json_value_number(claims, "exp", &at))
		return "it has no exp";
	if (at < rules->now - LEEWAY_S)
		return "it has expired";
	if (json_value_number(claims, "nbf", &at) && at > rules->now + LEEWAY_S)
		return "it does not hold yet";
	if (json_value_string(claims, "aud", &audience))
		return audience_is(audience, rules) ? NULL : no_audience;

	JsonArray *list;
	if (!json_value_optional_strings(claims, "aud", &list) || list == NULL)
		return "it has no aud";
	for (guint i = 0; i < json_array_get_length(list); i++) {
		if (audience_is(json_array_get_string_element(list, i), rules))
			return NULL;
	}
	return no_audience;
}

JsonObject *
token_check(const char *token, const struct token_rules *rules,
	    const char **why)
{
	const char *dot = strchr(token, '.');
	const char *last = strrchr(token, '.');
	const char *algorithm;

	*why = "it is not a token with two dots";
	if (dot == NULL || last == dot || strlen(token) > TOKEN_MAX)
		return NULL;
	g_autoptr(JsonObject) head = object_of(token, (gsize)(dot - token));
	*why = "its algorithm is not HS256";
	if (head == NULL || !json_value_string(head, "alg", &algorithm) ||
	    strcmp(algorithm, "HS256") != 0)
		return NULL;
	gsize size = 0;
	g_autofree guchar *digest = decode(last + 1, strlen(last + 1), &size);
	*why = "no access key has signed it";
	if (digest == NULL || size != DIGEST_SIZE ||
	    !is_signed(rules->keys, token, (gsize)(last - token), digest))
		return NULL;
	g_autoptr(JsonObject) claims =
		object_of(dot + 1, (gsize)(last - dot - 1));
	*why = "its claims are invalid";
	if (claims == NULL || (*why = fault_of(claims, rules)) != NULL)
		return NULL;
	return g_steal_pointer(&claims);
}

char *
token_make(JsonObject *claims, const char *key)
{
	static const char head[] = "{\"alg\":\"HS256\",\"typ\":\"JWT\"}";
	g_autofree char *text = json_value_object_text(claims);
	g_autofree char *first = encode(head, strlen(head));
	g_autofree char *second = encode(text, strlen(text));
	g_autofree char *both = g_strconcat(first, ".", second, NULL);
	guint8 digest[DIGEST_SIZE];

	sign(key, both, strlen(both), digest);
	g_autofree char *third = encode(digest, sizeof(digest));
	return g_strconcat(both, ".", third, NULL);
}
