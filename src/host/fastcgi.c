/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "host/fastcgi.h"
#include "host/sandbox.h"
#include "protocol/response.h"

enum {
	READ_SIZE = 16384, /* bytes taken at once */
	KEPT_SIZE = 65536, /* bytes that stay allocated between requests */
	HEADERS_MAX = 1024, /* bytes of the headers in a spool's file */
	FILE_MAX = RECORD_PARAMS_MAX + REQUEST_BODY_MAX + HEADERS_MAX
};

_Static_assert((int)FILE_MAX <= (int)SANDBOX_FILE_MAX,
	       "a spool fits into a file");

static FCGX_Request fcgi;
static fastcgi_answer *make_answer;
static void *make_context;
static struct buffer input;
static struct buffer output;

bool
fastcgi_start(fastcgi_answer *answer, void *context, struct error *e)
{
	/* Do not wait for the peer to close the connection. */
	if (setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1) != 0 ||
	    FCGX_Init() != 0 || FCGX_InitRequest(&fcgi, -1, 0) != 0)
		return error_set(e, "libfcgi does not start");
	make_answer = answer;
	make_context = context;
	buffer_init(&input, REQUEST_BODY_MAX + READ_SIZE);
	buffer_init(&output, RESPONSE_MAX);
	return true;
}

/* Read the body up to the empty record that ends the request. */
static bool
read_body(void)
{
	int n;

	do {
		char *room = buffer_reserve(&input, READ_SIZE);
		if (room == NULL)
			return false;
		n = FCGX_GetStr(room, READ_SIZE, fcgi.in);
		input.len += (size_t)n;
	} while (n == READ_SIZE);
	return FCGX_GetError(fcgi.in) == 0;
}

/* Write the answer. libfcgi writes what exceeds its buffer of 8 KiB at once,
 * and the rest with END_REQUEST; the descriptor does not block. */
static bool
write_answer(int to, struct span bytes)
{
	fcgi.ipcFd = to;
	bool put = FCGX_PutStr(bytes.ptr, (int)bytes.len, fcgi.out) ==
		   (int)bytes.len;
	int errors = FCGX_FClose(fcgi.err);
	errors |= FCGX_FClose(fcgi.out);
	fcgi.ipcFd = -1; /* nothing is closed */
	FCGX_Finish_r(&fcgi);
	return put && errors == 0;
}

static bool
serve(int *from, int to, const struct record_reader *read)
{
	buffer_clear(&input);
	buffer_clear(&output);
	fcgi.ipcFd = *from;
	fcgi.keepConnection = 1;
	(void)FCGX_Detach(&fcgi); /* no draining, should it fail */
	if (FCGX_Accept_r(&fcgi) != 0) {
		*from = -1;
		return false;
	}
	struct request_body body = {
		.length = read->body_length,
		.broken =
			!read_body() || (input.len != read->body_length &&
					 read->body_length <= REQUEST_BODY_MAX),
	};
	body.bytes = buffer_span(&input);
	make_answer(make_context, fcgi.envp, &body, &output);
	bool written = write_answer(to, output.failed ? response_refusal
						      : buffer_span(&output));
	if (input.size > KEPT_SIZE)
		buffer_free(&input);
	return written && !body.broken; /* the rest is not a request */
}

bool
fastcgi_serve(int *fd, const struct record_reader *read)
{
	return serve(fd, *fd, read);
}

/* Return a descriptor of a temporary file; -1 on failure. */
static int
make_file(const struct record_reader *spool)
{
	struct buffer records;
	int file = memfd_create("request", MFD_CLOEXEC);

	buffer_init(&records, FILE_MAX);
	record_write(spool, &records);
	if (file >= 0 &&
	    (records.failed ||
	     write(file, records.data, records.len) != (ssize_t)records.len ||
	     lseek(file, 0, SEEK_SET) != 0)) {
		close(file);
		file = -1;
	}
	buffer_free(&records);
	return file;
}

bool
fastcgi_serve_spool(int fd, const struct record_reader *spool)
{
	int file = make_file(spool);
	bool ok = file >= 0 && serve(&file, fd, spool);

	if (file >= 0)
		close(file);
	return ok;
}

void
fastcgi_stop(void)
{
	buffer_free(&input);
	buffer_free(&output);
}
