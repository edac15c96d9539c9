/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "admin/input.h"
#include "admin/print.h"
#include "base/hex.h"
#include "handler.h"
#include "host/file.h"
#include "protocol/pem.h"

#define PEM_BEGIN "-----BEGIN CERTIFICATE-----"
#define PEM_END "-----END CERTIFICATE-----"

enum { DER_SEQUENCE = 0x30 /* X.690 8.9: how every certificate begins */ };

bool
input_read(const char *path, const char *expected, struct buffer *bytes,
	   struct error *e)
{
	return input_read_large(path, expected, INPUT_MAX, bytes, e);
}

static int
open_file(const char *path, const char *expected, struct error *e)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 && errno == ENOENT)
		error_set(e, "cannot be opened: %s; expected %s",
			  strerror(errno), expected);
	else if (fd < 0)
		error_system(e, "cannot be opened");
	return fd;
}

bool
input_read_large(const char *path, const char *expected, size_t max,
		 struct buffer *bytes, struct error *e)
{
	bool standard = strcmp(path, "-") == 0;
	int fd = standard ? STDIN_FILENO : open_file(path, expected, e);

	buffer_init(bytes, max + 1);
	bool ok = fd >= 0 && file_read_all(fd, bytes, e);
	if (!ok)
		error_where(e, standard ? "standard input"
					: error_word(span_of(path)));
	if (fd >= 0 && !standard)
		close(fd);
	return ok;
}

void
input_explain_code(const char *word)
{
	struct span digits = span_of(word);

	if (digits.len == HANDLER_CODE_DIGITS &&
	    hex_length(digits) == HANDLER_CODE_DIGITS)
		print_problem("a support code is looked up in the log: "
			      "journalctl -t certgate CODE=%s",
			      word);
}

static const char *
find(struct span text, const char *word)
{
	return text.len == 0 ? NULL
			     : memmem(text.ptr, text.len, word, strlen(word));
}

bool
input_is_certificate(struct span bytes)
{
	return find(bytes, PEM_BEGIN) != NULL ||
	       (bytes.len > 0 && bytes.ptr[0] == DER_SEQUENCE);
}

/* Takes the next block of PEM. */
static bool
next_block(struct span *rest, struct span *block)
{
	const char *begin = find(*rest, PEM_BEGIN);

	if (begin == NULL)
		return false;
	*rest = span_after(*rest, (size_t)(begin - rest->ptr));
	const char *end = find(*rest, PEM_END);
	size_t n = end == NULL ? rest->len
			       : (size_t)(end - begin) + sizeof(PEM_END) - 1;
	*block = (struct span){ begin, n };
	*rest = span_after(*rest, n);
	return true;
}

bool
input_next_certificate(struct span *rest, struct buffer *der,
		       struct certificate *c, struct error *e)
{
	struct span block;

	if (rest->len > 0 && rest->ptr[0] == DER_SEQUENCE) {
		buffer_clear(der);
		buffer_add(der, *rest);
		*rest = span_after(*rest, rest->len);
	} else if (!next_block(rest, &block)) {
		return false;
	} else if (!pem_decode(block, der)) {
		return error_set(e, "a certificate that does not read: "
				    "expected PEM or DER");
	}
	return (!der->failed && certificate_read(buffer_span(der), c)) ||
	       error_set(e, "a certificate that does not read: expected "
			    "X.509 in PEM or DER");
}

bool
input_certificate(const char *path, struct buffer *der, struct error *e)
{
	struct buffer bytes;
	struct certificate c;

	bool ok = input_read(path, "a file with a certificate", &bytes, e);
	if (ok) {
		struct span rest = buffer_span(&bytes);
		ok = input_next_certificate(&rest, der, &c, e) ||
		     error_set(e, "no certificate: expected PEM or DER");
		error_where(e, path);
	}
	buffer_free(&bytes);
	return ok;
}
