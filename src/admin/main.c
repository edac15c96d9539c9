/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate: the administrator's command. */
#include "config.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "admin/command.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "admin/unit.h"
#include "base/hex.h"
#include "base/suggestion.h"
#include "policy/thumbprint.h"
#include "host/settings_file.h"

static const struct {
	const char *name;
	const char *value; /* NULL: it has none */
	const char *text;
} options[OPTIONS] = {
	[OPTION_CONFIG] = { "config", "FILE",
			    "use this settings file (CERTGATE_CONFIG)" },
	[OPTION_SITE] = { "site", "NAME", "use the settings of this site" },
	[OPTION_LIST] = { "list", "FILE", "use this list (CERTGATE_LIST)" },
	[OPTION_JSON] = { "json", NULL, "print JSON" },
	[OPTION_QUIET] = { "quiet", NULL, "print only errors and warnings" },
	[OPTION_AS] = { "as", "USER", "read files as this user" },
	[OPTION_DRY_RUN] = { "dry-run", NULL,
			     "change nothing; print what would be done" },
	[OPTION_REPLACE] = { "replace", NULL,
			     "replace other entries of the same pin" },
	[OPTION_COMMENT] = { "comment", "TEXT",
			     "write this comment behind the entry" },
	[OPTION_YES] = { "yes", NULL, "do not ask; 32 digits are needed" },
	[OPTION_SPKI] = { "spki", NULL, "pin the public key of FILE" },
	[OPTION_OVERLAP] = { "overlap", "Nd",
			     "keep the old pin for N days (14d)" },
	[OPTION_HUB] = { "hub", "NAME",
			 "use this hub, not those of CERTGATE_HUB" },
	[OPTION_CONNECTION_ID] = { "connection-id", "ID",
				   "use this connection id, or MQTT client "
				   "id" },
	[OPTION_USER] = { "user", "NAME", "use this user id of a token" },
	[OPTION_MQTT] = { "mqtt", "4|5", "connect by MQTT 3.1.1 or 5.0" },
	[OPTION_QUERY] = { "query", "NAME=VALUE",
			   "put this into the client's URL" },
	[OPTION_NOW] = { "now", "TIME",
			 "use this time: YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ" },
	[OPTION_FORMAT] = { "format", "FORM", "print curl, http or json" },
	[OPTION_POST] = { "post", "URL", "post the event; print the answer" },
	[OPTION_CA] = { "ca", "FILE", "trust these CAs, not the system's" },
	[OPTION_TOKEN_FILE] = { "token-file", "FILE",
				"send this token; sign with no key" },
	[OPTION_PROMETHEUS] = { "prometheus", NULL,
				"print counters for Prometheus" },
	[OPTION_TAG] = { "tag", "NAME",
			 "use this tag, such as AzureWebPubSub.WestEurope" },
	[OPTION_APACHE] = { "apache", NULL, "print lines for Apache" },
	[OPTION_NGINX] = { "nginx", NULL, "print lines for nginx" },
	[OPTION_LIGHTTPD] = { "lighttpd", NULL, "print lines for lighttpd" },
	[OPTION_ALL] = { "all", NULL,
			 "move the list away: reject every client" },
	[OPTION_ADMITTED] = { "admitted", "FILE",
			      "try a certificate that must be accepted" },
	[OPTION_AUTHORIZATION] = { "authorization", "FILE",
				   "log in with the line of FILE" },
	[OPTION_VALIDATION] = { "validation", NULL,
				"send one validation and no event" },
	[OPTION_DENY] = { "deny", NULL, "remove deny entries too" },
	[OPTION_DISCONNECT] = { "disconnect", NULL,
				"close the certificate's connections too" },
	[OPTION_ENDPOINT] = { "endpoint", "URL",
			      "use this service, not those of "
			      "CERTGATE_ORIGINS" },
	[OPTION_LOG] = { "log", "PATH|-", "read this log" },
	[OPTION_SINCE] = { "since", "TIME",
			   "count from 30m, 1h (default), 7d, YYYY-MM-DD" },
	[OPTION_STATE] = { "state", "FILE",
			   "continue these counters, and replace them" },
	[OPTION_LAST_USED] = { "last-used", NULL,
			       "print when each entry last decided" },
	[OPTION_SOCKET] = { "socket", "PATH",
			    "look for the handler at this socket" },
	[OPTION_HTML] = { "html", "FILE",
			  "write a page for a browser instead" },
	[OPTION_FLEET] = { "fleet", NULL,
			   "edit the fleet's database; wait for its hosts" },
	[OPTION_CONNECTION] = { "connection", "FILE",
				"connect to the fleet by this file" },
	[OPTION_HELP] = { "help", NULL, "print this and exit" },
};

