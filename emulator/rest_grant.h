/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* rest_grant: tokens for clients, and permissions of those connected. */
#ifndef CERTGATE_EMULATOR_REST_GRANT_H
#define CERTGATE_EMULATOR_REST_GRANT_H

#include "emulator/rest_call.h"

guint rest_generate_token(struct rest_call *call);

guint rest_grant(struct rest_call *call);
guint rest_revoke(struct rest_call *call);
guint rest_has_permission(struct rest_call *call);

#endif
