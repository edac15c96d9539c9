/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "admin/expiry_log.h"
#include "admin/log_reader.h"
#include "admin/recheck.h"
#include "admin/setup.h"
#include "base/date.h"

/* An old and a new certificate; a user with more has several devices. */
enum { USER_CERTIFICATES_MAX = 2 };

/* A certificate in the log. */
struct seen {
	struct thumbprint sha1, sha256, spki;
	/* Of the last line; owned; NULL: none.  With sha1 the site is the
	 * key. */
	char *site, *user, *hub, *serial, *issuer;
	int64_t not_after;
	uint64_t first, last; /* numbers of lines */

	/* By the list: */
	const struct configuration *by; /* borrowed */
	unsigned line; /* of the entry; 0: none */
	bool admitted; /* the list still accepts it */
	bool is_stored; /* the entry is in the store */
	bool has_end; /* its entry has expires= */
	bool is_group; /* its entry gives all clients of a CA one user */
	bool renewed;
};

struct expiry_log {
	struct seen *seen; /* owned */
	size_t n, size;
	size_t *places; /* owned; a hash table of numbers of seen, from 1 */
	size_t n_places; /* a power of 2, at least twice n */
	uint64_t lines;
};

void
expiry_log_free(struct expiry_log *log)
{
	if (log == NULL)
		return;
	for (size_t i = 0; i < log->n; i++) {
		free(log->seen[i].site);
		free(log->seen[i].user);
		free(log->seen[i].hub);
		free(log->seen[i].serial);
		free(log->seen[i].issuer);
	}
	free(log->seen);
	free(log->places);
	free(log);
}

/* Return true if text is s; NULL is the empty span. */
static bool
is_same(const char *text, struct span s)
{
	return span_equal(span_of(text), s);
}

/* Return the place of a certificate, or the empty one where it belongs. */
static size_t *
find_place(const struct expiry_log *log, struct span site,
	   const struct thumbprint *sha1)
{
	size_t at;

	memcpy(&at, sha1->digest, sizeof(at));
	for (;; at++) {
		size_t *place = &log->places[at & (log->n_places - 1)];
		const struct seen *one = &log->seen[*place - (*place > 0)];
		if (*place == 0 || (is_same(one->site, site) &&
				    thumbprint_compare(&one->sha1, sha1) == 0))
			return place;
	}
}

/* Make room for one more. */
static bool
reserve(struct expiry_log *log)
{
	enum { FIRST_SIZE = 256 };
	size_t size = log->size == 0 ? FIRST_SIZE : 2 * log->size;

	if (log->n < log->size)
		return true;
	struct seen *seen = reallocarray(log->seen, size, sizeof(*seen));
	if (seen == NULL)
		return false;
	log->seen = seen;
	size_t *places = calloc(2 * size, sizeof(*places));
	if (places == NULL)
		return false;
	log->size = size;
	free(log->places);
	log->places = places;
	log->n_places = 2 * size;
	for (size_t i = 0; i < log->n; i++)
		*find_place(log, span_of(seen[i].site), &seen[i].sha1) = i + 1;
	return true;
}

/* Replace *to by a copy of text, if it differs; absent: NULL. */
static bool
set_text(char **to, struct span text)
{
	if (is_same(*to, text))
		return true;
	free(*to);
	*to = span_empty(text) ? NULL : span_copy(text);
	return *to != NULL || span_empty(text);
}

/* Return the certificate of that site; NULL if there is no memory. */
static struct seen *
find_seen(struct expiry_log *log, const struct logged_client *logged,
	  struct span site)
{
	if (!reserve(log))
		return NULL;
	size_t *place = find_place(log, site, &logged->sha1);
	if (*place > 0)
		return &log->seen[*place - 1];
	struct seen *made = &log->seen[log->n];
	*made = (struct seen){
		.sha1 = logged->sha1,
		.sha256 = logged->sha256,
		.spki = logged->spki,
		.not_after = logged->not_after,
		.first = log->lines,
	};
	if (!set_text(&made->site, site))
		return NULL;
	*place = ++log->n;
	return made;
}

