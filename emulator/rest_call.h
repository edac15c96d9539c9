/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* rest_call: the operations of the data plane API, one row for each. */
#ifndef CERTGATE_EMULATOR_REST_CALL_H
#define CERTGATE_EMULATOR_REST_CALL_H

#include "emulator/hub.h"

enum { REST_PARTS_MAX = 4 };

struct rest_call {
	struct service *service;
	struct hub *hub; /* NULL on open routes */
	SoupServerMessage *message;
	GHashTable *query; /* may be NULL */
	const char *parts[REST_PARTS_MAX]; /* for each * of the pattern */
};

struct rest_route {
	const char *method, *pattern; /* behind /api/; * is any part */
	guint (*run)(struct rest_call *call); /* returns the status */
	bool is_open; /* asks for no token, and is of no hub */
};

extern const struct rest_route rest_routes[];
extern const guint rest_routes_count;

/* A query parameter, borrowed; NULL if it is not there. */
const char *rest_value(const struct rest_call *call, const char *name);

/* All of them, up to a NULL; freed with g_strfreev. */
char **rest_values(const struct rest_call *call, const char *name);

#endif
