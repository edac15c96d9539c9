/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/clock.h"
#include "host/log.h"
#include "host/notice.h"
#include "host/store.h"
#include "host/watch.h"

enum { LOOK_MS = 1000 /* between two looks */ };

static enum file_result
load_settings_text(struct store *store, struct buffer *text, struct error *e)
{
	struct watch *watch = &store->file;
	enum file_result result;

	if (watch->path == NULL) {
		buffer_init(text, 0);
		return FILE_READ;
	}
	result = watch_load(watch, false, SETTINGS_TEXT_MAX, text, e);
	if (result == FILE_ABSENT && store->config_may_miss &&
	    watch_is_missing(watch)) {
		*e = (struct error){ 0 };
		return FILE_READ;
	}
	if (result != FILE_ABSENT)
		store->config_may_miss = false;
	/* As a copy to a full disk leaves it. */
	if (result == FILE_READ && text->len == 0) {
		error_set(e,
			  "%s is empty: expected settings, or a comment at "
			  "least",
			  watch->path);
		return FILE_UNSAFE;
	}
	return result;
}

/* Reads the settings, without the files that they name, into fresh. */
static enum file_result
load_settings(struct store *store, struct settings *fresh, struct error *e)
{
	struct buffer text;
	enum file_result result = load_settings_text(store, &text, e);

	if (result == FILE_READ &&
	    (!settings_read(fresh, buffer_span(&text), store->file.path,
			    store->environment, e) ||
	     !settings_check_time(fresh, store->file.path, (int64_t)time(NULL),
				  e)))
		result = FILE_UNSAFE;
	if (result != FILE_READ)
		settings_read_fixed(fresh, buffer_span(&text), store->file.path,
				    store->environment);
	buffer_wipe(&text);
	return result;
}

static enum file_result
load_list(struct store *store, struct list *fresh, struct sources *sources,
	  struct error *e)
{
	struct entry_files files = { .read = sources_read, .context = sources };
	const struct settings *settings = &store->settings;
	struct watch *watch = &store->named.watch[NAMED_LIST];
	enum file_result result = FILE_READ;
	struct buffer text;

	buffer_init(&text, 0);
	if (watch->path != NULL)
		result = watch_load(watch, false, LIST_TEXT_MAX, &text, e);
	if (result == FILE_READ &&
	    !list_build(fresh, buffer_span(&text), settings->pins,
			settings->n_pins, &files, e)) {
		error_where(e, watch->path);
		result = FILE_UNSAFE;
	}
	buffer_free(&text);
	return result;
}

static void
drop_list(struct store *store)
{
	list_free(&store->list);
	if (store->has_list)
		log_note(LOG_LEVEL_ERROR,
			 "no list any more: everybody is refused");
	store->has_list = false;
}

static void
take_list(struct store *store, int64_t now_ms)
{
	struct watch *watch = &store->named.watch[NAMED_LIST];
	struct list fresh = { 0 };
	struct sources sources = { .result = FILE_READ };
	struct error e = { 0 };
	enum file_result result = load_list(store, &fresh, &sources, &e);

	store->list_stale = result != FILE_READ;
	if (result == FILE_READ) {
		store->list_outlived = false;
		watch_accept(watch);
		list_free(&store->list);
		sources_free(&store->sources);
		store->list = fresh;
		store->sources = sources;
		store->has_list = true;
		store->generation++;
		notice_warnings(&fresh.warnings, watch->path);
		log_note(LOG_LEVEL_NOTE, "list %u: %zu entries",
			 store->generation, store->list.n);
		return;
	}
	bool said = watch_report(watch, &e), had = store->has_list;
	if (watch_is_gone(watch, result, now_ms) || store->list_outlived ||
	    sources_are_gone(&store->sources, &sources, now_ms))
		drop_list(store);
	if (said && store->has_list == had)
		log_note(LOG_LEVEL_NOTE,
			 had ? "the last good list stays in force"
			     : "nobody gets in until the list reads");
	sources_free(&sources);
}

/* True if the list in force was made from other pins than settings have, or
 * from another file: it must not outlive them.  Of settings that are gone
 * nobody knows the pins any more. */
static bool
is_list_of_others(const struct store *store, const struct settings *fresh)
{
	const struct settings *s = &store->settings;

	if (!store->has_settings || s->n_pins != fresh->n_pins ||
	    !watch_is_of(&store->named.watch[NAMED_LIST], fresh->list))
		return true;
	for (size_t i = 0; i < fresh->n_pins; i++)
		if (thumbprint_compare(&s->pins[i], &fresh->pins[i]) != 0)
			return true;
	return false;
}

/* Cannot fail. */
static void
adopt(struct store *store, struct settings *fresh)
{
	store->list_outlived = is_list_of_others(store, fresh);
	named_adopt(&store->named, fresh);
	watch_accept(&store->file);
	settings_free(&store->settings);
	store->settings = *fresh;
	store->has_settings = true;
	notice_settings(&store->settings, &store->file, (int64_t)time(NULL));
}

