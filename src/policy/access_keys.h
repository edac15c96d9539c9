/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* access_keys: the settings that hold access keys, and the file of them. */
#ifndef CERTGATE_POLICY_ACCESS_KEYS_H
#define CERTGATE_POLICY_ACCESS_KEYS_H

#include <stdbool.h>

#include "base/error.h"
#include "base/span.h"
#include "policy/settings.h"

/* Read CERTGATE_ACCESS_KEYS and WebPubSubConnectionString into the settings
 * that field is. */
bool access_keys_read(void *field, struct span value, struct error *e);
bool connection_string_read(void *field, struct span value, struct error *e);

#endif
