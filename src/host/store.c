/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "host/clock.h"
#include "host/log.h"
#include "host/notice.h"
#include "host/store.h"
#include "host/watch.h"

enum {
	LOOK_MS = 1000, /* between two looks */
};

/* Adds what a secret's file has to settings. */
static enum file_result
load_secret(struct watch *watch, struct settings *settings,
	    bool (*take)(struct settings *, struct span, struct error *),
	    struct error *e)
{
	struct buffer text;

	if (watch->path == NULL)
		return FILE_READ;
	enum file_result result =
		watch_load(watch, true, SETTINGS_SECRET_MAX, &text, e);
	if (result == FILE_READ && !take(settings, buffer_span(&text), e)) {
		error_where(e, watch->path);
		result = FILE_UNSAFE;
	}
	buffer_wipe(&text);
	return result;
}

static enum file_result
load_settings_text(struct store *store, struct buffer *text, struct error *e)
{
	struct watch *watch = &store->watch[STORE_SETTINGS];
	enum file_result result;

	if (watch->path == NULL) {
		buffer_init(text, 0);
		return FILE_READ;
	}
	result = watch_load(watch, false, SETTINGS_TEXT_MAX, text, e);
	if (result == FILE_ABSENT && store->config_may_miss) {
		*e = (struct error){ 0 };
		return FILE_READ;
	}
	if (result != FILE_ABSENT)
		store->config_may_miss = false;
	return result;
}

/* Reads the settings and the files that they name into fresh; *file is the one
 * that was read last. */
static enum file_result
load_settings(struct store *store, struct settings *fresh, int *file,
	      struct error *e)
{
	struct watch *watch = store->watch;
	struct buffer text;
	enum file_result result = load_settings_text(store, &text, e);

	*file = STORE_SETTINGS;
	if (result == FILE_READ &&
	    (!settings_read(fresh, buffer_span(&text),
			    watch[STORE_SETTINGS].path, store->environment,
			    e) ||
	     !settings_check_time(fresh, (int64_t)time(NULL), e) ||
	     !watch_set(&watch[STORE_KEYS], fresh->keys_file, e) ||
	     !watch_set(&watch[STORE_CODE], fresh->code_file, e)))
		result = FILE_UNSAFE;
	buffer_wipe(&text);
	if (result != FILE_READ)
		return result;
	*file = STORE_KEYS;
	result = load_secret(&watch[STORE_KEYS], fresh, settings_add_keys, e);
	if (result != FILE_READ)
		return result;
	*file = STORE_CODE;
	return load_secret(&watch[STORE_CODE], fresh, settings_set_code, e);
}

static enum file_result
load_list(struct store *store, struct list *fresh, struct sources *sources,
	  struct error *e)
{
	struct entry_files files = { .read = sources_read, .context = sources };
	const struct settings *settings = &store->settings;
	struct watch *watch = &store->watch[STORE_LIST];
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
	struct watch *watch = &store->watch[STORE_LIST];
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
	watch_report(watch, &e);
	if (watch_is_gone(watch, result, now_ms) || store->list_outlived ||
	    sources_are_gone(&store->sources, &sources, now_ms))
		drop_list(store);
	sources_free(&sources);
}

/* True if the list in force was made from other pins than settings have, or
 * from another file: it must not outlive them. */
static bool
is_list_of_others(const struct store *store, const struct settings *fresh)
{
	const struct settings *s = &store->settings;
	const char *path = store->watch[STORE_LIST].path;

	if (s->n_pins != fresh->n_pins ||
	    (path == NULL) != (fresh->list == NULL) ||
	    (path != NULL && strcmp(path, fresh->list) != 0))
		return true;
	for (size_t i = 0; i < fresh->n_pins; i++)
		if (thumbprint_compare(&s->pins[i], &fresh->pins[i]) != 0)
			return true;
	return false;
}

/* True if new settings are in force, and so the list has to be read. */
static bool
take_settings(struct store *store, int64_t now_ms)
{
	struct settings fresh = { 0 };
	struct error e = { 0 };
	int file;
	enum file_result result = load_settings(store, &fresh, &file, &e);
	bool others = result == FILE_READ && is_list_of_others(store, &fresh);

	if (result == FILE_READ && fresh.list != NULL &&
	    file_is_outside(fresh.list, &e)) {
		error_where(&e, "CERTGATE_LIST");
		result = FILE_OUTSIDE;
		file = STORE_SETTINGS;
	}
	if (result == FILE_READ &&
	    !watch_set(&store->watch[STORE_LIST], fresh.list, &e))
		result = FILE_UNSAFE;
	store->settings_stale = result != FILE_READ;
	if (result == FILE_READ) {
		for (int i = STORE_SETTINGS; i < STORE_LIST; i++)
			watch_accept(&store->watch[i]);
		settings_free(&store->settings);
		store->settings = fresh;
		store->has_settings = true;
		store->list_outlived = others;
		notice_settings(&store->settings, &store->watch[STORE_SETTINGS],
				(int64_t)time(NULL));
		return true;
	}
	settings_free(&fresh);
	watch_report(&store->watch[file], &e);
	if (!watch_is_gone(&store->watch[file], result, now_ms) ||
	    !store->has_settings)
		return false;
	settings_free(&store->settings);
	store->has_settings = false;
	log_note(LOG_LEVEL_ERROR, "no settings any more: everybody is refused");
	return false;
}

/* path NULL: all settings are in the environment. */
static void
open_file(struct store *store, const char *path)
{
	struct error e = { 0 };

	if (!watch_set(&store->watch[STORE_SETTINGS], path, &e)) {
		log_error(LOG_LEVEL_ERROR, &e);
		return;
	}
	store->looked_ms = clock_ms();
	if (take_settings(store, store->looked_ms))
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
	for (int i = STORE_SETTINGS; i < STORE_LIST; i++)
		settings |= watch_has_changed(&store->watch[i], now_ms, now);
	/* New settings read the list too: not while it is being written. */
	struct watch *watch = &store->watch[STORE_LIST];
	if (watch_is_busy(watch, now_ms) ||
	    sources_are_busy(&store->sources, now_ms))
		return;
	bool news = false;
	bool list = sources_have_changed(&store->sources, now_ms, now, &news);
	watch->reported &= !news;
	list |= watch_has_changed(watch, now_ms, now);
	if (settings && take_settings(store, now_ms))
		list = true;
	if (list && store->has_settings)
		take_list(store, now_ms);
}

void
store_close(struct store *store)
{
	for (int i = 0; i < STORE_FILES; i++)
		free(store->watch[i].path);
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
store_list_word(const struct store *store, char *text, size_t size)
{
	if (!store->has_list)
		return SPAN("none");
	if (store->list_stale || store->settings_stale)
		return SPAN("stale");
	(void)snprintf(text, size, "%u", store->generation);
	return span_of(text);
}
