/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/buffer.h"
#include "host/log_line.h"
#include "host/outage.h"
#include "host/store_contact.h"
#include "policy/match.h"
#include "policy/value.h"
#include "protocol/certificate.h"

static bool
lacks_key(const struct configuration *c, int64_t now)
{
	(void)now;
	return c->settings.signature == SIGNATURE_REQUIRED &&
	       !settings_has_keys(&c->settings);
}

static bool
lacks_origin(const struct configuration *c, int64_t now)
{
	char **at = c->settings.origins;

	(void)now;
	if (at == NULL || *at == NULL)
		return false;
	while (*at != NULL && value_is_invalid_domain(span_of(*at)))
		at++;
	return *at == NULL;
}

/* Return true if only entries of the list can allow a client.  A store that
 * cannot be used is another outage. */
static bool
needs_entry(const struct configuration *c, int64_t now)
{
	bool has_store =
		c->list.store != NULL &&
		(c->store == NULL || configuration_stored(c, false) > 0);

	return !has_store && !c->settings.missing_allowed &&
	       !settings_report_only(&c->settings, now);
}

static bool
lacks_entry(const struct configuration *c, int64_t now)
{
	for (size_t i = 0; i < c->list.n; i++)
		if (c->list.entries[i].allows)
			return false;
	return needs_entry(c, now);
}

/* Return true if the entry is valid, and the certificate of a file: entry. */
static bool
is_valid(const struct entry *entry, bool ignore_dates, int64_t now)
{
	if (entry_has_expired(entry, now) ||
	    (entry->terms != NULL && entry->terms->not_before > now))
		return false;
	return ignore_dates || entry->ends == 0 ||
	       (entry->ends != CERTIFICATE_NOT_AFTER_INVALID &&
		entry->ends + MATCH_LEEWAY >= now);
}

/* Return true if there are allow entries, and none is valid now. */
static bool
lacks_valid_entry(const struct configuration *c, int64_t now)
{
	for (size_t i = 0; i < c->list.n; i++) {
		const struct entry *entry = &c->list.entries[i];
		if (entry->allows &&
		    is_valid(entry, c->settings.ignore_dates, now))
			return false;
	}
	return c->has_list && !lacks_entry(c, now) && needs_entry(c, now);
}

static bool
is_too_old(const struct configuration *c, int64_t now)
{
	int64_t age = c->settings.store_max_age > 0 && c->store != NULL
			      ? store_age(c->store)
			      : 0;

	(void)now;
	return age < 0 || age > (int64_t)c->settings.store_max_age;
}

/* Return true for the settings as installed. */
static bool
lacks_both(const struct configuration *c, int64_t now)
{
	return lacks_key(c, now) && lacks_origin(c, now);
}

static const struct outage_refusal refusals[] = {
	{ lacks_both,
	  "CERTGATE_ORIGINS names no Web PubSub resource, and no access key is "
	  "set",
	  "set these lines in the settings file:\n" SETTINGS_ORIGINS_LINE
	  "\n" SETTINGS_KEYS_LINE },
	{ lacks_key, "a signature is required, and no access key is set",
	  "set " SETTINGS_KEYS_LINE },
	{ lacks_origin, "CERTGATE_ORIGINS names no Web PubSub resource",
	  "set " SETTINGS_ORIGINS_LINE },
	{ is_too_old,
	  "the store's last contact with the fleet's database is older than "
	  "CERTGATE_STORE_MAX_AGE",
	  "systemctl status certgate-sync" },
	{ lacks_entry, "the list has no allow entry", "certgate allow@ FILE" },
};

const struct outage_refusal *
outage_find_refusal(const struct configuration *c, int64_t now)
{
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		if (c->has_settings && c->has_list && refusals[i].holds(c, now))
			return &refusals[i];
	return NULL;
}

