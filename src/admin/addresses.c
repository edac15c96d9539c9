/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate addresses: from the provider's service tags to a web server's lines
 * that let the service in and nobody else. */
#include "config.h"

#include "admin/command.h"
#include "admin/input.h"
#include "admin/print.h"
#include "admin/service_tags.h"

static const struct server {
	enum command_option option;
	const char *before, *around, *behind, *after; /* each address */
} servers[] = {
	{ OPTION_APACHE, "<RequireAny>\n", "\tRequire ip ", "\n",
	  "</RequireAny>\n" },
	{ OPTION_NGINX, "", "allow ", ";\n", "deny all;\n" },
	{ OPTION_LIGHTTPD, "", "$HTTP[\"remoteip\"] == \"", "\" {\n} else ",
	  "{\n\turl.access-deny = ( \"\" )\n}\n" },
};

enum { SERVERS = sizeof(servers) / sizeof(servers[0]) };

/* The one that was asked for; NULL if none or several were. */
static const struct server *
find_server(const struct command *command)
{
	const struct server *found = NULL;

	for (size_t i = 0; i < SERVERS; i++) {
		if (command->option[servers[i].option] == NULL)
			continue;
		if (found != NULL)
			return NULL;
		found = &servers[i];
	}
	return found;
}

static void
print_lines(const struct service_tags *tags, const struct server *server,
	    const char *name)
{
	print("# %s, %zu addresses, change %lld\n%s", error_word(span_of(name)),
	      tags->n, (long long)tags->change, server->before);
	for (size_t i = 0; i < tags->n; i++)
		print("%s%s%s", server->around, tags->address[i],
		      server->behind);
	print("%s", server->after);
}

enum exit_code
addresses_run(const struct command *command)
{
	const struct server *server = find_server(command);
	const char *name = command->option[OPTION_TAG];
	struct service_tags tags = { 0 };
	struct error e = { 0 };
	struct buffer text;
	enum exit_code code = EXIT_NO;

	if (server == NULL) {
		print_problem("expected one of --apache, --nginx and "
			      "--lighttpd");
		return EXIT_MISUSED;
	}
	if (name == NULL)
		name = "AzureWebPubSub";
	if (!input_read_large(command->arguments[0],
			      "the provider's file of service tags",
			      SERVICE_TAGS_MAX, &text, &e)) {
		print_error(&e);
		code = EXIT_SYSTEM;
	} else if (!service_tags_read(&tags, buffer_span(&text), name, &e)) {
		error_where(&e, input_name(command->arguments[0]));
		print_error(&e);
	} else {
		print_lines(&tags, server, name);
		code = EXIT_DONE;
	}
	service_tags_free(&tags);
	buffer_free(&text);
	return code;
}
