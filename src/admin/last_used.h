/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* last_used: when entries last decided, by the log. */
#ifndef CERTGATE_ADMIN_LAST_USED_H
#define CERTGATE_ADMIN_LAST_USED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "admin/log_reader.h"
#include "host/file.h"
#include "policy/list.h"

/* When a pin was last one of a client that was allowed, or denied. */
struct use {
	struct thumbprint pin;
	int64_t allowed, denied; /* UTC seconds; 0: not seen */
};

/* When each entry last allowed, or denied, a client. */
struct last_used {
	const struct list *list; /* borrowed */
	bool has_store;
	struct use *uses; /* owned; of all pins in the log, for the store */
	size_t n, size;
	int64_t *at; /* owned; of each entry, UTC seconds; 0: not seen */
	int64_t lines_since; /* UTC seconds; events since then name lines of
			      * this list */
	struct log_reader log; /* after its last line */
};

/* Read the log at path (NULL: that of the settings).  list is borrowed;
 * identity is that of its file.  used has has_store set, and a log that is not
 * open.  False with e if it cannot be read; last_used_free() in any case. */
bool last_used_read(struct last_used *used, const struct list *list,
		    const struct file_identity *identity, const char *path,
		    struct error *e) __attribute__((warn_unused_result));

void last_used_free(struct last_used *used);

#endif
