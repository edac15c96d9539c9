/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certificate: what the service says of a client's certificate. */
#ifndef CERTGATE_EMULATOR_CERTIFICATE_H
#define CERTGATE_EMULATOR_CERTIFICATE_H

#include <gio/gio.h>
#include <json-glib/json-glib.h>

/* The member clientCertificates of a connect event: one element with SHA-1 in
 * hex and PEM with CRLF and no last line end; none without certificate.  The
 * caller owns it. */
JsonArray *certificate_list(GTlsCertificate *certificate);

#endif
