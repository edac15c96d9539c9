/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* server: the listening TLS port, and which requests are whose. */
#ifndef CERTGATE_EMULATOR_SERVER_H
#define CERTGATE_EMULATOR_SERVER_H

#include "emulator/connection.h"

/* Borrow service; NULL and error if it cannot listen.  The caller unrefs
 * it. */
SoupServer *server_start(struct service *service, GError **error);

#endif
