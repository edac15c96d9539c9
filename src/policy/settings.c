/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/suggestion.h"
#include "base/text.h"
#include "policy/settings.h"
#include "policy/value.h"
#include "protocol/chain.h"

enum {
	PINS_MAX = 65536, /* thumbprints in the variable */
	UNKNOWN = SETTINGS_MAX
};

static bool
read_pin(struct settings *s, struct span *rest, struct error *e)
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

static bool
read_pins(void *field, struct span value, struct error *e)
{
	struct settings *s = field;
	struct span begin = value, part;

	while (span_next_word(&value, ",\r\n", &part)) {
		for (part = span_trim(part); part.len > 0;
		     part = span_trim(part)) {
			if (read_pin(s, &part, e))
				continue;
			e->column = (unsigned)(part.ptr - begin.ptr) + 1;
			return false;
		}
	}
	return s->n_pins > 0 || error_set(e, "no thumbprint in it");
}

static bool
check_origin(struct span word, struct error *e)
{
	return value_is_host(word) ||
	       value_fault(e, "an origin", word,
			   "a host's name without scheme, port and path, or * "
			   "alone");
}

static bool
read_origins(void *field, struct span value, struct error *e)
{
	struct settings *s = field;

	s->has_origins = true;
	return value_words(&s->origins, value, check_origin, e);
}

static bool
read_hubs(void *field, struct span value, struct error *e)
{
	return value_words(field, value, value_check_hub, e);
}

static bool
read_code(void *field, struct span value, struct error *e)
{
	char **code = field;

	if (value.len > SETTINGS_CODE_MAX)
		return error_set(e, "too long, at most %d bytes",
				 SETTINGS_CODE_MAX);
	*code = span_copy(value);
	return *code != NULL || error_set(e, "out of memory");
}

static bool
read_text(void *field, struct span value, struct error *e)
{
	return value_text(field, value, VALUE_TEXT_MAX, e);
}

static bool
read_security_level(void *field, struct span value, struct error *e)
{
	unsigned *level = field;
	uint64_t number;

	(void)e;
	if (!span_number(value, 0, CHAIN_LEVEL_MAX, &number))
		return false;
	*level = (unsigned)number;
	return true;
}

static bool
read_log(void *field, struct span value, struct error *e)
{
	static const char *const targets[] = {
		[LOG_TARGET_DEFAULT] = "",
		[LOG_TARGET_STDERR] = "stderr",
		[LOG_TARGET_SYSLOG] = "syslog",
		[LOG_TARGET_JOURNAL] = "journal",
		[LOG_TARGET_JOURNAL + 1] = NULL,
	};
	struct settings *s = field;

	if (value.ptr[0] != '/')
		return value_choose(targets, &s->log_target, value);
	if (!value_path(&s->log_file, value, e))
		return false;
	s->log_target = LOG_TARGET_FILE;
	return true;
}

/* By the numbers of the enums; no value is empty. */
static const char *const signatures[] = { "auto", "required", "off", NULL };
static const char *const missing[] = { "refuse", "allow", NULL };
static const char *const no_yes[] = { "no", "yes", NULL };
static const char *const yes_no[] = { "yes", "no", NULL };
static const char *const formats[] = { "text", "json", NULL };
static const char *const user_sources[] = {
	[USER_DEFAULT] = "",
	[USER_ENTRY] = "entry",
	[USER_COMMON_NAME] = "cn",
	[USER_ALTERNATIVE_NAME] = "san",
	[USER_THUMBPRINT] = "thumbprint",
	[USER_THUMBPRINT + 1] = NULL,
};

