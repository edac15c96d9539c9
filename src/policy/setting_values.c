/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>

#include "base/date.h"
#include "base/text.h"
#include "policy/form.h"
#include "policy/option.h"
#include "policy/setting_values.h"
#include "protocol/chain.h"

enum {
	PINS_MAX = 65536, /* thumbprints in the variable */
	KEY_MIN = 16 /* characters; the service makes longer ones */
};

static bool
take_pin(struct settings *s, struct span *rest, struct error *e)
{
	struct thumbprint *pins =
		reallocarray(s->pins, s->n_pins + 1, sizeof(*pins));

	if (pins == NULL)
		return error_set(e, "out of memory");
	s->pins = pins;
	if (!thumbprint_take(rest, &pins[s->n_pins], &s->warnings, e))
		return false;
	s->n_pins++;
	return s->n_pins <= PINS_MAX ||
	       error_set(e, "too many thumbprints, at most %d", PINS_MAX);
}

bool
setting_thumbprints(struct settings *s, struct span value, struct error *e)
{
	struct span begin = value, part;

	while (span_next_word(&value, ",\r\n", &part)) {
		for (part = span_trim(part); part.len > 0;
		     part = span_trim(part)) {
			if (take_pin(s, &part, e))
				continue;
			e->column = (unsigned)(part.ptr - begin.ptr) + 1;
			return false;
		}
	}
	return s->n_pins > 0 || error_set(e, "no thumbprint in it");
}

bool
setting_list(struct settings *s, struct span value, struct error *e)
{
	return form_path(&s->list, value, e);
}

/* Keys are base64; a name, the words of a comment, quotes or a connection
 * string are no keys, and a guess must not be one.  It is not repeated. */