const struct outage_refusal *
outage_refusal(const struct sites *sites, int64_t now)
{
	const struct outage_refusal *found =
		sites->in_use ? NULL : outage_find_refusal(&sites->main, now);

	for (size_t i = 0; i < sites->n && found == NULL; i++)
		found = outage_find_refusal(&sites->site[i]->store, now);
	return found;
}

bool
outage_lacks_valid_entry(const struct sites *sites, int64_t now,
			 const char **site)
{
	*site = "";
	if (!sites->in_use)
		return lacks_valid_entry(&sites->main, now);
	for (size_t i = 0; i < sites->n; i++) {
		*site = sites->site[i]->name;
		if (lacks_valid_entry(&sites->site[i]->store, now))
			return true;
	}
	return false;
}

int64_t
outage_store_age(const struct sites *sites, const char **site)
{
	int64_t oldest = 0;

	*site = "";
	for (size_t i = 0; i <= sites->n; i++) {
		const struct configuration *c =
			i == 0 ? &sites->main : &sites->site[i - 1]->store;
		int64_t age = store_age(c->store);
		if (age <= STORE_STALE_S || age <= oldest)
			continue;
		oldest = age;
		*site = i == 0 ? "" : sites->site[i - 1]->name;
	}
	return oldest;
}

/* The reasons for which all events, or all clients, may be refused: the
 * sentence of the outage (NULL: the reason's name), and what to do about one
 * refusal. */
static const struct refused {
	enum reason reason;
	const char *sentence, *fix;
} refused[] = {
	{ REASON_SIGNATURE,
	  "No event has a valid signature: was an access key regenerated?",
	  "set CERTGATE_ACCESS_KEYS, or the file of CERTGATE_ACCESS_KEYS_FILE, "
	  "to the keys of each Web PubSub resource" },
	{ REASON_NO_SIGNATURE, "No event has a signature.",
	  "certgate doctor% URL" },
	{ REASON_NO_KEY, "A signature is required, and no access key is set.",
	  "set CERTGATE_ACCESS_KEYS" },
	{ REASON_ORIGIN, "Every event names an origin that is not configured.",
	  "set CERTGATE_ORIGINS" },
	{ REASON_HUB, "Every event names a hub that is not configured.",
	  "set CERTGATE_HUB" },
	{ REASON_CODE, "No event has the configured code in its URL.",
	  "set the same code in CERTGATE_CODE and in the event handler's URL" },
	{ REASON_REMOTE_USER,
	  "The web server authenticates no event as CERTGATE_REMOTE_USER.",
	  "compare CERTGATE_REMOTE_USER with the user that the web server "
	  "authenticates, and let it pass REMOTE_USER and AUTH_TYPE on" },
	{ REASON_SITE, "Events name a site that does not exist.",
	  "set CERTGATE_SITE in the web server, or restore the settings of the "
	  "site" },
	{ REASON_MALFORMED_REQUEST,
	  "A required header of every event is missing or invalid.",
	  "certgate doctor% URL" },
	{ REASON_UNKNOWN_EVENT,
	  "No event has a known ce-type: does the web server pass all headers "
	  "on?",
	  "certgate doctor% URL" },
	{ REASON_NO_ORIGIN, "No event has the header WebHook-Request-Origin.",
	  "certgate doctor% URL" },
	{ REASON_LENGTH, "No event has a body of the length in Content-Length.",
	  "certgate doctor% URL" },
	{ REASON_CONTENT_TYPE,
	  "No event has the content type application/json: does the web server "
	  "pass it on?",
	  "certgate doctor% URL" },
	{ REASON_SETTINGS, "The settings do not load: every event is refused.",
	  "certgate check@" },
	{ REASON_LIST_UNREADABLE,
	  "The list does not load: every client is refused.",
	  "certgate check@" },
	{ REASON_STORE, "The store cannot be used: every client is refused.",
	  "certgate check@" },
	{ REASON_NO_CERTIFICATE,
	  "No client presents a certificate: is tls.clientCertEnabled on for "
	  "the resource?",
	  "az webpubsub update --client-cert-enabled true --name NAME "
	  "--resource-group GROUP" },
	{ REASON_NOT_LISTED, "No entry matches any client.",
	  "certgate pending@, then certgate allow@ DIGITS" },
	{ REASON_DENIED, "A deny entry matches every client.",
	  "certgate list@, then certgate remove@ LINE" },
	{ REASON_ENTRY_EXPIRED, "The entry of every client has expired.",
	  "certgate allow@ FILE --replace with a later expires= and all other "
	  "options of the entry" },
	{ REASON_ENTRY_NOT_YET, "No client's entry is valid yet.",
	  "change not-before= of the entry, or wait" },
	{ REASON_CERTIFICATE_EXPIRED,
	  "The certificate of every client has expired.",
	  "renew the certificate, then certgate rotate@ OLD NEW" },
	{ REASON_CERTIFICATE_NOT_YET, "No client's certificate is valid yet.",
	  "check the clocks of this host and of the CA, or wait" },
	{ REASON_CRL, "No CRL of the clients' CA is current.",
	  "certgate crl fetch%, or replace the file of crl= in the entry" },
	{ REASON_CERTIFICATE, NULL, "issue a new certificate" },
	{ REASON_NOT_BEFORE_INVALID, NULL, "issue a new certificate" },
	{ REASON_NOT_AFTER_INVALID, NULL, "issue a new certificate" },
	{ REASON_CHAIN, NULL,
	  "certgate explain@ FILE, then replace the file of ca:" },
	{ REASON_PURPOSE, NULL,
	  "issue a certificate for client authentication (clientAuth)" },
	{ REASON_WEAK, NULL,
	  "issue a certificate with a stronger key and signature" },
	{ REASON_REVOKED, NULL, "issue a new certificate" },
	{ REASON_NO_USER_ID, NULL, "set user= of the entry" },
	{ REASON_GRANT, NULL, "change groups= or roles= of the entry" },
	{ REASON_ENTRY_HUB, NULL, "change hub= of the entry" },
	{ REASON_ENTRY_NAME, NULL, "change cn= or san= of the entry" },
	{ REASON_ENTRY_CLIENT_ID, NULL, "change client-id= of the entry" },
	{ REASON_ENTRY_QUERY, NULL, "change query. of the entry" },
};

