/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stddef.h>
#include <string.h>

#include "base/hex.h"
#include "policy/match.h"
#include "policy/pattern.h"
#include "protocol/chain.h"
#include "protocol/chain_recall.h"

bool
client_read(struct client *c, struct span der)
{
	const struct certificate *certificate = &c->certificate;

	if (!certificate_read(der, &c->certificate))
		return false;
	c->der = der;
	c->has_content = true;
	c->chain = (struct chain_client){
		.der = der,
		.issuer = certificate->issuer,
		.sha256 = certificate->sha256,
	};
	c->sha1 = thumbprint_of(THUMBPRINT_SHA1, certificate->sha1);
	c->sha256 = thumbprint_of(THUMBPRINT_SHA256, certificate->sha256);
	c->spki = thumbprint_of(THUMBPRINT_SPKI, certificate->spki);
	return true;
}

void
client_recall(struct client *c, const struct logged_client *logged)
{
	c->logged = logged;
	c->sha1 = logged->sha1;
	c->sha256 = logged->sha256;
	c->spki = logged->spki;
	c->has_content = logged->sha256.kind != THUMBPRINT_NONE;
	c->certificate.not_after = logged->not_after;
}

bool
client_take_stored(struct client *c)
{
	return stored_take(c->stored, &c->sha256) &&
	       stored_take(c->stored, &c->spki) &&
	       stored_take(c->stored, &c->sha1);
}

/* What the log does not tell of a client held when it was accepted. */
static bool
assume(struct client *c)
{
	c->assumed = true;
	return true;
}

void
client_free(struct client *c)
{
	chain_client_free(&c->chain);
}

/* Return the common name (USER_COMMON_NAME) or the alternative name
 * (USER_ALTERNATIVE_NAME); it lives in the client. */
static const struct client_name *
client_name(struct client *c, enum user_source source)
{
	bool common = source == USER_COMMON_NAME;
	struct client_name *name =
		common ? &c->common_name : &c->alternative_name;

	if (name->looked)
		return name;
	name->looked = true;
	name->result = CERTIFICATE_NAME_NONE;
	if (!c->has_content)
		return name;
	name->result =
		common ? certificate_common_name(&c->certificate, name->text)
		       : certificate_alternative_name(&c->certificate,
						      name->text, &name->kind);
	return name;
}

struct span
client_name_text(struct client *c, enum user_source source)
{
	const struct client_name *name = client_name(c, source);

	if (name->result != CERTIFICATE_NAME_FOUND)
		return (struct span){ 0 };
	return buffer_span(name->text);
}

static bool
client_is_mqtt(const struct client *c)
{
	return c->event->mqtt || !span_empty(c->request->physical_connection);
}

/* True if c is one of those that the entry is for. */
typedef bool entry_function(const struct client *c, const struct entry *entry);

/* Return the first entry with this pin that is_wanted; NULL: none. */
static const struct entry *
find_entry(const struct client *c, const struct thumbprint *pin,
	   entry_function *is_wanted)
{
	const struct list_key *found;
	size_t n = list_find(c->list, pin, &found);

	for (size_t i = 0; i < n; i++)
		if (is_wanted(c, found[i].entry))
			return found[i].entry;
	const struct entry *stored;
	n = stored_find(c->stored, pin, &stored);
	for (size_t i = 0; i < n; i++)
		if (is_wanted(c, &stored[i]))
			return &stored[i];
	return NULL;
}

bool
match_has_denies(const struct client *c)
{
	return c->list->denies || stored_denies(c->stored);
}

/* The same with a pin of the client's. */
static const struct entry *
find_own_entry(const struct client *c, entry_function *is_wanted)
{
	const struct entry *entry = find_entry(c, &c->sha256, is_wanted);

	if (entry == NULL)
		entry = find_entry(c, &c->spki, is_wanted);
	return entry != NULL ? entry : find_entry(c, &c->sha1, is_wanted);
}

