/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "base/date.h"
#include "host/log.h"
#include "host/notice.h"

void
notice_warnings(const struct warnings *warnings, const char *where)
{
	struct error more = { 0 };

	if (where == NULL)
		where = "list";
	for (unsigned i = 0; i < warnings->n && i < WARNINGS_MAX; i++) {
		struct error warning = warnings->warning[i];
		error_where(&warning, where);
		log_error(warning.severe ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
			  &warning);
	}
	if (warnings->n <= WARNINGS_MAX)
		return;
	error_where(&more, where);
	error_set(&more, "%u more warning%s", warnings->n - WARNINGS_MAX,
		  warnings->n == WARNINGS_MAX + 1 ? "" : "s");
	log_error(LOG_LEVEL_WARNING, &more);
}

static void
say_if_unsigned(const struct settings *settings)
{
	if (settings->signature != SIGNATURE_REQUIRED &&
	    (settings->signature == SIGNATURE_OFF ||
	     !settings_has_keys(settings)))
		log_note(LOG_LEVEL_WARNING,
			 "events are answered without a check of their "
			 "signature; set CERTGATE_ACCESS_KEYS");
}

/* Below the top level that nobody has (RFC 6761 6.4). */
static bool
is_of_nobody(struct span host)
{
	struct span level = SPAN(".invalid");

	return host.len >= level.len &&
	       span_equal_nocase(span_after(host, host.len - level.len), level);
}

/* As installed, for instance. */
static void
say_if_nobody_can_post(const struct settings *settings)
{
	if (settings->signature == SIGNATURE_REQUIRED &&
	    !settings_has_keys(settings))
		log_note(LOG_LEVEL_WARNING,
			 "every event is refused: CERTGATE_SIGNATURE is "
			 "required, and there is no access key; set "
			 "CERTGATE_ACCESS_KEYS");
	if (settings->origins == NULL)
		return;
	if (settings->connection_host != NULL &&
	    !settings_names(settings->origins,
			    span_of(settings->connection_host)))
		log_note(LOG_LEVEL_WARNING,
			 "CERTGATE_ORIGINS does not have %s, the host of "
			 "WebPubSubConnectionString, whose events are refused; "
			 "take CERTGATE_ORIGINS out, or add it there",
			 error_word(span_of(settings->connection_host)));
	for (size_t i = 0; settings->origins[i] != NULL; i++)
		if (is_of_nobody(span_of(settings->origins[i])))
			log_note(LOG_LEVEL_WARNING,
				 "CERTGATE_ORIGINS: no host has the name %s; "
				 "set that of the Web PubSub resource",
				 error_word(span_of(settings->origins[i])));
}

/* A file of keys would be refused; settings that worked are not. */
static void
say_if_exposed(const struct settings *settings, const struct watch *file)
{
	if (settings->has_secret && file->loaded.readable)
		log_note(LOG_LEVEL_WARNING,
			 "%s holds a secret and is readable by everybody; mend "
			 "it with chmod o-r %s",
			 file->path, file->path);
}

static void
say_if_report_only(const struct settings *settings, int64_t now)
{
	int64_t until = settings->report_only_until;
	struct date_time t;

	if (until == 0)
		return;
	date_from_seconds(until, &t);
	if (settings_report_only(settings, now))
		log_note(LOG_LEVEL_WARNING,
			 "CERTGATE_REPORT_ONLY_UNTIL: every certificate that "
			 "no entry has, or one that has ended, is let in "
			 "through %04d-%02d-%02d, without roles, and reported",
			 t.year, t.month, t.day);
	else
		log_note(LOG_LEVEL_WARNING,
			 "CERTGATE_REPORT_ONLY_UNTIL: ended on "
			 "%04d-%02d-%02d and does nothing: remove it",
			 t.year, t.month, t.day);
}

void
notice_settings(const struct settings *settings, const struct watch *file,
		int64_t now)
{
	notice_warnings(&settings->warnings, "CLIENT_CERT_THUMBPRINT");
	say_if_unsigned(settings);
	say_if_nobody_can_post(settings);
	say_if_exposed(settings, file);
	say_if_report_only(settings, now);
}
