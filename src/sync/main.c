/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate-sync: keeps a host's store equal to the fleet's database. */
#include "config.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>

#include "base/span.h"
#include "host/database.h"
#include "sync/sync.h"

enum { WAIT_MAX_S = 3600 };

static const char usage[] =
	"Usage: certgate-sync [--connection FILE] [--report FILE] [--wait "
	"SECONDS]\n"
	"                     STORE\n"
	"       certgate-sync --help | --version\n"
	"\n"
	"Keep STORE, which certgate.fcgi reads, equal to the database of the "
	"fleet.\n"
	"\n"
	"  --connection FILE  where the database is, as a connection string "
	"of libpq\n"
	"                     (" DATABASE_SYNC ")\n"
	"  --report FILE      send it to the fleet when it changes\n"
	"  --wait SECONDS     wait this long at most to catch up (10)\n"
	"  --help             print this and exit\n"
	"  --version          print the version and exit\n";

static enum exit_code
misused(const char *why)
{
	(void)fprintf(stderr,
		      "certgate-sync: %s\nTry 'certgate-sync --help'.\n", why);
	return EXIT_MISUSED;
}

static enum exit_code
run(int argc, char **argv, struct sync_options *options, const char *wait)
{
	uint64_t seconds;

	if (!span_number(span_of(wait), 0, WAIT_MAX_S, &seconds))
		return misused("--wait: expected 0 to 3600 seconds");
	if (argc != optind + 1 || argv[optind][0] != '/' ||
	    options->connection[0] != '/' ||
	    (options->report != NULL && options->report[0] != '/'))
		return misused("expected one store, and absolute paths");
	options->wait_s = (int)seconds;
	options->store = argv[optind];
	return sync_run(options);
}

int
main(int argc, char **argv)
{
	static const struct option known[] = {
		{ "connection", required_argument, NULL, 'c' },
		{ "report", required_argument, NULL, 'r' },
		{ "wait", required_argument, NULL, 'w' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct sync_options options = {
		.connection = DATABASE_SYNC,
	};
	const char *wait = "10";
	int option;

	/* A file that may not grow is an error like a disk that is full. */
	(void)signal(SIGXFSZ, SIG_IGN);
	opterr = 0; /* an option may be a secret that was misplaced */
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		switch (option) {
		case 'c':
			options.connection = optarg;
			break;
		case 'r':
			options.report = optarg;
			break;
		case 'w':
			wait = optarg;
			break;
		case 'h':
			(void)fputs(usage, stdout);
			return EXIT_DONE;
		case 'v':
			(void)puts("certgate-sync " PACKAGE_VERSION);
			return EXIT_DONE;
		default:
			return (int)misused("unknown option, or an option "
					    "without its value");
		}
	}
	return (int)run(argc, argv, &options, wait);
}