static const struct refused *
find_refused(enum reason reason)
{
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		if (refused[i].reason == reason)
			return &refused[i];
	return NULL;
}

const char *
outage_fix(enum reason reason)
{
	const struct refused *row = find_refused(reason);

	return row == NULL ? NULL : row->fix;
}

static const struct {
	const char *sentence, *fix;
} words[OUTAGES] = {
	[OUTAGE_STOPPED] = { "The handler is not running.",
			     "systemctl start certgate.socket "
			     "certgate.service" },
	[OUTAGE_RIGHTS] = { "This user cannot read the configuration.",
			    "run certgate status@ as root" },
	[OUTAGE_OTHER] = { "The unit names another settings file.", "" },
	[OUTAGE_SETTINGS] = { "The settings do not load.", "certgate check@" },
	[OUTAGE_LIST] = { "The list does not load.", "certgate check@" },
	[OUTAGE_VARIABLES] = { "The variables of the handler are unknown: its "
			       "process cannot be "
			       "read.",
			       "systemctl start certgate.service, and certgate "
			       "status@ as root" },
	[OUTAGE_REFUSING] = { "The configuration refuses every client.", "" },
	[OUTAGE_ERRORS] = { "The configuration has errors.",
			    "certgate check@" },
	[OUTAGE_OTHER_LOG] = { "The handler does not write to the log of the "
			       "settings.",
			       "systemctl restart certgate" },
	[OUTAGE_SERVER] = { "The web server is not running.", "" },
	[OUTAGE_UNWIRED] = { "No web server passes events to the handler.",
			     "" },
	[OUTAGE_ACCESS] = { "The web server cannot connect to the handler.",
			    "" },
	[OUTAGE_SENDERS] = { "Every event is refused for one reason.",
			     "certgate stats%" },
	[OUTAGE_SKEWED] = { "The clock disagrees with the time in the events.",
			    "timedatectl set-ntp true" },
	[OUTAGE_NONE] = { "The handler refuses every client: its configuration "
			  "does not load.",
			  "systemctl restart certgate" },
	[OUTAGE_STALE] = { "The handler uses an older configuration.",
			   "systemctl restart certgate" },
	[OUTAGE_CLIENTS] = { "Every client is refused for one reason.",
			     "certgate stats%" },
	[OUTAGE_NO_VALID_ENTRY] = { "No allow entry is valid today.",
				    "certgate list@ prints the dates of the "
				    "entries" },
	[OUTAGE_AGED] = { "The store has no contact with the fleet's database.",
			  "systemctl status certgate-sync" },
	[OUTAGE_FULL] = { "The disk of the log is full.", "" },
	[OUTAGE_LOST] = { "Lines of the log were lost.", "certgate stats%" },
	[OUTAGE_REPORTED] = { "The handler reports an outage that the log does "
			      "not show.",
			      "systemctl status certgate" },
	[OUTAGE_NO_LOG] = { "The log cannot be read.",
			    "run certgate status@ as root or with --log FILE, "
			    "or set CERTGATE_LOG to a file" },
	[OUTAGE_UNKNOWN] = { "It is unknown whether the handler is running: no "
			     "event came.",
			     "certgate doctor% URL" },
	[OUTAGE_DOUBT] = { "No fault was found, but the log is not trusted.",
			   "set CERTGATE_LOG to a file that only the handler "
			   "and root can write" },
};

