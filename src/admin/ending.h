/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* ending: what of the list has ended or soon will. */
#ifndef CERTGATE_ADMIN_ENDING_H
#define CERTGATE_ADMIN_ENDING_H

#include <stdint.h>

#include "admin/findings.h"
#include "base/span.h"
#include "policy/list.h"

/* Warns of every entry of the list, made from text in the file path, that has
 * ended or ends within 30, 14, 7 or 1 days: by its own date, or by that of the
 * certificate, a CA or a CRL in its file. */
void ending_find(struct findings *findings, const struct list *list,
		 struct span text, const char *path, int64_t now);

#endif
