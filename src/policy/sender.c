/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "policy/sender.h"
#include "protocol/digest.h"

/* A request may name several origins, in one line or more (replicas, custom
 * domains); one that is ours will do. */
static enum reason
check_origin(const struct settings *settings, const struct request *request,
	     struct sender *sender)
{
	bool named = false;

	for (size_t i = 0; i < request->origins.n; i++) {
		struct span rest = request->origins.line[i], word;
		while (span_next_word(&rest, ", \t", &word)) {
			named = true;
			char **origin = settings->origins;
			for (; origin != NULL && *origin != NULL; origin++)
				if (span_equal_nocase(span_of(*origin), word))
					sender->origin = span_of(*origin);
		}
	}
	if (!named)
		return REASON_NO_ORIGIN;
	if (settings->origins == NULL)
		sender->origin = SPAN("*");
	return sender->origin.ptr == NULL ? REASON_ORIGIN : REASON_VALIDATED;
}

static bool
code_agrees(const struct settings *settings, const struct request *request)
{
	char value[SETTINGS_CODE_MAX];
	size_t length;

	return settings->code == NULL ||
	       (request_query(request, SPAN("code"), value, sizeof(value),
			      &length) &&
		digest_secrets_equal(span_of(settings->code),
				     (struct span){ value, length }));
}

/* RFC 3875 4.1.11: REMOTE_USER is only meant where AUTH_TYPE is set. */
static bool
remote_user_agrees(const struct settings *settings,
		   const struct request *request)
{
	struct span wanted = span_of(settings->remote_user);

	if (wanted.ptr == NULL)
		return true;
	if (span_empty(request->auth_type) || span_empty(request->remote_user))
		return false;
	return span_equal(wanted, SPAN("*")) ||
	       span_equal(wanted, request->remote_user);
}

static enum reason
check_signature(const struct settings *settings, const struct request *request,
		struct sender *sender)
{
	if (settings->signature == SIGNATURE_OFF ||
	    (settings->signature == SIGNATURE_AUTO &&
	     !settings_has_keys(settings)))
		return REASON_VALIDATED;
	if (settings->keys.n == 0)
		return REASON_NO_KEY;
	switch (signature_check(settings->keys.key, settings->keys.n,
				request->signatures.line, request->signatures.n,
				request->connection)) {
	case SIGNATURE_GOOD:
		sender->verified = true;
		return REASON_VALIDATED;
	case SIGNATURE_MISSING:
		return REASON_NO_SIGNATURE;
	case SIGNATURE_WRONG:
		break;
	}
	return REASON_SIGNATURE;
}

bool
sender_check(const struct settings *settings, const struct request *request,
	     bool validation, struct sender *sender, enum reason *reason)
{
	*sender = (struct sender){ 0 };
	/* First: without the code, no answer depends on the other settings. */
	*reason = code_agrees(settings, request)
			  ? check_origin(settings, request, sender)
			  : REASON_CODE;
	if (*reason != REASON_VALIDATED)
		return false;
	if (!validation && !settings_names(settings->hubs, request->hub))
		*reason = REASON_HUB;
	else if (!validation && !remote_user_agrees(settings, request))
		*reason = REASON_REMOTE_USER;
	else if (!validation)
		*reason = check_signature(settings, request, sender);
	return *reason == REASON_VALIDATED;
}
