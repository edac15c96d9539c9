/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/admission.h"
#include "admin/knocks.h"
#include "admin/portrait.h"
#include "admin/print.h"
#include "base/hex.h"
#include "policy/option.h"

enum {
	SHA1_DIGITS = 2 * DIGEST_SHA1_SIZE,
	PIN_MAX = 80, /* bytes of a digest and what stands before it */
	HUBS_MAX = 65536, /* bytes of hub=... */
	/* 128 bits: for fewer a stranger can look for a certificate whose
	 * SHA-256 begins with them. */
	UNWATCHED_DIGITS_MIN = 32
};

/* If nobody can say who knocked, nobody did: then the digits are what they are
 * without that. */
static bool
begin_somebody(const char *digits)
{
	struct knocks knocks;
	struct error e = { 0 };
	size_t first;
	bool found = knocks_read(&knocks, &e) &&
		     knocks_find(&knocks, span_of(digits), &first) > 0;

	knocks_free(&knocks);
	return found;
}

bool
admission_is_meant(const char *argument)
{
	size_t n = hex_length(span_of(argument));

	return argument[n] == '\0' && n >= KNOCKS_DIGITS_MIN &&
	       n <= KNOCKS_DIGITS_MAX &&
	       (n < SHA1_DIGITS || begin_somebody(argument));
}

static void
show_candidates(const struct knocks *knocks, size_t first, size_t n)
{
	for (size_t i = first; i < first + n; i++) {
		const struct knock *knock = knocks->knock[i];
		struct portrait portrait;
		portrait_take(&portrait, knock_der(knock), &knock->certificate);
		knock_print(knock);
		portrait_print_names(&portrait, "    ", true);
		portrait_free(&portrait);
	}
}

/* Those of one certificate; 0, and said, if there are none or others too. */
static size_t
find(const struct knocks *knocks, const char *digits, size_t *first)
{
	size_t n = knocks_find(knocks, span_of(digits), first);

	if (n == 0) {
		print_problem("'%s': nobody is pending whose SHA-256 begins "
			      "so: see certgate pending; a file is written "
			      "with ./ before it",
			      digits);
		return 0;
	}
	/* By their order, all others are between the first and the last. */
	if (knock_same_certificate(knocks->knock[*first],
				   knocks->knock[*first + n - 1]))
		return n;
	print_problem("'%s': several begin so: give more digits", digits);
	show_candidates(knocks, *first, n);
	return 0;
}

static bool
has_option(const struct command *command, const char *name)
{
	for (int i = 1; i < command->n; i++)
		if (strncmp(command->arguments[i], name, strlen(name)) == 0)
			return true;
	return false;
}

/* A hub's name may have a comma in it. */
static bool
add_hub(struct buffer *hubs, struct span hub, bool is_first)
{
	if (!option_is_hub(hub)) {
		print_problem("the hub '%s' is none that an entry can have: "
			      "give hub=NAME",
			      error_word(hub));
		return false;
	}
	buffer_add(hubs, is_first ? SPAN("hub=") : SPAN(","));
	for (size_t i = 0; i < hub.len; i++) {
		if (hub.ptr[i] == ',')
			buffer_add_byte(hubs, '\\');
		buffer_add_byte(hubs, hub.ptr[i]);
	}
	return true;
}

static void
set_pin(struct admission *a, const struct certificate *c, bool spki)
{
	char digits[2 * DIGEST_SHA256_SIZE];

	hex_encode(spki ? c->spki : c->sha256, DIGEST_SHA256_SIZE, digits);
	buffer_add(&a->pin, spki ? SPAN("spki:") : SPAN(""));
	buffer_add(&a->pin, (struct span){ digits, sizeof(digits) });
	buffer_add_byte(&a->pin, '\0');
}

/* The command with the pin in the place of the digits, and the hubs. */
static bool
make_command(struct admission *a, const struct command *command)
{
	size_t n = (size_t)command->n;

	a->arguments = calloc(n + 2, sizeof(*a->arguments));
	if (a->arguments == NULL || a->pin.failed || a->hubs.failed) {
		print_problem("out of memory");
		return false;
	}
	memcpy(a->arguments, command->arguments, n * sizeof(*a->arguments));
	a->arguments[0] = a->pin.data;
	if (a->hubs.len > 0)
		a->arguments[n++] = a->hubs.data;
	a->command = *command;
	a->command.arguments = a->arguments;
	a->command.n = (int)n;
	return true;
}

