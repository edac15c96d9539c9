/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/hex.h"
#include "host/clock.h"
#include "host/configuration.h"
#include "host/log.h"
#include "host/settings_file.h"
#include "host/settings_warnings.h"
#include "protocol/digest.h"

enum {
	RETRY_MS = 5000, /* if no file changed: the fault may be elsewhere */
	REPEAT_MS = 3600000 /* until the same failure is logged again */
};

/* The result of one attempt to load everything. */
struct attempt {
	struct settings settings;
	struct list list;
	struct store *store; /* NULL: none, or it cannot be opened */
	bool is_new; /* the settings file changed */
	bool is_exposed; /* every user can read the settings file */
	/* ", sha256 " and digits of the list file's digest; empty: no list */
	char digest[32];
	struct error store_fault; /* set: the start found no store */
	struct error e;
};

static void
note_warnings(const struct warnings *warnings, const char *where)
{
	struct error more = { 0 };

	for (unsigned i = 0; i < warnings->n && i < WARNINGS_MAX; i++) {
		struct error warning = warnings->warning[i];
		error_where(&warning, where);
		log_error(warning.severe ? LOG_LEVEL_ERROR : LOG_LEVEL_WARNING,
			  &warning);
	}
	if (warnings->n <= WARNINGS_MAX)
		return;
	error_where(&more, where);
	error_set(&more, "%u more warning%s", warnings->n - WARNINGS_MAX,
		  warnings->n == WARNINGS_MAX + 1 ? "" : "s");
	log_error(LOG_LEVEL_WARNING, &more);
}

static bool
is_same_log(const struct settings *a, const struct settings *b)
{
	return a->log_target == b->log_target &&
	       span_equal(span_of(a->log_file), span_of(b->log_file));
}

static void
note_restart(bool other, bool is_new, const char *name)
{
	if (other && is_new)
		log_note(LOG_LEVEL_WARNING, "%s changed: restart needed", name);
}

/* Warn of changes that need a restart; before: the settings in force before. */
static void
note_process(const struct configuration *c, const struct settings *before)
{
	const struct settings *now = &c->settings, *start = &c->start;

	if (!c->source.is_site) {
		note_restart(!is_same_log(now, start),
			     !is_same_log(now, before), "CERTGATE_LOG");
		note_restart(now->log_format != start->log_format,
			     now->log_format != before->log_format,
			     "CERTGATE_LOG_FORMAT");
	} else if (now->log_target != LOG_TARGET_DEFAULT ||
		   now->log_format != LOG_FORMAT_TEXT) {
		log_note(LOG_LEVEL_WARNING,
			 "CERTGATE_LOG and CERTGATE_LOG_FORMAT are ignored "
			 "here: set them in the main settings");
	}
}

/* Log warnings about valid settings. */
static void
note_settings(const struct configuration *c, const struct settings *before,
	      bool is_exposed)
{
	const struct settings *settings = &c->settings;

	note_warnings(&settings->warnings, "CLIENT_CERT_THUMBPRINT");
	/* A warning for settings; for a key file it would be an error. */
	if (settings->has_secret && is_exposed)
		log_note(LOG_LEVEL_WARNING,
			 "%s: bad permissions: it has a secret and is readable "
			 "by others (fix: chmod o-r %s)",
			 c->source.path, c->source.path);
	settings_warnings_log(settings, (int64_t)time(NULL));
	note_process(c, before);
}

static bool
set_none(const char *why, struct error *e)
{
	struct error none = { 0 };

	error_set(&none, "no configuration: %s (fix: %s)", why,
		  settings_file_fix);
	*e = none;
	return false;
}

/* Load the settings file; text stays empty without one. */
static bool
load_settings_text(struct configuration *c, struct attempt *a,
		   struct buffer *text)
{
	if (c->source.path == NULL)
		return !c->source.is_unknown ||
		       set_none("the user has no home folder", &a->e);
	enum file_result result =
		files_read(&c->files, c->source.path, FILES_SETTINGS,
			   SETTINGS_TEXT_MAX, text, &a->e);
	const struct files_file *file = files_find(&c->files, c->source.path);

	if (file != NULL) {
		a->is_new = !file_same(&file->used, &file->tried);
		a->is_exposed = file->tried.readable;
	}
	return result == FILE_READ ||
	       (result == FILE_ABSENT && !c->source.is_site &&
		!c->has_settings && set_none(a->e.text, &a->e));
}

/* Refuse to run without a setting: the handler would accept every validation
 * and reject every client. */
