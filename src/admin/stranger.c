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

/* Its SHA-256. */
static const uint8_t digest[DIGEST_SHA256_SIZE] = {
	0xf9, 0x89, 0x4f, 0xcd, 0x09, 0x7e, 0x9c, 0x12, 0xc7, 0x7a, 0x66,
	0xf2, 0x67, 0x18, 0x4e, 0x65, 0xcd, 0x8e, 0x6d, 0x71, 0xcd, 0x91,
	0xaf, 0x55, 0xda, 0xed, 0x4b, 0xaa, 0xfd, 0x4d, 0x44, 0x15,
};

bool
stranger_take(struct buffer *der)
{
	return pem_decode(span_of(pem), der);
}

bool
stranger_is(const struct thumbprint *sha256)
{
	return sha256->kind == THUMBPRINT_SHA256 &&
	       memcmp(digest, sha256->digest, sizeof(digest)) == 0;
}
