/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate.fcgi: the event handler. */
#include "config.h"

#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "host/cgi.h"
#include "host/listener.h"
#include "host/settings_file.h"
#include "host/start.h"

static const char usage[] =
	"Usage: certgate.fcgi [--listen ADDRESS] [--listen-mode MODE]\n"
	"                     [--listen-group GROUP] [--no-sandbox]\n"
	"                     [--help] [--version]\n"
	"\n"
	"Answer the events of Azure Web PubSub, and accept or reject clients "
	"by\n"
	"their TLS certificates.  A web server starts the program, as FastCGI "
	"or\n"
	"plain CGI.\n"
	"\n"
	"  --listen ADDRESS      listen on an absolute path, 127.0.0.1:PORT "
	"or\n"
	"                        [::1]:PORT\n"
	"  --listen-mode MODE    set the socket's mode, octal (default 0660)\n"
	"  --listen-group GROUP  set the socket's group\n"
	"  --no-sandbox          do not enter the sandbox (for debugging)\n"
	"  --help                print this and exit\n"
	"  --version             print the version and exit\n"
	"\n"
	"Settings come from %s or the\n"
	"file that CERTGATE_CONFIG names, and from the environment.\n";

static enum exit_code
misused(void)
{
	(void)fputs("Try 'certgate.fcgi --help'.\n", stderr);
	return EXIT_MISUSED;
}

static enum exit_code
run(const struct start_options *options)
{
	struct error e = { 0 };

	if (options->listener.address != NULL &&
	    !listener_check(&options->listener, &e)) {
		(void)fprintf(stderr, "certgate.fcgi: %s\n", e.text);
		return misused();
	}
	if (options->listener.address == NULL && !listener_is(STDIN_FILENO)) {
		(void)fputs("certgate.fcgi: file descriptor 0 does not listen, "
			    "and there is no --listen.\n",
			    stderr);
		return misused();
	}
	return start_fastcgi(options);
}

static enum exit_code
read_arguments(int argc, char **argv)
{
	static const struct option options[] = {
		{ "listen", required_argument, NULL, 'l' },
		{ "listen-mode", required_argument, NULL, 'm' },
		{ "listen-group", required_argument, NULL, 'g' },
		{ "no-sandbox", no_argument, NULL, 's' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	struct start_options start = { .sandbox = true };
	int option;

	opterr = 0; /* an unknown option may be a secret */
	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'l':
			start.listener.address = optarg;
			break;
		case 'm':
			start.listener.mode = optarg;
			break;
		case 'g':
			start.listener.group = optarg;
			break;
		case 's':
			start.sandbox = false;
			break;
		case 'h':
			(void)printf(usage, settings_file_shown);
			return EXIT_DONE;
		case 'v':
			(void)puts("certgate.fcgi " PACKAGE_VERSION);
			return EXIT_DONE;
		default:
			(void)fputs("certgate.fcgi: unknown option, or an "
				    "option without its value\n",
				    stderr);
			return misused();
		}
	}
	if (optind < argc)
		return misused();
	return run(&start);
}

int
main(int argc, char **argv)
{
	/* A write to a log without a reader, or beyond a limit of size, must
	 * fail, and not end the process before its answer. */
	(void)signal(SIGPIPE, SIG_IGN);
	(void)signal(SIGXFSZ, SIG_IGN);
	/* A web server makes arguments from a query string (RFC 3875 4.4),
	 * which any client can write: they are ignored. */
	if (cgi_is_called())
		return (int)start_cgi();
	return (int)read_arguments(argc, argv);
}
