/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* document_root: the folder whose files the web server publishes.  Plain CGI
 * gets its name in DOCUMENT_ROOT; Apache sets CONTEXT_DOCUMENT_ROOT to that of
 * a user.  A folder that is not above the program is ignored, and so is /. */
#ifndef CERTGATE_HOST_DOCUMENT_ROOT_H
#define CERTGATE_HOST_DOCUMENT_ROOT_H

#include <stdbool.h>

#include "base/error.h"

/* Take the folders from the environment; none if they are not set. */
void document_root_begin(void);

/* Return true if folder, a descriptor, is outside.  Otherwise e says why the
 * file path cannot be there. */
bool document_root_check(int folder, const char *path, struct error *e)
	__attribute__((warn_unused_result));

#endif
