/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* setup: where settings and list are, found as the handler finds them. */
#ifndef CERTGATE_ADMIN_SETUP_H
#define CERTGATE_ADMIN_SETUP_H

#include <stdbool.h>
#include <stddef.h>

#include "admin/command.h"
#include "base/buffer.h"
#include "base/error.h"
#include "host/configuration.h"
#include "policy/entry.h"
#include "policy/settings.h"

/* How the files are read that entries name. */
extern const struct entry_files setup_files;

/* Find the settings by --config, --site and --list, else by CERTGATE_CONFIG and
 * the environment.  If the settings file is a site's, no setting of the
 * environment counts, as for a handler.  Return EXIT_DONE, or print the
 * problem.  Everything below is about these settings. */
enum exit_code setup_start(const struct command *command);

/* Set *now to the time of --now, else of the clock.  False with e if the option
 * is not a time. */
bool setup_now(const struct command *command, int64_t *now, struct error *e)
	__attribute__((warn_unused_result));

/* Add the settings among variables, strings ended by NUL, to those of the
 * environment, which win.  Borrows them.  False: out of memory. */
bool setup_add_environment(char *variables, size_t length)
	__attribute__((warn_unused_result));

/* True if a setting is in the environment. */
bool setup_has_variables(void);

/* Where they come from. */
struct configuration_source setup_source(void);

/* Return the options that a command for the same settings needs, as they were
 * given, each with a blank before it, valid until the next call; site: the one
 * to name if none was given, or "".  The second is for verbs without --list. */
const char *setup_options(const char *site);
const char *setup_config_options(const char *site);

/* The same for a command to the same database of a fleet. */
const char *setup_connection_option(void);

/* Write a fix of outage.h to text, with setup_options() for each @, and
 * setup_config_options() for each %; "" if it is too long. */
void setup_write_fix(const char *fix, const char *site, char *text,
		     size_t size);
/* The path of the main settings, also if these are a site's; NULL: none. */
const char *setup_main_path(void);

/* The user of --as; NULL: none. */
const char *setup_user(void);

/* The name of the site that this file is of, without .conf; absent if it is of
 * none. */
struct span setup_site(void);

/* Where the handler logs; it is the process's, so the main settings say it. */
struct setup_log {
	enum log_target target;
	char *path; /* of its file: free(); NULL: none */
};

/* False and e if the main settings cannot be read; log->path is NULL then. */
bool setup_log(struct setup_log *log, struct error *e)
	__attribute__((warn_unused_result));

/* True if the settings are the installed ones, of the handler that systemd or a
 * web server of this host starts. */
bool setup_is_installed(void);

/* The unit's process names these settings. */
void setup_set_installed(void);

/* The unit's process has a list of its own: an edit must name it.  The handler
 * can change its own variables, and root must not edit a file that they
 * name. */
void setup_set_other_list(void);

/* Return true if it has, and neither --list nor a variable names one. */
bool setup_has_other_list(void);

/* True if the log is theirs: a file that they name, or the journal of the
 * installed handler. */
bool setup_has_log(void);

/* True if the settings refuse events without a good signature, or cannot be
 * read. */
bool setup_wants_signature(void);

/* Read it into text (initialised here; it may hold secrets: buffer_wipe). */
bool setup_read_config(struct buffer *text, struct error *e)
	__attribute__((warn_unused_result));

/* Read the settings into settings, all zero before.  False with e, and nothing
 * to free, if they do not load. */
bool setup_settings(struct settings *settings, struct error *e)
	__attribute__((warn_unused_result));

/* Give the path of the list: free(). NULL and e if there is none, or the
 * settings are invalid. */
char *setup_list(struct error *e);

/* Read the settings, which must have a store; settings_free().  False with e if
 * they do not load, or name none. */
bool setup_store(struct settings *settings, struct error *e)
	__attribute__((warn_unused_result));

/* Print the errors that would be logged, and nothing else of the log. */
void setup_print_errors(void);

/* Read everything as the handler does, and print the errors.  False if the
 * settings are invalid; to be closed with configuration_close() in any case. */
bool setup_open(struct configuration *store)
	__attribute__((warn_unused_result));

#endif