/* Return true if the entry denies today. */
static bool
is_deny(const struct client *c, const struct entry *entry)
{
	return !entry->allows && !entry_has_expired(entry, c->now);
}

/* Write the digits of the client's serial number, or take those in the log.
 * False if it is not a number. */
static bool
write_serial(const struct client *c, char text[2 * ENTRY_SERIAL_MAX + 2],
	     struct span *digits)
{
	struct span serial = c->certificate.serial;

	*digits = (struct span){ text, 0 };
	if (c->logged != NULL) {
		*digits = c->logged->serial;
		return true;
	}
	if (serial.len == 0)
		return false;
	while (serial.len > 0 && serial.ptr[0] == '\0')
		serial = span_after(serial, 1);
	if (serial.len > ENTRY_SERIAL_MAX + 1)
		serial.len = ENTRY_SERIAL_MAX + 1; /* equal to none */
	hex_encode((const uint8_t *)serial.ptr, serial.len, text);
	digits->len = 2 * serial.len;
	return true;
}

/* Zeros in front of a serial number do not count.  Bytes that DER has for a
 * negative number are those of a positive one. */
static bool
has_serial(const struct client *c, struct span wanted)
{
	char text[2 * ENTRY_SERIAL_MAX + 2];
	struct span digits;

	if (!write_serial(c, text, &digits))
		return true;
	while (digits.len > 0 && digits.ptr[0] == '0')
		digits = span_after(digits, 1);
	return span_equal(digits, wanted);
}

/* A certificate without the name has an empty one, which * alone fits. */
static bool
may_have_common_name(struct client *c, struct span pattern)
{
	return client_name(c, USER_COMMON_NAME)->result ==
		       CERTIFICATE_NAME_UNUSABLE ||
	       pattern_fits(pattern, client_name_text(c, USER_COMMON_NAME),
			    true);
}

/* The same for each of its alternative names, of whatever kind. */
static bool
may_have_alternative_name(struct client *c, struct span pattern)
{
	struct span none = { 0 }, names, name;

	if (!c->alternatives.looked)
		c->alternatives.result = certificate_names(
			&c->certificate, &c->alternatives.names);
	c->alternatives.looked = true;
	if (c->alternatives.result == CERTIFICATE_NAME_UNUSABLE)
		return true;
	if (c->alternatives.result == CERTIFICATE_NAME_NONE)
		return pattern_fits(pattern, none, true);
	names = c->alternatives.names;
	while (certificate_next_name(&names, &name))
		if (pattern_fits(pattern, name, true))
			return true;
	return false;
}

/* Return true if one of the CAs issued the client's certificate, by name. */
static bool
is_issuer(struct client *c, const struct chain_trust *trust)
{
	if (c->logged == NULL)
		return chain_is_issuer(trust, &c->chain);
	return chain_recall(trust, c->logged->issuer, c->logged->serial,
			    c->now) != CHAIN_RECALL_FOREIGN;
}

/* Return true if the client may be one that terms, of a deny entry, are for.
 * The log has no names: a client of it is taken not to have these. */
static bool
may_be_meant(struct client *c, const struct terms *terms)
{
	bool names =
		terms->common_name != NULL || terms->alternative_name != NULL;

	if (terms->serial != NULL && !has_serial(c, span_of(terms->serial)))
		return false;
	if (c->logged != NULL && names)
		return !assume(c);
	return (terms->common_name == NULL ||
		may_have_common_name(c, span_of(terms->common_name))) &&
	       (terms->alternative_name == NULL ||
		may_have_alternative_name(c, span_of(terms->alternative_name)));
}

/* The same for the CAs of the entry. */
static bool
may_be_issued(struct client *c, const struct chain_trust *trust)
{
	return is_issuer(c, trust) ||
	       (c->logged == NULL && c->chain.name == NULL);
}