#define CONFIG "help config site "
#define SETUP CONFIG "list "
#define EDIT SETUP "dry-run json "
#ifdef CERTGATE_NO_FLEET
#define FLEET ""
#else
#define FLEET "fleet connection "
#endif
#define SERVICE "hub endpoint ca token-file "
#define EVENT "hub connection-id user mqtt query "

static const struct verb {
	const char *name;
	const char *arguments;
	const char *text;
	const char *options; /* names with blanks between */
	int least, most; /* arguments; most -1: any number */
	enum exit_code (*run)(const struct command *command);
} verbs[] = {
	{ "status", "", "print state, likely cause and its fix",
	  SETUP "json html as log socket", 0, 0, status_run },
	{ "why", "CODE|CONNECTION|USER|PIN",
	  "explain the last decisions about a client", SETUP "json log", 1, 1,
	  why_run },
	{ "check", "", "check settings, list, keys and log",
	  SETUP "json quiet as log now", 0, 0, check_run },
	{ "thumbprint", "FILE...|-", "print the pins of certificates",
	  "help json", 1, -1, thumbprint_run },
	{ "list", "", "print the entries of list and store",
	  SETUP "json last-used log", 0, 0, list_run },
	{ "pending", "", "list rejected certificates that can be allowed",
	  SETUP "json hub log", 0, 0, pending_run },
	{ "allow", "PIN|FILE|DIGITS [NAME=VALUE]...", "add an allow entry",
	  EDIT FLEET "replace comment spki yes log", 1, -1, allow_run },
	{ "deny", "PIN|FILE|--all [NAME=VALUE]...", "add a deny entry",
	  EDIT FLEET SERVICE "comment spki all disconnect", 0, -1, deny_run },
#ifndef CERTGATE_NO_HTTP
	{ "disconnect", "USER|CONNECTION...",
	  "close the connections of a user, or one", CONFIG SERVICE "dry-run",
	  1, -1, disconnect_run },
	{ "sweep", "", "close connections that are no longer accepted",
	  CONFIG "endpoint ca token-file dry-run log", 0, 0, sweep_run },
	{ "crl", "fetch", "download the CRLs that the list names",
	  CONFIG "ca dry-run", 1, 1, crl_run },
#endif
	{ "remove", "PIN|FILE|LINE", "remove entries from list and store",
	  EDIT FLEET SERVICE "deny disconnect", 1, 1, remove_run },
	{ "rotate", "OLD NEW", "add a pin, and expire an old one",
	  EDIT FLEET "comment spki overlap", 2, 2, rotate_run },
#ifndef CERTGATE_NO_FLEET
	{ "fleet", "init|status|report|forget HOST",
	  "print the fleet's SQL or its hosts", CONFIG "json connection log", 1,
	  2, fleet_run },
#endif
	{ "install-list", "FILE|-", "check a list, and put it into force", EDIT,
	  1, 1, install_list_run },
	{ "store", "init", "make the store of CERTGATE_STORE", CONFIG "as", 1,
	  1, store_run },
	{ "export", "", "print the store's entries as a list", CONFIG, 0, 0,
	  export_run },
	{ "import", "FILE|-", "replace the entries of the store",
	  CONFIG "dry-run", 1, 1, import_run },
	{ "explain", "EVENT|FILE|-", "decide on an event, and print why",
	  SETUP EVENT "json now as", 1, 1, explain_run },
	{ "simulate", "[FILE|-]", "print or post a signed connect event",
	  CONFIG EVENT "format post ca", 0, 1, simulate_run },
#ifndef CERTGATE_NO_HTTP
	{ "doctor", "URL", "send what the service sends, and name faults",
	  CONFIG "json hub ca admitted connection-id mqtt query authorization "
		 "validation",
	  1, 1, doctor_run },
#endif
	{ "stats", "", "count logged events by verdict and reason",
	  CONFIG "json log since prometheus state", 0, 0, stats_run },
	{ "addresses", "FILE|-", "print the service's addresses as allow rules",
	  "help tag apache nginx lighttpd", 1, 1, addresses_run },
};

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

