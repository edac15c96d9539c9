/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* mode: what others may do with a file and should not, and its fix. */
#ifndef CERTGATE_HOST_MODE_H
#define CERTGATE_HOST_MODE_H

#include <stdbool.h>
#include <sys/stat.h>

/* The path of a descriptor, for printf. */
#define MODE_OWN_PATH "/proc/self/fd/%d"
enum { MODE_OWN_PATH_MAX = sizeof("/proc/self/fd/2147483647") };

struct mode_fault {
	const char *what; /* "writable by others"; NULL: there is none */
	const char *fix; /* for chmod(1), to take away all that is too much */
};

/* Judges the file or folder fd, of which s is.  Others should not write, nor a
 * group but root's, nor whom an access control list names; nor read it, if it
 * is a secret. */
struct mode_fault mode_find(int fd, const struct stat *s, bool secret);

#endif
