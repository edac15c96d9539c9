/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "admin/recheck.h"
#include "admin/setup.h"
#include "base/date.h"
#include "protocol/certificate.h"

const struct configuration *
recheck_site(const struct sites *sites, struct span site)
{
	if (span_empty(site) || setup_site().ptr != NULL)
		return &sites->main;
	for (size_t i = 0; i < sites->n; i++)
		if (span_equal(span_of(sites->site[i]->name), site))
			return &sites->site[i]->store;
	return NULL;
}

void
recheck_read(const struct log_reader *log, struct logged_client *logged)
{
	*logged = (struct logged_client){
		.serial = log->value[FIELD_SERIAL],
		.issuer = log->value[FIELD_ISSUER],
	};
	(void)log_pin_read(THUMBPRINT_SHA1, log->value[FIELD_SHA1],
			   &logged->sha1);
	(void)log_pin_read(THUMBPRINT_SHA256, log->value[FIELD_SHA256],
			   &logged->sha256);
	(void)log_pin_read(THUMBPRINT_SPKI, log->value[FIELD_SPKI],
			   &logged->spki);
	/* The log has no date that is invalid. */
	if (!date_time_parse(log->value[FIELD_NOT_AFTER], &logged->not_after))
		logged->not_after = CERTIFICATE_NOT_AFTER_INVALID;
}

bool
recheck_has_pin(const struct configuration *c, const struct thumbprint *pin)
{
	const struct stored_source *store = c->list.store;
	struct stored_counts counts;
	const struct list_key *found;
	struct span text;

	if (!c->has_list)
		return false;
	if (list_find(&c->list, pin, &found) > 0)
		return true;
	bool has = store != NULL && pin->kind != THUMBPRINT_NONE &&
		   store->begin(store->context, &counts) &&
		   store->find(store->context, pin, &text) == STORED_FOUND;
	store_rest(c->store);
	return has;
}

void
recheck_client(const struct configuration *c,
	       const struct logged_client *logged, struct span hub, int64_t now,
	       struct decision *d)
{
	const struct request request = { .hub = hub };

	decide_logged(&c->settings, c->has_list ? &c->list : NULL, &request,
		      logged, now, d);
	store_rest(c->store);
}
