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

#define BIT(option) (UINT64_C(1) << (option))

static const struct {
	const char *name;
	const char *value; /* NULL: it has none */
	const char *text;
} options[OPTIONS] = {
	[OPTION_CONFIG] = { "config", "FILE",
			    "the settings file, as CERTGATE_CONFIG" },
	[OPTION_SITE] = { "site", "NAME",
			  "the site's settings file, without environment" },
	[OPTION_LIST] = { "list", "FILE", "the list, as CERTGATE_LIST" },
	[OPTION_JSON] = { "json", NULL, "print JSON" },
	[OPTION_QUIET] = { "quiet", NULL, "print errors and warnings alone" },
	[OPTION_AS] = { "as", "USER", "as this user reads the files" },
	[OPTION_DRY_RUN] = { "dry-run", NULL,
			     "change nothing, print the difference" },
	[OPTION_REPLACE] = { "replace", NULL,
			     "in place of other entries of the same pin" },
	[OPTION_COMMENT] = { "comment", "TEXT", "behind the entry" },
	[OPTION_YES] = { "yes", NULL,
			 "allow without a question, by 32 digits or more" },
	[OPTION_SPKI] = { "spki", NULL,
			  "of FILE the public key, not the certificate" },
	[OPTION_OVERLAP] = { "overlap", "Nd",
			     "days from today to the old one's last (14d)" },
	[OPTION_HUB] = { "hub", "NAME",
			 "the hub, not the first of CERTGATE_HUB" },
	[OPTION_CONNECTION_ID] = { "connection-id", "ID",
				   "the connection's; of MQTT the client's" },
	[OPTION_USER] = { "user", "NAME", "the user id of the client's token" },
	[OPTION_MQTT] = { "mqtt", "4|5", "an MQTT client: 3.1.1 or 5.0" },
	[OPTION_QUERY] = { "query", "NAME=VALUE",
			   "of the client's URL; others behind &" },
	[OPTION_NOW] = { "now", "TIME",
			 "YYYY-MM-DD or YYYY-MM-DDTHH:MM:SSZ, not now" },
	[OPTION_FORMAT] = { "format", "FORM", "curl, http or json" },
	[OPTION_POST] = { "post", "URL", "send it, and print the answer" },
	[OPTION_CA] = { "ca", "FILE",
			"a PEM file with the CAs to believe, not the "
			"system's" },
	[OPTION_PROMETHEUS] = { "prometheus", NULL,
				"print what Prometheus reads" },
	[OPTION_TAG] = { "tag", "NAME",
			 "another tag, such as AzureWebPubSub.WestEurope" },
	[OPTION_APACHE] = { "apache", NULL, "lines for Apache" },
	[OPTION_NGINX] = { "nginx", NULL, "lines for nginx" },
	[OPTION_LIGHTTPD] = { "lighttpd", NULL, "lines for lighttpd" },
	[OPTION_ALL] = { "all", NULL,
			 "move the list away: reject every client" },
	[OPTION_ADMITTED] = { "admitted", "FILE",
			      "a certificate that must be accepted" },
	[OPTION_AUTHORIZATION] = { "authorization", "FILE",
				   "what the service logs in with: "
				   "Bearer TOKEN" },
	[OPTION_DISCONNECT] = { "disconnect", NULL,
				"close what is open of the certificate, too" },
	[OPTION_ENDPOINT] = { "endpoint", "URL",
			      "the service, not CERTGATE_ORIGINS" },
	[OPTION_LOG] = { "log", "PATH|-",
			 "read this log, not that of the settings" },
	[OPTION_SINCE] = { "since", "TIME",
			   "30m, 1h, 7d, YYYY-MM-DD[THH:MM:SSZ] (1h)" },
	[OPTION_STATE] = { "state", "FILE",
			   "counters to go on from, replaced" },
	[OPTION_LAST_USED] = { "last-used", NULL,
			       "when each entry last decided" },
	[OPTION_HELP] = { "help", NULL, "print this and exit" },
};

#define CONFIG (BIT(OPTION_CONFIG) | BIT(OPTION_SITE) | BIT(OPTION_HELP))
#define SETUP (CONFIG | BIT(OPTION_LIST))
#define EDIT (SETUP | BIT(OPTION_DRY_RUN) | BIT(OPTION_JSON))
#define SERVICE (BIT(OPTION_HUB) | BIT(OPTION_ENDPOINT) | BIT(OPTION_CA))

