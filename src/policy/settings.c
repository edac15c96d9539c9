/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "policy/given.h"
#include "policy/setting_values.h"
#include "policy/settings.h"
#include "policy/value.h"

static const struct setting {
	struct setting_help help;
	setting_function *set;
} table[] = {
	{ { "CLIENT_CERT_THUMBPRINT", "thumbprints", "none", false },
	  setting_thumbprints },
	{ { "CERTGATE_LIST", "an absolute path", "none", false },
	  setting_list },
	{ { "CERTGATE_ACCESS_KEYS", "keys", "none", true }, setting_keys },
	{ { "CERTGATE_ACCESS_KEYS_FILE", "an absolute path", "none", false },
	  setting_keys_file },
	{ { "WebPubSubConnectionString",
	    "Endpoint=https://HOST;AccessKey=KEY;Version=1.0;", "none", true },
	  setting_connection },
	{ { "CERTGATE_SIGNATURE", "required, off or auto", "auto", false },
	  setting_signature },
	{ { "CERTGATE_ORIGINS", "hosts, or *",
	    "the host of WebPubSubConnectionString, else *", false },
	  setting_origins },
	{ { "CERTGATE_HUB", "hubs, or *", "*", false }, setting_hubs },
	{ { "CERTGATE_CODE", "a secret", "none", true }, setting_code },
	{ { "CERTGATE_CODE_FILE", "an absolute path", "none", false },
	  setting_code_file },
	{ { "CERTGATE_REMOTE_USER", "a name, or *", "none", true },
	  setting_remote_user },
	{ { "CERTGATE_MISSING_CERTIFICATE", "refuse or allow", "refuse",
	    false },
	  setting_missing },
	{ { "CERTGATE_MISSING_CERTIFICATE_USER", "a name", "anonymous", true },
	  setting_missing_user },
	{ { "CERTGATE_REQUIRE_CONTENT", "yes or no", "no", false },
	  setting_require_content },
	{ { "CERTGATE_CHECK_DATES", "yes or no", "yes", false },
	  setting_check_dates },
	{ { "CERTGATE_USER_ID", "entry, cn, san or thumbprint",
	    "the entry's, else the common name, else the thumbprint", false },
	  setting_user_id },
	{ { "CERTGATE_SECURITY_LEVEL", "0 to 5", "2", false },
	  setting_security_level },
	{ { "CERTGATE_REPORT_ONLY_UNTIL", "YYYY-MM-DD", "none", false },
	  setting_report_only },
	{ { "CERTGATE_LOG", "stderr, syslog, journal or an absolute path",
	    "by how the program was started", false },
	  setting_log },
	{ { "CERTGATE_LOG_FORMAT", "text or json", "text", false },
	  setting_log_format },
};

enum { SETTINGS = sizeof(table) / sizeof(table[0]) };

_Static_assert((int)SETTINGS <= (int)SETTINGS_MAX, "room for every setting");

const struct setting_help *
settings_help(size_t i)
{
	return i < SETTINGS ? &table[i].help : NULL;
}

/* From "what is wrong with the value" to "where, which setting, what". */
static bool
name_setting(struct error *e, size_t i, const struct setting_given *given,
	     const char *file)
{
	struct error inner = *e;

	*e = (struct error){ 0 };
	error_where(e, given->line > 0 ? file : "environment");
	e->line = given->line;
	e->column = given->column;
	if (inner.column > 0 && given->column > 0)
		e->column += inner.column - 1;
	else if (inner.column > 0)
		return error_set(e, "%s, byte %u of its value: %s",
				 table[i].help.name, inner.column, inner.text);
	return error_set(e, "%s: %s", table[i].help.name, inner.text);
}

static bool
apply(struct settings *s, struct setting_given *given, const char *file,
      struct report *report, struct error *e)
{
	for (size_t i = 0; i < SETTINGS; i++) {
		if (given[i].value.ptr == NULL)
			continue;
		size_t before = s->n_keys + (s->code != NULL);
		bool ok =
			given[i].value.len > 0
				? table[i].set(s, given[i].value, e)
				: error_set(e, "is set but empty: expected %s",
					    table[i].help.expected);
		if (!ok) {
			name_setting(e, i, &given[i], file);
			if (!error_report(report, e))
				return false;
			continue;
		}
		s->has_secret |= table[i].help.secret && given[i].line > 0 &&
				 s->n_keys + (s->code != NULL) > before;
		if (table[i].set == setting_report_only) {
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
		return error_set(e, "CERTGATE_CODE and CERTGATE_CODE_FILE are "
				    "both set: expected one");
	if (s->keys_file != NULL && s->n_keys > s->has_connection_key)
		return error_set(e, "CERTGATE_ACCESS_KEYS and "
				    "CERTGATE_ACCESS_KEYS_FILE are both set: "
				    "expected one");
	if (s->connection_host != NULL && !s->has_connection_key &&
	    s->n_keys == 0 && s->keys_file == NULL &&
	    s->signature != SIGNATURE_OFF)
		return error_set(e, "WebPubSubConnectionString has no "
				    "AccessKey: expected one, or "
				    "CERTGATE_SIGNATURE=off");
	if (s->connection_host != NULL && !s->has_origins) {
		s->origins = calloc(2, sizeof(*s->origins));
		if (s->origins == NULL)
			return error_set(e, "out of memory");
		s->origins[0] = s->connection_host;
		s->connection_host = NULL;
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
	bool ok = given_read(given, text, name, environment, report, e) &&
		  apply(settings, given, name, report, e) &&
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
	bool ok = value.len > 0 && table[i].set(&unused, value, &e);

	settings_free(&unused);
	return ok;
}

static void
pass_over(void *context, const struct error *e)
{
	(void)context;
	(void)e;
}

void
settings_read_fixed(struct settings *settings, struct span text,
		    const char *name, char *const *environment)
{
	struct report all = { .fault = pass_over };
	struct setting_given given[SETTINGS_MAX] = { 0 };
	struct error e = { 0 };

	if (!given_read(given, text, name, environment, &all, &e))
		return;
	for (size_t i = 0; i < SETTINGS; i++)
		if (given[i].value.len > 0 &&
		    (table[i].set == setting_log ||
		     table[i].set == setting_log_format))
			(void)table[i].set(settings, given[i].value, &e);
}

bool
settings_add_keys(struct settings *settings, struct span text, struct error *e)
{
	return setting_keys(settings, text, e);
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
	return setting_code(settings, text, e);
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
	for (size_t i = 0; i < settings->n_keys; i++)
		signature_key_free(settings->keys[i]);
	free(settings->keys_file);
	value_free_items(settings->origins);
	value_free_items(settings->hubs);
	free_secret(settings->code);
	free(settings->code_file);
	free(settings->remote_user);
	free(settings->missing_user);
	free(settings->log_file);
	free(settings->connection_host);
	*settings = (struct settings){ 0 };
}

bool
settings_has_keys(const struct settings *settings)
{
	return settings->n_keys > 0 || settings->keys_file != NULL;
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
