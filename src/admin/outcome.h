/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* outcome: the verdict on the target of an edit, by list and store as they are
 * after it. */
#ifndef CERTGATE_ADMIN_OUTCOME_H
#define CERTGATE_ADMIN_OUTCOME_H

#include <stdbool.h>

#include "admin/remarks.h"
#include "admin/target.h"
#include "policy/list.h"
#include "policy/settings.h"
#include "policy/stored.h"

/* Entries are borrowed from the list, or from stored; NULL: none. */
struct outcome {
	const struct settings *settings; /* borrowed, as the next two */
	const struct target *target;
	struct remarks *remarks;
	bool known; /* the target has a digest, and nothing else may decide */
	bool accepts; /* by an entry whose chain needs no verification */
	const struct entry *denies, *allows;
	const struct entry *perhaps; /* of a CA, whose chain is not verified */
	const struct entry *ended; /* or not yet valid */
	bool expired; /* the certificate */
	bool has_authorities; /* and the certificate is not there */
	struct stored stored; /* of the target */
};

/* Find what list, which is borrowed, does to the target of outcome, where the
 * borrowed members are set and the others zero; with store (NULL: none) what
 * both do.  Remark pins of the settings.  False with e if the store cannot be
 * read. */
bool outcome_find(struct outcome *outcome, const struct list *list,
		  const struct stored_source *store, struct error *e)
	__attribute__((warn_unused_result));

/* Remark what the handler will do with the certificate. */
void outcome_remark(const struct outcome *outcome);

void outcome_free(struct outcome *outcome);

#endif
