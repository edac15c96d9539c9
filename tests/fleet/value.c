/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* value STORE NAME VALUE: sets a value of a store, as certgate-sync does. */
#include "config.h"

#include <stdio.h>

#include "host/exit_code.h"
#include "host/store_writer.h"

int
main(int argc, char **argv)
{
	struct error e = { 0 };

	if (argc != 4)
		return EXIT_MISUSED;
	struct store_writer *w = store_writer_open(argv[1], NULL, &e);
	bool ok = w != NULL && store_writer_begin(w, &e) &&
		  store_writer_set(w, argv[2], span_of(argv[3]), &e) &&
		  store_writer_commit(w, &e);
	store_writer_close(w);
	if (!ok)
		(void)fprintf(stderr, "%s: %s\n", e.where, e.text);
	return ok ? EXIT_DONE : EXIT_SYSTEM;
}
