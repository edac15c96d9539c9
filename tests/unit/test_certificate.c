/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* Certificates made here; each field read is compared with OpenSSL's full
 * parse of the same bytes. */
#include "config.h"

#include "tests/unit/unit.h"

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include "protocol/certificate.h"
#include "protocol/pem.h"

static EVP_PKEY *key;

enum { DER_MAX = 8192 };

struct made {
	X509 *parsed;
	uint8_t der[DER_MAX];
	struct span bytes;
};

static void
add_name(X509 *x, int type, const char *text, int length)
{
	assert_int_equal(X509_NAME_add_entry_by_txt(
				 X509_get_subject_name(x), "CN", type,
				 (const unsigned char *)text, length, -1, 0),
			 1);
}

static void
add_san(X509 *x, const char *text)
{
	X509_EXTENSION *san =
		X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, text);

	assert_non_null(san);
	X509_add_ext(x, san, -1);
	X509_EXTENSION_free(san);
}

static X509 *
begin(const char *not_before, const char *not_after)
{
	X509 *x = X509_new();

	X509_set_version(x, 2);
	ASN1_INTEGER_set(X509_get_serialNumber(x), 4711);
	assert_int_equal(
		ASN1_TIME_set_string(X509_getm_notBefore(x), not_before), 1);
	assert_int_equal(ASN1_TIME_set_string(X509_getm_notAfter(x), not_after),
			 1);
	X509_set_pubkey(x, key);
	X509_NAME_add_entry_by_txt(X509_get_subject_name(x), "O", MBSTRING_ASC,
				   (const unsigned char *)"Test", -1, -1, 0);
	return x;
}

static void
finish(struct made *made, X509 *x)
{
	unsigned char *at = made->der;

	assert_true(X509_sign(x, key, EVP_sha256()) > 0);
	int n = i2d_X509(x, NULL);
	assert_true(n > 0 && n <= DER_MAX);
	i2d_X509(x, &at);
	made->parsed = x;
	made->bytes = (struct span){ (char *)made->der, (size_t)n };
}

static int64_t
seconds_of(const ASN1_TIME *time)
{
	ASN1_TIME *epoch = ASN1_TIME_set(NULL, 0);
	int days, rest;

	assert_int_equal(ASN1_TIME_diff(&days, &rest, epoch, time), 1);
	ASN1_TIME_free(epoch);
	return (int64_t)days * 86400 + rest;
}

static void
compare_key(X509 *parsed, const struct certificate *c)
{
	unsigned char *der = NULL;
	uint8_t digest[EVP_MAX_MD_SIZE];
	int n = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(parsed), &der);

	assert_true(n > 0);
	assert_int_equal(
		EVP_Digest(der, (size_t)n, digest, NULL, EVP_sha256(), NULL),
		1);
	assert_memory_equal(c->spki, digest, sizeof(c->spki));
	OPENSSL_free(der);
}

/* What is in a Name stands at the end of its encoding. */
static void
compare_name(struct span got, X509_NAME *name)
{
	const unsigned char *der;
	size_t n;

	assert_int_equal(X509_NAME_get0_der(name, &der, &n), 1);
	assert_true(n > got.len);
	assert_memory_equal(got.ptr, der + n - got.len, got.len);
}

static void
compare(const struct made *made)
{
	uint8_t digest[EVP_MAX_MD_SIZE];
	struct certificate c;

	assert_true(certificate_read(made->bytes, &c));
	assert_int_equal(c.not_before,
			 seconds_of(X509_get0_notBefore(made->parsed)));
	assert_int_equal(c.not_after,
			 seconds_of(X509_get0_notAfter(made->parsed)));
	X509_digest(made->parsed, EVP_sha1(), digest, NULL);
	assert_memory_equal(c.sha1, digest, sizeof(c.sha1));
	X509_digest(made->parsed, EVP_sha256(), digest, NULL);
	assert_memory_equal(c.sha256, digest, sizeof(c.sha256));
	compare_key(made->parsed, &c);
	compare_name(c.issuer, X509_get_issuer_name(made->parsed));
	compare_name(c.subject, X509_get_subject_name(made->parsed));
}