static bool
takes(const struct verb *verb, size_t option)
{
	struct span rest = span_of(verb->options), name;

	while (span_next(&rest, " ", &name))
		if (span_equal(name, span_of(options[option].name)))
			return true;
	return false;
}

static void
print_usage(void)
{
	print("Usage: certgate VERB [OPTION]... [ARGUMENT]...\n"
	      "       certgate help [VERB]\n"
	      "       certgate --help | --version\n"
	      "\n"
	      "Administer certgate.fcgi.\n"
	      "\n");
	for (size_t i = 0; i < VERBS; i++)
		print("  %-12s %s\n", verbs[i].name, verbs[i].text);
	print("\n"
	      "Settings are those of the handler: the file %s\n"
	      "or what CERTGATE_CONFIG names, and the environment.\n"
	      "Exit codes: 0 yes or done, 1 no, 2 misused, 3 the system "
	      "failed.\n",
	      settings_file_shown);
}

static void
print_verb_usage(const struct verb *verb)
{
	print("Usage: certgate %s [OPTION]...%s%s\n\n%s\n\n", verb->name,
	      verb->arguments[0] == '\0' ? "" : " ", verb->arguments,
	      verb->text);
	for (size_t i = 0; i < OPTIONS; i++) {
		char name[32];
		const char *value = options[i].value;
		if (!takes(verb, i))
			continue;
		(void)snprintf(name, sizeof(name), "--%s%s%s", options[i].name,
			       value == NULL ? "" : " ",
			       value == NULL ? "" : value);
		print("  %-20s %s\n", name, options[i].text);
	}
}

static enum exit_code
misused(const char *verb)
{
	(void)fprintf(stderr, "Try 'certgate %s--help'.\n", verb);
	return EXIT_MISUSED;
}

/* Name the option that getopt_long did not take: whole if it is near to one of
 * the verb's; else at most its first characters, for it may be a secret. */
static void
report_option(const struct verb *verb, const char *argument, bool known)
{
	enum { SHOWN_MAX = 12 /* characters of the name */ };
	struct span name = span_of(argument);
	size_t dashes = strspn(argument, "-");

	name = span_after(name, dashes < name.len ? dashes : name.len);
	name.len = strcspn(name.ptr, "=");
	struct suggestion meant = { .word = name };
	for (size_t i = 0; i < OPTIONS; i++)
		if (takes(verb, i))
			suggestion_try(&meant, span_of(options[i].name));
	if (known)
		print_problem("missing value of an option");
	else if (meant.best.ptr != NULL)
		print_problem("unknown option --%s (did you mean --%s?)",
			      error_word(name), meant.best.ptr);
	else if (dashes < 2 || name.len > SHOWN_MAX)
		print_problem("unknown option of %zu characters", name.len);
	else
		print_problem("unknown option --%s", error_word(name));
}

/* False if an option is none of the verb's. */
static bool
read_options(const struct verb *verb, int argc, char **argv,
	     struct command *command)
{
	struct option known[OPTIONS + 1] = { 0 };
	size_t n = 0;
	int found;

	for (int i = 0; i < OPTIONS; i++) {
		if (!takes(verb, (size_t)i))
			continue;
		known[n++] = (struct option){
			.name = options[i].name,
			.has_arg = options[i].value != NULL,
			.val = i,
		};
	}
	opterr = 0;
	while ((found = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (found < 0 || found >= OPTIONS) {
			report_option(verb, argv[optind - 1], found == ':');
			return false;
		}
		command->option[found] = optarg == NULL ? "" : optarg;
	}
	command->arguments = argv + optind;
	command->n = argc - optind;
	return true;
}

/* A message about a variable would name one that is not set. */
static bool
check_paths(const struct command *command)
{
	static const enum command_option paths[] = { OPTION_CONFIG,
						     OPTION_STATE, OPTION_HTML,
						     OPTION_CONNECTION,
						     OPTION_LIST };

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++) {
		const char *path = command->option[paths[i]];
		if (path == NULL || path[0] == '/')
			continue;
		print_problem("--%s: expected an absolute path",
			      options[paths[i]].name);
		return false;
	}
	return true;
}

