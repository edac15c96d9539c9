/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/buffer.h"
#include "host/outage.h"
#include "host/log_line.h"

static void
set_text(char to[OUTAGE_NAME_SIZE], struct span from)
{
	(void)snprintf(to, OUTAGE_NAME_SIZE, "%.*s", (int)from.len,
		       from.len == 0 ? "" : from.ptr);
}

/* Senders without a name of a reason here may be anything that reaches the
 * URL. */
static bool
is_sender(enum reason reason)
{
	static const enum reason of_sender[] = {
		REASON_SETTINGS, REASON_SITE,	      REASON_CODE,
		REASON_ORIGIN,	 REASON_HUB,	      REASON_REMOTE_USER,
		REASON_NO_KEY,	 REASON_NO_SIGNATURE, REASON_SIGNATURE,
	};

	for (size_t i = 0; i < sizeof(of_sender) / sizeof(of_sender[0]); i++)
		if (of_sender[i] == reason)
			return true;
	return false;
}

/* The code is checked first.  The service names an origin in each event; a
 * scanner does not. */
static bool
is_of_service(const struct outage_event *event)
{
	return event->reason != REASON_CODE || !span_empty(event->origin);
}

static bool
is_acceptance(enum reason reason)
{
	return reason == REASON_LISTED || reason == REASON_ANONYMOUS ||
	       reason == REASON_REPORT_ONLY;
}

static void
add_client(struct outage_events *events, struct outage_site *site,
	   enum reason reason, uint64_t certificate)
{
	uint64_t *place = &events->accepted_hash[certificate % OUTAGE_ACCEPTED];
	struct outage_refusals *refusals = &site->client;

	if (is_acceptance(reason)) {
		site->accepted++;
		*place = certificate;
		*refusals = (struct outage_refusals){ .first = 0 };
		return;
	}
	refusals->count[reason]++;
	refusals->several |=
		refusals->first != 0 && refusals->first != certificate;
	refusals->known |= certificate != 0 && *place == certificate;
	refusals->first = certificate;
}

static void
add_names(struct outage_events *events, const struct outage_event *event)
{
	if (event->reason == REASON_ORIGIN)
		set_text(events->names.origin, event->origin);
	if (event->reason == REASON_HUB)
		set_text(events->names.hub, event->hub);
}

static void
add_skew(struct outage_events *events, const struct outage_event *event)
{
	bool skewed = event->skew > OUTAGE_SKEW_MAX ||
		      event->skew < -(int64_t)OUTAGE_SKEW_MAX;

	if (!event->has_skew)
		return;
	events->skew = event->skew;
	events->skewed = skewed ? events->skewed + 1 : 0;
}

static struct span
cut(struct span name)
{
	if (name.len >= OUTAGE_NAME_SIZE)
		name.len = OUTAGE_NAME_SIZE - 1;
	return name;
}

/* Compare without the length of each text: there may be hundreds. */
static bool
is_name(const char *text, struct span name)
{
	return name.len == 0 ? text[0] == '\0'
			     : strncmp(text, name.ptr, name.len) == 0 &&
				       text[name.len] == '\0';
}

static struct outage_site *
site_of(struct outage_events *events, struct span name, struct span origin)
{
	struct outage_site *site = events->site, *end = site + events->n_sites;

	name = cut(name);
	origin = cut(origin);
	while (site < end &&
	       !(is_name(site->name, name) &&
		 span_equal_nocase(span_of(site->origin), origin)))
		site++;
	if (site == events->site + OUTAGE_SITES)
		return site - 1;
	if (site < end)
		return site;
	*site = (struct outage_site){ .accepted = 0 };
	set_text(site->name, name);
	set_text(site->origin, origin);
	events->n_sites++;
	return site;
}

void
outage_add(struct outage_events *events, const struct outage_event *event)
{
	enum reason reason = event->reason;
	bool is_client = is_acceptance(reason) || reason_is_client(reason);
	bool is_checked =
		reason == REASON_HUB || reason == REASON_REMOTE_USER ||
		reason == REASON_NO_KEY || reason == REASON_NO_SIGNATURE ||
		reason == REASON_SIGNATURE || reason == REASON_NOTIFIED ||
		is_client;

	if (!is_of_service(event))
		return;
	add_names(events, event);
	add_skew(events, event);
	struct outage_site *site = site_of(events, event->site, SPAN(""));
	struct outage_site *sender = site;
	/* The origin is not checked before. */
	if (is_checked && event->origin.len > 0)
		sender = site_of(events, event->site, event->origin);
	if (is_sender(reason))
		sender->sender.count[reason]++;
	else if (is_checked)
		site->sender = sender->sender =
			(struct outage_refusals){ .first = 0 };
	if (is_client)
		add_client(events, site, reason, event->certificate);
}

