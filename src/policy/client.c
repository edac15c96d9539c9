/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "policy/client.h"

bool
client_read(struct client *c, struct span der)
{
	const struct certificate *certificate = &c->certificate;

	if (!certificate_read(der, &c->certificate))
		return false;
	c->der = der;
	c->has_content = true;
	c->chain = (struct chain_client){
		.der = der,
		.issuer = certificate->issuer,
		.sha256 = certificate->sha256,
	};
	c->sha1 = thumbprint_of(THUMBPRINT_SHA1, certificate->sha1);
	c->sha256 = thumbprint_of(THUMBPRINT_SHA256, certificate->sha256);
	c->spki = thumbprint_of(THUMBPRINT_SPKI, certificate->spki);
	return true;
}

void
client_free(struct client *c)
{
	chain_client_free(&c->chain);
}

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
