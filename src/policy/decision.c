/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "policy/decision.h"
#include "policy/value.h"
#include "protocol/certificate.h"
#include "protocol/pem.h"

void
decision_init(struct decision *d)
{
	*d = (struct decision){ 0 };
	buffer_init(&d->user, 2 * DIGEST_MAX_SIZE);
	buffer_init(&d->der, PEM_MAX);
	buffer_init(&d->common_name, CERTIFICATE_NAME_MAX);
	buffer_init(&d->alternative_name, CERTIFICATE_NAME_MAX);
}

static void
for_buffers(struct decision *d, void (*change)(struct buffer *b))
{
	change(&d->user);
	change(&d->der);
	change(&d->common_name);
	change(&d->alternative_name);
}

void
decision_free(struct decision *d)
{
	decision_clear(d);
	for_buffers(d, buffer_free);
	chain_memory_free(&d->memory);
}

void
decision_clear(struct decision *d)
{
	value_free_items(d->groups);
	value_free_items(d->roles);
	stored_free(&d->stored);
	for_buffers(d, buffer_clear);
	*d = (struct decision){
		.user = d->user,
		.der = d->der,
		.common_name = d->common_name,
		.alternative_name = d->alternative_name,
		.memory = d->memory,
	};
}
