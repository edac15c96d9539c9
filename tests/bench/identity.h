/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* identity: certificates for a measurement, made here (EC P-256). */
#ifndef CERTGATE_TESTS_BENCH_IDENTITY_H
#define CERTGATE_TESTS_BENCH_IDENTITY_H

#include <stddef.h>

struct identity {
	char pem[4096]; /* with \r\n written as in JSON, no final one */
	char sha1[41];
	char sha256[65];
};

struct authority;

/* Make a CA and write its certificate to the file path; never freed. */
struct authority *identity_authority(const char *path);

/* Write a CRL of authority to the file path: count serial numbers,
 * from first on. */
void identity_crl(const struct authority *authority, const char *path,
		  long first, long count);

/* Make a certificate with this common name and serial number, of authority or,
 * if that is NULL, its own.  Like the other one it ends the program if it
 * cannot. */
void identity_make(const struct authority *authority, const char *name,
		   long serial, struct identity *made);

/* Two digits for each byte, and a NUL. */
void identity_hex(const unsigned char *bytes, size_t n, char *text);

#endif