static const struct verb {
	const char *name;
	const char *arguments;
	const char *text;
	uint64_t options;
	int least, most; /* arguments; most -1: any number */
	enum exit_code (*run)(const struct command *command);
} verbs[] = {
	{ "check", "", "are settings, list, keys and files as they should be",
	  SETUP | BIT(OPTION_JSON) | BIT(OPTION_QUIET) | BIT(OPTION_AS), 0, 0,
	  check_run },
	{ "thumbprint", "FILE...|-", "the pins of a certificate, PEM or DER",
	  BIT(OPTION_JSON) | BIT(OPTION_HELP), 1, -1, thumbprint_run },
	{ "list", "", "the entries of the list",
	  SETUP | BIT(OPTION_JSON) | BIT(OPTION_LAST_USED) | BIT(OPTION_LOG), 0,
	  0, list_run },
	{ "pending", "", "list rejected certificates that can be allowed",
	  SETUP | BIT(OPTION_JSON) | BIT(OPTION_HUB) | BIT(OPTION_LOG), 0, 0,
	  pending_run },
	{ "allow", "PIN|FILE|DIGITS [NAME=VALUE]...", "add an entry",
	  EDIT | BIT(OPTION_REPLACE) | BIT(OPTION_COMMENT) | BIT(OPTION_SPKI) |
		  BIT(OPTION_YES) | BIT(OPTION_LOG),
	  1, -1, allow_run },
	{ "deny", "PIN|FILE|--all", "add an entry that refuses",
	  EDIT | BIT(OPTION_COMMENT) | BIT(OPTION_SPKI) | BIT(OPTION_ALL) |
		  BIT(OPTION_DISCONNECT) | SERVICE,
	  0, 1, deny_run },
#ifndef CERTGATE_NO_HTTP
	{ "disconnect", "USER|CONNECTION...",
	  "close the connections of a user, or one",
	  CONFIG | BIT(OPTION_DRY_RUN) | SERVICE, 1, -1, disconnect_run },
#endif
	{ "remove", "PIN|FILE|LINE", "take entries out of the list", EDIT, 1, 1,
	  remove_run },
	{ "rotate", "OLD NEW",
	  "add a pin with an old one's options, and end that",
	  EDIT | BIT(OPTION_COMMENT) | BIT(OPTION_SPKI) | BIT(OPTION_OVERLAP),
	  2, 2, rotate_run },
	{ "explain", "EVENT|FILE|-",
	  "what is decided on an event or a certificate, and why",
	  SETUP | BIT(OPTION_JSON) | BIT(OPTION_HUB) |
		  BIT(OPTION_CONNECTION_ID) | BIT(OPTION_USER) |
		  BIT(OPTION_MQTT) | BIT(OPTION_QUERY) | BIT(OPTION_NOW),
	  1, 1, explain_run },
	{ "simulate", "[FILE|-]",
	  "a signed connect event of a client with this certificate, or none",
	  CONFIG | BIT(OPTION_HUB) | BIT(OPTION_CONNECTION_ID) |
		  BIT(OPTION_USER) | BIT(OPTION_MQTT) | BIT(OPTION_QUERY) |
		  BIT(OPTION_FORMAT) | BIT(OPTION_POST) | BIT(OPTION_CA),
	  0, 1, simulate_run },
#ifndef CERTGATE_NO_HTTP
	{ "doctor", "URL", "send what the service sends, and name faults",
	  CONFIG | BIT(OPTION_JSON) | BIT(OPTION_HUB) | BIT(OPTION_CA) |
		  BIT(OPTION_ADMITTED) | BIT(OPTION_CONNECTION_ID) |
		  BIT(OPTION_MQTT) | BIT(OPTION_QUERY) |
		  BIT(OPTION_AUTHORIZATION),
	  1, 1, doctor_run },
#endif
	{ "stats", "", "count logged events by verdict and reason",
	  CONFIG | BIT(OPTION_JSON) | BIT(OPTION_LOG) | BIT(OPTION_SINCE) |
		  BIT(OPTION_PROMETHEUS) | BIT(OPTION_STATE),
	  0, 0, stats_run },
	{ "addresses", "FILE|-",
	  "the service's addresses as lines of a web server",
	  BIT(OPTION_HELP) | BIT(OPTION_TAG) | BIT(OPTION_APACHE) |
		  BIT(OPTION_NGINX) | BIT(OPTION_LIGHTTPD),
	  1, 1, addresses_run },
};

enum { VERBS = sizeof(verbs) / sizeof(verbs[0]) };

