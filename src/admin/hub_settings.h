/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* hub_settings: the settings of a hub that make the service ask a handler. */
#ifndef CERTGATE_ADMIN_HUB_SETTINGS_H
#define CERTGATE_ADMIN_HUB_SETTINGS_H

#include <stdbool.h>

#include "policy/settings.h"

/* Print them for az and for Bicep, without a secret of the URL; hub: empty:
 * any.  False, and printed, without memory. */
bool hub_settings_print(const struct settings *settings, struct span hub,
			const char *url);

#endif
