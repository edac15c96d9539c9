/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* Forms of an administrator's file.  Each certificate in it is compared with
 * the one that it was made of. */
#include "config.h"

#include "tests/unit/unit.h"

#include "protocol/pem.h"
#include "tests/unit/authority.h"

#define BEGIN "-----BEGIN CERTIFICATE-----\n"
#define END "-----END CERTIFICATE-----\n"
#define KEY                                                                    \
	"-----BEGIN RSA PRIVATE KEY-----\n"                                    \
	"Proc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nAAAA\n"           \
	"-----END RSA PRIVATE KEY-----\n"

static struct buffer reference;

/* The PEM of ISSUED with something instead of each "\n" but the last, before
 * each line, and at both ends. */
static void
write_form(struct buffer *text, const char *front, const char *indent,
	   const char *line, const char *behind)
{
	struct span rest = SPAN(ISSUED), one;

	buffer_clear(text);
	buffer_add(text, span_of(front));
	while (rest.len > 0 && span_next(&rest, "\n", &one)) {
		buffer_add(text, span_of(indent));
		buffer_add(text, one);
		buffer_add(text, span_of(line));
	}
	buffer_add(text, span_of(behind));
}

static void
expect_one(struct span text, size_t row)
{
	struct buffer der;
	struct certificate c;
	struct error e = { 0 };

	buffer_init(&der, PEM_MAX);
	if (!pem_file_only(text, &der, &c, &e) ||
	    !span_equal(buffer_span(&der), buffer_span(&reference)))
		fail_msg("row %zu: %s", row, e.set ? e.text : "another");
	assert_true(pem_file_first(text, &der, &c, &e));
	buffer_free(&der);
}

static void
test_forms(void **state)
{
	static const struct {
		const char *front, *indent, *line, *behind;
	} rows[] = {
		{ "", "", "\n", "" },
		{ "", "", "\r\n", "" },
		{ "", "", "\r", "" },
		{ "", "", " \n", "" },
		{ "", "", "\t \r\r\n", "" },
		{ "", " ", "\n", "" },
		{ "", "\t  ", "\n", "" },
		{ "", "", "\n\n", "" },
		{ "", "\xc2\xa0", "\xc2\xa0\n", "" },
		{ "\xef\xbb\xbf", "", "\n", "" },
		{ "\xef\xbb\xbf", "", "\r\n", "\xef\xbb\xbf" },
		{ "Bag Attributes\n    localKeyID: 01\n", "", "\n", "more" },
		{ "0 s:CN = pump\n", "", "\n", "" },
		{ "see -----BEGIN CERTIFICATE----- below\n", "", "\n", "" },
		{ "# " BEGIN, "", "\n", "" },
		{ END, "", "\n", END },
		{ KEY, "", "\n", "" },
		{ "", "", "\n", KEY },
		{ "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n"
		  "-----END EC PARAMETERS-----\n",
		  "", "\n", "" },
		{ "-----BEGIN CERTIFICATE REQUEST-----\n!\n"
		  "-----END CERTIFICATE REQUEST-----",
		  "", "\n", "" },
	};
	struct buffer text;

	(void)state;
	buffer_init(&text, 2 * PEM_MAX);
	for (size_t i = 0; i < COUNT(rows); i++) {
		write_form(&text, rows[i].front, rows[i].indent, rows[i].line,
			   rows[i].behind);
		expect_one(buffer_span(&text), i);
	}
	buffer_free(&text);
}

/* The base64 of bytes under a label, with a header if that is not empty. */
static void
write_block(struct buffer *text, const char *label, const char *header,
	    struct span bytes)
{
	struct buffer pem;

	buffer_init(&pem, 4 * PEM_MAX);
	pem_encode(bytes, &pem);
	struct span body = span_after(buffer_span(&pem), sizeof(BEGIN) - 1);
	body.len -= sizeof(END) - 1;
	buffer_add(text, SPAN("-----BEGIN "));
	buffer_add(text, span_of(label));
	buffer_add(text, SPAN("-----\n"));
	buffer_add(text, span_of(header));
	buffer_add(text, body);
	buffer_add(text, SPAN("-----END "));
	buffer_add(text, span_of(label));
	buffer_add(text, SPAN("-----\n"));
	buffer_free(&pem);
}