void
outage_move(struct outage_events *to, struct outage_events *from)
{
	memcpy(to->site, from->site, from->n_sites * sizeof(*from->site));
	to->n_sites = from->n_sites;
	to->names = from->names;
	to->skew = from->skew;
	to->skewed = from->skewed;
	memcpy(to->accepted_hash, from->accepted_hash,
	       sizeof(to->accepted_hash));
	from->n_sites = 0;
	from->names = (struct outage_names){ .origin = "" };
	from->skewed = 0;
	memset(from->accepted_hash, 0, sizeof(from->accepted_hash));
}

/* Return the most frequent reason, if it is frequent enough. */
static enum reason
most(const struct outage_refusals *refusals)
{
	enum reason found = REASONS;

	for (enum reason i = 0; i < REASONS; i++)
		if (refusals->count[i] >= OUTAGE_REFUSALS &&
		    (found == REASONS ||
		     refusals->count[i] > refusals->count[found]))
			found = i;
	return found;
}

/* Return the cause, or REASONS.  A single unknown client is not an outage, nor
 * are unknown clients beside accepted ones; a client that was accepted before
 * is. */
static enum reason
site_cause(const struct outage_site *site)
{
	const struct outage_refusals *clients = &site->client;
	enum reason sender = most(&site->sender), client = most(clients);

	if (sender != REASONS || client == REASONS)
		return sender;
	if ((client == REASON_NOT_LISTED || client == REASON_DENIED) &&
	    !clients->several)
		return REASONS;
	if (site->accepted > 0 && client != REASON_NO_CERTIFICATE &&
	    (!clients->several || !clients->known))
		return REASONS;
	return client;
}

enum reason
outage_reason(const struct outage_events *events,
	      const struct outage_site **site)
{
	enum reason found = REASONS;

	*site = NULL;
	for (size_t i = 0; i < events->n_sites && found == REASONS; i++) {
		found = site_cause(&events->site[i]);
		*site = found == REASONS ? NULL : &events->site[i];
	}
	return found;
}

static bool
lacks_key(const struct configuration *c, int64_t now)
{
	(void)now;
	return c->settings.signature == SIGNATURE_REQUIRED &&
	       !settings_has_keys(&c->settings);
}

/* RFC 6761 6.4 */
static bool
lacks_origin(const struct configuration *c, int64_t now)
{
	const struct span invalid = SPAN(".invalid");
	char **at = c->settings.origins;

	(void)now;
	if (at == NULL || *at == NULL)
		return false;
	for (; *at != NULL; at++) {
		struct span host = span_of(*at);
		if (host.len < invalid.len ||
		    !span_equal_nocase(span_after(host, host.len - invalid.len),
				       invalid))
			return false;
	}
	return true;
}

