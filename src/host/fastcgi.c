/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <fcgiapp.h>

#include "host/fastcgi.h"
#include "host/sandbox.h"

/* Bytes of the records that are handed over: parameters, and five headers and
 * the content of BEGIN_REQUEST. */
enum {
	RECORDS_MAX = RECORD_PARAMS_MAX + 64,
	READ_SIZE = 16384 /* bytes taken at once */
};

_Static_assert(RECORDS_MAX + FASTCGI_ANSWER_MAX <= SANDBOX_FILE_MAX,
	       "a request can be kept");

static int memory = -1; /* a file: libfcgi reads the request from it and
			 * writes the answer behind that */
static FCGX_Request fcgi;
static struct buffer records;
static struct buffer output;

static bool
open_memory(void)
{
	if (memory < 0)
		memory = memfd_create("request", MFD_CLOEXEC);
	return memory >= 0;
}

bool
fastcgi_start(struct error *e)
{
	/* No wait for the peer's close at the end of a connection. */
	if (setenv("LIBFCGI_OS_CLOSE_POLL_TIMEOUT", "0", 1) != 0 ||
	    FCGX_Init() != 0 || FCGX_InitRequest(&fcgi, -1, 0) != 0)
		return error_set(e, "libfcgi does not start");
	if (!open_memory())
		return error_system(e, "memfd_create");
	buffer_init(&records, RECORDS_MAX);
	buffer_init(&output, FASTCGI_ANSWER_MAX);
	return true;
}

/* The file holds these records and no byte of an earlier request. */
static bool
hand_over(const struct record_reader *reader)
{
	buffer_clear(&records);
	record_write_begin(reader, &records);
	return !records.failed && open_memory() &&
	       pwrite(memory, records.data, records.len, 0) ==
		       (ssize_t)records.len &&
	       ftruncate(memory, (off_t)records.len) == 0 &&
	       lseek(memory, 0, SEEK_SET) == 0;
}

/* What libfcgi wrote behind the records. */
static bool
take_back(struct buffer *out)
{
	off_t at = (off_t)records.len;

	for (;;) {
		char *room = buffer_reserve(out, READ_SIZE);
		if (room == NULL)
			return false;
		ssize_t n = pread(memory, room, READ_SIZE, at);
		if (n <= 0)
			return n == 0;
		out->len += (size_t)n;
		at += n;
		if (n < READ_SIZE)
			return true;
	}
}

static bool
make_answer(const struct record_reader *reader, fastcgi_answer *answer,
	    void *context, struct buffer *out)
{
	char end;

	if (!hand_over(reader))
		return false;
	fcgi.ipcFd = memory;
	fcgi.keepConnection = 1;
	if (FCGX_Accept_r(&fcgi) != 0) {
		memory = -1; /* libfcgi closed it */
		return false;
	}
	/* Up to its empty STDIN: only then is the input at its end. */
	bool whole = FCGX_GetStr(&end, sizeof(end), fcgi.in) == 0 &&
		     FCGX_GetError(fcgi.in) == 0 &&
		     lseek(memory, (off_t)records.len, SEEK_SET) ==
			     (off_t)records.len;
	struct request_body body = {
		.bytes = buffer_span(&reader->body),
		.length = reader->body_length,
		.broken = !whole,
	};
	buffer_clear(&output);
	answer(context, fcgi.envp, &body, &output);
	struct span bytes =
		output.failed ? response_refusal : buffer_span(&output);
	bool written = FCGX_PutStr(bytes.ptr, (int)bytes.len, fcgi.out) ==
		       (int)bytes.len;
	FCGX_Finish_r(&fcgi);
	if (fcgi.ipcFd != memory)
		memory = -1; /* the same */
	fcgi.ipcFd = -1;
	return whole && written && memory >= 0 && take_back(out);
}

bool
fastcgi_serve(const struct record_reader *reader, fastcgi_answer *answer,
	      void *context, struct buffer *out)
{
	size_t before = out->len;

	if (make_answer(reader, answer, context, out))
		return true;
	out->len = before;
	out->failed = false;
	return false;
}

void
fastcgi_stop(void)
{
	if (memory >= 0)
		close(memory);
	memory = -1;
	buffer_free(&records);
	buffer_free(&output);
}
