/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "admin/input.h"
#include "admin/print.h"
#include "base/hex.h"
#include "handler.h"
#include "host/file.h"
#include "protocol/pem.h"

static bool
is_standard(const char *path)
{
	return strcmp(path, "-") == 0;
}

const char *
input_name(const char *path)
{
	return is_standard(path) ? "standard input" : file_shown(path);
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

/* Read as input_read_large(); set *exposed if path is a file that others can
 * read. */
static bool
read_bytes(const char *path, const char *expected, size_t max,
	   struct buffer *bytes, bool *exposed, struct error *e)
{
	bool standard = is_standard(path);
	int fd = standard ? STDIN_FILENO : open_file(path, expected, e);
	struct stat s;

	buffer_init(bytes, max + 1);
	bool regular = fd >= 0 && fstat(fd, &s) == 0 && S_ISREG(s.st_mode);
	*exposed = regular && !standard && file_readable_by_others(&s);
	/* A buffer that grows copies and wipes what it has. */
	if (regular && (uintmax_t)s.st_size < max)
		(void)buffer_reserve(bytes, (size_t)s.st_size + 1);
	bool ok = fd >= 0 && file_read_all(fd, bytes, e);
	if (!ok)
		error_where(e, input_name(path));
	if (fd >= 0 && !standard)
		close(fd);
	return ok;
}

bool
input_read_large(const char *path, const char *expected, size_t max,
		 struct buffer *bytes, struct error *e)
{
	bool exposed;

	return read_bytes(path, expected, max, bytes, &exposed, e);
}

bool
input_read(const char *path, const char *expected, struct buffer *bytes,
	   struct error *e)
{
	return input_read_large(path, expected, INPUT_MAX, bytes, e);
}

bool
input_line(const char *path, const char *expected, struct buffer *bytes,
	   struct span *line, struct error *e)
{
	struct span rest, more;
	bool exposed;

	if (!read_bytes(path, expected, INPUT_LINE_MAX, bytes, &exposed, e))
		return false;
	rest = buffer_span(bytes);
	if (exposed)
		return error_set(e,
				 "%s: bad permissions: readable by others "
				 "(fix: chmod o-r %s)",
				 path, path);
	if (span_next_word(&rest, "\r\n", line) && span_is_text(*line) &&
	    !span_next_word(&rest, "\r\n", &more))
		return true;
	error_where(e, input_name(path));
	return error_set(e, "expected %s", expected);
}

void
input_explain_code(const char *word)
{
	struct span digits = span_of(word);

	if (digits.len == HANDLER_CODE_DIGITS &&
	    hex_length(digits) == HANDLER_CODE_DIGITS)
		print_problem("for a support code: certgate why %s", word);
}

bool
input_certificate(const char *path, struct buffer *der, struct error *e)
{
	struct buffer bytes;
	struct certificate c;

	bool ok = input_read(path, "a file with a certificate", &bytes, e) &&
		  pem_file_first(buffer_span(&bytes), der, &c, e);
	error_where(e, path);
	buffer_wipe(&bytes);
	return ok;
}