static void
test_dates(void **state)
{
	static const char *const dates[][2] = {
		{ "240101000000Z", "440101000000Z" },
		{ "500101000000Z", "491231235959Z" }, /* 1950 and 2049 */
		{ "20240229120000Z", "20500101000000Z" },
		{ "00010101000000Z", "99991231235959Z" },
		{ "19691231235959Z", "19700101000000Z" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(dates); i++) {
		struct made made;
		finish(&made, begin(dates[i][0], dates[i][1]));
		compare(&made);
		X509_free(made.parsed);
	}
}

/* RFC 5280 4.1.2.5 has one form of each type.  A date of another form is later
 * or earlier than all times, so that no check of it passes. */
static void
test_odd_dates(void **state)
{
	static const struct {
		int type;
		const char *text;
	} rows[] = {
		{ V_ASN1_UTCTIME, "2401010000Z" },
		{ V_ASN1_UTCTIME, "240101000000" },
		{ V_ASN1_UTCTIME, "240101000000+0100" },
		{ V_ASN1_UTCTIME, "240101000000-0500" },
		{ V_ASN1_UTCTIME, "240101000000.5Z" },
		{ V_ASN1_UTCTIME, "240101000060Z" },
		{ V_ASN1_UTCTIME, "240101240000Z" },
		{ V_ASN1_UTCTIME, "240101006000Z" },
		{ V_ASN1_UTCTIME, "240230000000Z" },
		{ V_ASN1_UTCTIME, "241301000000Z" },
		{ V_ASN1_UTCTIME, "240100000000Z" },
		{ V_ASN1_UTCTIME, "-40101000000Z" },
		{ V_ASN1_UTCTIME, " 40101000000Z" },
		{ V_ASN1_UTCTIME, "240101000000z" },
		{ V_ASN1_UTCTIME, "240101000000ZZ" },
		{ V_ASN1_UTCTIME, "20240101000000Z" },
		{ V_ASN1_UTCTIME, "" },
		{ V_ASN1_GENERALIZEDTIME, "202401010000Z" },
		{ V_ASN1_GENERALIZEDTIME, "2024010100Z" },
		{ V_ASN1_GENERALIZEDTIME, "20240101000000-0500" },
		{ V_ASN1_GENERALIZEDTIME, "20240101000000.5Z" },
		{ V_ASN1_GENERALIZEDTIME, "20240101000000" },
		{ V_ASN1_GENERALIZEDTIME, "240101000000Z" },
	};
	static const char good[] = "240101000000Z";

	(void)state;
	for (size_t i = 0; i < 2 * COUNT(rows); i++) {
		bool before = i % 2 == 0;
		X509 *x = begin(good, good);
		ASN1_TIME *odd = ASN1_STRING_type_new(rows[i / 2].type);
		struct made made;
		struct certificate c;
		assert_int_equal(ASN1_STRING_set(odd, rows[i / 2].text, -1), 1);
		assert_int_equal(before ? X509_set1_notBefore(x, odd)
					: X509_set1_notAfter(x, odd),
				 1);
		ASN1_STRING_free(odd);
		finish(&made, x);
		assert_true(certificate_read(made.bytes, &c));
		if (c.not_before != (before ? CERTIFICATE_NOT_BEFORE_INVALID
					    : 1704067200) ||
		    c.not_after != (before ? 1704067200
					   : CERTIFICATE_NOT_AFTER_INVALID))
			fail_msg("row %zu", i);
		X509_free(x);
	}
}

/* The name that certgate takes, and whether it takes one. */
static void
check_names(X509 *x, enum certificate_name found, const char *name, bool san)
{
	struct made made;
	struct certificate c;
	struct buffer text;
	enum certificate_kind kind = CERTIFICATE_KIND_NONE;

	finish(&made, x);
	compare(&made);
	assert_true(certificate_read(made.bytes, &c));
	buffer_init(&text, CERTIFICATE_NAME_MAX);
	assert_int_equal(san ? certificate_alternative_name(&c, &text, &kind)
			     : certificate_common_name(&c, &text),
			 found);
	if (found == CERTIFICATE_NAME_FOUND)
		assert_span(buffer_span(&text), name);
	buffer_free(&text);
	X509_free(x);
}

static void
test_common_names(void **state)
{
	static char longest[CERTIFICATE_NAME_MAX + 1];
	static const struct {
		int type;
		const char *text;
		int length;
		enum certificate_name found;
		const char *name;
	} rows[] = {
		{ V_ASN1_UTF8STRING, "pumpe-7", -1, CERTIFICATE_NAME_FOUND,
		  "pumpe-7" },
		{ V_ASN1_UTF8STRING, "Zürich", -1, CERTIFICATE_NAME_FOUND,
		  "Zürich" },
		{ V_ASN1_PRINTABLESTRING, "pump 7", -1, CERTIFICATE_NAME_FOUND,
		  "pump 7" },
		{ V_ASN1_IA5STRING, "pump@7", -1, CERTIFICATE_NAME_FOUND,
		  "pump@7" },
		{ V_ASN1_BMPSTRING, "\0p\0\xfc", 4, CERTIFICATE_NAME_FOUND,
		  "pü" },
		{ V_ASN1_T61STRING, "\xfc", 1, CERTIFICATE_NAME_FOUND, "ü" },
		{ V_ASN1_UTF8STRING, "a\0b", 3, CERTIFICATE_NAME_UNUSABLE,
		  NULL },
		{ V_ASN1_UTF8STRING, "a\r\nb", 4, CERTIFICATE_NAME_UNUSABLE,
		  NULL },
		{ V_ASN1_UTF8STRING, "   ", 3, CERTIFICATE_NAME_UNUSABLE,
		  NULL },
		{ V_ASN1_BMPSTRING, "\0a\0\0", 4, CERTIFICATE_NAME_UNUSABLE,
		  NULL },
		{ V_ASN1_UTF8STRING, "pump\xe2\x80\x8b-7", -1,
		  CERTIFICATE_NAME_UNUSABLE, NULL }, /* zero width space */
		{ V_ASN1_UTF8STRING, "\xe2\x80\xaepump", -1,
		  CERTIFICATE_NAME_UNUSABLE, NULL }, /* right to left */
		{ V_ASN1_UTF8STRING, "pump\xe2\x81\xa9", -1,
		  CERTIFICATE_NAME_UNUSABLE, NULL }, /* end of an isolate */
		{ V_ASN1_BMPSTRING, "\xfe\xff\0p", 4, CERTIFICATE_NAME_UNUSABLE,
		  NULL }, /* byte order mark */
		{ V_ASN1_T61STRING, "pump\xa0\x37", 6,
		  CERTIFICATE_NAME_UNUSABLE, NULL }, /* no-break space */
		{ V_ASN1_UTF8STRING, "pump ", -1, CERTIFICATE_NAME_UNUSABLE,
		  NULL },
		{ V_ASN1_UTF8STRING, " pump", -1, CERTIFICATE_NAME_UNUSABLE,
		  NULL },
		{ V_ASN1_UTF8STRING, "pump  7", -1, CERTIFICATE_NAME_UNUSABLE,
		  NULL },
		{ V_ASN1_UTF8STRING, "pump\u2003", -1,
		  CERTIFICATE_NAME_UNUSABLE, NULL }, /* em space */
		{ V_ASN1_UTF8STRING,
		  "pump\u205f"
		  "7",
		  -1, CERTIFICATE_NAME_UNUSABLE,
		  NULL }, /* mathematical space */
		{ V_ASN1_UTF8STRING,
		  "pump\u3000"
		  "7",
		  -1, CERTIFICATE_NAME_UNUSABLE, NULL }, /* ideographic space */
		{ V_ASN1_UTF8STRING, "pump\u2800", -1,
		  CERTIFICATE_NAME_UNUSABLE, NULL }, /* blank Braille */
		{ V_ASN1_UTF8STRING, "pump\ufffc", -1,
		  CERTIFICATE_NAME_UNUSABLE, NULL }, /* object replacement */
		{ V_ASN1_UTF8STRING, longest, sizeof(longest),
		  CERTIFICATE_NAME_UNUSABLE, NULL },
	};

	(void)state;
	memset(longest, 'x', sizeof(longest));
	for (size_t i = 0; i < COUNT(rows); i++) {
		X509 *x = begin("240101000000Z", "440101000000Z");
		ASN1_STRING *value = ASN1_STRING_type_new(rows[i].type);
		int length = rows[i].length < 0 ? (int)strlen(rows[i].text)
						: rows[i].length;
		ASN1_STRING_set(value, rows[i].text, length);
		X509_NAME_ENTRY *entry = X509_NAME_ENTRY_create_by_NID(
			NULL, NID_commonName, rows[i].type,
			ASN1_STRING_get0_data(value), length);
		assert_non_null(entry);
		X509_NAME_add_entry(X509_get_subject_name(x), entry, -1, 0);
		X509_NAME_ENTRY_free(entry);
		ASN1_STRING_free(value);
		check_names(x, rows[i].found, rows[i].name, false);
	}
	check_names(begin("240101000000Z", "440101000000Z"),
		    CERTIFICATE_NAME_NONE, NULL, false);
	X509 *two = begin("240101000000Z", "440101000000Z");
	add_name(two, MBSTRING_UTF8, "one", -1);
	add_name(two, MBSTRING_UTF8, "two", -1);
	check_names(two, CERTIFICATE_NAME_UNUSABLE, NULL, false);
}

/* A name that OpenSSL would not write: its bytes are put in afterwards. */
static void
test_name_of_no_utf8(void **state)
{
	struct made made;
	struct certificate c;
	struct buffer text;
	X509 *x = begin("240101000000Z", "440101000000Z");

	(void)state;
	add_name(x, MBSTRING_UTF8, "pump?7", -1);
	finish(&made, x);
	char *mark = memmem(made.der, made.bytes.len, "pump?7", 6);
	assert_non_null(mark);
	mark[4] = '\xff';
	assert_true(certificate_read(made.bytes, &c));
	buffer_init(&text, CERTIFICATE_NAME_MAX);
	assert_int_equal(certificate_common_name(&c, &text),
			 CERTIFICATE_NAME_UNUSABLE);
	assert_int_equal(text.len, 0);
	buffer_free(&text);
	X509_free(x);
}

static void
test_alternative_names(void **state)
{
	static const struct {
		const char *san;
		enum certificate_name found;
		const char *name;
	} rows[] = {
		{ "DNS:a.example", CERTIFICATE_NAME_FOUND, "a.example" },
		{ "email:x@a.example,URI:urn:x,DNS:a.example,DNS:b.example",
		  CERTIFICATE_NAME_FOUND, "a.example" },
		{ "email:x@a.example,URI:urn:x", CERTIFICATE_NAME_FOUND,
		  "urn:x" },
		{ "email:x@a.example,IP:192.0.2.1", CERTIFICATE_NAME_FOUND,
		  "x@a.example" },
		{ "IP:192.0.2.1", CERTIFICATE_NAME_NONE, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		X509 *x = begin("240101000000Z", "440101000000Z");
		add_san(x, rows[i].san);
		check_names(x, rows[i].found, rows[i].name, true);
	}
	check_names(begin("240101000000Z", "440101000000Z"),
		    CERTIFICATE_NAME_NONE, NULL, true);
}

/* RFC 5280 4.1.1.2, RFC 3279 2.3: parameters of a key's algorithm that OpenSSL
 * would write as it read them. */
static void
test_key_parameters(void **state)
{
	static const struct {
		int type;
		const char *der;
		bool good;
	} rows[] = {
		{ V_ASN1_UNDEF, "", true },
		{ V_ASN1_NULL, "\x05", true },
		{ V_ASN1_OBJECT, "\x06\x03\x2a\x03\x04", true },
		{ V_ASN1_SEQUENCE, "\x30\x03\x02\x01\x01", true },
		{ V_ASN1_BIT_STRING, "\x03\x02\x04\xff", false },
		{ V_ASN1_INTEGER, "\x02\x01\x01", false },
		{ V_ASN1_OCTET_STRING, "\x04\x01\x01", false },
		{ V_ASN1_UTF8STRING, "\x0c\x01\x61", false },
		{ V_ASN1_SET, "\x31\x03\x02\x01\x01", false },
	};
	struct made made;
	struct certificate c;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		X509 *x = begin("240101000000Z", "440101000000Z");
		const unsigned char *at = (const unsigned char *)rows[i].der;
		size_t n =
			rows[i].type == V_ASN1_NULL ? 2 : strlen(rows[i].der);
		ASN1_TYPE *value =
			n == 0 ? NULL : d2i_ASN1_TYPE(NULL, &at, (long)n);
		X509_ALGOR *algorithm;
		assert_true(n == 0 || value != NULL);
		X509_PUBKEY_get0_param(NULL, NULL, NULL, &algorithm,
				       X509_get_X509_PUBKEY(x));
		ASN1_TYPE_free(algorithm->parameter);
		algorithm->parameter = value;
		finish(&made, x);
		if (certificate_read(made.bytes, &c) != rows[i].good)
			fail_msg("row %zu", i);
		X509_free(x);
	}
}

/* A byte less, more or other than it should be: never a crash, and never the
 * same certificate. */
static void
test_damage(void **state)
{
	struct made made;
	struct certificate whole, c;
	struct buffer name;
	X509 *x = begin("240101000000Z", "440101000000Z");

	(void)state;
	add_name(x, MBSTRING_UTF8, "pump", -1);
	add_san(x, "DNS:a.example");
	finish(&made, x);
	assert_true(certificate_read(made.bytes, &whole));
	for (size_t n = 0; n < made.bytes.len; n++)
		assert_false(certificate_read(
			(struct span){ made.bytes.ptr, n }, &c));
	made.bytes.len++;
	assert_false(certificate_read(made.bytes, &c));
	enum certificate_kind kind;
	made.bytes.len--;
	buffer_init(&name, CERTIFICATE_NAME_MAX);
	for (size_t i = 0; i < made.bytes.len; i++) {
		for (int bit = 0; bit < 8; bit++) {
			made.der[i] ^= (uint8_t)(1 << bit);
			if (certificate_read(made.bytes, &c)) {
				assert_memory_not_equal(c.sha1, whole.sha1,
							sizeof(c.sha1));
				certificate_common_name(&c, &name);
				certificate_alternative_name(&c, &name, &kind);
				buffer_clear(&name);
			}
			made.der[i] ^= (uint8_t)(1 << bit);
		}
	}
	buffer_free(&name);
	X509_free(x);
}

static void
test_pem(void **state)
{
	static const struct {
		const char *before, *begin, *line, *end, *after;
		bool good;
	} rows[] = {
#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END "-----END CERTIFICATE-----"
		{ "", BEGIN "\n", "\n", END, "", true },
		{ "", BEGIN "\r\n", "\r\n", END, "", true },
		{ " \r\n\t", BEGIN "\n", "\n", END, "\n\n", true },
		{ "", BEGIN "\n", "", "\n" END, "", true },
		{ "x\n", BEGIN "\n", "\n", END, "", false },
		{ "", BEGIN "\n", "\n", END, "\nx", false },
		{ "", BEGIN, "\n", END, "", false },
		{ "", BEGIN "\r", "\r", END, "", false },
		{ "", BEGIN "\n", "\n\n", END, "", true },
		{ "", BEGIN "\n", "\r\r\n", END, "", false },
		{ "", BEGIN "\n", "\n\r", END, "", false },
		{ "", BEGIN "\n", "\n", "\r" END, "", false },
		{ "", BEGIN "\n", "\n", "A" END, "", false },
		{ "", BEGIN "\n", "\n", "AAA=\n====\n" END, "", false },
		{ "", BEGIN "\n", " ", "\n" END, "", false },
		{ "", BEGIN "\n", "\n=\n", END, "", false },
		{ "", BEGIN "\n", "\\n", END, "", false },
		{ "", "-----BEGIN X509 CERTIFICATE-----\n", "\n", END, "",
		  false },
		{ "", BEGIN "\n", "\n", "-----END CERTIFICATE----", "", false },
		{ "", BEGIN "\n" BEGIN "\n", "\n", END, "", false },
		{ "", "", "\n", "", "", false },
	};
	struct made made;
	struct buffer der, text;
	char digits[2 * DER_MAX];

	(void)state;
	finish(&made, begin("240101000000Z", "440101000000Z"));
	int n = EVP_EncodeBlock((unsigned char *)digits, made.der,
				(int)made.bytes.len);
	buffer_init(&der, PEM_MAX);
	buffer_init(&text, 2 * PEM_MAX);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buffer_clear(&text);
		buffer_add(&text, span_of(rows[i].before));
		buffer_add(&text, span_of(rows[i].begin));
		for (int at = 0; at < n; at += 64) {
			size_t left = (size_t)(n - at);
			buffer_add(&text,
				   (struct span){ digits + at,
						  left < 64 ? left : 64 });
			buffer_add(&text, span_of(rows[i].line));
		}
		buffer_add(&text, span_of(rows[i].end));
		buffer_add(&text, span_of(rows[i].after));
		if (pem_decode(buffer_span(&text), &der) != rows[i].good)
			fail_msg("row %zu", i);
		if (rows[i].good)
			assert_true(span_equal(buffer_span(&der), made.bytes));
		else
			assert_int_equal(der.len, 0);
	}
	buffer_clear(&text);
	while (text.len <= PEM_MAX)
		buffer_add(&text, SPAN("AAAA"));
	assert_false(pem_decode(buffer_span(&text), &der));
	buffer_free(&text);
	buffer_free(&der);
	X509_free(made.parsed);
}

static int
make_key(void **state)
{
	(void)state;
	key = EVP_EC_gen("P-256");
	return key == NULL || !digest_start(DIGEST_USE_HANDLER);
}

static int
free_key(void **state)
{
	(void)state;
	EVP_PKEY_free(key);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_dates),
		cmocka_unit_test(test_odd_dates),
		cmocka_unit_test(test_common_names),
		cmocka_unit_test(test_name_of_no_utf8),
		cmocka_unit_test(test_alternative_names),
		cmocka_unit_test(test_key_parameters),
		cmocka_unit_test(test_damage),
		cmocka_unit_test(test_pem),
	};

	return cmocka_run_group_tests_name("certificate", tests, make_key,
					   free_key);
}
