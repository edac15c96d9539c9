/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>

#include "base/text.h"
#include "policy/access_keys.h"
#include "policy/value.h"

enum { KEY_MIN = 16 /* characters; the service makes longer ones */ };

/* Return true if key is base64, and not a name, a word of a comment, a quote or
 * a connection string.  The message does not have the text. */
static bool
check_key(struct span key, struct error *e)
{
	size_t end = key.len, good = value_letters(key, "0123456789+/-_");

	while (end > 0 && key.ptr[end - 1] == '=')
		end--;
	if (good < end)
		return error_set(e,
				 "character %zu of a key is not base64%s: "
				 "expected keys alone, without name, quotes, "
				 "comment or connection string",
				 good + 1,
				 key.ptr[good] == '=' ? " before its end" : "");
	if (key.len < KEY_MIN)
		return value_fault(e, "a key", key, "at least %d", KEY_MIN);
	return key.len % 4 == 0 ||
	       value_fault(e, "a key", key, "a multiple of 4 (%s)",
			   end % 4 > 1 && key.len - end < 4 - end % 4
				   ? "has it lost its =?"
				   : "is it whole?");
}

static bool
add_key(struct access_keys *keys, struct span key, struct error *e)
{
	if (!check_key(key, e))
		return false;
	if (keys->n == ACCESS_KEYS_MAX)
		return error_set(e, "too many keys, at most %d",
				 ACCESS_KEYS_MAX);
	keys->key[keys->n] = signature_key_new(key, e);
	if (keys->key[keys->n] == NULL)
		return false;
	keys->n++;
	return true;
}

bool
access_keys_read(void *field, struct span value, struct error *e)
{
	struct access_keys *keys = field;
	struct span key;
	const char *begin = value.ptr;
	size_t before = keys->n;

	if (invisible_find(value) < value.len)
		return error_set(e, "an invisible character in a key: "
				    "expected its text as printed");
	while (span_next_word(&value, ", \t\r\n", &key)) {
		if (add_key(keys, key, e))
			continue;
		e->line = 1;
		for (; begin < key.ptr; begin++)
			e->line += *begin == '\n';
		return false;
	}
	return keys->n > before || error_set(e, "no key in it");
}

/* The host in https://HOST[:PORT][/]. */
static bool
read_endpoint(struct access_keys *keys, struct span value, struct error *e)
{
	struct span rest = value, host;

	if (span_starts_nocase(rest, SPAN("https://")))
		rest = span_after(rest, sizeof("https://") - 1);
	else if (span_starts_nocase(rest, SPAN("http://")))
		rest = span_after(rest, sizeof("http://") - 1);
	span_next(&rest, ":/", &host);
	if (!value_is_host(host))
		/* Not repeated: a key may have run into it. */
		return error_set(e, "Endpoint: expected https://HOST");
	return value_text(&keys->host, host, VALUE_TEXT_MAX, e);
}

bool
connection_string_read(void *field, struct span value, struct error *e)
{
	struct access_keys *keys = field;
	struct span part;

	while (span_next_word(&value, ";", &part)) {
		struct span rest = part, name;
		span_next(&rest, "=", &name);
		name = span_trim(name);
		if (span_equal_nocase(name, SPAN("Endpoint"))) {
			if (!read_endpoint(keys, rest, e))
				return false;
		} else if (span_equal_nocase(name, SPAN("AccessKey"))) {
			if (span_empty(rest))
				return error_set(e, "AccessKey is empty");
			if (!add_key(keys, rest, e))
				return false;
			keys->has_connection = true;
		}
	}
	return keys->host != NULL ||
	       error_set(e, "no Endpoint: expected Endpoint=https://HOST;"
			    "AccessKey=KEY;Version=1.0;");
}

void
access_keys_free(struct access_keys *keys)
{
	for (size_t i = 0; i < keys->n; i++)
		signature_key_free(keys->key[i]);
	free(keys->host);
	*keys = (struct access_keys){ 0 };
}