static bool
check_key(struct span key, struct error *e)
{
	size_t end = key.len;

	while (end > 0 && key.ptr[end - 1] == '=')
		end--;
	for (size_t i = 0; i < end; i++) {
		char c = key.ptr[i];
		bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
		if (letter || (c >= '0' && c <= '9') || c == '+' || c == '/' ||
		    c == '-' || c == '_')
			continue;
		return error_set(e,
				 "character %zu of a key is none of base64%s: "
				 "expected keys alone, without name, quotes, "
				 "comment or connection string",
				 i + 1, c == '=' ? " before its end" : "");
	}
	return key.len >= KEY_MIN ||
	       form_fault(e, "a key", key, "at least %d", KEY_MIN);
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
setting_keys(struct settings *s, struct span value, struct error *e)
{
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

bool
setting_keys_file(struct settings *s, struct span value, struct error *e)
{
	return form_path(&s->keys_file, value, e);
}

static bool
check_origin(struct span word, struct error *e)
{
	return form_is_host(word) || form_fault(e, "an origin", word,
						"a host's name without scheme, "
						"port and path, or * alone");
}

/* The host in https://HOST[:PORT][/]. */
static bool
set_endpoint(struct settings *s, struct span value, struct error *e)
{
	struct span rest = value, host;

	if (span_starts_nocase(rest, SPAN("https://")))
		rest = span_after(rest, sizeof("https://") - 1);
	else if (span_starts_nocase(rest, SPAN("http://")))
		rest = span_after(rest, sizeof("http://") - 1);
	span_next(&rest, ":/", &host);
	if (!form_is_host(host))
		/* Not repeated: a key may have run into it. */
		return error_set(e, "Endpoint: expected https://HOST");
	return form_text(&s->connection_host, host, e);
}

bool
setting_connection(struct settings *s, struct span value, struct error *e)
{
	struct span part;

	while (span_next_word(&value, ";", &part)) {
		struct span rest = part, name;
		span_next(&rest, "=", &name);
		name = span_trim(name);
		if (span_equal_nocase(name, SPAN("Endpoint"))) {
			if (!set_endpoint(s, rest, e))
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
setting_signature(struct settings *s, struct span value, struct error *e)
{
	static const struct form_choice choices[] = {
		{ "auto", SIGNATURE_AUTO },
		{ "required", SIGNATURE_REQUIRED },
		{ "off", SIGNATURE_OFF },
		{ NULL, 0 },
	};
	int chosen = SIGNATURE_REQUIRED;
	bool ok = form_choice(&chosen, value, choices, "required, off or auto",
			      e);

	s->signature = (enum signature_policy)chosen;
	return ok;
}

bool
setting_origins(struct settings *s, struct span value, struct error *e)
{
	s->has_origins = true;
	return form_words(&s->origins, value, check_origin, e);
}

bool
setting_hubs(struct settings *s, struct span value, struct error *e)
{
	return form_words(&s->hubs, value, option_check_hub, e);
}

bool
setting_code(struct settings *s, struct span value, struct error *e)
{
	if (value.len > SETTINGS_CODE_MAX)
		return error_set(e, "too long, at most %d bytes",
				 SETTINGS_CODE_MAX);
	s->code = span_copy(value);
	return s->code != NULL || error_set(e, "out of memory");
}

bool
setting_code_file(struct settings *s, struct span value, struct error *e)
{
	return form_path(&s->code_file, value, e);
}

bool
setting_remote_user(struct settings *s, struct span value, struct error *e)
{
	return form_text(&s->remote_user, value, e);
}

bool
setting_missing(struct settings *s, struct span value, struct error *e)
{
	static const struct form_choice choices[] = {
		{ "refuse", 0 },
		{ "allow", 1 },
		{ NULL, 0 },
	};
	int chosen = 0;
	bool ok = form_choice(&chosen, value, choices, "refuse or allow", e);

	s->missing_allowed = ok && chosen == 1;
	return ok;
}

bool
setting_missing_user(struct settings *s, struct span value, struct error *e)
{
	return form_text(&s->missing_user, value, e);
}

bool
setting_require_content(struct settings *s, struct span value, struct error *e)
{
	return form_yes_no(&s->require_content, value, e);
}

bool
setting_check_dates(struct settings *s, struct span value, struct error *e)
{
	bool check = true;
	bool ok = form_yes_no(&check, value, e);

	s->ignore_dates = !check;
	return ok;
}

bool
setting_user_id(struct settings *s, struct span value, struct error *e)
{
	static const struct form_choice choices[] = {
		{ "entry", USER_ENTRY },
		{ "cn", USER_COMMON_NAME },
		{ "san", USER_ALTERNATIVE_NAME },
		{ "thumbprint", USER_THUMBPRINT },
		{ NULL, 0 },
	};
	int chosen = USER_DEFAULT;
	bool ok = form_choice(&chosen, value, choices,
			      "entry, cn, san or thumbprint", e);

	s->user_id = (enum user_source)chosen;
	return ok;
}

bool
setting_security_level(struct settings *s, struct span value, struct error *e)
{
	uint64_t level;

	if (!span_number(value, 0, CHAIN_LEVEL_MAX, &level))
		return form_fault(e, "a value", value, "0 to %d",
				  CHAIN_LEVEL_MAX);
	s->security_level = (unsigned)level;
	return true;
}

/* Holds through the last second of its day, as expires= does. */
bool
setting_report_only(struct settings *s, struct span value, struct error *e)
{
	int64_t day;

	if (!date_parse(value, &day))
		return form_fault(e, "a value", value, "a date, YYYY-MM-DD");
	s->report_only_until = day + DATE_DAY_SECONDS - 1;
	return true;
}

bool
setting_log(struct settings *s, struct span value, struct error *e)
{
	static const struct form_choice choices[] = {
		{ "stderr", LOG_TARGET_STDERR },
		{ "syslog", LOG_TARGET_SYSLOG },
		{ "journal", LOG_TARGET_JOURNAL },
		{ NULL, 0 },
	};
	int chosen = LOG_TARGET_FILE;
	bool ok = value.ptr[0] == '/'
			  ? form_path(&s->log_file, value, e)
			  : form_choice(&chosen, value, choices,
					"stderr, syslog, journal or an "
					"absolute path",
					e);

	s->log_target = ok ? (enum log_target)chosen : LOG_TARGET_DEFAULT;
	return ok;
}

bool
setting_log_format(struct settings *s, struct span value, struct error *e)
{
	static const struct form_choice choices[] = {
		{ "text", LOG_FORMAT_TEXT },
		{ "json", LOG_FORMAT_JSON },
		{ NULL, 0 },
	};
	int chosen = LOG_FORMAT_TEXT;
	bool ok = form_choice(&chosen, value, choices, "text or json", e);

	s->log_format = (enum log_format)chosen;
	return ok;
}
