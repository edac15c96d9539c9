/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* pattern: a name in which * stands for any characters, also none. */
#ifndef CERTGATE_POLICY_PATTERN_H
#define CERTGATE_POLICY_PATTERN_H

#include <stdbool.h>

#include "base/span.h"

/* True if the whole of text fits; nocase: ASCII letters without case. */
bool pattern_fits(struct span pattern, struct span text, bool nocase);

/* It limits nothing: every text fits. */
bool pattern_is_any(const char *pattern);

#endif
