/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "base/date.h"
#include "host/log.h"
#include "host/settings_warnings.h"
#include "policy/value.h"

static void
note_signature(const struct settings *settings)
{
	bool has_keys = settings_has_keys(settings);
	bool any_host = settings->origins == NULL;
	/* With *, the web server lets any of its users send events. */
	bool is_named = settings->remote_user != NULL &&
			strcmp(settings->remote_user, "*") != 0;

	if (settings->signature == SIGNATURE_REQUIRED && !has_keys)
		log_note(LOG_LEVEL_WARNING,
			 "every event is refused: CERTGATE_SIGNATURE is "
			 "required, and no access key is set (fix: "
			 "set " SETTINGS_KEYS_LINE ")");
	else if (!is_named &&
		 (settings->signature == SIGNATURE_OFF || !has_keys))
		log_note(LOG_LEVEL_WARNING,
			 "events%s are accepted without a check of their "
			 "signature (fix: set %s%s)",
			 any_host ? " of any host" : "",
			 any_host ? SETTINGS_ORIGINS_LINE " and " : "",
			 has_keys ? "CERTGATE_SIGNATURE=required"
				  : SETTINGS_KEYS_LINE);
}

/* Warn of an origin that no host can have, such as the installed one. */
static void
note_origins(const struct settings *settings)
{
	if (settings->keys.host != NULL &&
	    !settings_names(settings->origins, span_of(settings->keys.host)))
		log_note(LOG_LEVEL_WARNING,
			 "CERTGATE_ORIGINS does not have %s, the host of "
			 "WebPubSubConnectionString, whose events are refused; "
			 "take CERTGATE_ORIGINS out, or add it there",
			 error_word(span_of(settings->keys.host)));
	for (char **at = settings->origins; at != NULL && *at != NULL; at++) {
		struct span host = span_of(*at);
		if (value_is_invalid_domain(host))
			log_note(LOG_LEVEL_WARNING,
				 "CERTGATE_ORIGINS: no host has the name %s "
				 "(fix: set " SETTINGS_ORIGINS_LINE ")",
				 error_word(host));
	}
}

/* Warn of settings that together check almost nothing. */
static void
note_weak(const struct settings *settings)
{
	if (settings->missing_allowed && settings->ignore_dates)
		log_note(LOG_LEVEL_WARNING,
			 "CERTGATE_MISSING_CERTIFICATE=allow with "
			 "CERTGATE_CHECK_DATES=no: accepting clients without a "
			 "certificate, or with an expired one (fix: remove "
			 "one of them)");
	if (settings->missing_allowed && settings->security_level == 0)
		log_note(LOG_LEVEL_WARNING,
			 "CERTGATE_MISSING_CERTIFICATE=allow with "
			 "CERTGATE_SECURITY_LEVEL=0: accepting clients without "
			 "a certificate, or with a forgeable one (fix: remove "
			 "one of them)");
}

static void
note_report_only(const struct settings *settings, int64_t now)
{
	int64_t until = settings->report_only_until;
	char day[DATE_TEXT_SIZE];

	if (until == 0)
		return;
	date_text(until, day);
	if (settings_report_only(settings, now))
		log_note(
			LOG_LEVEL_WARNING,
			"CERTGATE_REPORT_ONLY_UNTIL: accepting, without roles, "
			"clients without an entry or with an expired one "
			"through %s",
			day);
	else
		log_note(LOG_LEVEL_WARNING,
			 "CERTGATE_REPORT_ONLY_UNTIL: no effect since %s (fix: "
			 "remove it)",
			 day);
}

static void
note_age(const struct settings *settings)
{
	if (settings->store_max_age > 0 && settings->store == NULL)
		log_note(LOG_LEVEL_WARNING,
			 "CERTGATE_STORE_MAX_AGE: no effect without "
			 "CERTGATE_STORE (fix: remove it)");
}

void
settings_warnings_log(const struct settings *settings, int64_t now)
{
	note_signature(settings);
	note_origins(settings);
	note_report_only(settings, now);
	note_weak(settings);
	note_age(settings);
}
