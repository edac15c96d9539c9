/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * configuration: settings, keys, code, list, and the files that the list names,
 * read from the disk and read again when one of them changes.
 *
 * All of them are one attempt: every file loads, or what is in force stays and
 * the log says why, once an hour.  While no list is in force, settings that
 * load are used without one.  A file in use that is missing ends what was read
 * from it: without settings, keys or code every event is rejected; without the
 * list, or a file that it names, every client.  The store is opened when the
 * settings first name it, and stays open; if it cannot be used, every client is
 * rejected.
 */
#ifndef CERTGATE_HOST_CONFIGURATION_H
#define CERTGATE_HOST_CONFIGURATION_H

#include <stdbool.h>
#include <stdint.h>

#include "handler.h"
#include "host/files.h"
#include "host/store.h"
#include "policy/list.h"
#include "policy/settings.h"

/* Words of the log that certgate reads: a load begins with the first two, and
 * a failed one has the last. */
#define CONFIGURATION_NOTE_LIST "list "
#define CONFIGURATION_NOTE_ENTRIES " entr"
#define CONFIGURATION_NOTE_FAILED "see certgate check"
/* Without a last good configuration. */
#define CONFIGURATION_NOTE_NONE "rejecting all "

/* Where settings come from; borrows its members. */
struct configuration_source {
	const char *path; /* of the settings file; NULL: none */
	bool is_unknown; /* no path: the user has no home folder */
	bool is_site; /* of a process whose main settings are elsewhere */
	char *const *environment; /* ended by NULL; NULL: none */
	void (*pause)(void); /* of struct entry_files */
};

/* What the last attempt failed at. */
enum configuration_fault {
	CONFIGURATION_LOADED = 0,
	CONFIGURATION_NO_SETTINGS,
	CONFIGURATION_NO_LIST
};

struct configuration {
	struct configuration_source source;
	struct report *report; /* borrowed; of all faults of all files; NULL:
				* the first one ends an attempt */
	struct files files;
	struct settings settings; /* empty without has_settings */
	struct list list; /* empty without has_list */
	struct store *store; /* owned; NULL: none, or it cannot be opened */
	bool has_settings;
	bool has_list; /* also if the settings name none */
	enum configuration_fault stale; /* with it, the last good ones stay */
	unsigned generation; /* lists loaded so far */
	struct settings start; /* the log alone: that of the start,
				* which the process keeps */
	struct error said; /* of the last failure that was logged */
	int64_t said_ms; /* monotonic, as is the next */
	int64_t tried_ms;
};

/* Return the source that CERTGATE_CONFIG, with the value config (NULL: not
 * set), and the environment are. */
struct configuration_source configuration_source(const char *config,
						 char *const *environment);

/* Read everything.  The source's members stay borrowed.  Errors are reported,
 * or else (report NULL) the first is logged; the configuration can be used in
 * any case, and then rejects. */
void configuration_open(struct configuration *c,
			struct configuration_source source,
			struct report *report);

/* Look at the files, and try again what failed: soon, or now. */
void configuration_refresh(struct configuration *c, bool now);

void configuration_close(struct configuration *c);

/* Close the store alone: no client is accepted any more. */
void configuration_close_store(struct configuration *c);

/* Return how many entries the store has: all, or those that allow; 0: none, or
 * it cannot be read.  Not within a request. */
uint64_t configuration_stored(const struct configuration *c, bool all);

/* Behind each request: let the store rest, and log why it failed. */
void configuration_rest(struct configuration *c);

/* What decides at this moment. */
struct gate configuration_gate(const struct configuration *c);

/* For the log: the number of the list; "stale" if the last attempt failed;
 * "none" if every client is rejected. */
struct span configuration_word(const struct configuration *c,
			       char text[SPAN_DIGITS_MAX]);

#endif
