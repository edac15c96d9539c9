/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate disconnect, and --disconnect of deny and remove. */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/disconnect.h"
#include "admin/input.h"
#include "admin/print.h"
#include "admin/rest.h"
#include "admin/setup.h"
#include "policy/users.h"
#include "policy/value.h"

enum {
	/* A handler loads a list within two seconds; one is for answers. */
	AGAIN_S = 3,
	HOST_SIZE = 320, /* of https://HOST:PORT */
};

enum kind { USER = 0, CONNECTION };

static const struct {
	const char *name, *method;
	struct span before, after; /* the id, in the path */
} kinds[] = {
	[USER] = { "user", "POST", SPAN_TEXT("/users/"),
		   SPAN_TEXT("/:closeConnections") },
	[CONNECTION] = { "connection", "DELETE", SPAN_TEXT("/connections/"),
			 SPAN_TEXT("") },
};

struct item {
	enum kind kind;
	char *id; /* of a user or a connection; owned */
	bool there; /* the service knows it, or gave no answer */
};

struct closing {
	const struct settings *settings; /* borrowed */
	struct rest rest;
	const char *endpoint; /* NULL: the hosts of the settings */
	struct buffer token; /* of --token-file */
	char **given_hubs; /* of --hub; owned */
	char *const *hubs; /* ended by NULL */
	struct item *items; /* owned */
	size_t n;
	struct buffer there; /* '0' for each call with a 404, else '1' */
};

/* A host of the service, in one round. */
struct host {
	char url[HOST_SIZE]; /* https://HOST */
	char problem[REST_PROBLEM_SIZE]; /* of the last call */
	bool silent; /* no answer: no further call */
};

/* One request to the service. */
struct call {
	struct host *host;
	const char *hub;
	struct item *item;
	bool there; /* the service knew the item when it was asked */
};

static struct rest_call
rest_of(const struct call *call)
{
	return (struct rest_call){
		.method = kinds[call->item->kind].method,
		.host = call->host->url,
		.hub = call->hub,
		.before = kinds[call->item->kind].before,
		.id = span_of(call->item->id),
		.after = kinds[call->item->kind].after,
	};
}

/* False, with the problem in the host, unless the service reports success. */
static bool
close_one(struct closing *closing, const struct call *call)
{
	struct rest_call request = rest_of(call);
	struct host *host = call->host;
	int status = rest_send(&closing->rest, &request, host->problem);

	host->silent = status == 0;
	return status / 100 == 2;
}

/* Note if the service knows the item: only 404 says that it does not. */
static void
ask(struct closing *closing, const struct call *call)
{
	struct rest_call request = rest_of(call);
	struct host *host = call->host;

	request.method = "HEAD";
	request.after = SPAN("");
	int status = host->silent ? 0
				  : rest_send(&closing->rest, &request,
					      host->problem);
	host->silent = status == 0;
	call->item->there |= status != 404;
	buffer_add_byte(&closing->there, status == 404 ? '0' : '1');
}

/* What a round does: one call for each item, host and hub. */
enum round {
	SHOW = 0, /* print the calls, send none */
	ASK, /* note what is there, close nothing */
	CLOSE, /* print what was there and is closed */
	CLOSE_AGAIN, /* print what is not closed */
	CLOSE_ONCE /* print both */
};

static bool
run_call(struct closing *closing, enum round round, const struct call *call)
{
	const char *name = kinds[call->item->kind].name;
	const struct host *host = call->host;
	struct span id = span_of(call->item->id);

	if (round == SHOW) {
		struct rest_call request = rest_of(call);
		rest_show(&request);
		return true;
	}
	if (round == ASK) {
		ask(closing, call);
		return true;
	}
	bool closed = !host->silent && close_one(closing, call);
	if (closed && round != CLOSE_AGAIN && call->there) {
		print("closed: %s ", name);
		print_text(id);
		print(" in hub %s of %s\n", call->hub, host->url);
	}
	if (!closed && round != CLOSE)
		print_problem("still open: %s '%s' in hub %s of %s: %s", name,
			      error_word(id), call->hub, host->url,
			      host->problem);
	return closed;
}

/* Return the n-th host of the service, or its URL; NULL: after the last. */
static const char *
host_at(const struct closing *closing, size_t n)
{
	char *const *origins = closing->settings->origins;

	if (closing->endpoint != NULL)
		return n == 0 ? closing->endpoint : NULL;
	return origins == NULL ? NULL : origins[n];
}

