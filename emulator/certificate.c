/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "emulator/certificate.h"

JsonArray *
certificate_list(GTlsCertificate *certificate)
{
	JsonArray *list = json_array_new();

	if (certificate == NULL)
		return list;

	g_autoptr(GByteArray) der = NULL;
	g_autofree char *pem = NULL;
	g_object_get(certificate, "certificate", &der, "certificate-pem", &pem,
		     NULL);
	g_autofree char *thumbprint = g_compute_checksum_for_data(
		G_CHECKSUM_SHA1, der->data, der->len);
	g_auto(GStrv) lines = g_strsplit(g_strchomp(pem), "\n", -1);
	g_autofree char *content = g_strjoinv("\r\n", lines);

	JsonObject *element = json_object_new();
	json_object_set_string_member(element, "thumbprint", thumbprint);
	json_object_set_string_member(element, "content", content);
	json_array_add_object_element(list, element);
	return list;
}
