/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate store init: makes the store that CERTGATE_STORE names. */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/command.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "admin/unit.h"
#include "host/account.h"
#include "host/file.h"
#include "host/store_writer.h"

/* The owner of the files, and the handler's group, which reads them. */
struct owners {
	uid_t owner;
	gid_t group;
};

/* Find the user of --as, else of the installed handler.  Without one, the files
 * are this user's alone.  False, and printed, if there is no such user. */
static bool
find_owners(const struct command *command, const struct settings *settings,
	    struct owners *owners)
{
	const char *handler = command->option[OPTION_AS];
	uid_t user;
	gid_t group;

	*owners = (struct owners){ (uid_t)-1, (gid_t)-1 };
	if (settings->store_owner != NULL &&
	    !account_user(settings->store_owner, &owners->owner, &group)) {
		print_problem("CERTGATE_STORE_OWNER: no such user");
		return false;
	}
	if (handler == NULL && geteuid() == 0 && setup_is_installed()) {
		if (!account_user(unit_user(), &user, &owners->group))
			owners->group = (gid_t)-1;
		return true;
	}
	if (handler == NULL || account_user(handler, &user, &owners->group))
		return true;
	print_problem("--as: no such user");
	return false;
}

static enum exit_code
init(const struct command *command, const struct settings *settings)
{
	const char *path = settings->store;
	struct owners owners;
	struct error e = { 0 };
	bool made;

	if (!find_owners(command, settings, &owners))
		return EXIT_NO;
	if (!store_create(path, owners.owner, owners.group, &made, &e)) {
		print_error(&e);
		return EXIT_SYSTEM;
	}
	struct store_writer *w =
		store_writer_open(path, settings->store_owner, &e);
	bool ok = w != NULL && store_writer_begin(w, &e);
	store_writer_close(w);
	if (!ok) {
		print_error(&e);
		return EXIT_SYSTEM;
	}
	print_text(span_of(path));
	print(made ? ": made; a handler that runs uses it once it is "
		     "restarted\n"
		   : ": is there\n");
	return EXIT_DONE;
}

enum exit_code
store_run(const struct command *command)
{
	struct settings settings = { 0 };
	struct error e = { 0 };
	enum exit_code code = EXIT_SYSTEM;

	if (strcmp(command->arguments[0], "init") != 0) {
		print_problem("expected init");
		return EXIT_MISUSED;
	}
	if (!setup_store(&settings, &e))
		print_error(&e);
	else
		code = init(command, &settings);
	settings_free(&settings);
	return code;
}