static bool
check_given(const struct configuration *c, struct error *e)
{
	struct report ignore = { .fault = NULL };
	struct setting_given given[SETTINGS_MAX] = { 0 };
	struct error inner = { 0 };

	if (!settings_given(given, (struct span){ 0 }, NULL,
			    c->source.environment, &ignore, &inner) ||
	    ignore.faults > 0)
		return true; /* reported with the settings */
	for (size_t i = 0; i < SETTINGS_MAX; i++)
		if (given[i].value.ptr != NULL)
			return true;
	return set_none("neither a settings file nor a variable", e);
}

static bool
load_settings(struct configuration *c, struct attempt *a)
{
	struct buffer text;

	buffer_init(&text, 0);
	bool ok = load_settings_text(c, a, &text);
	struct span span = ok ? buffer_span(&text) : (struct span){ 0 };
	if (c->files.starting)
		settings_read_log(&c->start, span, c->source.path,
				  c->source.environment);
	if (ok && span.ptr == NULL)
		ok = check_given(c, &a->e);
	bool go_on = ok || error_report(c->report, &a->e);
	ok &= go_on && settings_report(&a->settings, span, c->source.path,
				       c->source.environment, c->report, &a->e);
	buffer_wipe(&text);
	return ok;
}

static bool
check_time(struct configuration *c, struct attempt *a)
{
	return settings_check_time(&a->settings, c->source.path,
				   (int64_t)time(NULL), &a->e);
}

/* Load a file with secrets; path NULL: not set. */
static bool
load_secret(struct configuration *c, struct attempt *a, const char *path,
	    bool (*take)(struct settings *settings, struct span text,
			 struct error *e))
{
	struct buffer text;

	if (path == NULL)
		return true;
	bool ok = files_read(&c->files, path, FILES_SECRET, SETTINGS_SECRET_MAX,
			     &text, &a->e) == FILE_READ;
	if (ok && !take(&a->settings, buffer_span(&text), &a->e)) {
		error_where(&a->e, path);
		ok = false;
	}
	buffer_wipe(&text);
	return ok;
}

static bool
load_keys(struct configuration *c, struct attempt *a)
{
	return load_secret(c, a, a->settings.keys_file, settings_add_keys);
}

static bool
load_code(struct configuration *c, struct attempt *a)
{
	return load_secret(c, a, a->settings.code_file, settings_set_code);
}