/* Bytes behind a certificate, such as trust settings, are not part of it. */
static void
test_labels(void **state)
{
	static const struct {
		const char *label, *header, *behind;
	} rows[] = {
		{ "CERTIFICATE", "", "" },
		{ "X509 CERTIFICATE", "", "" },
		{ "TRUSTED CERTIFICATE", "", "" },
		{ "TRUSTED CERTIFICATE", "", "\x30\x02\x0c" },
		{ "CERTIFICATE", "", "\x30\x02\x0c" },
		{ "CERTIFICATE", "Comment: mine\n\n", "" },
		{ "CERTIFICATE", "\n", "" },
	};
	struct buffer text, bytes;

	(void)state;
	buffer_init(&text, 4 * PEM_MAX);
	buffer_init(&bytes, PEM_MAX);
	for (size_t i = 0; i < COUNT(rows); i++) {
		buffer_clear(&text);
		buffer_clear(&bytes);
		buffer_add(&bytes, buffer_span(&reference));
		buffer_add(&bytes, span_of(rows[i].behind));
		write_block(&text, rows[i].label, rows[i].header,
			    buffer_span(&bytes));
		expect_one(buffer_span(&text), i);
	}
	buffer_free(&text);
	buffer_free(&bytes);
}

static void
test_der(void **state)
{
	static const char *const ends[] = { "", "\n", "\r\n", "junk", KEY };
	struct buffer bytes;

	(void)state;
	buffer_init(&bytes, 2 * PEM_MAX);
	for (size_t i = 0; i < COUNT(ends); i++) {
		buffer_clear(&bytes);
		buffer_add(&bytes, buffer_span(&reference));
		buffer_add(&bytes, span_of(ends[i]));
		expect_one(buffer_span(&bytes), i);
	}
	buffer_free(&bytes);
}

/* A pin needs a file with one certificate. */
static void
test_several(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ ISSUED ISSUED, "several certificates: expected one" },
		{ ISSUED AUTHORITY, "several certificates: expected one" },
		{ ISSUED BEGIN, "CERTIFICATE without its -----END line" },
		{ ISSUED BEGIN "AAAA\n" END,
		  "invalid certificate: expected X.509 in PEM or DER" },
	};
	struct buffer der, twice;
	struct certificate c;

	(void)state;
	buffer_init(&der, PEM_MAX);
	buffer_init(&twice, PEM_MAX);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error e = { 0 };
		assert_false(
			pem_file_only(span_of(rows[i].text), &der, &c, &e));
		assert_string_equal(e.text, rows[i].says);
		e = (struct error){ 0 };
		assert_true(
			pem_file_first(span_of(rows[i].text), &der, &c, &e));
	}
	buffer_add(&twice, buffer_span(&reference));
	buffer_add(&twice, buffer_span(&reference));
	struct error e = { 0 };
	assert_false(pem_file_only(buffer_span(&twice), &der, &c, &e));
	assert_string_equal(e.text, rows[0].says);
	buffer_free(&der);
	buffer_free(&twice);
}

