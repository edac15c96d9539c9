/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "admin/bearer.h"
#include "base/hex.h"
#include "protocol/digest.h"

enum { CLAIMS_MAX = 16384 /* bytes */ };

/* RFC 4648 5, without padding. */
static void
add_base64url(struct buffer *out, struct span bytes)
{
	static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				     "abcdefghijklmnopqrstuvwxyz0123456789-_";
	const uint8_t *in = (const uint8_t *)bytes.ptr;

	for (size_t i = 0; i < bytes.len; i += 3) {
		size_t n = bytes.len - i < 3 ? bytes.len - i : 3;
		uint32_t word = (uint32_t)in[i] << 16;
		word |= n > 1 ? (uint32_t)in[i + 1] << 8 : 0;
		word |= n > 2 ? in[i + 2] : 0;
		for (size_t k = 0; k <= n; k++)
			buffer_add_byte(out, digits[word >> (18 - 6 * k) & 63]);
	}
}

static void
add_claims(struct buffer *out, struct span audience, int64_t now)
{
	struct buffer claims;

	buffer_init(&claims, CLAIMS_MAX);
	buffer_add(&claims, SPAN("{\"aud\":\""));
	buffer_add(&claims, audience);
	buffer_add(&claims, SPAN("\",\"iat\":"));
	buffer_add_number(&claims, (uint64_t)now);
	buffer_add(&claims, SPAN(",\"exp\":"));
	buffer_add_number(&claims, (uint64_t)now + BEARER_SECONDS);
	buffer_add_byte(&claims, '}');
	add_base64url(out, buffer_span(&claims));
	out->failed |= claims.failed;
	buffer_free(&claims);
}

bool
bearer_make(struct signature_key *key, struct span audience, int64_t now,
	    struct buffer *out)
{
	size_t begin = out->len;
	char signature[SIGNATURE_TOKEN_SIZE];
	uint8_t digest[DIGEST_SHA256_SIZE];

	add_base64url(out, SPAN("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"));
	buffer_add_byte(out, '.');
	add_claims(out, audience, now);
	if (out->failed ||
	    !signature_make(key, span_after(buffer_span(out), begin),
			    signature) ||
	    !hex_decode(span_after(span_of(signature), sizeof("sha256=") - 1),
			digest, sizeof(digest)))
		return false;
	buffer_add_byte(out, '.');
	add_base64url(out,
		      (struct span){ (const char *)digest, sizeof(digest) });
	return !out->failed;
}