/* Write the name in the events and the configured names. */
static void
tell_names(const char *theirs, char *const *ours, struct outage_text *text)
{
	struct buffer out;

	buffer_init(&out, sizeof(text->detail) - 1);
	buffer_add(&out, SPAN("events name "));
	log_line_escape(&out, span_of(theirs));
	buffer_add(&out, SPAN("; configured:"));
	for (; ours != NULL && *ours != NULL; ours++) {
		buffer_add_byte(&out, ' ');
		log_line_escape(&out, span_of(*ours));
	}
	(void)snprintf(text->detail, sizeof(text->detail), "%.*s", (int)out.len,
		       out.len == 0 ? "" : (const char *)out.data);
	buffer_free(&out);
}

/* Name the origin, since other resources may be without this outage. */
static void
tell_origin(const char *origin, struct outage_text *text)
{
	struct buffer out;

	if (origin[0] == '\0')
		return;
	buffer_init(&out, sizeof(text->detail) - 1);
	buffer_add(&out, SPAN("events of "));
	log_line_escape(&out, span_of(origin));
	(void)snprintf(text->detail, sizeof(text->detail), "%.*s", (int)out.len,
		       out.len == 0 ? "" : (const char *)out.data);
	buffer_free(&out);
}

static void
tell_expired(const char *list, unsigned line, struct outage_text *text)
{
	(void)snprintf(text->detail, sizeof(text->detail), "line %u of %s",
		       line, list);
	(void)snprintf(text->fix, sizeof(text->fix),
		       "set a later expires= in this line");
}

/* Return NULL for a site that was removed. */
static const struct configuration *
configuration_of(const struct sites *sites, const char *name)
{
	for (size_t i = 0; i < sites->n; i++)
		if (strcmp(sites->site[i]->name, name) == 0)
			return &sites->site[i]->store;
	return name[0] == '\0' ? &sites->main : NULL;
}

/* Write the sentence of a reason; sites: NULL if the settings are unknown. */
static void
tell_reason(const struct outage_events *events, const struct sites *sites,
	    struct outage_text *text)
{
	const struct outage_site *site;
	enum reason reason = outage_events_reason(events, &site);
	const struct refused *row = find_refused(reason);

