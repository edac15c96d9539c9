/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* rest: the data plane API, as servers call it. */
#ifndef CERTGATE_EMULATOR_REST_H
#define CERTGATE_EMULATOR_REST_H

#include "emulator/connection.h"

/* Answer a request below /api; query may be NULL. */
void rest_answer(struct service *service, SoupServerMessage *message,
		 GHashTable *query);

#endif