static void
drop_settings(struct store *store)
{
	settings_free(&store->settings);
	store->has_settings = false;
	log_note(LOG_LEVEL_ERROR, "no settings any more: everybody is refused");
}

/* True if new settings are in force, and so the list has to be read.  If not,
 * all that was in force is.  The first ones may be waited for: there are none
 * to go on with, and the sandbox lets in what they name. */
static bool
take_settings(struct store *store, int64_t now_ms, bool first)
{
	struct settings fresh = { 0 };
	struct watch *last = &store->file;
	struct error e = { 0 };

	if (first)
		watch_settle(&store->file);
	enum file_result result = load_settings(store, &fresh, &e);
	if (result == FILE_READ)
		result = named_load(&store->named, &fresh, first, &last, &e);
	if (result == FILE_READ && fresh.list != NULL &&
	    file_is_outside(fresh.list, &e)) {
		error_where(&e, "CERTGATE_LIST");
		result = FILE_OUTSIDE;
		last = &store->file;
	}
	store->settings_stale = result != FILE_READ;
	if (result == FILE_READ) {
		adopt(store, &fresh);
		return true;
	}
	if (!store->has_settings) {
		settings_free(&store->settings);
		store->settings.log_target = fresh.log_target;
		store->settings.log_file = fresh.log_file;
		store->settings.log_format = fresh.log_format;
		fresh.log_file = NULL;
	}
	settings_free(&fresh);
	bool said = watch_report(last, &e), had = store->has_settings;
	bool gone = watch_is_gone(last, result, now_ms);
	named_pass_over(&store->named, now_ms);
	gone |= named_is_gone(&store->named, now_ms);
	if (gone && had)
		drop_settings(store);
	else if (said)
		log_note(LOG_LEVEL_NOTE,
			 had ? "the last good settings stay in force"
			     : "nobody gets in until the settings read");
	return false;
}

/* path NULL: all settings are in the environment. */
static void
open_file(struct store *store, const char *path)
{
	struct error e = { 0 };

	if (!watch_set(&store->file, path, REST_ALWAYS, &e)) {
		log_error(LOG_LEVEL_ERROR, &e);
		return;
	}
	store->looked_ms = clock_ms();
	if (!take_settings(store, store->looked_ms, true))
		return;
	watch_settle(&store->named.watch[NAMED_LIST]);
	take_list(store, store->looked_ms);
}

void
store_open(struct store *store, char *const *environment)
{
	const char *path = getenv("CERTGATE_CONFIG");

	*store = (struct store){ .environment = environment };
	store->config_may_miss = path == NULL;
	if (path == NULL)
		path = CERTGATE_CONFIG_DEFAULT;
	open_file(store, strcmp(path, "/dev/null") == 0 ? NULL : path);
}

void
store_open_site(struct store *store, const char *path)
{
	static char *const nothing[] = { NULL };

	*store = (struct store){ .environment = nothing };
	open_file(store, path);
}

void
store_refresh(struct store *store, bool now)
{
	int64_t now_ms = clock_ms();
	bool settings = false;

	if (!now && now_ms - store->looked_ms < LOOK_MS)
		return;
	store->looked_ms = now_ms;
	settings |= watch_has_changed(&store->file, now_ms, now);
	settings |= named_has_changed(&store->named, now_ms, now);
	/* New settings read the list too: not while it, or what it names, is
	 * being written.  But a deny does not wait for a CRL. */
	struct watch *watch = &store->named.watch[NAMED_LIST];
	bool news = false, list = watch_has_changed(watch, now_ms, now);
	if (watch_is_busy(watch, now_ms) ||
	    (!list && sources_are_busy(&store->sources, now_ms)))
		return;
	list |= sources_have_changed(&store->sources, now_ms, now, &news);
	watch->reported &= !news;
	/* Nor are settings taken up by halves: not with a secret that is being
	 * written, nor with one that is at rest while they are not. */
	settings = settings && !watch_is_written(&store->file, now_ms) &&
		   !named_are_written(&store->named, now_ms);
	if (settings && take_settings(store, now_ms, false))
		list = true;
	if (list && store->has_settings)
		take_list(store, now_ms);
}

void
store_close(struct store *store)
{
	free(store->file.path);
	named_free(&store->named);
	settings_free(&store->settings);
	list_free(&store->list);
	sources_free(&store->sources);
	*store = (struct store){ 0 };
}

struct gate
store_gate(const struct store *store)
{
	return (struct gate){
		.settings = store->has_settings ? &store->settings : NULL,
		.list = store->has_list ? &store->list : NULL,
	};
}

struct span
store_list_word(const struct store *store, char text[SPAN_DIGITS_MAX])
{
	if (!store->has_list)
		return SPAN("none");
	if (store->list_stale || store->settings_stale)
		return SPAN("stale");
	return span_of_number(store->generation, text);
}
