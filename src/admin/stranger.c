/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "admin/stranger.h"
#include "protocol/digest.h"
#include "protocol/pem.h"

static const char pem[] =
	"-----BEGIN CERTIFICATE-----\n"
	"MIIBpDCCAUmgAwIBAgIUchBST+GKCp35HnyRAftZQXWhpagwCgYIKoZIzj0EAwIw\n"
	"JjEkMCIGA1UEAwwbc3RyYW5nZXIgb2YgY2VydGdhdGUgZG9jdG9yMCAXDTI2MTEy\n"
	"NDIyMTAzN1oYDzIxMjYxMDMxMjIxMDM3WjAmMSQwIgYDVQQDDBtzdHJhbmdlciBv\n"
	"ZiBjZXJ0Z2F0ZSBkb2N0b3IwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAASwGrtM\n"
	"zoN0CEfgZxOGJ/AE1jiNNsXxkhxDdTZjAamfTJjctZe+yQsxWr19n4slqpEuuUXC\n"
	"qLpJAqu5GDGTbpl3o1MwUTAdBgNVHQ4EFgQUHE0TDBKYSRFm4bdDDXxFUmqyjk8w\n"
	"HwYDVR0jBBgwFoAUHE0TDBKYSRFm4bdDDXxFUmqyjk8wDwYDVR0TAQH/BAUwAwEB\n"
	"/zAKBggqhkjOPQQDAgNJADBGAiEAmZxiElh0s3nZm/S6SEcybexNoewWBtf89UNH\n"
	"MFaz5vcCIQCFJpqQfgnpZl9heAuNsjz57jMtD/ip25yrUIAwJ8iXLQ==\n"
	"-----END CERTIFICATE-----\n";

bool
stranger_take(struct buffer *der)
{
	return pem_decode(span_of(pem), der);
}

bool
stranger_is(const struct thumbprint *sha256)
{
	static uint8_t own[DIGEST_SHA256_SIZE];
	static bool known;
	struct buffer der;

	if (!known) {
		buffer_init(&der, sizeof(pem));
		known = stranger_take(&der) &&
			digest_sha256(buffer_span(&der), own);
		buffer_free(&der);
	}
	return known && sha256->kind == THUMBPRINT_SHA256 &&
	       memcmp(own, sha256->digest, sizeof(own)) == 0;
}
