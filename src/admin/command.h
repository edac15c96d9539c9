/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* command: what the administrator asked for, and the verbs that do it. */
#ifndef CERTGATE_ADMIN_COMMAND_H
#define CERTGATE_ADMIN_COMMAND_H

#include "host/exit_code.h"

enum command_option {
	OPTION_CONFIG = 0,
	OPTION_SITE,
	OPTION_LIST,
	OPTION_JSON,
	OPTION_QUIET,
	OPTION_AS,
	OPTION_DRY_RUN,
	OPTION_REPLACE,
	OPTION_COMMENT,
	OPTION_YES,
	OPTION_SPKI,
	OPTION_OVERLAP,
	OPTION_HUB,
	OPTION_CONNECTION_ID,
	OPTION_USER,
	OPTION_MQTT,
	OPTION_QUERY,
	OPTION_NOW,
	OPTION_FORMAT,
	OPTION_POST,
	OPTION_CA,
	OPTION_TOKEN_FILE,
	OPTION_PROMETHEUS,
	OPTION_TAG,
	OPTION_APACHE,
	OPTION_NGINX,
	OPTION_LIGHTTPD,
	OPTION_ADMITTED,
	OPTION_ALL,
	OPTION_AUTHORIZATION,
	OPTION_VALIDATION,
	OPTION_DENY,
	OPTION_DISCONNECT,
	OPTION_ENDPOINT,
	OPTION_LOG,
	OPTION_SINCE,
	OPTION_STATE,
	OPTION_LAST_USED,
	OPTION_SOCKET,
	OPTION_HTML,
	OPTION_FLEET,
	OPTION_CONNECTION,
	OPTION_HELP,
	OPTIONS
};

struct command {
	const char
		*option[OPTIONS]; /* NULL: not given; "" if it has no value */
	char **arguments; /* behind the verb, without the options */
	int n; /* of arguments */
};

/* One for each verb, in the file of that name.  Says what is wrong itself. */
enum exit_code status_run(const struct command *command);
enum exit_code why_run(const struct command *command);
enum exit_code check_run(const struct command *command);
enum exit_code thumbprint_run(const struct command *command);
enum exit_code list_run(const struct command *command);
enum exit_code pending_run(const struct command *command);
enum exit_code allow_run(const struct command *command);
enum exit_code deny_run(const struct command *command);
enum exit_code disconnect_run(const struct command *command);
enum exit_code sweep_run(const struct command *command);
enum exit_code crl_run(const struct command *command);
enum exit_code remove_run(const struct command *command);
enum exit_code install_list_run(const struct command *command);
enum exit_code rotate_run(const struct command *command);
enum exit_code fleet_run(const struct command *command);
enum exit_code explain_run(const struct command *command);
enum exit_code simulate_run(const struct command *command);
enum exit_code doctor_run(const struct command *command);
enum exit_code stats_run(const struct command *command);
enum exit_code store_run(const struct command *command);
enum exit_code export_run(const struct command *command);
enum exit_code import_run(const struct command *command);
enum exit_code addresses_run(const struct command *command);

#endif
