/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/disconnect.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "admin/web.h"
#include "policy/form.h"
#include "policy/option.h"
#include "policy/users.h"
#include "policy/value.h"

static const char *const names[] = {
	[SERVICE_USER] = "user",
	[SERVICE_CONNECTION] = "connection",
};

static bool
read_hubs(char ***hubs, const char *text)
{
	struct error e = { 0 };

	*hubs = NULL;
	if (!form_words(hubs, span_of(text), option_check_hub, &e)) {
		error_where(&e, "--hub");
		print_error(&e);
		return false;
	}
	return true;
}

bool
closing_check(const struct command *command)
{
	const char *endpoint = command->option[OPTION_ENDPOINT];
	const char *hub = command->option[OPTION_HUB];
	char **hubs = NULL;

	if (endpoint != NULL && !service_is_endpoint(span_of(endpoint))) {
		print_problem("--endpoint: expected https://HOST");
		return false;
	}
	bool ok = hub == NULL || read_hubs(&hubs, hub);
	value_free_items(hubs);
	return ok;
}

static bool
add_service(struct closing *closing, const char *scheme, struct span host,
	    const char *authorities)
{
	size_t n = closing->n_services;
	struct service *longer = reallocarray(closing->services, n + 1,
					      sizeof(*closing->services));

	if (longer == NULL)
		return false;
	closing->services = longer;
	longer[n] = (struct service){ .authorities = authorities };
	if (host.len > 0 && host.ptr[host.len - 1] == '/')
		host.len--;
	if (asprintf(&longer[n].url, "%s%.*s", scheme, (int)host.len,
		     host.ptr) < 0)
		return false;
	closing->n_services++;
	return true;
}

static bool
find_services(struct closing *closing, const struct command *command)
{
	const char *endpoint = command->option[OPTION_ENDPOINT];
	const char *authorities = command->option[OPTION_CA];
	char *const *origin = closing->settings->origins;
	bool ok = true;

	if (endpoint != NULL)
		ok = add_service(closing, "", span_of(endpoint), authorities);
	for (; ok && endpoint == NULL && origin != NULL && *origin != NULL;
	     origin++)
		ok = add_service(closing, "https://", span_of(*origin),
				 authorities);
	if (!ok)
		print_problem("out of memory");
	else if (closing->n_services == 0)
		print_problem("CERTGATE_ORIGINS names no host: expected "
			      "--endpoint https://HOST");
	return ok && closing->n_services > 0;
}

/* All of them, or none: one that is left out would count as closed. */
static bool
copy_hubs(char ***hubs, char *const *from)
{
	size_t n = 0;

	while (from[n] != NULL)
		n++;
	char **made = calloc(n + 1, sizeof(*made));
	bool ok = made != NULL;
	for (size_t i = 0; ok && i < n; i++)
		ok = (made[i] = strdup(from[i])) != NULL;
	if (ok) {
		*hubs = made;
		return true;
	}
	value_free_items(made);
	print_problem("out of memory");
	return false;
}

static bool
find_hubs(struct closing *closing, const struct command *command)
{
	const char *text = command->option[OPTION_HUB];
	char *const *from = closing->settings->hubs;

	if (text != NULL && !read_hubs(&closing->hubs, text))
		return false;
	if (text == NULL && from != NULL && !copy_hubs(&closing->hubs, from))
		return false;
	if (closing->hubs == NULL || closing->hubs[0] == NULL)
		print_problem("CERTGATE_HUB names no hub: expected --hub NAME");
	return closing->hubs != NULL && closing->hubs[0] != NULL;
}

bool
closing_open(struct closing *closing, const struct command *command,
	     const struct settings *settings)
{
	*closing = (struct closing){ .settings = settings };
	if (settings->n_keys == 0) {
		print_problem("there is no access key: expected "
			      "CERTGATE_ACCESS_KEYS");
		return false;
	}
	return find_services(closing, command) && find_hubs(closing, command);
}

void
closing_close(struct closing *closing)
{
	for (size_t i = 0; i < closing->n_services; i++)
		free(closing->services[i].url);
	for (size_t i = 0; i < closing->n; i++)
		free(closing->items[i].id);
	free(closing->services);
	free(closing->items);
	value_free_items(closing->hubs);
	*closing = (struct closing){ 0 };
}

static bool
has(const struct closing *closing, enum service_kind kind, struct span id)
{
	for (size_t i = 0; i < closing->n; i++)
		if (closing->items[i].target.kind == kind &&
		    span_equal(closing->items[i].target.id, id))
			return true;
	return false;
}

