/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate pending: whom no entry had when he came, and none has now. */
#include "config.h"

#include <stdlib.h>

#include "admin/command.h"
#include "admin/knocks.h"
#include "admin/portrait.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "admin/stranger.h"

/* An entry, whatever it says, has one of its pins. */
static bool
is_settled(const struct store *store, const struct knock *knock)
{
	const struct certificate *c = &knock->certificate;
	const struct thumbprint pins[] = {
		thumbprint_of(THUMBPRINT_SHA256, c->sha256),
		thumbprint_of(THUMBPRINT_SPKI, c->spki),
		thumbprint_of(THUMBPRINT_SHA1, c->sha1),
	};
	const struct list_key *found;
	bool settled = false;

	if (!store->has_list)
		return false;
	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++)
		settled |= list_find(&store->list, &pins[i], &found) > 0;
	return settled;
}

/* The last one that came is shown last, where it is seen. */
static int
compare(const void *one, const void *other)
{
	const struct knock *a = *(struct knock *const *)one;
	const struct knock *b = *(struct knock *const *)other;

	return (a->of.last > b->of.last) - (a->of.last < b->of.last);
}

static void
show_json(const struct knock *knock, const struct portrait *portrait)
{
	print_json_open(NULL, '{');
	print_json_string("hub", knock_hub(knock));
	print_json_number("count", (int64_t)knock->of.count);
	print_json_time("first", knock->of.first);
	print_json_time("last", knock->of.last);
	print_json_bool("doctor", stranger_is(knock_der(knock)));
	portrait_print_json(portrait);
	print_json_close('}');
}

static void
show(const struct knock *knock, bool json)
{
	struct portrait portrait;

	portrait_take(&portrait, knock_der(knock), &knock->certificate);
	if (json) {
		show_json(knock, &portrait);
	} else {
		knock_print(knock);
		portrait_print_names(&portrait, "    ", true);
	}
	portrait_free(&portrait);
}

static void
show_all(const struct command *command, const struct store *store,
	 const struct knocks *knocks)
{
	struct span hub = span_of(command->option[OPTION_HUB]);
	bool json = command->option[OPTION_JSON] != NULL;
	size_t shown = 0;

	if (json)
		print_json_open(NULL, '[');
	for (size_t i = 0; i < knocks->n; i++) {
		const struct knock *knock = knocks->knock[i];
		if ((hub.ptr != NULL &&
		     !span_equal_nocase(hub, knock_hub(knock))) ||
		    is_settled(store, knock))
			continue;
		show(knock, json);
		shown++;
	}
	if (json) {
		print_json_close(']');
		return;
	}
	if (shown > 0)
		print("A name is what the certificate says of itself.  To let "
		      "one in: certgate allow DIGITS\n");
	if (knocks->elsewhere > 0)
		print("There are some at %s: certgate pending %s\n",
		      knocks->site.ptr == NULL ? "sites" : "other sites",
		      "--site NAME");
}

enum exit_code
pending_run(const struct command *command)
{
	struct store store;
	struct knocks knocks;
	struct error e = { 0 };
	enum exit_code code = EXIT_SYSTEM;

	bool ok = setup_open(&store);
	bool read = knocks_read(&knocks, &e);
	if (!read)
		print_error(&e);
	if (ok && read) {
		if (knocks.n > 0)
			qsort(knocks.knock, knocks.n, sizeof(struct knock *),
			      compare);
		show_all(command, &store, &knocks);
		code = EXIT_DONE;
	}
	knocks_free(&knocks);
	store_close(&store);
	return code;
}
