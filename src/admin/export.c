/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate export: prints the entries of the store in the form of a list. */
#include "config.h"

#include <stdio.h>

#include "admin/command.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "host/store.h"

enum { TEXT_MAX = STORED_TEXT_MAX + 128 /* bytes of a line with its pin */ };

struct output {
	struct buffer text; /* of a line */
	bool failed;
	uint64_t n;
};

/* Print the lines of a pin as they are, for certgate import. */
static bool
write_pin(void *context, const struct thumbprint *pin, struct span text)
{
	struct output *it = context;
	struct span line;

	while (stored_next(&text, &line)) {
		buffer_clear(&it->text);
		stored_write_line(pin, line, &it->text);
		buffer_add_byte(&it->text, '\n');
		it->failed |= it->text.failed ||
			      fwrite(it->text.data, 1, it->text.len, stdout) !=
				      it->text.len;
		it->n++;
	}
	return !it->failed;
}

/* Write a comment, since a list without a line is an error. */
static void
write_none(const struct output *it)
{
	if (it->n == 0)
		print("# no entries: every client is rejected\n");
}

enum exit_code
export_run(const struct command *command)
{
	struct output it = { .n = 0 };
	struct settings settings = { 0 };
	struct store *store = NULL;
	struct error e = { 0 };

	(void)command;
	buffer_init(&it.text, TEXT_MAX);
	if (setup_store(&settings, &e))
		store = store_open(settings.store, settings.store_owner, &e);
	bool ok = store != NULL && store_each(store, write_pin, &it, &e);
	if (!ok)
		print_error(&e);
	else
		write_none(&it);
	store_close(store);
	settings_free(&settings);
	buffer_free(&it.text);
	return ok && !it.failed ? EXIT_DONE : EXIT_SYSTEM;
}
