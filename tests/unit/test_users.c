/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * The user ids of a certificate's clients, one list a line.
 *
 * In lists, %1 stands for the certificate's SHA-1, %2 for its SHA-256, %K for
 * the digest of its public key; so they do in the result.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include "base/hex.h"
#include "policy/users.h"
#include "protocol/certificate.h"
#include "protocol/pem.h"
#include "tests/unit/authority.h"

enum { TEXT_MAX = 4096 };

/* The certificate whose users are asked for. */
enum known { WHOLE, BY_SHA1, BY_SHA256, BY_KEY };

static const struct row {
	enum known known;
	const char *settings, *list;
	const char *told; /* line:id, with ? if not certain, ! if settled */
} rows[] = {
	{ WHOLE, "", "", "" },
	{ WHOLE, "", "%2 user=a\n%1 user=b\n", "1:a! 2:b! " },
	{ WHOLE, "", "deny %2\n%1 user=b hub=x expires=2025-01-01\n", "2:b! " },
	{ WHOLE, "", "%1\n", "1:device-001 " },
	{ WHOLE, "", "%1 user=@san\n", "1:device-001.example! " },
	{ WHOLE, "", "%1 user=@thumbprint\n", "1:%1! " },
	{ WHOLE, "", "spki:%K\n", "1:%K " },
	{ WHOLE, "CERTGATE_USER_ID=thumbprint\n", "%2\n", "1:%1 " },
	{ WHOLE, "CERTGATE_USER_ID=san\n", "%2\n", "1:device-001.example " },
	{ WHOLE, "CERTGATE_USER_ID=entry\n", "%2\n", "1: " },
	{ WHOLE, "", "ca:/a cn=device-* user=@cn\n", "1:device-001! " },
	{ WHOLE, "", "ca:/a san=*.example\n", "1:device-001.example " },
	{ WHOLE, "", "ca:/a cn=pump-* user=@cn\n", "" },
	{ WHOLE, "CERTGATE_REPORT_ONLY_UNTIL=2026-12-01\n", "", "0:%1 " },
	{ BY_SHA256, "CERTGATE_REPORT_ONLY_UNTIL=2026-12-01\n", "", "" },
	{ BY_SHA256, "", "%2 user=a\n%1 user=b\n", "1:a! " },
	{ BY_SHA256, "", "%2\n", "1:? " },
	{ BY_SHA256, "", "%2 user=@cn\n", "1:?! " },
	{ BY_SHA256, "", "%2 user=@thumbprint\n", "1:! " },
	{ BY_SHA256, "", "ca:/a cn=*\n", "" },
	{ BY_SHA1, "", "%2 user=a\n%1 user=b\n", "2:b! " },
	{ BY_SHA1, "", "%1\n", "1:%1? " },
	{ BY_SHA1, "", "%1 user=@thumbprint\n", "1:%1! " },
	{ BY_KEY, "", "spki:%K\nspki:%K user=a\n", "1:%K 2:a! " },
};

static struct certificate certificate;
static struct buffer der;

static bool
read_file(void *context, const char *path, struct buffer *text, struct error *e)
{
	(void)context;
	(void)path;
	(void)e;
	buffer_add(text, SPAN(AUTHORITY));
	return true;
}

static const char *
fill(const char *text, char out[TEXT_MAX])
{
	size_t n = 0;

	for (; *text != '\0'; text++) {
		char digits[2 * DIGEST_MAX_SIZE];
		size_t size = DIGEST_SHA256_SIZE;
		const uint8_t *digest =
			text[1] == '2' ? certificate.sha256 : certificate.spki;
		if (*text != '%') {
			out[n++] = *text;
			continue;
		}
		if (*++text == '1') {
			digest = certificate.sha1;
			size = DIGEST_SHA1_SIZE;
		}
		hex_encode(digest, size, digits);
		memcpy(out + n, digits, 2 * size);
		n += 2 * size;
	}
	out[n] = '\0';
	return out;
}

static void
take(void *context, const struct user *user)
{
	struct buffer *told = context;

	buffer_add_number(told, user->entry == NULL ? 0 : user->entry->line);
	buffer_add_byte(told, ':');
	buffer_add(told, user->id);
	if (!user->certain)
		buffer_add_byte(told, '?');
	if (user->settled)
		buffer_add_byte(told, '!');
	buffer_add_byte(told, ' ');
}

static void
test_row(const struct row *row)
{
	const struct thumbprint pins[] = {
		[BY_SHA1] = thumbprint_of(THUMBPRINT_SHA1, certificate.sha1),
		[BY_SHA256] =
			thumbprint_of(THUMBPRINT_SHA256, certificate.sha256),
		[BY_KEY] = thumbprint_of(THUMBPRINT_SPKI, certificate.spki),
	};
	struct entry_files files = { .read = read_file };
	char *const environment[] = { NULL };
	struct settings settings = { 0 };
	struct list list = { 0 };
	struct error e = { 0 };
	struct buffer told;
	char text[TEXT_MAX];

	buffer_init(&told, TEXT_MAX);
	if (!settings_read(&settings, file_text(row->settings), "settings",
			   environment, &e) ||
	    !list_build(&list, file_text(fill(row->list, text)), NULL, 0,
			&files, &e))
		fail_msg("%s: %s", row->list, e.text);
	assert_true(users_tell(&settings, &list,
			       row->known == WHOLE ? buffer_span(&der)
						   : (struct span){ 0 },
			       &pins[row->known], 0, take, &told));
	assert_span(buffer_span(&told), fill(row->told, text));
	buffer_free(&told);
	list_free(&list);
	settings_free(&settings);
}

static void
test_users(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		test_row(&rows[i]);
}

static void
test_no_certificate(void **state)
{
	struct thumbprint none = { 0 };
	struct settings settings = { 0 };
	struct list list = { 0 };
	struct buffer told = { 0 };

	(void)state;
	assert_false(
		users_tell(&settings, &list, SPAN("x"), &none, 0, take, &told));
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_users),
		cmocka_unit_test(test_no_certificate),
	};

	buffer_init(&der, PEM_MAX);
	if (!digest_start(DIGEST_USE_HANDLER) ||
	    !pem_decode(SPAN(ISSUED), &der) ||
	    !certificate_read(buffer_span(&der), &certificate))
		return 1;
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	buffer_free(&der);
	return failed;
}