static bool
add_item(struct closing *closing, struct service *service,
	 const struct service_target *target)
{
	struct closing_item *longer = reallocarray(
		closing->items, closing->n + 1, sizeof(*closing->items));

	if (longer == NULL)
		return false;
	closing->items = longer;
	longer[closing->n] =
		(struct closing_item){ .service = service, .target = *target };
	char *id = span_copy(target->id);
	longer[closing->n].id = id;
	longer[closing->n].target.id = span_of(id);
	closing->n += id != NULL;
	return id != NULL;
}

bool
closing_add(struct closing *closing, enum service_kind kind, struct span id)
{
	bool ok = true;

	if (!service_is_name(id)) {
		print_problem("%s '%s' cannot be closed: no path can name it",
			      names[kind], error_word(id));
		return false;
	}
	if (has(closing, kind, id))
		return true;
	for (size_t i = 0; i < closing->n_services; i++)
		for (char **hub = closing->hubs; ok && *hub != NULL; hub++) {
			struct service_target target = {
				.kind = kind,
				.hub = span_of(*hub),
				.id = id,
			};
			ok = add_item(closing, &closing->services[i], &target);
		}
	if (!ok)
		print_problem("out of memory");
	return ok;
}

void
closing_show(const struct closing *closing)
{
	for (size_t i = 0; i < closing->n; i++)
		service_show(closing->items[i].service,
			     &closing->items[i].target);
}

static void
say_closed(const struct closing_item *item)
{
	print("closed: %s ", names[item->target.kind]);
	print_text(item->target.id);
	print(" in hub ");
	print_text(item->target.hub);
	print(" of %s\n", item->service->url);
}

bool
closing_run(struct closing *closing)
{
	bool ok = true;

	for (size_t i = 0; i < closing->n_services; i++)
		closing->services[i].silent[0] = '\0';
	for (size_t i = 0; i < closing->n; i++) {
		struct closing_item *item = &closing->items[i];
		/* Each would be waited for as long again. */
		if (item->service->silent[0] != '\0') {
			item->closed = false;
			memcpy(item->problem, item->service->silent,
			       sizeof(item->problem));
		} else {
			item->closed =
				service_close(item->service, closing->settings,
					      &item->target, item->problem);
		}
		ok &= item->closed;
		if (item->closed && !item->said)
			say_closed(item);
		item->said |= item->closed;
	}
	return ok;
}

void
closing_complain(const struct closing *closing)
{
	for (size_t i = 0; i < closing->n; i++) {
		const struct closing_item *item = &closing->items[i];
		if (!item->closed)
			print_problem("still open: %s '%s' in hub %s of %s: %s",
				      names[item->target.kind],
				      error_word(item->target.id),
				      error_word(item->target.hub),
				      item->service->url, item->problem);
	}
}

struct revocation {
	const struct command *command;
	const struct target *target;
	const struct configuration *store;
	struct closing closing;
	bool open; /* somebody may be connected who cannot be closed */
	bool tokens; /* a token's user id may be in the place of one found */
};

/* The entry as a message names it; text has room for it. */
static const char *
name_of(const struct entry *entry, char text[32])
{
	if (entry == NULL)
		return "CERTGATE_REPORT_ONLY_UNTIL";
	if (entry->line == 0)
		return "CLIENT_CERT_THUMBPRINT";
	(void)snprintf(text, 32, "line %u", entry->line);
	return text;
}

/* It is by another pin: who comes in by it is somebody else. */
static bool
is_of_others(const struct revocation *r, const struct entry *entry)
{
	return entry->pin.kind != THUMBPRINT_NONE &&
	       thumbprint_compare(&r->target->main, &entry->pin) != 0 &&
	       !target_is_otherwise(r->target, entry);
}

/* A user is closed whole; the service knows no certificates. */
static void
warn_of_others(const struct revocation *r, const struct user *user)
{
	const struct list *list = &r->store->list;
	char text[32];

	for (size_t i = 0; i < list->n; i++) {
		const struct entry *entry = &list->entries[i];
		bool same = entry->allows && entry->terms != NULL &&
			    entry->terms->user_source == USER_LITERAL &&
			    span_equal(span_of(entry->terms->user), user->id);
		if (!same || (entry->trust == NULL && !is_of_others(r, entry)))
			continue;
		print("Who comes in by %s is the same user, is closed, too, "
		      "and can come back.\n",
		      name_of(entry, text));
	}
}