/* Return the first entry of a CA that denies the client; NULL: none. */
static const struct entry *
find_denial(struct client *c)
{
	const struct chain_trust *asked = NULL;
	bool issued = false;

	for (size_t i = 0; c->has_content && i < c->list->n_denials; i++) {
		const struct entry *entry = c->list->denials[i];
		if (entry->trust != asked)
			issued = may_be_issued(c, entry->trust);
		asked = entry->trust; /* once for lines of one file */
		if (issued && is_deny(c, entry) &&
		    may_be_meant(c, entry->terms))
			return entry;
	}
	return NULL;
}

const struct entry *
match_deny(struct client *c)
{
	const struct entry *entry = find_own_entry(c, is_deny);

	return entry != NULL ? entry : find_denial(c);
}

static bool
is_bound(struct client *c, const struct binding *binding, struct span value)
{
	struct span wanted = binding->source == USER_LITERAL
				     ? span_of(binding->text)
				     : client_name_text(c, binding->source);

	return !span_empty(wanted) && span_equal(wanted, value);
}

/* The connection id of an MQTT client is the client id that it chose; that of
 * any other is the service's own. */
static bool
has_client_id(struct client *c, const struct binding *binding)
{
	if (c->logged != NULL && binding->source != USER_DEFAULT)
		return assume(c);
	return binding->source == USER_DEFAULT ||
	       (client_is_mqtt(c) &&
		is_bound(c, binding, c->request->connection));
}

static bool
has_queries(struct client *c, const struct terms *terms)
{
	if (c->logged != NULL && terms->n_queries > 0)
		return assume(c);
	for (size_t i = 0; i < terms->n_queries; i++) {
		const struct binding *query = &terms->queries[i];
		struct span value;
		if (!event_query(c->event, query->name, &value) ||
		    !is_bound(c, query, value))
			return false;
	}
	return true;
}

/* REASON_LISTED, or which of the entry's limits refuses. */
static enum reason
limits_of(struct client *c, const struct entry *entry)
{
	const struct terms *terms = entry->terms;

	if (!settings_names(terms->hubs, c->request->hub))
		return REASON_ENTRY_HUB;
	if (c->now < terms->not_before)
		return REASON_ENTRY_NOT_YET;
	if (entry_has_expired(entry, c->now))
		return REASON_ENTRY_EXPIRED;
	if (!has_client_id(c, &terms->client_id))
		return REASON_ENTRY_CLIENT_ID;
	if (!has_queries(c, terms))
		return REASON_ENTRY_QUERY;
	return REASON_LISTED;
}

/* Return the same for an entry without options.  If the event has the label
 * alone, the list may limit the certificate by another digest; an entry of
 * CLIENT_CERT_THUMBPRINT then allows nothing. */
static enum reason
limits_without_terms(const struct client *c, const struct entry *entry)
{
	bool limits = c->list->limits_by_content ||
		      stored_limits_by_content(c->stored);

	return entry->line == 0 && !c->has_content && limits
		       ? REASON_CONTENT_NEEDED
		       : REASON_LISTED;
}

/* Return true if pattern may match names of kind: a pattern for hosts must not
 * match a mailbox of that host.  It needs the mark of the kind, or is *. */
static bool
is_of_kind(const char *pattern, enum certificate_kind kind)
{
	if (kind == CERTIFICATE_KIND_URI)
		return strchr(pattern, ':') != NULL || pattern_is_any(pattern);
	if (kind == CERTIFICATE_KIND_EMAIL)
		return strchr(pattern, '@') != NULL || pattern_is_any(pattern);
	return true;
}

/* True if pattern, which may be NULL, admits the name. */
static bool
is_within(const char *pattern, const struct client_name *name)
{
	return pattern == NULL ||
	       (name->result == CERTIFICATE_NAME_FOUND &&
		is_of_kind(pattern, name->kind) &&
		pattern_fits(span_of(pattern), buffer_span(name->text),
			     name->kind == CERTIFICATE_KIND_DNS));
}

/* A certificate of a CA must be within the limits of names; one whose names
 * are of a kind that could deceive has no limits that it could be within. */