static enum exit_code
start(const struct command *command)
{
	enum exit_code code =
		check_paths(command) ? setup_start(command) : EXIT_MISUSED;

	if (code == EXIT_DONE)
		unit_start();
	return code;
}

/* True if word is a part of a thumbprint, as between blanks. */
static bool
is_part(const char *word)
{
	struct span text = span_of(word);

	return thumbprint_is_likely(text) ||
	       (text.len > 1 && text.len < 2 * DIGEST_SHA1_SIZE &&
		hex_length(text) == text.len);
}

/* True if a shell took a thumbprint apart: the last argument cannot be an
 * option of an entry, nor an argument of the verb. */
static bool
is_apart(const struct verb *verb, const struct command *command)
{
	int most = verb->most < 0 ? 1 : verb->most;

	return command->n > most && most > 0 &&
	       (strstr(verb->arguments, "PIN") != NULL ||
		verb->run == rotate_run) &&
	       is_part(command->arguments[most - 1]) &&
	       strchr(command->arguments[most], '=') == NULL;
}

static enum exit_code
run_verb(const struct verb *verb, int argc, char **argv)
{
	struct command command = { .n = 0 };
	char name[32], program[] = "certgate";

	argv[0] = program; /* which getopt names */
	(void)snprintf(name, sizeof(name), "%s ", verb->name);
	if (!read_options(verb, argc, argv, &command))
		return misused(name);
	if (command.option[OPTION_HELP] != NULL) {
		print_verb_usage(verb);
		return print_end(EXIT_DONE);
	}
	if (command.option[OPTION_JSON] != NULL)
		print_as_json();
	bool apart = is_apart(verb, &command);
	if (apart || command.n < verb->least ||
	    (verb->most >= 0 && command.n > verb->most)) {
		print_problem("expected %s%s",
			      verb->least == 0 ? "no argument"
					       : verb->arguments,
			      apart ? " (fix: put quotes around a thumbprint "
				      "with blanks)"
				    : "");
		return misused(name);
	}
	enum exit_code code = start(&command);
	return code == EXIT_DONE ? print_end(verb->run(&command)) : code;
}

static const struct verb *
find_verb(const char *name)
{
	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(name, verbs[i].name) == 0)
			return &verbs[i];
	return NULL;
}

static enum exit_code
unknown_verb(const char *name)
{
	struct suggestion meant = { .word = span_of(name) };

	suggestion_try(&meant, SPAN("help"));
	for (size_t i = 0; i < VERBS; i++)
		suggestion_try(&meant, span_of(verbs[i].name));
	if (meant.best.ptr != NULL)
		print_problem("unknown verb \"%s\" (did you mean %s?)",
			      error_word(meant.word), meant.best.ptr);
	else if (name[0] != '\0')
		print_problem("unknown verb");
	return misused("");
}

/* certgate help [VERB] */
static enum exit_code
help(const char *name)
{
	const struct verb *verb = name == NULL ? NULL : find_verb(name);

	if (name != NULL && verb == NULL)
		return unknown_verb(name);
	if (verb == NULL)
		print_usage();
	else
		print_verb_usage(verb);
	return print_end(EXIT_DONE);
}

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";
	const struct verb *verb = find_verb(name);

	/* A file that may not grow is an error like a disk that is full. */
	(void)signal(SIGXFSZ, SIG_IGN);

	if (verb != NULL)
		return (int)run_verb(verb, argc - 1, argv + 1);
	if (strcmp(name, "--help") == 0)
		return (int)help(NULL);
	if (strcmp(name, "help") == 0)
		return (int)help(argc > 2 ? argv[2] : NULL);
	if (strcmp(name, "--version") == 0) {
		print("certgate " PACKAGE_VERSION "\n");
		return (int)print_end(EXIT_DONE);
	}
	return (int)unknown_verb(name);
}
