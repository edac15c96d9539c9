/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* hub: the settings of a hub, to be pasted. */
#ifndef CERTGATE_ADMIN_HUB_H
#define CERTGATE_ADMIN_HUB_H

#include "base/span.h"

/* With the URL as it was given, without the code: that belongs into a vault.
 * name is absent: the reader has to put it there. */
void hub_print(struct span name, const char *url);

#endif
