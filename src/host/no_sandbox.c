/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* In place of sandbox.c where configure was told --disable-sandbox: under a
 * sanitizer or a line counter, which ask the kernel for more. */
#include "config.h"

#include "host/log.h"
#include "host/sandbox.h"

void
sandbox_limit(void)
{
}

void
sandbox_begin(void)
{
}

void
sandbox_take(int folder, enum sandbox_use use)
{
	(void)folder;
	(void)use;
}

bool
sandbox_has(int folder)
{
	(void)folder;
	return true;
}

void
sandbox_enter(const struct sandbox_needs *needs)
{
	(void)needs;
	log_note(LOG_LEVEL_WARNING, "sandbox: none in this build");
}
