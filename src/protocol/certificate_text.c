/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/x509v3.h>

#include "protocol/certificate_text.h"

void
certificate_text_name(const X509_NAME *name, struct buffer *out)
{
	/* UTF-8 stays what it is; who prints it escapes what is harmful. */
	unsigned long flags =
		XN_FLAG_RFC2253 & ~(unsigned long)ASN1_STRFLGS_ESC_MSB;
	BIO *text = BIO_new(BIO_s_mem());
	char *bytes = NULL;

	if (text != NULL && X509_NAME_print_ex(text, name, 0, flags) >= 0) {
		long n = BIO_get_mem_data(text, &bytes);
		if (n > 0)
			buffer_add(out, (struct span){ bytes, (size_t)n });
	}
	BIO_free(text);
}

static void
add_address(const ASN1_OCTET_STRING *address, struct buffer *out)
{
	enum { IPV4_SIZE = 4 };
	const unsigned char *bytes = ASN1_STRING_get0_data(address);
	int n = ASN1_STRING_length(address);

	for (int i = 0; i < n; i++) {
		char text[sizeof("255.")];
		int length = n == IPV4_SIZE
				     ? snprintf(text, sizeof(text), "%s%u",
						i > 0 ? "." : "", bytes[i])
				     : snprintf(text, sizeof(text), "%s%02x",
						i > 0 && i % 2 == 0 ? ":" : "",
						bytes[i]);
		if (length > 0)
			buffer_add(out, (struct span){ text, (size_t)length });
	}
}

/* What follows a NUL would look like another name. */
static void
add_text(const ASN1_STRING *string, struct buffer *out)
{
	const unsigned char *bytes = ASN1_STRING_get0_data(string);

	for (int i = 0; i < ASN1_STRING_length(string); i++) {
		if (bytes[i] == '\0')
			buffer_add(out, SPAN("\\00"));
		else
			buffer_add_byte(out, (char)bytes[i]);
	}
}

static void
add_name(const GENERAL_NAME *name, struct buffer *out)
{
	static const char *const words[] = {
		[GEN_EMAIL] = "email:",
		[GEN_DNS] = "DNS:",
		[GEN_URI] = "URI:",
	};
	int type = 0;
	const void *value = GENERAL_NAME_get0_value(name, &type);

	if (type == GEN_IPADD) {
		buffer_add(out, SPAN("IP:"));
		add_address(value, out);
	} else if (type == GEN_EMAIL || type == GEN_DNS || type == GEN_URI) {
		buffer_add(out, span_of(words[type]));
		add_text(value, out);
	} else {
		buffer_add(out, SPAN("other"));
	}
	buffer_add_byte(out, '\0');
}

bool
certificate_text(struct span der, struct buffer *subject, struct buffer *issuer,
		 struct buffer *names)
{
	const unsigned char *at = (const unsigned char *)der.ptr;
	X509 *x = d2i_X509(NULL, &at, (long)der.len);

	if (x != NULL) {
		GENERAL_NAMES *all =
			X509_get_ext_d2i(x, NID_subject_alt_name, NULL, NULL);
		certificate_text_name(X509_get_subject_name(x), subject);
		certificate_text_name(X509_get_issuer_name(x), issuer);
		for (int i = 0; i < sk_GENERAL_NAME_num(all); i++)
			add_name(sk_GENERAL_NAME_value(all, i), names);
		GENERAL_NAMES_free(all);
		X509_free(x);
	}
	ERR_clear_error();
	return x != NULL && !subject->failed && !issuer->failed &&
	       !names->failed;
}
