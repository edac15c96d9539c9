/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate disconnect: closes the connections of a user, or one, by the
 * service's REST API. */
#include "config.h"

#include "admin/closing.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "admin/web.h"

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