bool
match_is_named(struct client *c, const struct entry *entry)
{
	if (c->logged != NULL)
		return assume(c);
	const struct client_name *common = client_name(c, USER_COMMON_NAME);
	const struct client_name *alternative =
		client_name(c, USER_ALTERNATIVE_NAME);

	return common->result != CERTIFICATE_NAME_UNUSABLE &&
	       alternative->result != CERTIFICATE_NAME_UNUSABLE &&
	       is_within(entry->terms->common_name, common) &&
	       is_within(entry->terms->alternative_name, alternative);
}

/* For a CA's entry always: no CRL has a certificate that has expired. */
bool
match_has_dates(const struct client *c, const struct entry *entry)
{
	return c->has_content &&
	       (!c->settings->ignore_dates || entry->trust != NULL);
}

/* REASON_LISTED, or which of the certificate's dates refuses. */
static enum reason
dates_of(const struct client *c, const struct entry *entry)
{
	if (!match_has_dates(c, entry))
		return REASON_LISTED;
	if (c->certificate.not_before == CERTIFICATE_NOT_BEFORE_INVALID)
		return REASON_NOT_BEFORE_INVALID;
	if (c->certificate.not_after == CERTIFICATE_NOT_AFTER_INVALID)
		return REASON_NOT_AFTER_INVALID;
	if (c->now < c->certificate.not_before - MATCH_LEEWAY)
		return REASON_CERTIFICATE_NOT_YET;
	if (c->now > c->certificate.not_after + MATCH_LEEWAY)
		return REASON_CERTIFICATE_EXPIRED;
	return REASON_LISTED;
}

/* Set *entry to the one that denies the other bytes of the certificate; NULL if
 * none.  False if the store cannot tell. */
static bool
deny_twin(const struct client *c, const struct chain_twin *twin,
	  const struct entry **entry)
{
	*entry = NULL;
	if (!twin->exists || !match_has_denies(c))
		return true;
	struct thumbprint sha1 = thumbprint_of(THUMBPRINT_SHA1, twin->sha1);
	struct thumbprint sha256 =
		thumbprint_of(THUMBPRINT_SHA256, twin->sha256);
	if (!stored_take(c->stored, &sha256) || !stored_take(c->stored, &sha1))
		return false;
	*entry = find_entry(c, &sha256, is_deny);
	if (*entry == NULL)
		*entry = find_entry(c, &sha1, is_deny);
	return true;
}

/* The same of a client of the log, by its issuer and the serial number. */
static enum reason
chain_of_logged(struct client *c, const struct chain_trust *trust)
{
	const struct logged_client *logged = c->logged;

	(void)assume(c);
	switch (chain_recall(trust, logged->issuer, logged->serial, c->now)) {
	case CHAIN_RECALL_FOREIGN:
	case CHAIN_RECALL_BROKEN:
		return REASON_CHAIN;
	case CHAIN_RECALL_REVOKED:
		return REASON_REVOKED;
	case CHAIN_RECALL_NO_CRL:
		return REASON_CRL;
	case CHAIN_RECALL_GOOD:
		break;
	}
	return REASON_LISTED;
}

/* REASON_LISTED, or what is wrong with the chain to the CA of m's entry, which
 * becomes the one that denies, if one does. */
static enum reason
chain_of(struct client *c, struct match *m)
{
	static const enum reason reasons[] = {
		[CHAIN_UNTRUSTED] = REASON_CHAIN,
		[CHAIN_PURPOSE] = REASON_PURPOSE,
		[CHAIN_WEAK] = REASON_WEAK,
		[CHAIN_CRL] = REASON_CRL,
		[CHAIN_REVOKED] = REASON_REVOKED,
		[CHAIN_GOOD] = REASON_LISTED,
	};

	if (m->entry->trust == NULL)
		return REASON_LISTED;
	if (c->logged != NULL)
		return chain_of_logged(c, m->entry->trust);
	enum chain_result result = chain_verify(m->entry->trust, &c->chain,
						c->settings->security_level,
						c->now, c->memory, &m->chain);
	const struct entry *denies;
	if (!deny_twin(c, &m->chain.twin, &denies))
		return REASON_STORE;
	if (denies == NULL)
		return reasons[result];
	m->entry = denies;
	return REASON_DENIED;
}

