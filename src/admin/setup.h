/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* setup: where settings and list are, found as the handler finds them. */
#ifndef CERTGATE_ADMIN_SETUP_H
#define CERTGATE_ADMIN_SETUP_H

#include <stdbool.h>

#include "base/buffer.h"
#include "base/error.h"
#include "host/configuration.h"
#include "policy/entry.h"
#include "policy/settings.h"

/* How the files are read that entries name. */
extern const struct entry_files setup_files;

/* Makes the file of the site name the settings file.  False, and said, if there
 * cannot be one. */
bool setup_name_site(const char *name);

/* If the settings file is a site's, makes the environment nobody's, as it is
 * for a handler: no setting of it counts.  False: the system failed. */
bool setup_enter_site(void);

/* The settings file's path; NULL if there is to be none. */
const char *setup_config(void);

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

/* True if the settings refuse events without a good signature, or cannot be
 * read. */
bool setup_wants_signature(void);

/* Reads it into text (initialised here; it may hold secrets: buffer_wipe). */
bool setup_read_config(struct buffer *text, struct error *e)
	__attribute__((warn_unused_result));

/* Gives the path of the list: free(). NULL and e if there is none, or the
 * settings do not read. */
char *setup_list(struct error *e);

/* Reads everything as the handler does, and prints what is wrong.  False if the
 * settings do not read; to be closed with configuration_close() in any case. */
bool setup_open(struct configuration *store)
	__attribute__((warn_unused_result));

#endif
