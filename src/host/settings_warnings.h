/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* settings_warnings: what is valid in the settings, and weaker than it may look
 * like. */
#ifndef CERTGATE_HOST_SETTINGS_WARNINGS_H
#define CERTGATE_HOST_SETTINGS_WARNINGS_H

#include <stdint.h>

#include "policy/settings.h"

/* Log them, as of the time now. */
void settings_warnings_log(const struct settings *settings, int64_t now);

#endif