static const struct setting table[] = {
	{ "CLIENT_CERT_THUMBPRINT", "thumbprints", "none", false, NULL,
	  read_pins, 0 },
	{ "CERTGATE_LIST", "an absolute path", "none", false, NULL, value_path,
	  offsetof(struct settings, list) },
	{ "CERTGATE_STORE", "an absolute path", "none", false, NULL, value_path,
	  offsetof(struct settings, store) },
	{ "CERTGATE_STORE_OWNER", "a user", "root, or the handler's user",
	  false, NULL, value_user, offsetof(struct settings, store_owner) },
	{ "CERTGATE_STORE_MAX_AGE", "seconds, at least 15", "none", false, NULL,
	  value_age, offsetof(struct settings, store_max_age) },
	{ "CERTGATE_ACCESS_KEYS", "keys", "none", true, NULL, access_keys_read,
	  offsetof(struct settings, keys) },
	{ "CERTGATE_ACCESS_KEYS_FILE", "an absolute path", "none", false, NULL,
	  value_path, offsetof(struct settings, keys_file) },
	{ "WebPubSubConnectionString",
	  "Endpoint=https://HOST;AccessKey=KEY;Version=1.0;", "none", true,
	  NULL, connection_string_read, offsetof(struct settings, keys) },
	{ "CERTGATE_SIGNATURE", "required, off or auto", "auto", false,
	  signatures, NULL, offsetof(struct settings, signature) },
	{ "CERTGATE_ORIGINS", "hosts, or *",
	  "the host of WebPubSubConnectionString, else *", false, NULL,
	  read_origins, 0 },
	{ "CERTGATE_HUB", "hubs, or *", "*", false, NULL, read_hubs,
	  offsetof(struct settings, hubs) },
	{ "CERTGATE_CODE", "a secret", "none", true, NULL, read_code,
	  offsetof(struct settings, code) },
	{ "CERTGATE_CODE_FILE", "an absolute path", "none", false, NULL,
	  value_path, offsetof(struct settings, code_file) },
	{ "CERTGATE_REMOTE_USER", "a name, or *", "none", true, NULL, read_text,
	  offsetof(struct settings, remote_user) },
	{ "CERTGATE_MISSING_CERTIFICATE", "refuse or allow", "refuse", false,
	  missing, NULL, offsetof(struct settings, missing_allowed) },
	{ "CERTGATE_MISSING_CERTIFICATE_USER", "a name", "anonymous", true,
	  NULL, read_text, offsetof(struct settings, missing_user) },
	{ "CERTGATE_REQUIRE_CONTENT", "yes or no", "no", false, no_yes, NULL,
	  offsetof(struct settings, require_content) },
	{ "CERTGATE_CHECK_DATES", "yes or no", "yes", false, yes_no, NULL,
	  offsetof(struct settings, ignore_dates) },
	{ "CERTGATE_USER_ID", "entry, cn, san or thumbprint",
	  "the entry's, else the common name, else the thumbprint", false,
	  user_sources, NULL, offsetof(struct settings, user_id) },
	{ "CERTGATE_SECURITY_LEVEL", "0 to 5", "2", false, NULL,
	  read_security_level, offsetof(struct settings, security_level) },
	{ "CERTGATE_CRL_URLS", "URLs", "those in the CAs' certificates", true,
	  NULL, value_urls, offsetof(struct settings, crl_urls) },
	{ "CERTGATE_REPORT_ONLY_UNTIL", "YYYY-MM-DD", "none", false, NULL,
	  value_last_second, offsetof(struct settings, report_only_until) },
	{ "CERTGATE_LOG", "stderr, syslog, journal or an absolute path",
	  "by how the program was started", false, NULL, read_log, 0 },
	{ "CERTGATE_LOG_FORMAT", "text or json", "text", false, formats, NULL,
	  offsetof(struct settings, log_format) },
};

_Static_assert(sizeof(table) / sizeof(table[0]) == SETTINGS_MAX, "every row");

const struct setting *
settings_help(size_t i)
{
	return i < SETTINGS_MAX ? &table[i] : NULL;
}

/* Return which setting has this name; UNKNOWN if none. */
static size_t
find(struct span name)
{
	size_t i = 0;

	while (i < SETTINGS_MAX && !span_equal(name, span_of(table[i].name)))
		i++;
	return i;
}