/* True if the settings only report, and a client that the name or the end of
 * the entry refuses may be reported: the rest of the entry, the certificate's
 * dates and its chain hold. */
static bool
would_do(struct client *c, const struct entry *entry)
{
	struct match m = { .entry = entry };

	return settings_report_only(c->settings, c->now) &&
	       has_client_id(c, &entry->terms->client_id) &&
	       has_queries(c, entry->terms) &&
	       dates_of(c, entry) == REASON_LISTED &&
	       chain_of(c, &m) == REASON_LISTED;
}

static struct match
match_of(struct client *c, const struct entry *entry)
{
	struct match m = { .entry = entry, .stage = MATCH_ISSUER };

	m.reason = REASON_ENTRY_NAME;
	if (entry->trust != NULL && !match_is_named(c, entry)) {
		m.only = limits_of(c, entry) == REASON_LISTED &&
			 would_do(c, entry);
		return m;
	}
	m.stage = MATCH_ENTRY;
	m.reason = entry->terms == NULL ? limits_without_terms(c, entry)
					: limits_of(c, entry);
	m.only = m.reason == REASON_ENTRY_EXPIRED && would_do(c, entry);
	if (m.reason != REASON_LISTED)
		return m;
	m.stage = MATCH_LIMITS;
	m.reason = dates_of(c, entry);
	if (m.reason != REASON_LISTED)
		return m;
	m.stage = MATCH_DATES;
	m.reason = chain_of(c, &m);
	if (m.reason == REASON_LISTED)
		m.stage = MATCH_ALL;
	return m;
}

/* Return true if entry is in the list, not of CLIENT_CERT_THUMBPRINT. */
static bool
is_of_list(const struct client *c, const struct entry *entry)
{
	(void)c;
	return entry->allows && entry->line > 0;
}

/* Return true if entry allows the client; otherwise keep the best match. */
static bool
try(struct client *c, const struct entry *entry, void *context)
{
	struct match *best = context;

	/* The list's terms win over CLIENT_CERT_THUMBPRINT. */
	if (entry->line == 0 && find_own_entry(c, is_of_list) != NULL)
		return false;
	c->assumed = false;
	struct match m = match_of(c, entry);
	m.assumed = c->assumed;

	if (m.stage > best->stage ||
	    (m.stage == best->stage && m.only && !best->only))
		*best = m;
	return best->stage == MATCH_ALL;
}

void
match_each(struct client *c, match_function *take, void *context)
{
	const struct thumbprint *pins[] = { &c->sha256, &c->spki, &c->sha1 };

	for (size_t i = 0; i < 3; i++) {
		const struct list_key *found;
		size_t n = list_find(c->list, pins[i], &found);
		for (size_t k = 0; k < n; k++)
			if (found[k].entry->allows &&
			    take(c, found[k].entry, context))
				return;
		const struct entry *stored;
		n = stored_find(c->stored, pins[i], &stored);
		for (size_t k = 0; k < n; k++)
			if (stored[k].allows && take(c, &stored[k], context))
				return;
	}
	const struct chain_trust *asked = NULL;
	bool is_of_ca = false;
	for (size_t i = 0; c->has_content && i < c->list->n_authorities; i++) {
		const struct entry *entry = c->list->authorities[i];
		if (entry->trust != asked)
			is_of_ca = is_issuer(c, entry->trust);
		asked = entry->trust; /* once for lines of one pair of files */
		if (is_of_ca && take(c, entry, context))
			return;
	}
}

void
match_find(struct client *c, struct match *match)
{
	*match = (struct match){ .reason = REASON_NOT_LISTED, .only = true };
	bool by_content = c->list->allows_by_content ||
			  stored_allows_by_content(c->stored);
	if (c->sha256.kind == THUMBPRINT_NONE && by_content)
		match->reason = REASON_CONTENT_NEEDED;
	match_each(c, try, match);
}