static bool
run_round(struct closing *closing, enum round round)
{
	const char *scheme = closing->endpoint != NULL ? "" : "https://";
	struct span there = buffer_span(&closing->there);
	const char *name;
	bool ok = true;

	for (size_t n = 0; (name = host_at(closing, n)) != NULL; n++) {
		struct host host = { .silent = false };
		size_t length = strlen(name);
		length -= length > 0 && name[length - 1] == '/';
		(void)snprintf(host.url, sizeof(host.url), "%s%.*s", scheme,
			       (int)length, name);
		for (size_t i = 0; i < closing->n; i++)
			for (char *const *hub = closing->hubs; *hub != NULL;
			     hub++) {
				struct call call = {
					&host, *hub, &closing->items[i],
					span_starts(there, SPAN("1"))
				};
				if (there.len > 0)
					there = span_after(there, 1);
				ok &= run_call(closing, round, &call);
			}
	}
	return ok;
}

/* False, and printed, without memory for the answers. */
static bool
ask_all(struct closing *closing)
{
	buffer_init(&closing->there, SIZE_MAX);
	(void)!run_round(closing, ASK);
	if (closing->there.failed)
		print_problem("out of memory");
	return !closing->there.failed;
}

/* https://HOST[:PORT], and perhaps a slash. */
static bool
is_endpoint(struct span url)
{
	struct span scheme = SPAN("https://"), host;
	uint64_t port;

	if (!span_starts(url, scheme))
		return false;
	url = span_after(url, scheme.len);
	url.len -= url.len > 0 && url.ptr[url.len - 1] == '/';
	const char *colon = memrchr(url.ptr, ':', url.len);
	if (colon == NULL)
		return value_is_host(url);
	host = (struct span){ url.ptr, (size_t)(colon - url.ptr) };
	return value_is_host(host) &&
	       span_number(span_after(url, host.len + 1), 1, 65535, &port);
}

static bool
read_hubs(char ***hubs, const char *text)
{
	struct error e = { 0 };

	*hubs = NULL;
	if (text == NULL ||
	    value_words(hubs, span_of(text), value_check_hub, &e))
		return true;
	error_where(&e, "--hub");
	print_error(&e);
	return false;
}

bool
disconnect_check_service(const struct command *command)
{
	const char *endpoint = command->option[OPTION_ENDPOINT];
	char **hubs = NULL;

	if (endpoint != NULL && !is_endpoint(span_of(endpoint))) {
		print_problem("--endpoint: expected https://HOST[:PORT]");
		return false;
	}
	bool ok = read_hubs(&hubs, command->option[OPTION_HUB]);
	value_free_items(hubs);
	return ok;
}

/* Refuse an option that has no effect. */
bool
disconnect_check(const struct command *command)
{
	static const enum command_option closing[] = {
		OPTION_HUB, OPTION_ENDPOINT, OPTION_CA, OPTION_TOKEN_FILE
	};

	if (command->option[OPTION_DISCONNECT] != NULL &&
	    command->option[OPTION_FLEET] != NULL) {
		print_problem("--disconnect: not with --fleet (fix: certgate "
			      "disconnect%s USER)",
			      setup_config_options(""));
		return false;
	}
	if (command->option[OPTION_DISCONNECT] != NULL)
		return disconnect_check_service(command);
	for (size_t i = 0; i < sizeof(closing) / sizeof(closing[0]); i++)
		if (command->option[closing[i]] != NULL) {
			print_problem("--hub, --endpoint, --ca and "
				      "--token-file are for --disconnect");
			return false;
		}
	return true;
}

bool
disconnect_read_token(const struct command *command, struct buffer *text,
		      struct span *token)
{
	const char *path = command->option[OPTION_TOKEN_FILE];
	struct error e = { 0 };

	if (path == NULL ||
	    input_line(path, "a file of one line, a token", text, token, &e))
		return true;
	print_error(&e);
	return false;
}

/* Take hosts and hubs from the options, else from the settings.  Print an error
 * and return false if there are none, or no key and no token. close_closing()
 * in any case. */