/* True if only entries of the list can allow a client. */
static bool
needs_entry(const struct configuration *c, int64_t now)
{
	return c->list.store == NULL && !c->settings.missing_allowed &&
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

/* True if there are allow entries, and each is over, or is not valid yet. */
static bool
lacks_valid_entry(const struct configuration *c, int64_t now)
{
	for (size_t i = 0; i < c->list.n; i++) {
		const struct entry *entry = &c->list.entries[i];
		if (entry->allows && !entry_has_expired(entry, now) &&
		    (entry->terms == NULL || entry->terms->not_before <= now))
			return false;
	}
	return c->has_list && !lacks_entry(c, now) && needs_entry(c, now);
}

/* As installed. */
static bool
lacks_both(const struct configuration *c, int64_t now)
{
	return lacks_key(c, now) && lacks_origin(c, now);
}

static const struct outage_refusal refusals[] = {
	{ lacks_both,
	  "every event is refused: CERTGATE_ORIGINS names no Web PubSub "
	  "resource, and there is no access key",
	  "set these lines in the settings file:\n" SETTINGS_ORIGINS_LINE
	  "\n" SETTINGS_KEYS_LINE },
	{ lacks_key,
	  "every event is refused: a signature is required, and there is no "
	  "access key",
	  "set " SETTINGS_KEYS_LINE },
	{ lacks_origin,
	  "every event is refused: CERTGATE_ORIGINS names no Web PubSub "
	  "resource",
	  "set " SETTINGS_ORIGINS_LINE },
	{ lacks_entry, "every client is refused: the list has no allow entry",
	  "certgate allow@ FILE" },
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
outage_is_over(const struct sites *sites, int64_t now, const char **site)
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

/* The reasons for which all events, or all clients, may be refused: the
 * sentence of the outage (NULL: the reason's name), and what to do about one
 * refusal.  An @ stands for --site of the site. */
static const struct refused {
	enum reason reason;
	const char *sentence, *fix;
} refused[] = {
	{ REASON_SIGNATURE,
	  "No event has a valid signature: was an access key regenerated?",
	  "set CERTGATE_ACCESS_KEYS to the keys of the Web PubSub resource" },
	{ REASON_NO_SIGNATURE, "No event has a signature.",
	  "certgate doctor URL" },
	{ REASON_NO_KEY, "A signature is required, and there is no access key.",
	  "set CERTGATE_ACCESS_KEYS" },
	{ REASON_ORIGIN, "Every event names an origin that is not configured.",
	  "set CERTGATE_ORIGINS" },
	{ REASON_HUB, "Every event names a hub that is not configured.",
	  "set CERTGATE_HUB" },
	{ REASON_CODE, "No event has the configured code in its URL.",
	  "set the same code in CERTGATE_CODE and in the event handler's URL" },
	{ REASON_REMOTE_USER,
	  "The web server authenticates no event as CERTGATE_REMOTE_USER.",
	  "certgate doctor URL" },
	{ REASON_SITE, "No event names a site that exists.",
	  "set CERTGATE_SITE in the web server, or restore the settings of the "
	  "site" },
	{ REASON_SETTINGS, "Every event was refused for the settings.",
	  "certgate check" },
	{ REASON_LIST_UNREADABLE, "Every client was refused for the list.",
	  "certgate check" },
	{ REASON_STORE, "Every client was refused for the store.",
	  "certgate check" },
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
	  "certgate allow@ FILE --replace with a later expires=" },
	{ REASON_ENTRY_NOT_YET, "The entry of no client is valid yet.",
	  "change not-before= of the entry, or wait" },
	{ REASON_CERTIFICATE_EXPIRED,
	  "The certificate of every client has expired.",
	  "renew the certificate, then certgate rotate@ OLD NEW" },
	{ REASON_CERTIFICATE_NOT_YET,
	  "The certificate of no client is valid yet.",
	  "check the clocks of this host and of the CA, or wait" },
	{ REASON_CRL, "No CRL of the clients' CA is current.",
	  "replace the file of crl= in the entry" },
	{ REASON_REVOKED, NULL, "issue a new certificate" },
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

void
outage_write_fix(const char *fix, const char *site, char *text, size_t size)
{
	struct span rest = span_of(fix), part;
	struct buffer out;

	buffer_init(&out, size - 1);
	while (span_next(&rest, "@", &part)) {
		buffer_add(&out, part);
		if (rest.ptr == NULL || site[0] == '\0')
			continue;
		buffer_add(&out, SPAN(" --site "));
		buffer_add(&out, span_of(site));
	}
	(void)snprintf(text, size, "%.*s", (int)out.len,
		       out.len == 0 ? "" : (const char *)out.data);
	buffer_free(&out);
}

static const struct {
	const char *sentence, *fix;
} words[OUTAGES] = {
	[OUTAGE_STOPPED] = { "The handler is not running.",
			     "systemctl start certgate.socket "
			     "certgate.service" },
	[OUTAGE_RIGHTS] = { "This user cannot read the configuration.",
			    "run certgate status as root" },
	[OUTAGE_OTHER] = { "The unit names another settings file.", "" },
	[OUTAGE_SETTINGS] = { "The settings do not load.", "certgate check" },
	[OUTAGE_LIST] = { "The list does not load.", "certgate check" },
	[OUTAGE_VARIABLES] = { "The variables of the handler are unknown: its "
			       "process cannot be "
			       "read.",
			       "systemctl start certgate.service, and certgate "
			       "status as root" },
	[OUTAGE_REFUSING] = { "The configuration refuses every client.", "" },
	[OUTAGE_ERRORS] = { "The configuration has errors.", "certgate check" },
	[OUTAGE_UNWIRED] = { "No web server passes events to the handler, and "
			     "none came.",
			     "" },
	[OUTAGE_SENDERS] = { "Every event is refused for one reason.",
			     "certgate stats@" },
	[OUTAGE_SKEWED] = { "The clock disagrees with the time in the events.",
			    "timedatectl set-ntp true" },
	[OUTAGE_STALE] = { "The handler uses an older configuration.",
			   "systemctl reload certgate" },
	[OUTAGE_CLIENTS] = { "Every client is refused for one reason.",
			     "certgate stats@" },
	[OUTAGE_OVER] = { "No allow entry is valid today.",
			  "certgate list@ prints their dates" },
	[OUTAGE_FULL] = { "The disk of the log is full.", "" },
	[OUTAGE_LOST] = { "Lines of the log were lost.", "certgate stats@" },
	[OUTAGE_REPORTED] = { "The handler reports an outage, and the log has "
			      "no event.",
			      "systemctl status certgate" },
	[OUTAGE_NO_LOG] = { "The log cannot be read.",
			    "run certgate status as root, or with --log FILE" },
	[OUTAGE_UNKNOWN] = { "It is unknown whether the handler is running: no "
			     "event came.",
			     "certgate doctor URL" },
};

/* Write what came and what is configured. */
static void
tell_names(const char *theirs, char *const *ours, struct outage_text *text)
{
	struct buffer out;

	buffer_init(&out, sizeof(text->detail) - 1);
	log_line_escape(&out, span_of(theirs));
	buffer_add(&out, SPAN(" came, configured:"));
	for (; ours != NULL && *ours != NULL; ours++) {
		buffer_add_byte(&out, ' ');
		log_line_escape(&out, span_of(*ours));
	}
	(void)snprintf(text->detail, sizeof(text->detail), "%.*s", (int)out.len,
		       out.len == 0 ? "" : (const char *)out.data);
	buffer_free(&out);
}

/* Of several resources, only one may have this outage. */
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

static const struct settings *
settings_of(const struct sites *sites, const char *name)
{
	for (size_t i = 0; i < sites->n; i++)
		if (strcmp(sites->site[i]->name, name) == 0)
			return &sites->site[i]->store.settings;
	return &sites->main.settings;
}

/* sites: NULL if the settings are not known. */
static void
tell_reason(const struct outage_events *events, const struct sites *sites,
	    struct outage_text *text)
{
	const struct outage_site *site;
	enum reason reason = outage_reason(events, &site);
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
	const struct settings *settings = settings_of(sites, site->name);
	if (reason == REASON_ORIGIN)
		tell_names(events->names.origin, settings->origins, text);
	else if (reason == REASON_HUB)
		tell_names(events->names.hub, settings->hubs, text);
	else if (reason == REASON_SIGNATURE)
		tell_origin(site->origin, text);
}

/* Write the name of the site that has the refusal, unless the main settings
 * have it. */
static void
tell_site(const struct sites *sites, const struct outage_refusal *refusal,
	  struct outage_text *text)
{
	int64_t now = (int64_t)time(NULL);

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
tell_over(const struct sites *sites, struct outage_text *text)
{
	const char *site;

	if (outage_is_over(sites, (int64_t)time(NULL), &site))
		(void)snprintf(text->site, sizeof(text->site), "%s", site);
}

void
outage_tell(enum outage outage, const struct outage_events *events,
	    const struct sites *sites, const struct outage_refusal *refusal,
	    struct outage_text *text)
{
	*text = (struct outage_text){ .sentence = "" };
	(void)snprintf(text->sentence, sizeof(text->sentence), "%s",
		       words[outage].sentence);
	(void)snprintf(text->fix, sizeof(text->fix), "%s", words[outage].fix);
	if (outage == OUTAGE_SENDERS || outage == OUTAGE_CLIENTS)
		tell_reason(events, sites, text);
	if (outage == OUTAGE_OVER && sites != NULL)
		tell_over(sites, text);
	if (outage == OUTAGE_SKEWED)
		(void)snprintf(text->detail, sizeof(text->detail),
			       "%+" PRId64 " seconds", events->skew);
	if (outage != OUTAGE_REFUSING)
		return;
	(void)snprintf(text->detail, sizeof(text->detail), "%s", refusal->text);
	(void)snprintf(text->fix, sizeof(text->fix), "%s", refusal->fix);
	tell_site(sites, refusal, text);
}
