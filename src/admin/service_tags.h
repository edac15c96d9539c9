/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * service_tags: the provider's file of service tags (Azure IP Ranges and
 * Service Tags, JSON), from which the addresses of one tag are taken.
 *
 * The file may be anybody's: what goes on from here into a web server's
 * configuration is an address with a length and nothing else.
 */
#ifndef CERTGATE_ADMIN_SERVICE_TAGS_H
#define CERTGATE_ADMIN_SERVICE_TAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/error.h"
#include "base/span.h"

enum {
	SERVICE_TAGS_MAX = 67108864, /* bytes of the file; 5 MB in 2026 */
	SERVICE_TAGS_ADDRESSES = 65536, /* of one tag */
	SERVICE_TAGS_ADDRESS = 50 /* characters of an address with its length */
};

struct service_tags {
	char (*address)[SERVICE_TAGS_ADDRESS]; /* owned; as the system writes
						* them */
	size_t n;
	int64_t change; /* the tag's number of changes; 0: not known */
};

/* Takes those of the tag name out of text.  False with e, which says where, if
 * anything of it is not as it should be, or there is none. */
bool service_tags_read(struct service_tags *tags, struct span text,
		       const char *name, struct error *e)
	__attribute__((warn_unused_result));

void service_tags_free(struct service_tags *tags);

#endif