	if (site == NULL)
		return;
	(void)snprintf(text->site, sizeof(text->site), "%s", site->name);
	if (row != NULL)
		(void)snprintf(text->fix, sizeof(text->fix), "%s", row->fix);
	if (row != NULL && row->sentence != NULL)
		(void)snprintf(text->sentence, sizeof(text->sentence), "%s",
			       row->sentence);
	else
		(void)snprintf(text->detail, sizeof(text->detail), "%s",
			       reason_name(reason));
	if (sites == NULL)
		return;
	const struct configuration *c = configuration_of(sites, site->name);
	static const struct settings none;
	const struct settings *settings = c == NULL ? &none : &c->settings;
	unsigned line = site->client[reason].line;
	if (reason == REASON_ORIGIN)
		tell_names(site->theirs, settings->origins, text);
	else if (reason == REASON_HUB)
		tell_names(site->theirs, settings->hubs, text);
	else if (reason == REASON_ENTRY_EXPIRED && line > 0 &&
		 settings->list != NULL)
		tell_expired(settings->list, line, text);
	else
		tell_origin(site->origin, text);
}

/* Write the name of the site that has the refusal, unless the main settings
 * have it. */
static void
tell_site(const struct sites *sites, const struct outage_refusal *refusal,
	  int64_t now, struct outage_text *text)
{
	for (size_t i = 0; sites != NULL && i < sites->n; i++) {
		const struct site *site = sites->site[i];
		if (outage_find_refusal(&site->store, now) != refusal)
			continue;
		(void)snprintf(text->site, sizeof(text->site), "%s",
			       site->name);
		return;
	}
}

static void
tell_no_valid_entry(const struct sites *sites, int64_t now,
		    struct outage_text *text)
{
	const char *site;

	if (outage_lacks_valid_entry(sites, now, &site))
		(void)snprintf(text->site, sizeof(text->site), "%s", site);
}

static void
tell_age(const struct sites *sites, struct outage_text *text)
{
	const char *site;
	int64_t age = sites == NULL ? 0 : outage_store_age(sites, &site);

	if (age == 0)
		return;
	if (age == INT64_MAX)
		(void)snprintf(text->detail, sizeof(text->detail),
			       "the last contact is unknown");
	else
		(void)snprintf(text->detail, sizeof(text->detail),
			       "the last contact was %" PRId64 " s ago", age);
	(void)snprintf(text->site, sizeof(text->site), "%s", site);
}

const char *
outage_sentence(enum outage outage)
{
	return words[outage].sentence;
}

void
outage_tell(enum outage outage, const struct outage_events *events,
	    const struct sites *sites, const struct outage_refusal *refusal,
	    int64_t now, struct outage_text *text)
{
	*text = (struct outage_text){ .sentence = "" };
	(void)snprintf(text->sentence, sizeof(text->sentence), "%s",
		       words[outage].sentence);
	(void)snprintf(text->fix, sizeof(text->fix), "%s", words[outage].fix);
	if (outage == OUTAGE_SENDERS || outage == OUTAGE_CLIENTS)
		tell_reason(events, sites, text);
	if (outage == OUTAGE_NO_VALID_ENTRY && sites != NULL)
		tell_no_valid_entry(sites, now, text);
	if (outage == OUTAGE_SKEWED)
		(void)snprintf(text->detail, sizeof(text->detail),
			       "this host's clock is %" PRId64 " s %s",
			       events->skew < 0 ? -events->skew : events->skew,
			       events->skew < 0 ? "behind" : "ahead");
	if (outage == OUTAGE_AGED)
		tell_age(sites, text);
	if (outage != OUTAGE_REFUSING)
		return;
	(void)snprintf(text->detail, sizeof(text->detail), "%s", refusal->text);
	(void)snprintf(text->fix, sizeof(text->fix), "%s", refusal->fix);
	tell_site(sites, refusal, now, text);
}
