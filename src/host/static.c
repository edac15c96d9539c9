/* SPDX-License-Identifier: ISC
 * Copyright The certgate authors
 *
 * For a static program: stands in for what libcrypto and libfcgi link but this
 * program never calls.  The C library's own would load its shared files, which
 * must be of the same version, from the host at run time. */
#include "config.h"

#include <dlfcn.h>
#include <netdb.h>
#include <stddef.h>

int
getaddrinfo(const char *restrict name, const char *restrict service,
	    const struct addrinfo *restrict hints,
	    struct addrinfo **restrict found)
{
	(void)name;
	(void)service;
	(void)hints;
	*found = NULL;
	return EAI_FAIL;
}

void
freeaddrinfo(struct addrinfo *found)
{
	(void)found;
}

int
getnameinfo(const struct sockaddr *restrict address, socklen_t length,
	    char *restrict host, socklen_t host_size, char *restrict service,
	    socklen_t service_size, int flags)
{
	(void)address;
	(void)length;
	(void)host;
	(void)host_size;
	(void)service;
	(void)service_size;
	(void)flags;
	return EAI_FAIL;
}

struct hostent *
gethostbyname(const char *name)
{
	(void)name;
	return NULL;
}

void *
dlopen(const char *path, int mode)
{
	(void)path;
	(void)mode;
	return NULL;
}

void *
dlsym(void *restrict library, const char *restrict name)
{
	(void)library;
	(void)name;
	return NULL;
}

int
dlclose(void *library)
{
	(void)library;
	return -1;
}

char *
dlerror(void)
{
	return NULL;
}

int
dladdr(const void *address, Dl_info *found)
{
	(void)address;
	(void)found;
	return 0;
}