static bool
fill(struct admission *a, const struct command *command,
     const struct knocks *knocks, size_t first, size_t n)
{
	bool spki = command->option[OPTION_SPKI] != NULL;

	/* Its names end with the knock. */
	a->certificate = knocks->knock[first]->certificate;
	a->certificate.subject = a->certificate.issuer =
		a->certificate.extensions = (struct span){ 0 };
	set_pin(a, &a->certificate, spki);
	for (size_t i = 0; i < n && !has_option(command, "hub="); i++)
		if (!add_hub(&a->hubs, knock_hub(knocks->knock[first + i]),
			     i == 0))
			return false;
	if (a->hubs.len > 0)
		buffer_add_byte(&a->hubs, '\0');
	return make_command(a, command);
}

/* The digests come last, where they are seen whatever the names are. */
static void
show(const struct admission *a, const struct knocks *knocks, size_t first,
     size_t n)
{
	const struct knock *knock = knocks->knock[first];
	struct portrait portrait;

	portrait_take(&portrait, knock_der(knock), &knock->certificate);
	portrait_print_names(&portrait, "", true);
	portrait_print_pins(&portrait);
	portrait_free(&portrait);
	for (size_t i = first; i < first + n; i++)
		knock_print(knocks->knock[i]);
	print("The names are the certificate's own words, and nobody vouches "
	      "for them: compare\n"
	      "the SHA-256 with the one that the device itself shows.\n");
	if (!has_option(&a->command, "user="))
		print("Without user=NAME its user id may be such a word.\n");
	print("entry      ");
	for (int i = 0; i < a->command.n; i++) {
		print(i > 0 ? " " : "");
		print_text(span_of(a->command.arguments[i]));
	}
	print("\n");
}

/* What a script says beforehand, and enough digits, for nobody compares. */
static enum exit_code
do_without_asking(const struct command *command)
{
	if (strlen(command->arguments[0]) < UNWATCHED_DIGITS_MIN) {
		print_problem("'%s': too few where nobody is asked to compare: "
			      "give --yes and %d to %d digits of the sha256 "
			      "that certgate pending --json says",
			      command->arguments[0], UNWATCHED_DIGITS_MIN,
			      KNOCKS_DIGITS_MAX);
		return EXIT_MISUSED;
	}
	if (command->option[OPTION_YES] != NULL)
		return EXIT_DONE;
	print_problem("nobody can be asked, for standard input is no "
		      "terminal: give --yes to let it in");
	return EXIT_MISUSED;
}

/* True if a person says so, or nobody has to be asked. */
static enum exit_code
ask(const struct command *command)
{
	char answer[sizeof("yes\n")] = "";
	bool yes = command->option[OPTION_YES] != NULL;

	if (!yes && command->option[OPTION_DRY_RUN] != NULL)
		return EXIT_DONE;
	if (yes || isatty(STDIN_FILENO) != 1)
		return do_without_asking(command);
	print("Let it in? [y/N] ");
	(void)fflush(stdout);
	if (fgets(answer, sizeof(answer), stdin) != NULL &&
	    (strcasecmp(answer, "y\n") == 0 ||
	     strcasecmp(answer, "yes\n") == 0))
		return EXIT_DONE;
	print("Nothing was changed.\n");
	return EXIT_NO;
}

enum exit_code
admission_ask(struct admission *a, const struct command *command)
{
	struct knocks knocks;
	struct error e = { 0 };
	enum exit_code code = EXIT_NO;
	size_t first, n;

	*a = (struct admission){ 0 };
	buffer_init(&a->pin, PIN_MAX);
	buffer_init(&a->hubs, HUBS_MAX);
	if (!knocks_read(&knocks, &e)) {
		print_error(&e);
		code = EXIT_SYSTEM;
	} else {
		n = find(&knocks, command->arguments[0], &first);
		if (n > 0 && strlen(command->arguments[0]) == SHA1_DIGITS)
			print("The %d digits begin the SHA-256 of one who "
			      "knocked: they are taken as that,\n"
			      "not as a SHA-1.\n",
			      SHA1_DIGITS);
		if (n > 0 && fill(a, command, &knocks, first, n)) {
			show(a, &knocks, first, n);
			code = ask(command);
		}
	}
	knocks_free(&knocks);
	return code;
}

void
admission_free(struct admission *a)
{
	free(a->arguments);
	buffer_free(&a->pin);
	buffer_free(&a->hubs);
	*a = (struct admission){ 0 };
}