/* Files without a certificate: the message names the format. */
static void
test_others(void **state)
{
#define CERTIFICATE " expected a certificate"
	static const struct {
		struct span text;
		const char *says;
	} rows[] = {
		{ SPAN_TEXT(""), "empty:" CERTIFICATE },
		{ SPAN_TEXT(" \r\n\t"), "empty:" CERTIFICATE },
		{ SPAN_TEXT("hello\n"), "no block:" CERTIFICATE },
		{ SPAN_TEXT("\xff\xfe-\0-\0-\0-\0-\0"),
		  "found UTF-16:" CERTIFICATE },
		{ SPAN_TEXT("\xfe\xff\0-\0-\0-"), "found UTF-16:" CERTIFICATE },
		{ SPAN_TEXT("-\0-\0-\0-\0-\0B\0"),
		  "found UTF-16:" CERTIFICATE },
		{ SPAN_TEXT("-----BEGIN CERTIFICATE REQUEST-----\nAAAA\n"
			    "-----END CERTIFICATE REQUEST-----\n"),
		  "found a certificate request (CSR):" CERTIFICATE },
		{ SPAN_TEXT("-----BEGIN NEW CERTIFICATE REQUEST-----\nAAAA\n"
			    "-----END NEW CERTIFICATE REQUEST-----\n"),
		  "found a certificate request (CSR):" CERTIFICATE },
		{ SPAN_TEXT("-----BEGIN PKCS7-----\nAAAA\n"
			    "-----END PKCS7-----\n"),
		  "found PKCS#7:" CERTIFICATE },
		{ SPAN_TEXT(KEY), "found a private key:" CERTIFICATE },
		{ SPAN_TEXT("-----BEGIN X509 CRL-----\nAAAA\n"
			    "-----END X509 CRL-----\n"),
		  "found a CRL:" CERTIFICATE },
		{ SPAN_TEXT("-----BEGIN SOMETHING-----\nAAAA\n"
			    "-----END SOMETHING-----\n"),
		  "found SOMETHING:" CERTIFICATE },
		{ SPAN_TEXT("0\x80\2\1\3\x30\x80"),
		  "found PKCS#12:" CERTIFICATE },
		{ SPAN_TEXT("0\x82\1\0\2\1\3"), "found PKCS#12:" CERTIFICATE },
		{ SPAN_TEXT("0\x80\6\11\x2a\x86\x48\x86\xf7\x0d\1\7\2"),
		  "found PKCS#7:" CERTIFICATE },
		{ SPAN_TEXT("0\x82\1\0\2\1\0\x30"),
		  "found a private key:" CERTIFICATE },
		{ SPAN_TEXT(BEGIN "MIACAQMwgAAA\n" END),
		  "found PKCS#12:" CERTIFICATE },
		{ SPAN_TEXT("0\x82\1\0"), "no block:" CERTIFICATE },
		{ SPAN_TEXT("0"), "no block:" CERTIFICATE },
	};
	struct buffer der;
	struct certificate c;

	(void)state;
	buffer_init(&der, PEM_MAX);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error e = { 0 };
		assert_false(pem_file_first(rows[i].text, &der, &c, &e));
		if (!span_starts(span_of(e.text), span_of(rows[i].says)))
			fail_msg("row %zu: %s", i, e.text);
	}
	buffer_free(&der);
}

static void
test_invalid(void **state)
{
	static const struct {
		const char *text, *says;
	} rows[] = {
		{ BEGIN "MIIB\n", "CERTIFICATE without its -----END" },
		{ BEGIN "AAA\n" END, "CERTIFICATE: invalid base64" },
		{ BEGIN END, "CERTIFICATE: invalid base64" },
		{ BEGIN "AA==AAAA\n" END, "CERTIFICATE: invalid base64" },
		{ BEGIN "AA-A\n" END, "CERTIFICATE: invalid base64" },
		{ BEGIN "Comment: x\nAAAA\n" END,
		  "CERTIFICATE: invalid base64" },
		{ BEGIN BEGIN "AAAA\n" END,
		  "CERTIFICATE without its -----END" },
		{ "-----BEGIN X-----\n" BEGIN "AAAA\n" END "-----END X-----\n",
		  "X without its -----END" },
		{ "-----BEGIN CERTIFICATE-----AAAA-----END CERTIFICATE-----",
		  "expected -----BEGIN LABEL----- on a line of its own" },
		{ "-----BEGIN CERTIFICATE\n",
		  "expected -----BEGIN LABEL----- on a line of its own" },
		{ "-----BEGIN X509 CERTIFICATE-----\nAAAA\n" END,
		  "X509 CERTIFICATE without its -----END" },
	};
	struct buffer der;
	struct certificate c;

	(void)state;
	buffer_init(&der, PEM_MAX);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error e = { 0 };
		assert_false(
			pem_file_first(span_of(rows[i].text), &der, &c, &e));
		if (!span_starts(span_of(e.text), span_of(rows[i].says)))
			fail_msg("row %zu: %s", i, e.text);
	}
	buffer_free(&der);
}

static void
test_limit(void **state)
{
	static char bytes[PEM_DER_MAX + 1] = "\x7f";
	struct buffer text, der;
	struct certificate c;

	(void)state;
	buffer_init(&text, 4 * PEM_MAX);
	buffer_init(&der, PEM_MAX);
	for (size_t more = 0; more < 2; more++) {
		struct error e = { 0 };
		buffer_clear(&text);
		write_block(&text, "CERTIFICATE", "",
			    (struct span){ bytes, PEM_DER_MAX + more });
		assert_false(pem_file_first(buffer_span(&text), &der, &c, &e));
		assert_string_equal(e.text,
				    more == 0 ? "invalid certificate: expected "
						"X.509 in PEM or DER"
					      : "certificate of 24577 bytes: "
						"expected at most 24576");
	}
	buffer_free(&text);
	buffer_free(&der);
}

