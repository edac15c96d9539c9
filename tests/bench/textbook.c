/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * textbook [work]: what a C programmer would write in an afternoon, to measure
 * against: the loop of libfcgi's manual without its wait at close, a constant
 * answer.  With `work` it also parses each body with json-c and checks the
 * signature, and does nothing else that certgate does.
 */
#include "config.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <fcgiapp.h>
#include <json-c/json.h>
#include <openssl/hmac.h>

static const char access_key[] = "bench-access-key";

static bool
is_signed(const char *connection, const char *signature)
{
	unsigned char mac[32];
	char hex[2 * sizeof(mac) + 1];
	unsigned size = sizeof(mac);

	if (connection == NULL || signature == NULL ||
	    strncmp(signature, "sha256=", 7) != 0 ||
	    HMAC(EVP_sha256(), access_key, sizeof(access_key) - 1,
		 (const unsigned char *)connection, strlen(connection), mac,
		 &size) == NULL)
		return false;
	for (size_t i = 0; i < sizeof(mac); i++)
		(void)snprintf(&hex[2 * i], 3, "%02x", mac[i]);
	return CRYPTO_memcmp(signature + 7, hex, 2 * sizeof(mac)) == 0;
}

static bool
is_event(FCGX_Request *request)
{
	static char body[65536];
	int length = FCGX_GetStr(body, sizeof(body) - 1, request->in);

	body[length] = '\0';
	struct json_object *event = json_tokener_parse(body);
	bool good =
		event != NULL &&
		json_object_object_get_ex(event, "clientCertificates", NULL) &&
		is_signed(FCGX_GetParam("HTTP_CE_CONNECTIONID", request->envp),
			  FCGX_GetParam("HTTP_CE_SIGNATURE", request->envp));
	json_object_put(event);
	return good;
}

static void
skip(FCGX_Stream *in)
{
	char chunk[65536];

	while (FCGX_GetStr(chunk, sizeof(chunk), in) == sizeof(chunk))
		;
}

int
main(int argc, char **argv)
{
	bool work = argc > 1 && strcmp(argv[1], "work") == 0;
	FCGX_Request request;

	if (setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1) != 0 ||
	    FCGX_Init() != 0 || FCGX_InitRequest(&request, 0, 0) != 0)
		return 3;
	while (FCGX_Accept_r(&request) == 0) {
		bool good = !work || is_event(&request);
		skip(request.in);
		FCGX_FPrintF(request.out, "Status: %s\r\n\r\n",
			     good ? "204 No Content" : "401 Unauthorized");
		FCGX_Finish_r(&request);
	}
	return 0;
}
