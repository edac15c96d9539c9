/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* address: where a listener can be: on this host, and nowhere else. */
#ifndef CERTGATE_HOST_ADDRESS_H
#define CERTGATE_HOST_ADDRESS_H

#include <netinet/in.h>
#include <stdbool.h>
#include <sys/socket.h>
#include <sys/un.h>

#include "base/error.h"

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

/* Reads an absolute path, 127.x.y.z:PORT or [::1]:PORT; *size is of what is
 * used of address, in bytes.  Nothing is asked of the system. */
bool address_read(union address *address, socklen_t *size, const char *text,
		  struct error *e) __attribute__((warn_unused_result));

/* Nobody on another host can be there. */
bool address_is_local(const union address *address);

#endif