/* Where an option is something else to a verb than to the others. */
static const struct {
	const char *verb;
	enum command_option option;
	const char *text;
} own_texts[] = {
	{ "pending", OPTION_HUB, "those at this hub, not at all of them" },
	{ "deny", OPTION_HUB,
	  "the hubs, between commas, not all of CERTGATE_HUB" },
	{ "deny", OPTION_DRY_RUN,
	  "change nothing, print the difference and the requests" },
	{ "doctor", OPTION_CONNECTION_ID,
	  "of --admitted: the connection's; of MQTT the client's" },
	{ "doctor", OPTION_MQTT, "of --admitted: MQTT, 3.1.1 or 5.0" },
	{ "doctor", OPTION_QUERY,
	  "of --admitted: of its URL; others behind &" },
	{ "disconnect", OPTION_HUB,
	  "the hubs, between commas, not all of CERTGATE_HUB" },
	{ "disconnect", OPTION_DRY_RUN, "close nothing, print the requests" },
};

static const char *
text_of(const struct verb *verb, enum command_option option)
{
	for (size_t i = 0; i < sizeof(own_texts) / sizeof(own_texts[0]); i++)
		if (own_texts[i].option == option &&
		    strcmp(own_texts[i].verb, verb->name) == 0)
			return own_texts[i].text;
	return options[option].text;
}

static void
print_usage(void)
{
	print("Usage: certgate VERB [OPTION]... [ARGUMENT]...\n"
	      "       certgate VERB --help\n"
	      "       certgate --help | --version\n"
	      "\n"
	      "The administrator's command of the client certificate gate.\n"
	      "\n");
	for (size_t i = 0; i < VERBS; i++)
		print("  %-11s %s\n", verbs[i].name, verbs[i].text);
	print("\n"
	      "Settings are those of the handler: the file %s\n"
	      "or what CERTGATE_CONFIG names, and the environment.\n"
	      "Exit codes: 0 yes or done, 1 no, 2 misused, 3 the system "
	      "failed.\n",
	      CERTGATE_CONFIG_DEFAULT);
}

static void
print_verb_usage(const struct verb *verb)
{
	print("Usage: certgate %s [OPTION]...%s%s\n\n%s\n\n", verb->name,
	      verb->arguments[0] == '\0' ? "" : " ", verb->arguments,
	      verb->text);
	for (size_t i = 0; i < OPTIONS; i++) {
		char name[32];
		if ((verb->options & BIT(i)) == 0)
			continue;
		(void)snprintf(name, sizeof(name), "--%s%s%s", options[i].name,
			       options[i].value == NULL ? "" : " ",
			       options[i].value == NULL ? ""
							: options[i].value);
		print("  %-20s %s\n", name,
		      text_of(verb, (enum command_option)i));
	}
}

static enum exit_code
misused(const char *verb)
{
	(void)fprintf(stderr, "Try 'certgate %s--help'.\n", verb);
	return EXIT_MISUSED;
}

/* Name the option that getopt_long did not take: at most its first characters,
 * for it may be a secret. */
static void
report_option(const char *argument, bool known)
{
	enum { SHOWN_MAX = 12 /* characters of the name */ };
	struct span name = span_of(argument);
	size_t dashes = strspn(argument, "-");

	name = span_after(name, dashes < name.len ? dashes : name.len);
	name.len = strcspn(name.ptr, "=");
	if (known)
		print_problem("missing value of an option");
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
		if ((verb->options & BIT(i)) == 0)
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
			report_option(argv[optind - 1], found == ':');
			return false;
		}
		command->option[found] = optarg == NULL ? "" : optarg;
	}
	command->arguments = argv + optind;
	command->n = argc - optind;
	return true;
}

/* What is said of a variable would name what nobody has set. */
static bool
check_paths(const struct command *command)
{
	static const enum command_option paths[] = { OPTION_CONFIG,
						     OPTION_STATE,
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
	if (command.n < verb->least ||
	    (verb->most >= 0 && command.n > verb->most)) {
		print_problem("expected %s", verb->least == 0
						     ? "no argument"
						     : verb->arguments);
		return misused(name);
	}
	enum exit_code code =
		check_paths(&command) ? setup_start(&command) : EXIT_MISUSED;
	return code == EXIT_DONE ? print_end(verb->run(&command)) : code;
}

int
main(int argc, char **argv)
{
	const char *name = argc > 1 ? argv[1] : "";

	/* A file that may not grow is an error like a disk that is full. */
	(void)signal(SIGXFSZ, SIG_IGN);

	for (size_t i = 0; i < VERBS; i++)
		if (strcmp(name, verbs[i].name) == 0)
			return (int)run_verb(&verbs[i], argc - 1, argv + 1);
	if (strcmp(name, "--help") == 0) {
		print_usage();
		return (int)print_end(EXIT_DONE);
	}
	if (strcmp(name, "--version") == 0) {
		print("certgate " PACKAGE_VERSION "\n");
		return (int)print_end(EXIT_DONE);
	}
	if (name[0] != '\0')
		print_problem("unknown verb");
	return (int)misused("");
}