static void
take_user(void *context, const struct user *user)
{
	struct revocation *r = context;
	char text[32];

	if (r->target->is_certificate && span_empty(user->id))
		print_problem("%s gives its clients no user id",
			      name_of(user->entry, text));
	else if (!user->certain)
		print_problem("%s takes the user id from the certificate, "
			      "which is not known here: give its file",
			      name_of(user->entry, text));
	r->open |= span_empty(user->id) || !user->certain;
	r->tokens |= !user->settled;
	if (span_empty(user->id))
		return;
	size_t before = r->closing.n;
	if (!closing_add(&r->closing, SERVICE_USER, user->id))
		r->open = true;
	else if (r->closing.n > before)
		warn_of_others(r, user);
}

static bool
find_users(struct revocation *r)
{
	struct span der = buffer_span(&r->target->der);
	const struct configuration *store = r->store;

	if (!store->has_list) {
		print_problem("there is no list that reads");
		return false;
	}
	if (!r->target->is_certificate)
		der = (struct span){ 0 };
	if (!users_tell(&store->settings, &store->list, der, &r->target->main,
			(int64_t)time(NULL), take_user, r))
		return false;
	if (r->closing.n == 0 && !r->open)
		print_problem("no entry has it, so nobody knows as whom its "
			      "clients are connected");
	else if (r->tokens)
		print("A client with a token of its own has that token's user "
		      "id, where the entry has no user=.\n");
	return r->closing.n > 0;
}

static bool
close_twice(struct revocation *r)
{
	struct timespec rest = { .tv_sec = REVOCATION_AGAIN_S };

	(void)!closing_run(&r->closing);
	print("Once more in %d s: until handlers have the list, who is closed "
	      "can come back.\n",
	      REVOCATION_AGAIN_S);
	(void)fflush(stdout);
	while (nanosleep(&rest, &rest) != 0)
		;
	bool ok = closing_run(&r->closing);
	if (ok)
		print("closed once more\n");
	else
		closing_complain(&r->closing);
	return ok;
}

static bool
revoke(struct revocation *r)
{
	if (!find_users(r))
		return false;
	if (r->command->option[OPTION_DRY_RUN] == NULL)
		return close_twice(r) && !r->open;
	print("To be asked for at once, and again after %d s:\n",
	      REVOCATION_AGAIN_S);
	closing_show(&r->closing);
	return !r->open;
}

enum exit_code
revocation_run(const struct command *command, const struct target *target)
{
	struct configuration store = { 0 };
	struct revocation r = { .command = command,
				.target = target,
				.store = &store };
	bool ok = false;

	if (setup_open(&store) && web_start()) {
		ok = closing_open(&r.closing, command, &store.settings) &&
		     revoke(&r);
		closing_close(&r.closing);
		web_stop();
	}
	configuration_close(&store);
	if (ok)
		return EXIT_DONE;
	/* A dry run has done nothing that is to be set right. */
	if (command->option[OPTION_DRY_RUN] != NULL)
		return EXIT_SYSTEM;
	print_problem("the list is as asked, but not all that may be open was "
		      "closed: find it in the log, and give its user or "
		      "connection to certgate disconnect");
	return EXIT_SYSTEM;
}

/* A word may be the id of either; the service does not say of which. */
static bool
add(struct closing *closing, const struct command *command)
{
	for (int i = 0; i < command->n; i++) {
		struct span id = span_of(command->arguments[i]);
		if (!closing_add(closing, SERVICE_USER, id) ||
		    !closing_add(closing, SERVICE_CONNECTION, id))
			return false;
	}
	return true;
}

static enum exit_code
disconnect(const struct command *command, const struct settings *settings)
{
	struct closing closing;
	enum exit_code code = EXIT_MISUSED;

	if (closing_open(&closing, command, settings) &&
	    add(&closing, command)) {
		code = EXIT_DONE;
		if (command->option[OPTION_DRY_RUN] != NULL)
			closing_show(&closing);
		else if (!closing_run(&closing))
			code = EXIT_SYSTEM;
		if (code == EXIT_SYSTEM)
			closing_complain(&closing);
	}
	closing_close(&closing);
	return code;
}

enum exit_code
disconnect_run(const struct command *command)
{
	struct configuration store = { 0 };
	enum exit_code code = EXIT_SYSTEM;

	if (!closing_check(command))
		return EXIT_MISUSED;
	if (setup_open(&store) && web_start()) {
		code = disconnect(command, &store.settings);
		web_stop();
	}
	configuration_close(&store);
	return code;
}