static bool
is_same_text(const char *a, const char *b)
{
	return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

/* Open the store, or keep the one in force if its path is the same.  If the
 * store is missing at the start, go on and reject every client. */
static bool
load_store(struct configuration *c, struct attempt *a)
{
	const struct settings *now = &a->settings, *before = &c->settings;
	struct error e = { 0 };

	if (now->store == NULL)
		return true;
	if (c->store != NULL && is_same_text(now->store, before->store)) {
		a->store = c->store; /* LMDB: one process opens it once */
		if (is_same_text(now->store_owner, before->store_owner))
			return true;
		error_where(&a->e, "CERTGATE_STORE_OWNER");
		return error_set(&a->e, "restart needed");
	}
	a->store = store_open(now->store, now->store_owner, &e);
	if (a->store != NULL)
		return true;
	error_where(&e, "CERTGATE_STORE");
	if (!c->has_list && c->report == NULL) {
		a->store_fault = e;
		return true;
	}
	a->e = e;
	if (c->report == NULL)
		(void)error_prefix(&a->e, "restart needed");
	return false;
}

/* Read a file that an entry names, for struct entry_files. */
static bool
read_named(void *context, const char *path, struct buffer *text,
	   struct error *e)
{
	struct buffer file;
	bool ok = files_read(context, path, FILES_LIST, text->max, &file, e) ==
		  FILE_READ;

	buffer_add(text, buffer_span(&file));
	buffer_wipe(&file);
	if (ok && text->failed)
		return error_set(e, "out of memory");
	return ok;
}

/* Keep the digest for the log: hosts with the same list log the same one. */
static bool
note_digest(struct attempt *a, struct span text)
{
	enum { SHOWN = 8 /* bytes */ };
	const struct span words = SPAN(", sha256 ");
	uint8_t digest[DIGEST_SHA256_SIZE];

	if (!digest_sha256(text, digest))
		return error_set(&a->e, "SHA-256 failed");
	memcpy(a->digest, words.ptr, words.len);
	hex_encode(digest, SHOWN, a->digest + words.len);
	return true;
}

static bool
load_list(struct configuration *c, struct attempt *a)
{
	struct entry_files files = { read_named, &c->files, c->source.pause };
	const char *path = a->settings.list;
	enum file_result result = FILE_READ;
	struct buffer text;

	buffer_init(&text, 0);
	if (path != NULL)
		result = files_read(&c->files, path, FILES_LIST, LIST_TEXT_MAX,
				    &text, &a->e);
	const struct files_file *file =
		path == NULL ? NULL : files_find(&c->files, path);
	if (result == FILE_UNSAFE && file != NULL &&
	    file->seen.size > LIST_TEXT_MAX) {
		(void)list_too_large(&a->e);
		error_where(&a->e, path);
	}
	if (c->report != NULL && result == FILE_READ)
		c->report->where = path;
	bool ok = result == FILE_READ &&
		  list_report(&a->list, buffer_span(&text), a->settings.pins,
			      a->settings.n_pins, &files, c->report, &a->e);
	if (c->report != NULL)
		c->report->where = NULL;
	if (ok && path != NULL)
		ok = note_digest(a, buffer_span(&text));
	if (result == FILE_OUTSIDE)
		error_where(&a->e, "CERTGATE_LIST");
	else if (result == FILE_READ && !ok)
		error_where(&a->e, path);
	buffer_free(&text);
	return ok;
}

/* Put the loaded settings in force, and the list if list is set; a keeps the
 * list before.  Takes ownership; cannot fail. */
static void
put_in_force(struct configuration *c, struct attempt *a, bool list)
{
	bool is_first = !c->has_settings;
	struct settings before = c->settings;
	struct list old = c->list;

	if (c->store != a->store)
		store_close(c->store);
	c->store = a->store;
	c->settings = a->settings;
	a->settings = (struct settings){ 0 };
	c->has_settings = true;
	store_limit_age(c->store, c->settings.store_max_age);
	files_use(&c->files, list ? FILES_USE_ALL : FILES_USE_SETTINGS);
	if (is_first || a->is_new)
		note_settings(c, &before, a->is_exposed);
	settings_free(&before);
	if (!list)
		return;
	c->list = a->list;
	a->list = old;
	if (c->settings.store != NULL)
		c->list.store = store_source(c->store);
	c->has_list = true;
	c->generation++;
	c->said = (struct error){ 0 };
	note_warnings(&c->list.warnings,
		      c->settings.list == NULL ? "list" : c->settings.list);
	log_note(LOG_LEVEL_NOTE,
		 CONFIGURATION_NOTE_LIST "%u: %zu" CONFIGURATION_NOTE_ENTRIES
					 "%s%s",
		 c->generation, c->list.n, c->list.n == 1 ? "y" : "ies",
		 a->digest);
}

/* Drop the configuration of files that are missing. */
static void
drop_missing(struct configuration *c)
{
	const char *settings = files_missing(&c->files, false);
	const char *list = files_missing(&c->files, true);
	bool no_settings = settings != NULL && c->has_settings;

	if (!no_settings && (list == NULL || !c->has_list))
		return;
	log_note(LOG_LEVEL_ERROR, "%s is missing: rejecting all %s",
		 no_settings ? settings : list,
		 no_settings ? "events" : "clients");
	list_free(&c->list);
	c->has_list = false;
	if (no_settings)
		settings_free(&c->settings);
	c->has_settings &= !no_settings;
	c->stale =
		no_settings ? CONFIGURATION_NO_SETTINGS : CONFIGURATION_NO_LIST;
	files_drop(&c->files, !no_settings);
}

static bool
is_said(const struct configuration *c, const struct error *e)
{
	return strcmp(e->text, c->said.text) == 0 &&
	       strcmp(e->where, c->said.where) == 0 &&
	       e->line == c->said.line && clock_ms() - c->said_ms < REPEAT_MS;
}

static void
say_failure(struct configuration *c, const struct error *e)
{
	const char *user = file_reader(), *config = c->source.path;
	bool named = config != NULL && strpbrk(config, "\n \"$&';|") == NULL &&
		     strcmp(config, CERTGATE_CONFIG_DEFAULT) != 0;

	log_error(LOG_LEVEL_ERROR, e);
	c->said = *e;
	c->said_ms = clock_ms();
	log_note(LOG_LEVEL_NOTE, "%s; " CONFIGURATION_NOTE_FAILED "%s%s%s%s",
		 c->has_list ? "the last good settings and list stay in force"
		 : c->has_settings ? CONFIGURATION_NOTE_NONE
			 "clients until the list is valid"
				   : CONFIGURATION_NOTE_NONE
			 "events until the settings are valid",
		 named ? " --config " : "", named ? config : "",
		 user == NULL ? "" : " --as ", user == NULL ? "" : user);
}

static void
say_no_store(struct configuration *c, const struct error *e)
{
	log_error(LOG_LEVEL_ERROR, e);
	log_note(LOG_LEVEL_NOTE, "rejecting all clients without the store");
	c->said = *e;
	c->said_ms = clock_ms();
}

/* Return true if a file is still being written; a start does not wait. */
static bool
must_wait(struct configuration *c)
{
	if (c->files.starting)
		return false;
	files_look(&c->files);
	return files_state(&c->files) == FILES_BUSY;
}

/* The order counts: the steps before the list load the settings. */
static bool (*const steps[])(struct configuration *c, struct attempt *a) = {
	load_settings, check_time, load_keys, load_code, load_store, load_list,
};
enum { STEPS = sizeof(steps) / sizeof(steps[0]), STEP_LIST = STEPS - 1 };

/* Return the first step that failed; STEPS: none.  Later steps run only to
 * report more errors. */
static size_t
load(struct configuration *c, struct attempt *a)
{
	size_t failed = STEPS;

	for (size_t i = 0; i < STEPS; i++) {
		if (steps[i](c, a))
			continue;
		failed = i < failed ? i : failed;
		if (c->report == NULL)
			break;
		if (a->e.set)
			(void)error_report(c->report, &a->e);
	}
	return failed;
}

/* Load everything.  Log a failure if it is a new one, or if say is set. */
static void
try(struct configuration *c, struct attempt *a, bool say)
{
	files_begin(&c->files);
	size_t failed = load(c, a);
	bool settings = failed >= STEP_LIST, all = failed == STEPS;
	bool wait = !all && must_wait(c);
	c->tried_ms = clock_ms();
	if (all || (settings && !wait && !c->has_list))
		put_in_force(c, a, all);
	else
		files_use(&c->files, FILES_USE_NOTHING_NEW);
	if (wait)
		return;
	c->stale = all && !a->store_fault.set ? CONFIGURATION_LOADED
		   : settings		      ? CONFIGURATION_NO_LIST
					      : CONFIGURATION_NO_SETTINGS;
	if (a->store_fault.set)
		say_no_store(c, &a->store_fault);
	if (all)
		return;
	drop_missing(c);
	if (c->report == NULL && (say || !is_said(c, &a->e)))
		say_failure(c, &a->e);
}

static void
attempt(struct configuration *c, bool say)
{
	struct attempt a = { .is_new = false };

	try(c, &a, say);
	if (c->source.pause != NULL)
		c->source.pause();
	if (a.store != c->store)
		store_close(a.store);
	settings_free(&a.settings);
	list_free(&a.list);
}

struct configuration_source
configuration_source(const char *config, char *const *environment)
{
	struct configuration_source source = {
		.path = config == NULL ? settings_file() : config,
		.environment = environment,
	};

	source.is_unknown = source.path == NULL;
	if (config != NULL && strcmp(config, "/dev/null") == 0)
		source.path = NULL;
	return source;
}

void
configuration_open(struct configuration *c, struct configuration_source source,
		   struct report *report)
{
	*c = (struct configuration){ .source = source, .report = report };
	c->files.starting = true;
	attempt(c, true);
	c->files.starting = false;
}

void
configuration_refresh(struct configuration *c, bool now)
{
	files_look(&c->files);
	enum files_state state = files_state(&c->files);
	struct error e = { 0 };
	bool again = now || clock_ms() - c->tried_ms >= RETRY_MS;
	if (state == FILES_CHANGED ||
	    (again &&
	     (state == FILES_OVERDUE || (state == FILES_SAME && c->stale))))
		attempt(c, now || state == FILES_CHANGED);
	drop_missing(c);
	if (c->store != NULL && !store_check(c->store, &e))
		configuration_rest(c);
}

uint64_t
configuration_stored(const struct configuration *c, bool all)
{
	struct stored_counts counts;
	uint64_t n = 0;
	bool ok = store_count(c->store, &counts);

	for (size_t i = 0; ok && i < STORED_KINDS; i++)
		n += counts.entries[i] - (all ? 0 : counts.denies[i]);
	store_rest(c->store);
	return n;
}

void
configuration_rest(struct configuration *c)
{
	struct error e = { 0 };

	store_rest(c->store);
	if (!store_failed(c->store, &e))
		return;
	log_error(LOG_LEVEL_ERROR, &e);
	log_note(LOG_LEVEL_NOTE, "rejecting each client that the store cannot "
				 "be asked about");
}

void
configuration_close_store(struct configuration *c)
{
	store_close(c->store);
	c->store = NULL;
	if (c->list.store != NULL)
		c->list.store = store_source(NULL);
}

void
configuration_close(struct configuration *c)
{
	files_free(&c->files);
	settings_free(&c->settings);
	settings_free(&c->start);
	list_free(&c->list);
	store_close(c->store);
	*c = (struct configuration){ 0 };
}

struct gate
configuration_gate(const struct configuration *c)
{
	return (struct gate){
		.settings = c->has_settings ? &c->settings : NULL,
		.list = c->has_list ? &c->list : NULL,
	};
}

struct span
configuration_word(const struct configuration *c, char text[SPAN_DIGITS_MAX])
{
	if (!c->has_list)
		return SPAN("none");
	if (c->stale)
		return SPAN("stale");
	return span_of_number(c->generation, text);
}