const char *
settings_shown_name(struct span name)
{
	enum { SHOWN_MAX = 12 /* characters */ };
	static _Thread_local char text[SHOWN_MAX + sizeof("...")];
	if (name.len <= SHOWN_MAX || find(name) != UNKNOWN)
		return error_word(name);
	name.len = SHOWN_MAX;
	(void)snprintf(text, sizeof(text), "%s...", error_word(name));
	return text;
}

/* A word without the prefix is not repeated: it may be the second line of a
 * secret.  One that is near to a name is none. */
static bool
unknown_setting(struct span name, struct error *e)
{
	struct suggestion meant = { .word = name };

	for (size_t i = 0; i < SETTINGS_MAX; i++)
		suggestion_try(&meant, span_of(table[i].name));
	if (meant.best.ptr != NULL)
		return error_set(e, "unknown setting \"%s\" (did you mean %s?)",
				 error_word(name), meant.best.ptr);
	if (!span_starts(name, SPAN("CERTGATE_")))
		return error_set(e, "unknown setting of %zu characters",
				 name.len);
	return error_set(e, "unknown setting \"%s\"",
			 settings_shown_name(name));
}

/* Take one line of the file. */
static bool
take_line(struct setting_given *given, struct span line, unsigned number,
	  struct error *e)
{
	struct span rest, name;

	if (line.len > 0 && line.ptr[line.len - 1] == '\r')
		line.len--;
	rest = span_trim(line);
	if (rest.len == 0 || rest.ptr[0] == '#')
		return true;
	span_next(&rest, "=", &name);
	name = span_trim(name);
	size_t i = find(name);
	e->column = (unsigned)(name.ptr - line.ptr) + 1;
	if (rest.ptr == NULL)
		return error_set(e, "expected NAME=value, or # before a "
				    "comment");
	if (i == UNKNOWN)
		return unknown_setting(name, e);
	if (given[i].value.ptr != NULL)
		return error_set(e, "%s: set a second time, first in line %u",
				 table[i].name, given[i].line);
	given[i].value = span_trim(rest);
	given[i].line = number;
	given[i].column = (unsigned)(given[i].value.ptr - line.ptr) + 1;
	return true;
}

static bool
take_file(struct setting_given *given, struct span text, const char *name,
	  struct report *report, struct error *e)
{
	struct span line;
	unsigned number = 0;

	error_where(e, name);
	if (!lines_start(&text, "a setting", report, e))
		return false;
	while (span_next(&text, "\n", &line)) {
		error_where(e, name);
		e->line = ++number;
		if (!take_line(given, line, number, e) &&
		    !error_report(report, e))
			return false;
	}
	*e = (struct error){ 0 };
	return true;
}

/* CERTGATE_CONFIG says where the file is; CERTGATE_SITE is a parameter of a
 * request, which plain CGI has in its environment. */
static bool
is_no_setting(struct span name)
{
	return !span_starts(name, SPAN("CERTGATE_")) ||
	       span_equal(name, SPAN("CERTGATE_CONFIG")) ||
	       span_equal(name, SPAN("CERTGATE_SITE"));
}

/* Take one NAME=value of the environment. */
static bool
take_variable(struct setting_given *given, struct span variable,
	      bool seen[SETTINGS_MAX], struct error *e)
{
	struct span rest = variable, name;

	span_next(&rest, "=", &name);
	size_t i = find(name);
	if (i == UNKNOWN)
		return is_no_setting(name) || unknown_setting(name, e);
	if (rest.ptr == NULL)
		return error_set(e, "%s: missing value", table[i].name);
	given[i] = (struct setting_given){ .value = span_trim(rest) };
	if (seen[i])
		return error_set(e, "%s: set twice", table[i].name);
	seen[i] = true;
	return true;
}

bool
settings_given(struct setting_given given[SETTINGS_MAX], struct span text,
	       const char *name, char *const *environment,
	       struct report *report, struct error *e)
{
	bool seen[SETTINGS_MAX] = { false };

