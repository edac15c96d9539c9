/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "policy/client.h"

const struct client_name *
client_name(struct client *c, enum user_source source)
{
	bool common = source == USER_COMMON_NAME;
	struct client_name *name =
		common ? &c->common_name : &c->alternative_name;

	if (name->looked)
		return name;
	name->looked = true;
	name->result = CERTIFICATE_NAME_NONE;
	if (!c->has_content)
		return name;
	name->result =
		common ? certificate_common_name(&c->certificate, name->text)
		       : certificate_alternative_name(&c->certificate,
						      name->text, &name->kind);
	return name;
}

struct span
client_name_text(struct client *c, enum user_source source)
{
	const struct client_name *name = client_name(c, source);

	if (name->result != CERTIFICATE_NAME_FOUND)
		return (struct span){ 0 };
	return buffer_span(name->text);
}

bool
client_is_mqtt(const struct client *c)
{
	return c->event->mqtt || !span_empty(c->request->physical_connection);
}
