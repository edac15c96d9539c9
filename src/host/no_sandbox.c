/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* Replaces sandbox.c after configure --disable-sandbox: sanitizers and coverage
 * need more system calls. */
#include "config.h"

#include "host/sandbox.h"

void
sandbox_limit(size_t files)
{
	(void)files;
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

const struct warnings *
sandbox_enter(const struct sandbox_needs *needs)
{
	static struct warnings warnings;

	(void)needs;
	error_set(warnings_next(&warnings, NULL),
		  "sandbox: none in this build");
	return &warnings;
}