	if (!take_file(given, text, name, report, e))
		return false;
	for (; environment != NULL && *environment != NULL; environment++) {
		if (take_variable(given, span_of(*environment), seen, e))
			continue;
		error_where(e, "environment");
		if (!error_report(report, e))
			return false;
	}
	return true;
}

/* From "what failed" to "where: NAME: what failed". */
static bool
name_setting(struct error *e, const char *name,
	     const struct setting_given *given, const char *file)
{
	struct error inner = *e;

	*e = (struct error){ 0 };
	error_where(e, given->line > 0 ? file : "environment");
	e->line = given->line;
	e->column = given->column;
	if (inner.column > 0 && given->column > 0)
		e->column += inner.column - 1;
	else if (inner.column > 0)
		return error_set(e, "%s: byte %u of its value: %s", name,
				 inner.column, inner.text);
	return error_set(e, "%s: %s", name, inner.text);
}

static bool
read_value(struct settings *s, const struct setting *row, struct span value,
	   struct error *e)
{
	void *field = (char *)s + row->offset;

	if (value.len == 0)
		return error_set(e, "is set but empty: expected %s",
				 row->expected);
	if (row->choices != NULL ? value_choose(row->choices, field, value)
				 : row->read(field, value, e))
		return true;
	return error_set(e, "a value of %zu characters: expected %s", value.len,
			 row->expected);
}

static bool
read_all(struct settings *s, struct setting_given *given, const char *file,
	 struct report *report, struct error *e)
{
	for (size_t i = 0; i < SETTINGS_MAX; i++) {
		const struct setting *row = &table[i];
		size_t secrets = s->keys.n + (s->code != NULL);
		if (given[i].value.ptr == NULL)
			continue;
		if (!read_value(s, row, given[i].value, e)) {
			name_setting(e, row->name, &given[i], file);
			if (!error_report(report, e))
				return false;
			continue;
		}
		s->has_secret |= given[i].line > 0 &&
				 s->keys.n + (s->code != NULL) > secrets;
		if (row->offset ==
		    offsetof(struct settings, report_only_until)) {
			s->report_only_line = given[i].line;
			s->report_only_column = given[i].column;
		}
	}
	return true;
}

/* Settings that only make sense together. */
static bool
complete(struct settings *s, struct error *e)
{
	if (s->code != NULL && s->code_file != NULL)
		return error_set(e, "CERTGATE_CODE: CERTGATE_CODE_FILE is set "
				    "too: expected one of the two");
	if (s->keys_file != NULL && s->keys.n > s->keys.has_connection)
		return error_set(e, "CERTGATE_ACCESS_KEYS: "
				    "CERTGATE_ACCESS_KEYS_FILE is set too: "
				    "expected one of the two");
	if (s->keys.host != NULL && !s->keys.has_connection && s->keys.n == 0 &&
	    s->keys_file == NULL && s->signature != SIGNATURE_OFF)
		return error_set(e, "WebPubSubConnectionString: no AccessKey: "
				    "expected one, or CERTGATE_SIGNATURE=off");
	if (s->keys.host != NULL && !s->has_origins) {
		s->origins = calloc(2, sizeof(*s->origins));
		if (s->origins == NULL)
			return error_set(e, "out of memory");
		s->origins[0] = s->keys.host;
		s->keys.host = NULL;
	}
	if (s->missing_user == NULL)
		s->missing_user = strdup("anonymous");
	return s->missing_user != NULL || error_set(e, "out of memory");
}

bool
settings_read(struct settings *settings, struct span text, const char *name,
	      char *const *environment, struct error *e)
{
	return settings_report(settings, text, name, environment, NULL, e);
}

bool
settings_report(struct settings *settings, struct span text, const char *name,
		char *const *environment, struct report *report,
		struct error *e)
{
	struct setting_given given[SETTINGS_MAX] = { 0 };
	unsigned faults = report == NULL ? 0 : report->faults;

	settings->security_level = SETTINGS_SECURITY_LEVEL;
	bool ok = settings_given(given, text, name, environment, report, e) &&
		  read_all(settings, given, name, report, e) &&
		  (complete(settings, e) || error_report(report, e));
	if (report != NULL)
		return report->faults == faults;
	if (!ok)
		settings_free(settings);
	return ok;
}

