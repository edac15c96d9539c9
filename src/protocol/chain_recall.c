/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "protocol/certificate.h"
#include "protocol/chain_recall.h"

/* Return true if issuer, of the log, is the subject of the i-th CA.  The log
 * cuts a long name. */
static bool
is_subject(const struct chain_trust *trust, size_t i, struct span issuer)
{
	const struct span mark = SPAN("...");
	char room[CHAIN_SUBJECT_MAX];
	struct span name = { room, certificate_write_name(
					   trust->authorities[i].subject, room,
					   sizeof(room)) };

	if (issuer.len > mark.len && issuer.len < name.len + mark.len &&
	    span_equal(span_after(issuer, issuer.len - mark.len), mark)) {
		issuer.len -= mark.len;
		name.len = issuer.len;
	}
	return !span_empty(issuer) && span_equal_nocase(name, issuer);
}

/* Return true if the CRL is current, and one of the CAs signed it. */
static bool
counts(const struct chain_trust *trust, const struct crl *crl, uint64_t cas,
       int64_t now)
{
	return crl->from <= now && now <= crl->to &&
	       (chain_trust_signers(trust, crl) & cas) != 0;
}

/* Return true if the newest CRL for the i-th CA revokes its certificate. */
static bool
is_revoked(const struct chain_trust *trust, size_t i, int64_t now)
{
	const struct chain_authority *a = &trust->authorities[i];
	int64_t newest = INT64_MIN;
	bool revoked = false;

	for (size_t k = 0; k < trust->n_crls; k++) {
		const struct crl *crl = &trust->crls[k];
		if (crl->from < newest || !crl_covers(crl, a->x) ||
		    !counts(trust, crl, a->issuers, now))
			continue;
		revoked = (crl->from == newest && revoked) ||
			  crl_revokes(crl, a->x);
		newest = crl->from;
	}
	return revoked;
}

/* Return the CAs that may lead to a valid anchor.  A missing CRL breaks no
 * chain here: that is an outage. */
static uint64_t
find_valid(const struct chain_trust *trust, int64_t now)
{
	uint64_t valid = 0, before;

	do {
		before = valid;
		for (size_t i = 0; i < trust->n_authorities; i++) {
			const struct chain_authority *a =
				&trust->authorities[i];
			if (now <= a->to &&
			    (a->anchor || ((a->issuers & valid) != 0 &&
					   !is_revoked(trust, i, now))))
				valid |= UINT64_C(1) << i;
		}
	} while (valid != before);
	return valid;
}

/* Return true if a newer CRL takes the place of the i-th: one of its scope, or
 * of no scope.  Which scope the certificate is in, the log does not tell. */
static bool
is_replaced(const struct chain_trust *trust, size_t i, uint64_t cas,
	    int64_t now)
{
	const struct crl *crl = &trust->crls[i];

	for (size_t k = 0; k < trust->n_crls; k++) {
		const struct crl *other = &trust->crls[k];
		if (other->from > crl->from && counts(trust, other, cas, now) &&
		    (other->scope == NULL || crl_has_scope_of(other, crl)))
			return true;
	}
	return false;
}

enum chain_recall
chain_recall(const struct chain_trust *trust, struct span issuer,
	     struct span serial, int64_t now)
{
	uint64_t cas = 0;
	bool current = false, revoked = false;

	for (size_t i = 0; i < trust->n_authorities; i++)
		if (is_subject(trust, i, issuer))
			cas |= UINT64_C(1) << i;
	if (cas == 0)
		return CHAIN_RECALL_FOREIGN;
	if ((cas & find_valid(trust, now)) == 0)
		return CHAIN_RECALL_BROKEN;
	for (size_t i = 0; i < trust->n_crls; i++) {
		const struct crl *crl = &trust->crls[i];
		if (!counts(trust, crl, cas, now))
			continue;
		current = true;
		revoked |= crl_has_serial(crl, serial) &&
			   !is_replaced(trust, i, cas, now);
	}
	if (revoked)
		return CHAIN_RECALL_REVOKED;
	return trust->needs_crls && !current ? CHAIN_RECALL_NO_CRL
					     : CHAIN_RECALL_GOOD;
}