static bool
open_closing(struct closing *closing, const struct command *command,
	     const struct settings *settings)
{
	const char *hub = command->option[OPTION_HUB];

	closing->settings = settings;
	closing->rest = (struct rest){ settings, command->option[OPTION_CA] };
	closing->endpoint = command->option[OPTION_ENDPOINT];
	if (!read_hubs(&closing->given_hubs, hub) ||
	    !disconnect_read_token(command, &closing->token,
				   &closing->rest.token))
		return false;
	closing->hubs = hub != NULL ? closing->given_hubs : settings->hubs;
	if (settings->keys.n == 0 && span_empty(closing->rest.token))
		print_problem("no access key (fix: set CERTGATE_ACCESS_KEYS, "
			      "or use --token-file FILE)");
	else if (host_at(closing, 0) == NULL)
		print_problem("CERTGATE_ORIGINS names no host (fix: --endpoint "
			      "https://HOST)");
	else if (closing->hubs == NULL || closing->hubs[0] == NULL)
		print_problem("CERTGATE_HUB names no hub (fix: --hub NAME)");
	else
		return true;
	return false;
}

static void
close_closing(struct closing *closing)
{
	for (size_t i = 0; i < closing->n; i++)
		free(closing->items[i].id);
	free(closing->items);
	buffer_free(&closing->there);
	buffer_wipe(&closing->token);
	value_free_items(closing->given_hubs);
}

/* Refuse "..": a server that normalizes paths would close the whole hub. */
bool
disconnect_names(struct span id)
{
	struct span part;
	bool ok = id.len > 0 && span_is_text(id);

	while (ok && span_next(&id, "/\\", &part))
		ok = !span_equal(part, SPAN(".")) &&
		     !span_equal(part, SPAN(".."));
	return ok;
}

/* Add an item, unless it is there.  False, and printed, if the service could
 * not be asked for it. */
static bool
add_item(struct closing *closing, enum kind kind, struct span id)
{
	if (!disconnect_names(id)) {
		print_problem("invalid %s '%s': no URL can name it",
			      kinds[kind].name, error_word(id));
		return false;
	}
	for (size_t i = 0; i < closing->n; i++)
		if (closing->items[i].kind == kind &&
		    span_equal(span_of(closing->items[i].id), id))
			return true;
	struct item *longer = reallocarray(closing->items, closing->n + 1,
					   sizeof(*closing->items));
	char *copy = span_copy(id);
	if (longer != NULL)
		closing->items = longer;
	if (longer == NULL || copy == NULL) {
		free(copy);
		print_problem("out of memory");
		return false;
	}
	longer[closing->n++] = (struct item){ .kind = kind, .id = copy };
	return true;
}

struct revocation {
	const struct target *target;
	const struct configuration *store;
	struct closing *closing;
	bool open; /* a connection may stay open */
	bool tokens; /* the user id may be from a token */
};

static const char *
name_entry(const struct entry *entry, char text[ENTRY_PLACE_SIZE])
{
	return entry == NULL ? "CERTGATE_REPORT_ONLY_UNTIL"
			     : entry_place(entry->line, text);
}

/* Return true if the entry accepts other certificates than the target. */
static bool
is_of_others(const struct target *target, const struct entry *entry)
{
	return entry->trust != NULL ||
	       (entry->pin.kind != THUMBPRINT_NONE &&
		target_match(target, entry, (struct span){ 0 }) == TARGET_NONE);
}

/* Warn of other clients: the service closes users, not certificates. */
static void
warn_of_others(const struct revocation *r, struct span user)
{
	const struct list *list = &r->store->list;
	char text[ENTRY_PLACE_SIZE];

	for (size_t i = 0; i < list->n; i++) {
		const struct entry *entry = &list->entries[i];
		if (entry->allows && entry->user_source == USER_LITERAL &&
		    span_equal(span_of(entry->user), user) &&
		    is_of_others(r->target, entry))
			print("Clients of %s are the same user: they are "
			      "closed too, and can reconnect.\n",
			      name_entry(entry, text));
	}
}

static void
take_user(void *context, const struct user *user)
{
	struct revocation *r = context;
	size_t before = r->closing->n;
	char text[ENTRY_PLACE_SIZE];

	r->open |= span_empty(user->id) || !user->certain;
	r->tokens |= !user->settled;
	if (r->target->is_certificate && span_empty(user->id))
		print_problem("%s: its clients have no user id",
			      name_entry(user->entry, text));
	else if (!user->certain)
		print_problem("%s: the user id is in the certificate, which is "
			      "not known (fix: give its file)",
			      name_entry(user->entry, text));
	if (span_empty(user->id))
		return;
	if (!add_item(r->closing, USER, user->id))
		r->open = true;
	else if (r->closing->n > before)
		warn_of_others(r, user->id);
}

