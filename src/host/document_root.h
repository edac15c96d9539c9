/* SPDX-License-Identifier: ISC
 * Copyright The certgate authors
 *
 * document_root: the folder whose files a web server shows to anyone.  A plain
 * CGI program gets its name in DOCUMENT_ROOT; Apache has the one of a user's
 * folder in CONTEXT_DOCUMENT_ROOT.  One that is not above the program is not
 * believed, nor is /. */
#ifndef CERTGATE_HOST_DOCUMENT_ROOT_H
#define CERTGATE_HOST_DOCUMENT_ROOT_H

#include <stdbool.h>

#include "base/error.h"

/* Take the folders from the environment.  Without it there is none. */
void document_root_begin(void);

/* Return true if folder, a descriptor, is outside.  Otherwise e says why the
 * file path cannot be in it. */
bool document_root_check(int folder, const char *path, struct error *e)
	__attribute__((warn_unused_result));

#endif
