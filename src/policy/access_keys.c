/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "base/text.h"
#include "policy/access_keys.h"
#include "policy/value.h"

enum { KEY_MIN = 16 /* characters; the service makes longer ones */ };

/* Keys are base64; a name, the words of a comment, quotes or a connection
 * string are no keys, and a guess must not be one.  It is not repeated. */
static bool
check_key(struct span key, struct error *e)
{
	size_t end = key.len, good = value_letters(key, "0123456789+/-_");

	while (end > 0 && key.ptr[end - 1] == '=')
		end--;
	if (good < end)
		return error_set(e,
				 "character %zu of a key is none of base64%s: "
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
add_key(struct settings *s, struct span key, struct error *e)
{
	if (!check_key(key, e))
		return false;
	if (s->n_keys == SETTINGS_KEYS_MAX)
		return error_set(e, "too many keys, at most %d",
				 SETTINGS_KEYS_MAX);
	s->keys[s->n_keys] = signature_key_new(key, e);
	if (s->keys[s->n_keys] == NULL)
		return false;
	s->n_keys++;
	return true;
}

bool
access_keys_read(void *field, struct span value, struct error *e)
{
	struct settings *s = field;
	struct span key;
	const char *begin = value.ptr;
	size_t before = s->n_keys;

	if (invisible_find(value) < value.len)
		return error_set(e, "an invisible character in a key: "
				    "expected its text as printed");
	while (span_next_word(&value, ", \t\r\n", &key)) {
		if (add_key(s, key, e))
			continue;
		e->line = 1;
		for (; begin < key.ptr; begin++)
			e->line += *begin == '\n';
		return false;
	}
	return s->n_keys > before || error_set(e, "no key in it");
}

/* The host in https://HOST[:PORT][/]. */
static bool
read_endpoint(struct settings *s, struct span value, struct error *e)
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
	return value_text(&s->connection_host, host, VALUE_TEXT_MAX, e);
}

bool
connection_string_read(void *field, struct span value, struct error *e)
{
	struct settings *s = field;
	struct span part;

	while (span_next_word(&value, ";", &part)) {
		struct span rest = part, name;
		span_next(&rest, "=", &name);
		name = span_trim(name);
		if (span_equal_nocase(name, SPAN("Endpoint"))) {
			if (!read_endpoint(s, rest, e))
				return false;
		} else if (span_equal_nocase(name, SPAN("AccessKey"))) {
			if (span_empty(rest))
				return error_set(e, "AccessKey is empty");
			if (!add_key(s, rest, e))
				return false;
			s->has_connection_key = true;
		}
	}
	return s->connection_host != NULL ||
	       error_set(e, "no Endpoint: expected Endpoint=https://HOST;"
			    "AccessKey=KEY;Version=1.0;");
}

bool
settings_add_keys(struct settings *settings, struct span text, struct error *e)
{
	return access_keys_read(settings, text, e);
}
