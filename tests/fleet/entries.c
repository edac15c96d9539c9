/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* entries STORE: prints the entries of a store as lines of a list. */
#include "config.h"

#include <stdio.h>

#include "host/exit_code.h"
#include "host/store.h"
#include "policy/list.h"

static bool
print_lines(void *context, const struct thumbprint *pin, struct span text)
{
	struct span line;

	(void)context;
	while (stored_next(&text, &line)) {
		struct buffer out;
		buffer_init(&out, LIST_LINE_MAX);
		stored_write_line(pin, line, &out);
		buffer_add_byte(&out, '\n');
		(void)fwrite(out.data, 1, out.len, stdout);
		buffer_free(&out);
	}
	return true;
}

int
main(int argc, char **argv)
{
	struct error e = { 0 };

	if (argc != 2)
		return EXIT_MISUSED;
	struct store *store = store_open(argv[1], NULL, &e);
	if (store != NULL && store_each(store, print_lines, NULL, &e)) {
		store_close(store);
		return EXIT_DONE;
	}
	store_close(store);
	(void)fprintf(stderr, "%s: %s\n", e.where, e.text);
	return EXIT_SYSTEM;
}
