/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * expiry: all that expires: the certificates of clients that the log has, the
 * entries of the list, the certificates, CAs and CRLs that it names.
 *
 * A certificate of the log counts while the list admits it, until a later one
 * of the same user, or of the same key, is seen in its place.
 */
#ifndef CERTGATE_ADMIN_EXPIRY_H
#define CERTGATE_ADMIN_EXPIRY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "policy/list.h"

enum expiry_kind {
	EXPIRY_CERTIFICATE = 0, /* of a client in the log */
	EXPIRY_FILE, /* a certificate that an entry names (file:) */
	EXPIRY_ENTRY, /* expires= of an allow entry */
	EXPIRY_DENY, /* the same of a deny entry */
	EXPIRY_CA,
	EXPIRY_CRL,
	EXPIRY_KINDS
};

/* The words for a kind: in text and JSON, on the page, and in metrics. */
extern const struct expiry_words {
	const char *text, *page, *metric;
} expiry_words[EXPIRY_KINDS];

enum { EXPIRY_SOON_DAYS = 30 };

/* Strings are owned by the struct expiries; NULL: not known. */
struct expiry {
	enum expiry_kind kind;
	char *what; /* subject of a CA, issuer of a CRL */
	char *user; /* of the client, or of the entry */
	char *pin; /* digits of the certificate, or as in the list: spki:… */
	char *hub; /* of the last connection; of a certificate alone */
	char *site; /* NULL: the main settings */
	const char *list; /* path of its list; borrowed from the sites */
	unsigned line; /* of the list; 0: none */
	int64_t not_after; /* UTC seconds, the last valid one */
};

/* All zero: none. */
struct expiries {
	struct expiry *expiry; /* owned; those of the log last */
	size_t n;
	size_t size; /* allocated */
};

/* Add the items of the list (of the site; absent: the main one) and of its
 * files. path: of the list, borrowed; NULL: none.  False with e when out of
 * memory. */
bool expiries_add_list(struct expiries *all, const struct list *list,
		       const char *path, struct span site, struct error *e)
	__attribute__((warn_unused_result));

/* Add a copy of one.  False with e if there is no memory. */
bool expiries_append(struct expiries *all, const struct expiry *one,
		     struct error *e) __attribute__((warn_unused_result));

/* Put first what has expired or expires within 30 days, the first end first.
 * Return how many these are. */
size_t expiries_sort(struct expiries *all, int64_t now);

/* Print the first few of the n that expiries_sort() counted; as JSON, all of
 * them. */
void expiries_print(const struct expiries *all, size_t n, int64_t now);

/* Return 30, 14, 7 or 1 if it expires within so many days, 0 if it expired, -1
 * if it expires later. */
int expiry_days(const struct expiry *expiry, int64_t now);

/* Add "certificate of pump-7 (3ce9…) expires within 7 days, on 2026-12-06" to
 * text, initialised; names as they are. */
void expiry_text(const struct expiry *expiry, int64_t now, struct buffer *text);

void expiries_free(struct expiries *all);

#endif