static bool
take_line(struct expiry_log *log, const struct log_reader *reader)
{
	const struct span *value = reader->value;
	struct logged_client logged;

	log->lines++;
	recheck_read(reader, &logged);
	if (logged.sha256.kind == THUMBPRINT_NONE ||
	    logged.not_after == CERTIFICATE_NOT_AFTER_INVALID)
		return true;
	struct seen *one = find_seen(log, &logged, value[FIELD_SITE]);
	if (one == NULL)
		return false;
	one->last = log->lines;
	return set_text(&one->user, value[FIELD_USER]) &&
	       set_text(&one->hub, value[FIELD_HUB]) &&
	       set_text(&one->serial, logged.serial) &&
	       set_text(&one->issuer, logged.issuer);
}

static bool
read_lines(struct expiry_log *log, struct log_reader *reader, const char *path,
	   struct error *e)
{
	static const char *const reasons[] = { "listed", "report-only",
					       "certificate-expired", NULL };
	const struct log_query query = {
		.path = path,
		.reasons = reasons,
		.fields = RECHECK_FIELDS | FIELD_BIT(FIELD_USER) |
			  FIELD_BIT(FIELD_REASON),
	};

	if (!log_reader_open(reader, &query, e))
		return false;
	while (log_reader_next(reader))
		if (!take_line(log, reader))
			return error_set(e, "out of memory");
	return log_reader_ended(reader, e);
}

struct expiry_log *
expiry_log_read(const char *path, struct error *e)
{
	struct expiry_log *log = calloc(1, sizeof(*log));
	struct log_reader reader = { .file = -1 };

	if (log == NULL) {
		error_set(e, "out of memory");
		return NULL;
	}
	bool ok = read_lines(log, &reader, path, e);
	log_reader_close(&reader);
	if (ok)
		return log;
	expiry_log_free(log);
	return NULL;
}

/* Decide again; for an expired certificate, as of its last second. */
static void
judge(struct seen *one, const struct sites *sites, int64_t now,
      struct decision *d)
{
	const struct logged_client logged = {
		.sha1 = one->sha1,
		.sha256 = one->sha256,
		.spki = one->spki,
		.not_after = one->not_after,
		.serial = span_of(one->serial),
		.issuer = span_of(one->issuer),
	};

	one->renewed = false;
	one->admitted = false;
	one->by = recheck_site(sites, span_of(one->site));
	if (one->by == NULL)
		return;
	recheck_client(one->by, &logged, span_of(one->hub),
		       now < one->not_after ? now : one->not_after, d);
	const struct entry *entry = d->entry;
	one->admitted = d->verdict == VERDICT_ALLOW;
	one->is_stored = entry != NULL && entry->line == ENTRY_LINE_STORED;
	one->line = entry == NULL || one->is_stored ? 0 : entry->line;
	one->has_end = entry != NULL && entry->not_after != 0;
	one->is_group = entry != NULL && entry->trust != NULL &&
			entry->user_source == USER_LITERAL;
}

static int
compare_text(const char *a, const char *b)
{
	return strcmp(a == NULL ? "" : a, b == NULL ? "" : b);
}

static int
compare_end(const struct seen *a, const struct seen *b)
{
	return (a->not_after > b->not_after) - (a->not_after < b->not_after);
}

/* Compare by site and user, then by the end. */
static int
compare_user(const void *a, const void *b)
{
	const struct seen *one = a, *other = b;
	int order = compare_text(one->site, other->site);

	if (order == 0)
		order = compare_text(one->user, other->user);
	return order != 0 ? order : compare_end(one, other);
}

/* Compare by the public key, then by the end. */
static int
compare_key(const void *a, const void *b)
{
	const struct seen *one = a, *other = b;
	int order = compare_text(one->site, other->site);

	if (order == 0)
		order = thumbprint_compare(&one->spki, &other->spki);
	return order != 0 ? order : compare_end(one, other);
}

static bool
has_same_user(const struct seen *a, const struct seen *b)
{
	return a->user != NULL && compare_text(a->site, b->site) == 0 &&
	       compare_text(a->user, b->user) == 0;
}

