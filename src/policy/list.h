/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * list: the entries that allow and deny certificates.
 *
 * Built once from the list file and the pins of CLIENT_CERT_THUMBPRINT, then
 * only read.  An invalid line makes the list invalid: a part of a list is never
 * used, least of all one that lost a `deny`.
 */
#ifndef CERTGATE_POLICY_LIST_H
#define CERTGATE_POLICY_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/span.h"
#include "policy/entry.h"
#include "protocol/chain_trust.h"

struct stored_source; /* policy/stored.h */

enum { TRUSTS_MAX = 64 /* pairs of files in one list */ };

struct trusts {
	struct {
		char *ca;
		char *crl; /* NULL: none */
		struct chain_trust *chain;
	} trust[TRUSTS_MAX]; /* owned */
	size_t n;
};

enum {
	LIST_ENTRIES_MAX = 100000, /* of a list file; more are for the store */
	LIST_TEXT_MAX = 33554432, /* bytes of a list file */
	LIST_LINE_MAX = 65536, /* bytes of one line */
	/* CA entries that allow, and as many that deny; each is looked at in
	 * turn. */
	LIST_AUTHORITIES_MAX = 256
};

/* What a message about one of these two limits ends with. */
#define LIST_STORE_FIX                                                         \
	"(fix: put them into the store: certgate import, CERTGATE_STORE; see " \
	"certgate.conf(5))"

/* An entry where it is looked for.  The front of the digest stands beside the
 * pointer, so that a search touches the entries only where it ends. */
struct list_key {
	uint64_t front; /* the first eight bytes of the pin's digest */
	const struct entry *entry;
};

struct list {
	struct entry *entries; /* owned, in the order of the file */
	size_t n;
	size_t size; /* entries allocated */
	struct list_users *users; /* owned; the users of the entries */
	struct list_key *sorted; /* owned; by pin, then by order */
	/* Owned; CA entries that allow, and those that deny, in order. */
	const struct entry **authorities, **denials;
	size_t n_authorities, n_denials;
	struct trusts trusts;
	bool denies; /* there is a deny entry */
	/* UTC seconds, the last one in which a deny entry needs more than the
	 * label; 0: none does. */
	int64_t content_denied_until;
	bool allows_by_content; /* an allow entry needs more than the label */
	bool limits_by_content; /* one with options does */
	/* Borrowed, from whatever has the list; the entries of the store, which
	 * count as the list's.  NULL: no store. */
	const struct stored_source *store;
	struct warnings warnings;
};

/* Fills list, all zero before, from the text of the list file (absent: there
 * is none) and n pins.  A pin that the text has too is the text's.  False with
 * e and its line and column, and nothing to free, if the text is invalid. */
bool list_build(struct list *list, struct span text,
		const struct thumbprint *pins, size_t n,
		const struct entry_files *files, struct error *e)
	__attribute__((warn_unused_result));

/* As list_build.  With report (NULL: none), report all that is wrong with text,
 * line by line, and leave e clear. */
bool list_report(struct list *list, struct span text,
		 const struct thumbprint *pins, size_t n,
		 const struct entry_files *files, struct report *report,
		 struct error *e) __attribute__((warn_unused_result));

/* Say in e, instead of what it says, that a list file is above LIST_TEXT_MAX.
 * Always false. */
bool list_too_large(struct error *e);

/* What of a line, without its line end, is the entry: no comment, no blanks
 * around it. */
struct span list_entry_text(struct span line);

/* What of it is the comment, with its mark; empty if it has none. */
struct span list_comment_text(struct span line);

void list_free(struct list *list);

/* The entries with this pin, in order: returns how many, the first at *found
 * (borrowed).  THUMBPRINT_NONE has none. */
size_t list_find(const struct list *list, const struct thumbprint *pin,
		 const struct list_key **found);

#endif
