/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* option: the NAME=VALUE words behind a pin, and what they mean. */
#ifndef CERTGATE_POLICY_OPTION_H
#define CERTGATE_POLICY_OPTION_H

#include <stdbool.h>

#include "base/error.h"
#include "base/span.h"
#include "policy/entry.h"

/*
 * Takes one option from the front of *rest, which begins with it, into terms.
 * *seen remembers the options of the line; it begins as 0.
 * Values may be in double quotes; \\ \" and \, stand for the character.
 * False with e set, and *rest where it went wrong, for an unknown option, one
 * given twice, or a value that is not valid: dropping a restriction would open
 * the gate.
 */
bool option_take(struct span *rest, struct terms *terms, unsigned *seen,
		 struct warnings *warnings, struct error *e)
	__attribute__((warn_unused_result));

/* A hub's name as the service has them: a letter, then up to 127 letters,
 * digits, or characters of _`,.[] */
bool option_is_hub(struct span name);

/* The same for value_items or form_words. */
bool option_check_hub(struct span name, struct error *e);

/* A group's name as the service has them: text that is not blank. */
bool option_is_group(struct span name, struct error *e);

#endif