static bool
count(void *context, struct span der, unsigned block, struct error *e)
{
	size_t *n = context;

	assert_int_equal(block, *n + 1);
	if (!span_equal(der, buffer_span(&reference)))
		return error_set(e, "another");
	(*n)++;
	return true;
}

/* All blocks of a file of CAs are certificates. */
static void
test_all(void **state)
{
	static const struct {
		const char *text;
		size_t n;
		const char *says;
	} rows[] = {
		{ ISSUED, 1, NULL },
		{ "\xef\xbb\xbf" ISSUED "text" ISSUED " " ISSUED, 2, NULL },
		{ ISSUED KEY, 1,
		  "block 2: found a private key: expected a "
		  "certificate" },
		{ ISSUED "-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n"
			 "-----END TRUSTED CERTIFICATE-----\n",
		  1,
		  "block 2: found a TRUSTED CERTIFICATE, which has trust "
		  "settings: expected a certificate (fix: openssl x509 -in "
		  "FILE -out NEW)" },
		{ ISSUED AUTHORITY, 1, "block 2: another" },
		{ ISSUED BEGIN, 1,
		  "block 2: CERTIFICATE without its -----END "
		  "line" },
		{ "-----BEGIN Y\33-----\nAAAA\n-----END Y\33-----\n", 0,
		  "block 1: found Y\\x1b: expected a certificate" },
		{ BEGIN "MIACAQMwgAAA\n" END, 0,
		  "block 1: found PKCS#12: expected a certificate (fix: "
		  "openssl pkcs12 -nokeys -in FILE -out NEW, with -cacerts for "
		  "CAs, or -clcerts for a client)" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error e = { 0 };
		size_t n = 0;
		bool ok = pem_file_read(span_of(rows[i].text),
					PEM_FILE_CERTIFICATE, count, &n, &e);
		if (ok != (rows[i].says == NULL) || n != rows[i].n ||
		    (!ok && strcmp(e.text, rows[i].says) != 0))
			fail_msg("row %zu: %zu, %s", i, n, e.text);
	}
}

/* A command that gives a certificate does not fix a file of CRLs. */
static void
test_crls(void **state)
{
	struct error e = { 0 };
	size_t n = 0;

	(void)state;
	assert_false(
		pem_file_read(SPAN("-----BEGIN TRUSTED CERTIFICATE-----\nAAAA\n"
				   "-----END TRUSTED CERTIFICATE-----\n"),
			      PEM_FILE_CRL, count, &n, &e));
	assert_string_equal(e.text, "block 1: found a TRUSTED CERTIFICATE, "
				    "which has trust settings: expected a CRL");
}

static void
test_keys(void **state)
{
	(void)state;
	assert_true(pem_file_has_key(SPAN(KEY)));
	assert_true(pem_file_has_key(SPAN(ISSUED KEY)));
	assert_true(pem_file_has_key(
		SPAN("-----BEGIN ENCRYPTED PRIVATE KEY-----\n"
		     "-----END ENCRYPTED PRIVATE KEY-----\n" ISSUED)));
	assert_false(pem_file_has_key(SPAN(ISSUED)));
	assert_false(pem_file_has_key(SPAN("")));
	assert_true(pem_file_is_likely(SPAN(ISSUED)));
	assert_true(pem_file_is_likely(SPAN("\xff\xfe{")));
	assert_true(pem_file_is_likely(buffer_span(&reference)));
	assert_false(pem_file_is_likely(SPAN("{\"a\":1}")));
	assert_false(pem_file_is_likely(SPAN("")));
}

static int
start(void **state)
{
	(void)state;
	buffer_init(&reference, PEM_MAX);
	return !digest_start(DIGEST_USE_HANDLER) ||
	       !pem_decode(SPAN(ISSUED), &reference);
}

static int
stop(void **state)
{
	(void)state;
	buffer_free(&reference);
	return 0;
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_forms),	cmocka_unit_test(test_labels),
		cmocka_unit_test(test_several), cmocka_unit_test(test_der),
		cmocka_unit_test(test_others),	cmocka_unit_test(test_invalid),
		cmocka_unit_test(test_limit),	cmocka_unit_test(test_all),
		cmocka_unit_test(test_crls),	cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests_name("pem_file", tests, start, stop);
}
