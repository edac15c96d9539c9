/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* start: opens everything, then serves: one CGI request, or FastCGI. */
#ifndef CERTGATE_HOST_START_H
#define CERTGATE_HOST_START_H

#include "host/exit_code.h"
#include "host/listener.h"

struct start_options {
	struct listener_options listener;
	bool sandbox; /* false only for debugging */
};

/* Answer the one request of a CGI program. */
enum exit_code start_cgi(void);

/* Answer FastCGI requests on file descriptor 0, or on the address in options,
 * until a signal to stop. */
enum exit_code start_fastcgi(const struct start_options *options);

#endif
