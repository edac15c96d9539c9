/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* match: which entry of the list has a client, and whether it lets him in. */
#ifndef CERTGATE_POLICY_MATCH_H
#define CERTGATE_POLICY_MATCH_H

#include "policy/client.h"
#include "policy/reason.h"

enum {
	/* Seconds by which the clocks of certificate and host may differ. */
	MATCH_LEEWAY = 300
};

/* How far a client gets by an entry. */
enum match_stage {
	MATCH_NONE = 0, /* there is no entry */
	MATCH_ISSUER, /* it is of the CA's, but not for that name */
	MATCH_ENTRY, /* its limits refuse */
	MATCH_LIMITS, /* the certificate's dates refuse */
	MATCH_DATES, /* the chain to the entry's CA refuses */
	MATCH_ALL
};

struct match {
	const struct entry *entry; /* NULL: none.  Borrowed from the list */
	enum match_stage stage;
	enum reason reason; /* why no further; with MATCH_ALL, listed */
	bool only_expired; /* the entry; all else of it holds */
	struct chain_verdict chain; /* of a ca: entry; all zero: not checked */
};

/* The entry that denies the client; NULL if there is none. */
const struct entry *match_deny(const struct client *c);

/* What is done with an entry that has the client; true: no more of them. */
typedef bool match_function(struct client *c, const struct entry *entry,
			    void *context);

/* Gives take all entries that allow and have the client: by SHA-256, by public
 * key, by SHA-1, by CA, each in the order of the file.  Of a CA's certificate
 * its issuer alone is looked at. */
void match_each(struct client *c, match_function *take, void *context);

/* Return true if the dates of the client's certificate count for the entry. */
bool match_has_dates(const struct client *c, const struct entry *entry);

/* The names of the client's certificate are within those of a CA's entry. */
bool match_is_named(struct client *c, const struct entry *entry);

/* Of all entries that have the client takes the one by which he gets furthest,
 * of several the first. */
void match_find(struct client *c, struct match *match);

#endif