static bool
find_users(struct revocation *r)
{
	const struct configuration *store = r->store;
	struct span der = { 0 };

	if (!store->has_list) {
		print_problem("no list is loaded");
		return false;
	}
	if (r->target->is_certificate)
		der = buffer_span(&r->target->der);
	if (!users_tell(&store->settings, &store->list, der, &r->target->main,
			(int64_t)time(NULL), take_user, r)) {
		print_problem(
			"the store cannot be read (fix: certgate check%s)",
			setup_options(""));
		return false;
	}
	if (r->closing->n == 0 && !r->open)
		print_problem("no entry matches: the user id of its clients is "
			      "not known");
	else if (r->tokens)
		print("If a client has a token and its entry has no user=, the "
		      "user id is that of the token.\n");
	return r->closing->n > 0;
}

static bool
close_twice(struct closing *closing)
{
	struct timespec rest = { .tv_sec = AGAIN_S };

	if (!ask_all(closing))
		return false;
	(void)!run_round(closing, CLOSE);
	print("Closing again in %d s: until handlers have loaded the list, "
	      "closed clients can reconnect.\n",
	      AGAIN_S);
	(void)fflush(stdout);
	while (nanosleep(&rest, &rest) != 0)
		;
	if (!run_round(closing, CLOSE_AGAIN))
		return false;
	bool was_open = span_contains(buffer_span(&closing->there), SPAN("1"));
	print(was_open ? "closed again\n" : "no open connection was found\n");
	return true;
}

/* Add each word as a user and as a connection: the service does not tell which
 * it is. */
static bool
add_arguments(struct closing *closing, const struct command *command)
{
	for (int i = 0; i < command->n; i++) {
		struct span id = span_of(command->arguments[i]);
		if (!add_item(closing, USER, id) ||
		    !add_item(closing, CONNECTION, id))
			return false;
	}
	return true;
}

struct disconnection {
	struct configuration store;
	struct closing closing;
	struct revocation r;
};

void
disconnect_free(struct disconnection *d)
{
	if (d == NULL)
		return;
	close_closing(&d->closing);
	configuration_close(&d->store);
	free(d);
}

struct disconnection *
disconnect_prepare(const struct command *command, const struct target *target)
{
	struct disconnection *d = calloc(1, sizeof(*d));

	if (d == NULL) {
		print_problem("out of memory");
		return NULL;
	}
	d->r = (struct revocation){ target, &d->store, &d->closing };
	bool ok = setup_open(&d->store) &&
		  open_closing(&d->closing, command, &d->store.settings) &&
		  find_users(&d->r);
	configuration_close_store(&d->store);
	if (ok)
		return d;
	disconnect_free(d);
	return NULL;
}

enum exit_code
disconnect_finish(const struct command *command, struct disconnection *d)
{
	bool dry = command->option[OPTION_DRY_RUN] != NULL;
	bool ok = d != NULL;

	if (ok && dry)
		print("Requests, to be sent twice within %d s:\n", AGAIN_S);
	if (ok)
		ok = (dry ? run_round(&d->closing, SHOW)
			  : close_twice(&d->closing)) &&
		     !d->r.open;
	disconnect_free(d);
	if (ok)
		return EXIT_DONE;
	if (!dry)
		print_problem("the list is changed, but connections may be "
			      "open (fix: find the user or the connection in "
			      "the log, and run certgate disconnect)");
	return EXIT_SYSTEM;
}

/* Close the items, also those that the service does not know, or not yet. */
static enum exit_code
close_once(struct closing *closing)
{
	enum exit_code code = EXIT_DONE;

	if (!ask_all(closing) || !run_round(closing, CLOSE_ONCE))
		return EXIT_SYSTEM;
	/* Each word is a user, then a connection. */
	for (size_t i = 0; i + 1 < closing->n; i += 2) {
		const struct item *item = &closing->items[i];
		if (item[USER].there || item[CONNECTION].there)
			continue;
		print_problem("%s: no such user or connection is connected",
			      error_word(span_of(item->id)));
		code = EXIT_NO;
	}
	return code;
}

enum exit_code
disconnect_run(const struct command *command)
{
	bool dry = command->option[OPTION_DRY_RUN] != NULL;
	struct configuration store = { 0 };
	struct closing closing = { 0 };
	enum exit_code code = EXIT_SYSTEM;

	if (!disconnect_check_service(command))
		return EXIT_MISUSED;
	if (setup_open(&store)) {
		if (!open_closing(&closing, command, &store.settings) ||
		    !add_arguments(&closing, command))
			code = EXIT_MISUSED;
		else if (!dry)
			code = close_once(&closing);
		else if (run_round(&closing, SHOW))
			code = EXIT_DONE;
	}
	close_closing(&closing);
	configuration_close(&store);
	return code;
}
