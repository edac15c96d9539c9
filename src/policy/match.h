/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* match: which entries of the list match a client, and whether they accept or
 * deny it. */
#ifndef CERTGATE_POLICY_MATCH_H
#define CERTGATE_POLICY_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"
#include "policy/entry.h"
#include "policy/list.h"
#include "policy/reason.h"
#include "policy/settings.h"
#include "policy/stored.h"
#include "policy/thumbprint.h"
#include "protocol/certificate.h"
#include "protocol/chain.h"
#include "protocol/event.h"
#include "protocol/request.h"

/* One of the certificate's names; looked for when it is first asked for. */
struct client_name {
	bool looked;
	enum certificate_name result;
	enum certificate_kind kind; /* of the alternative name */
	struct buffer *text; /* borrowed; where it goes */
};

/* What the log has of a client that was accepted; values as in the log. */
struct logged_client {
	struct thumbprint sha1, sha256, spki; /* THUMBPRINT_NONE: not known */
	int64_t not_after; /* UTC seconds, with sha256 */
	struct span serial, issuer; /* with sha256; borrowed */
};

struct client {
	const struct settings *settings;
	const struct list *list;
	struct stored *stored; /* borrowed; NULL: no store */
	const struct request *request;
	struct event *event;
	int64_t now;
	struct chain_memory *memory; /* borrowed; of verified chains */
	bool has_content; /* the certificate itself came, not its label alone */
	struct span der; /* with has_content, as what follows */
	struct certificate certificate;
	struct chain_client chain; /* owned; the same for chain_verify() */
	struct client_name common_name, alternative_name;
	struct {
		bool looked;
		enum certificate_name result;
		struct span names; /* for certificate_next_name() */
	} alternatives; /* all alternative names; looked for when needed */
	struct thumbprint sha256, spki, sha1; /* THUMBPRINT_NONE: not known */
	const struct logged_client *logged; /* borrowed; NULL: it is here */
	bool assumed; /* a condition holds that the log cannot tell of */
};

/* Parse the certificate in der, which c borrows: its fields, its pins and what
 * chains need.  False if the certificate is invalid; c->has_content is not set
 * then.  Free with client_free(). */
bool client_read(struct client *c, struct span der)
	__attribute__((warn_unused_result));

/* Take what the log has: client_read() without a certificate. */
void client_recall(struct client *c, const struct logged_client *logged);

/* Take the entries that the store has for the client's pins.  False if one
 * cannot be read: a deny entry may be among them. */
bool client_take_stored(struct client *c) __attribute__((warn_unused_result));

/* Free what was parsed for c. */
void client_free(struct client *c);

/* The common name (USER_COMMON_NAME) or the alternative name
 * (USER_ALTERNATIVE_NAME) as text; absent if the certificate has none that can
 * be used. */
struct span client_name_text(struct client *c, enum user_source source);

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
	bool only; /* no entry is known, or its name or its end alone refuses */
	bool assumed; /* as the client's, by this entry */
	struct chain_verdict chain; /* of a ca: entry; all zero: not checked */
};

/* Return true if the list or the store has a deny entry. */
bool match_has_denies(const struct client *c);

/* Return the entry that denies the client; NULL: none.  A deny entry of a CA
 * takes the certificate's own words: no chain is verified, and names or a
 * serial number that cannot be read are denied. */
const struct entry *match_deny(struct client *c);

/* What is done with an entry that has the client; true: no more of them. */
typedef bool match_function(struct client *c, const struct entry *entry,
			    void *context);

/* Gives take all entries that allow and have the client: by SHA-256, by public
 * key, by SHA-1, by CA, each in the order of the file.  Of a CA's certificate
 * its issuer alone is looked at. */
void match_each(struct client *c, match_function *take, void *context);

/* Return true if the dates of the client's certificate count for the entry. */
bool match_has_dates(const struct client *c, const struct entry *entry);

/* Return true if cn= and san= of the entry match the client's certificate. */
bool match_is_named(struct client *c, const struct entry *entry);

/* Find the entry that accepts the client, else the one with the latest failing
 * check; of several the first. */
void match_find(struct client *c, struct match *match);

#endif
