/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <dlfcn.h>
#include <string.h>

#include "host/library.h"

bool
library_load(const char *file, const struct library_function *functions,
	     size_t n, struct error *e)
{
	void *library = dlopen(file, RTLD_NOW | RTLD_LOCAL);

	if (library == NULL)
		return error_set(e,
				 "%s: cannot be loaded (fix: install the "
				 "package of this library)",
				 file);
	for (size_t i = 0; i < n; i++) {
		void *found = dlsym(library, functions[i].name);
		if (found == NULL)
			return error_set(e, "%s: has no %s", file,
					 functions[i].name);
		memcpy(functions[i].pointer, &found, sizeof(found));
	}
	return true;
}
