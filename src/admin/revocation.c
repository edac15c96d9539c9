/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin/closing.h"
#include "admin/print.h"
#include "admin/revocation.h"
#include "admin/setup.h"
#include "admin/web.h"
#include "policy/users.h"

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
