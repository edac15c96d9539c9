/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/span.h"
#include "host/address.h"
#include "host/file.h"

bool
address_is_local(const union address *address)
{
	enum { LOOPBACK_NET = 127 /* 127.0.0.0/8, RFC 1122 3.2.1.3 */ };

	if (address->any.sa_family == AF_UNIX)
		return true;
	if (address->any.sa_family == AF_INET)
		return ntohl(address->in.sin_addr.s_addr) >> 24 == LOOPBACK_NET;
	if (address->any.sa_family != AF_INET6)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr))
		return address->in6.sin6_addr.s6_addr[12] == LOOPBACK_NET;
	return IN6_IS_ADDR_LOOPBACK(&address->in6.sin6_addr);
}

static bool
read_inet(union address *address, socklen_t *size, const char *text,
	  struct error *e)
{
	char host[INET6_ADDRSTRLEN];
	const char *colon = strrchr(text, ':');
	struct span before = { text,
			       colon == NULL ? 0 : (size_t)(colon - text) };
	uint64_t port;

	if (before.len > 2 && before.ptr[0] == '[' &&
	    before.ptr[before.len - 1] == ']') {
		before = (struct span){ before.ptr + 1, before.len - 2 };
		address->in6.sin6_family = AF_INET6;
	} else {
		address->in.sin_family = AF_INET;
	}
	if (colon != NULL && before.len < sizeof(host) &&
	    span_number(span_of(colon + 1), 1, UINT16_MAX, &port)) {
		memcpy(host, before.ptr, before.len);
		host[before.len] = '\0';
		bool six = address->any.sa_family == AF_INET6;
		void *to = six ? (void *)&address->in6.sin6_addr
			       : (void *)&address->in.sin_addr;
		if (six)
			address->in6.sin6_port = htons((uint16_t)port);
		else
			address->in.sin_port = htons((uint16_t)port);
		*size = six ? sizeof(address->in6) : sizeof(address->in);
		if (inet_pton(address->any.sa_family, host, to) == 1 &&
		    address_is_local(address))
			return true;
	}
	return error_set(e,
			 "an address of %zu characters: expected an absolute "
			 "path, 127.0.0.1:PORT or [::1]:PORT",
			 strlen(text));
}

static bool
read_unix(union address *address, socklen_t *size, const char *path,
	  struct error *e)
{
	if (strlen(path) >= sizeof(address->un.sun_path))
		return error_set(e, "%s: path too long for a socket",
				 file_shown(path));
	address->un.sun_family = AF_UNIX;
	memcpy(address->un.sun_path, path, strlen(path));
	*size = sizeof(address->un);
	return true;
}

bool
address_read(union address *address, socklen_t *size, const char *text,
	     struct error *e)
{
	*address = (union address){ 0 };
	*size = 0;
	return text[0] == '/' ? read_unix(address, size, text, e)
			      : read_inet(address, size, text, e);
}
