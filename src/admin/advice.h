/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* advice: what reads, and yet is not what a careful administrator wants. */
#ifndef CERTGATE_ADMIN_ADVICE_H
#define CERTGATE_ADMIN_ADVICE_H

#include "admin/findings.h"
#include "policy/list.h"

/* Warns of entries that are pinned by SHA-1, and of CAs whose every name is let
 * in, in the list of the file path. */
void advice_find(struct findings *findings, const struct list *list,
		 const char *path);

#endif