bool
settings_accepts(size_t i, struct span value)
{
	struct settings unused = { 0 };
	struct error e = { 0 };
	bool ok = read_value(&unused, &table[i], value, &e);

	settings_free(&unused);
	return ok;
}

void
settings_read_log(struct settings *settings, struct span text, const char *name,
		  char *const *environment)
{
	struct report ignore = { .fault = NULL };
	struct setting_given given[SETTINGS_MAX] = { 0 };
	struct error e = { 0 };

	if (!settings_given(given, text, name, environment, &ignore, &e))
		return;
	for (size_t i = 0; i < SETTINGS_MAX; i++)
		if (given[i].value.ptr != NULL &&
		    span_starts(span_of(table[i].name), SPAN("CERTGATE_LOG")))
			(void)read_value(settings, &table[i], given[i].value,
					 &e);
}

bool
settings_add_keys(struct settings *settings, struct span text, struct error *e)
{
	return access_keys_read(&settings->keys, text, e);
}

bool
settings_set_code(struct settings *settings, struct span text, struct error *e)
{
	while (text.len > 0 && (text.ptr[text.len - 1] == '\n' ||
				text.ptr[text.len - 1] == '\r'))
		text.len--;
	if (text.len == 0)
		return error_set(e, "is empty: expected a secret");
	if (memchr(text.ptr, '\n', text.len) != NULL ||
	    memchr(text.ptr, '\0', text.len) != NULL)
		return error_set(e, "more than one line, or a NUL byte: "
				    "expected a secret");
	return read_code(&settings->code, text, e);
}

/* The days in between are counted from midnight to midnight. */
static bool
is_too_far(const struct settings *settings, int64_t now)
{
	int64_t today = now - now % DATE_DAY_SECONDS;

	return settings->report_only_until - today >=
	       (SETTINGS_REPORT_ONLY_DAYS + 1) * (int64_t)DATE_DAY_SECONDS;
}

bool
settings_check_time(const struct settings *settings, const char *name,
		    int64_t now, struct error *e)
{
	if (!is_too_far(settings, now))
		return true;
	error_where(e, settings->report_only_line > 0 ? name : "environment");
	error_at(e, settings->report_only_line, settings->report_only_column);
	return error_set(e,
			 "CERTGATE_REPORT_ONLY_UNTIL: expected a date at most "
			 "%d days ahead",
			 SETTINGS_REPORT_ONLY_DAYS);
}

bool
settings_report_only(const struct settings *settings, int64_t now)
{
	return settings->report_only_until > 0 &&
	       now <= settings->report_only_until && !is_too_far(settings, now);
}

static void
free_secret(char *secret)
{
	if (secret == NULL)
		return;
	explicit_bzero(secret, strlen(secret));
	free(secret);
}

void
settings_free(struct settings *settings)
{
	free(settings->pins);
	free(settings->list);
	free(settings->store);
	free(settings->store_owner);
	access_keys_free(&settings->keys);
	free(settings->keys_file);
	value_free_items(settings->origins);
	value_free_items(settings->hubs);
	value_free_items(settings->crl_urls);
	free_secret(settings->code);
	free(settings->code_file);
	free(settings->remote_user);
	free(settings->missing_user);
	free(settings->log_file);
	*settings = (struct settings){ 0 };
}

bool
settings_has_keys(const struct settings *settings)
{
	return settings->keys.n > 0 || settings->keys_file != NULL;
}

bool
settings_want_signature(const struct settings *settings)
{
	return settings->signature == SIGNATURE_REQUIRED ||
	       (settings->signature == SIGNATURE_AUTO &&
		settings_has_keys(settings));
}

bool
settings_names(char *const *value, struct span name)
{
	if (value == NULL)
		return true;
	for (; *value != NULL; value++)
		if (span_equal_nocase(span_of(*value), name))
			return true;
	return false;
}
