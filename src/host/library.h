/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * library: a shared library that is loaded when it is first needed.
 *
 * libcurl, libpq and libsystemd load forty more libraries, which most verbs do
 * not need: a start with them takes more than twice as long.
 */
#ifndef CERTGATE_HOST_LIBRARY_H
#define CERTGATE_HOST_LIBRARY_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

struct library_function {
	const char *name;
	void *pointer; /* address of the pointer to set */
};

/* Load the library file, and set the pointers to all n functions.  False with
 * e if it is missing or does not have one. */
bool library_load(const char *file, const struct library_function *functions,
		  size_t n, struct error *e)
	__attribute__((warn_unused_result));

#endif