static bool
has_same_key(const struct seen *a, const struct seen *b)
{
	return a->spki.kind != THUMBPRINT_NONE &&
	       compare_text(a->site, b->site) == 0 &&
	       thumbprint_compare(&a->spki, &b->spki) == 0;
}

/* Return true if the n certificates of one user are those of several
 * devices. */
static bool
are_of_group(const struct seen *seen, size_t n)
{
	size_t lasting = 0;

	for (size_t i = 0; i < n; i++) {
		if (seen[i].is_group)
			return true;
		lasting += seen[i].admitted && !seen[i].has_end;
	}
	return lasting > USER_CERTIFICATES_MAX;
}

/* Mark the renewed certificates of one device, sorted by end: those last seen
 * before a later one was first seen. */
static void
mark_renewed(struct seen *seen, size_t n)
{
	uint64_t first = 0, pending = 0; /* of later ones, the last */

	for (size_t i = n; i-- > 0;) {
		if (i + 1 < n && seen[i + 1].not_after > seen[i].not_after)
			first = pending;
		seen[i].renewed |= seen[i].last < first;
		if (seen[i].admitted && seen[i].first > pending)
			pending = seen[i].first;
	}
}

static void
find_renewed(struct expiry_log *log,
	     int (*compare)(const void *a, const void *b),
	     bool (*is_of_one)(const struct seen *a, const struct seen *b),
	     bool by_user)
{
	struct seen *seen = log->seen;

	if (log->n > 0)
		qsort(seen, log->n, sizeof(*seen), compare);
	for (size_t i = 0, end; i < log->n; i = end) {
		end = i + 1;
		while (end < log->n && is_of_one(&seen[i], &seen[end]))
			end++;
		if (!by_user || !are_of_group(seen + i, end - i))
			mark_renewed(seen + i, end - i);
	}
}

/* Add a certificate, unless it expired long ago: then its device is gone. */
static bool
add_seen(struct expiries *all, const struct seen *one, int64_t now,
	 struct error *e)
{
	const int64_t gone = now - (int64_t)EXPIRY_SOON_DAYS * DATE_DAY_SECONDS;
	char pin[THUMBPRINT_TEXT_SIZE];
	const struct expiry expiry = {
		.kind = EXPIRY_CERTIFICATE,
		.user = one->user,
		.pin = thumbprint_text(&one->sha256, pin),
		.hub = one->hub,
		.site = one->site,
		.list = one->is_stored	 ? one->by->settings.store
			: one->line == 0 ? NULL
					 : one->by->settings.list,
		.line = one->line,
		.not_after = one->not_after,
	};

	return !one->admitted || one->renewed || one->not_after < gone ||
	       expiries_append(all, &expiry, e);
}

/* Sort and add the certificates; no line may be added after this. */
bool
expiries_add_log(struct expiries *all, struct expiry_log *log,
		 const struct sites *sites, int64_t now, struct error *e)
{
	struct decision d;
	bool ok = true;

	decision_init(&d);
	for (size_t i = 0; i < log->n; i++)
		judge(&log->seen[i], sites, now, &d);
	decision_free(&d);
	find_renewed(log, compare_user, has_same_user, true);
	find_renewed(log, compare_key, has_same_key, false);
	for (size_t i = 0; ok && i < log->n; i++)
		ok = add_seen(all, &log->seen[i], now, e);
	return ok;
}

static bool
add_configuration(struct expiries *all, const struct configuration *c,
		  struct span site, struct error *e)
{
	return !c->has_list ||
	       expiries_add_list(all, &c->list, c->settings.list, site, e);
}

bool
expiries_add(struct expiries *all, const struct sites *sites,
	     struct expiry_log *log, int64_t now, struct error *e)
{
	bool ok = add_configuration(all, &sites->main, setup_site(), e);

	for (size_t i = 0; ok && i < sites->n; i++)
		ok = add_configuration(all, &sites->site[i]->store,
				       span_of(sites->site[i]->name), e);
	return ok && (log == NULL || expiries_add_log(all, log, sites, now, e));
}
