/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* remarks: sentences that an edit prints behind its changes. */
#ifndef CERTGATE_ADMIN_REMARKS_H
#define CERTGATE_ADMIN_REMARKS_H

#include <stddef.h>

/* All zero: none. */
struct remarks {
	char **remark; /* owned, as is each */
	size_t n;
};

/* Add a sentence, as printf; out of memory, it is dropped. */
void remarks_add(struct remarks *remarks, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

void remarks_free(struct remarks *remarks);

#endif
