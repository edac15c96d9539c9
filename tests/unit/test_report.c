/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* What the administrator's command asks of the core: all faults of a text, and
 * the two writers whose readers are tested elsewhere. */
#include "config.h"

#include <openssl/hmac.h>

#include "tests/unit/unit.h"

#include "base/hex.h"
#include "policy/list.h"
#include "policy/settings.h"
#include "protocol/digest.h"
#include "protocol/pem.h"

#define SHA1 "c1b211808c4c4cf8a9c59501fe103ed006a70d69"

/* Every fault as "line:column" with a blank behind it. */
struct places {
	char text[256];
};

static void
take_place(void *context, const struct error *e)
{
	struct places *places = context;
	size_t n = strlen(places->text);

	(void)snprintf(places->text + n, sizeof(places->text) - n, "%u:%u ",
		       e->line, e->column);
}

static bool
read_nothing(void *context, const char *path, struct buffer *text,
	     struct error *e)
{
	(void)context;
	(void)text;
	return error_set(e, "%s: not there", path);
}

static void
test_list(void **state)
{
	static const struct {
		const char *text, *places;
	} rows[] = {
		{ SHA1 "\n# x\n\n", "" },
		{ "zz\n" SHA1 "\n  " SHA1 " colour=red\n", "1:1 3:44 " },
		{ "zz\n" SHA1 " hub=1\nzz", "3:3 1:1 2:46 3:1 " },
	};
	static const struct entry_files files = { .read = read_nothing };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct places places = { "" };
		struct report report = { take_place, &places, NULL, 0 };
		struct list list = { 0 };
		struct error e = { 0 };
		bool ok = list_report(&list, span_of(rows[i].text), NULL, 0,
				      &files, &report, &e);
		assert_string_equal(places.text, rows[i].places);
		assert_int_equal(ok, rows[i].places[0] == '\0');
		assert_false(e.set);
		list_free(&list);
	}
}

static void
test_settings(void **state)
{
	static const struct {
		const char *text, *places;
	} rows[] = {
		{ "CERTGATE_HUB=a\n", "" },
		{ "CERTGATE_HUB=\n\nnonsense\nCERTGATE_LOG = x\n  "
		  "CERTGATE_A=1\n",
		  "3:1 5:3 1:14 4:16 " },
		{ "CERTGATE_HUB=a\nCERTGATE_HUB=b\nCERTGATE_CODE=a\n"
		  "CERTGATE_CODE_FILE=/b\n",
		  "2:1 0:0 " },
		{ "CLIENT_CERT_THUMBPRINT=" SHA1 ", zz\n", "1:66 " },
		{ "CERTGATE_HUB=a", "1:15 " },
	};
	char *nothing[] = { NULL };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct places places = { "" };
		struct report report = { take_place, &places, NULL, 0 };
		struct settings settings = { 0 };
		struct error e = { 0 };
		bool ok = settings_report(&settings, span_of(rows[i].text),
					  "file", nothing, &report, &e);
		assert_string_equal(places.text, rows[i].places);
		assert_int_equal(ok, rows[i].places[0] == '\0');
		assert_false(e.set);
		settings_free(&settings);
	}
}

static void
test_entry_text(void **state)
{
	(void)state;
	assert_span(list_entry_text(SPAN(" a b \t# c\r")), "a b");
	assert_span(list_entry_text(SPAN("a=\"# x\"")), "a=\"# x\"");
	assert_span(list_entry_text(SPAN("# c")), "");
	assert_span(list_comment_text(SPAN(" a b \t# c \r")), "# c");
	assert_span(list_comment_text(SPAN("a=\"# x\" #")), "#");
	assert_span(list_comment_text(SPAN("# c")), "# c");
	assert_span(list_comment_text(SPAN(" a \t\r")), "");
}

/* FIPS 198-1: what is made is what is accepted. */
static void
test_signature(void **state)
{
	struct error e = { 0 };
	struct signature_key *key = signature_key_new(SPAN("key"), &e);
	char token[SIGNATURE_TOKEN_SIZE];

	(void)state;
	assert_non_null(key);
	assert_true(signature_make(key, SPAN("id"), token));
	struct span value = span_of(token);
	assert_int_equal(signature_check(&key, 1, &value, 1, SPAN("id")),
			 SIGNATURE_GOOD);
	assert_int_equal(signature_check(&key, 1, &value, 1, SPAN("ie")),
			 SIGNATURE_WRONG);
	signature_key_free(key);
}

/* OpenSSL's HMAC makes the same of keys shorter and longer than a block, and of
 * messages of several blocks. */
static void
test_signature_lengths(void **state)
{
	char bytes[200], token[SIGNATURE_TOKEN_SIZE];
	struct error e = { 0 };

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)(i * 7 + 1);
	for (size_t n = 1; n <= sizeof(bytes); n++) {
		struct span text = { bytes, n };
		struct span id = { bytes, sizeof(bytes) - n + 1 };
		struct signature_key *key = signature_key_new(text, &e);
		uint8_t expected[DIGEST_SHA256_SIZE];
		unsigned length;
		assert_non_null(key);
		assert_true(signature_make(key, id, token));
		assert_non_null(HMAC(EVP_sha256(), text.ptr, (int)text.len,
				     (const unsigned char *)id.ptr, id.len,
				     expected, &length));
		char digits[2 * DIGEST_SHA256_SIZE];
		hex_encode(expected, sizeof(expected), digits);
		assert_memory_equal(token + sizeof("sha256=") - 1, digits,
				    sizeof(digits));
		signature_key_free(key);
	}
	assert_null(signature_key_new(SPAN(""), &e));
	assert_true(e.set);
}

static void
test_pem(void **state)
{
	char bytes[200];
	struct buffer text, der;

	(void)state;
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (char)i;
	for (size_t n = 1; n <= sizeof(bytes); n++) {
		buffer_init(&text, PEM_MAX);
		buffer_init(&der, PEM_MAX);
		pem_encode((struct span){ bytes, n }, &text);
		assert_true(pem_decode(buffer_span(&text), &der));
		assert_true(span_equal(buffer_span(&der),
				       (struct span){ bytes, n }));
		buffer_free(&text);
		buffer_free(&der);
	}
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_entry_text),
		cmocka_unit_test(test_signature),
		cmocka_unit_test(test_signature_lengths),
		cmocka_unit_test(test_pem),
	};

	return cmocka_run_group_tests_name("report", tests, NULL, NULL);
}
