/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>

#include "host/clock.h"
#include "host/named.h"

typedef bool take_function(struct settings *settings, struct span text,
			   struct error *e);

/* The path of each file in settings, in the order of the enum. */
static const char *
path_of(const struct settings *settings, int file)
{
	const char *const path[NAMED_FILES] = {
		[NAMED_KEYS] = settings->keys_file,
		[NAMED_CODE] = settings->code_file,
		[NAMED_LIST] = settings->list,
	};

	return path[file];
}

/* The watch in force if it is of that path, else the one that is wanted. */
static struct watch *
watch_of(struct named *named, const struct settings *settings, int file)
{
	return watch_is_of(&named->watch[file], path_of(settings, file))
		       ? &named->watch[file]
		       : &named->wanted[file];
}

/* Watches what settings want and is not in force. */
static bool
want(struct named *named, const struct settings *settings, struct error *e)
{
	for (int i = 0; i < NAMED_FILES; i++) {
		bool other = watch_of(named, settings, i) == &named->wanted[i];
		if (!watch_set(&named->wanted[i],
			       other ? path_of(settings, i) : NULL,
			       i == NAMED_LIST ? REST_FOR_A_WHILE : REST_ALWAYS,
			       e))
			return false;
	}
	return true;
}

static enum file_result
load_secret(struct watch *watch, struct settings *settings, take_function *take,
	    struct error *e)
{
	struct buffer text;
	enum file_result result =
		watch_load(watch, true, SETTINGS_SECRET_MAX, &text, e);

	if (result == FILE_READ && !take(settings, buffer_span(&text), e)) {
		error_where(e, watch->path);
		result = FILE_UNSAFE;
	}
	buffer_wipe(&text);
	return result;
}

enum file_result
named_load(struct named *named, struct settings *settings, bool first,
	   struct watch **last, struct error *e)
{
	static take_function *const take[NAMED_LIST] = {
		[NAMED_KEYS] = settings_add_keys,
		[NAMED_CODE] = settings_set_code,
	};
	enum file_result result = FILE_READ;

	if (!want(named, settings, e))
		return FILE_UNSAFE;
	for (int i = 0; i < NAMED_LIST && result == FILE_READ; i++) {
		struct watch *watch = watch_of(named, settings, i);
		if (watch->path == NULL)
			continue;
		*last = watch;
		if (first)
			watch_settle(watch);
		result = load_secret(watch, settings, take[i], e);
	}
	/* Else nobody would get in until it rests. */
	struct watch *list = &named->wanted[NAMED_LIST];
	if (result == FILE_READ && !first &&
	    watch_is_written(list, clock_ms())) {
		*last = list;
		error_set(e,
			  "%s is being written: settings that name it wait "
			  "until it has stayed the same for a second",
			  list->path);
		result = FILE_UNSAFE;
	}
	return result;
}

void
named_adopt(struct named *named, const struct settings *settings)
{
	for (int i = 0; i < NAMED_FILES; i++) {
		struct watch *wanted = &named->wanted[i];
		if (watch_of(named, settings, i) == wanted) {
			free(named->watch[i].path);
			named->watch[i] = *wanted;
			*wanted = (struct watch){ 0 };
		}
		if (i < NAMED_LIST)
			watch_accept(&named->watch[i]);
	}
}

/* One that is being written was not read, and is due as soon as it rests. */
static void
pass_over(struct watch *watch, int64_t now_ms)
{
	if (!watch_is_written(watch, now_ms))
		watch_pass_over(watch, now_ms);
}

void
named_pass_over(struct named *named, int64_t now_ms)
{
	for (int i = 0; i < NAMED_LIST; i++)
		pass_over(&named->watch[i], now_ms);
	for (int i = 0; i < NAMED_FILES; i++)
		pass_over(&named->wanted[i], now_ms);
}

bool
named_is_gone(struct named *named, int64_t now_ms)
{
	bool gone = false;

	for (int i = 0; i < NAMED_LIST; i++)
		gone |= watch_is_gone_unread(&named->watch[i], now_ms);
	return gone;
}

bool
named_has_changed(struct named *named, int64_t now_ms, bool now)
{
	bool changed = false;

	for (int i = 0; i < NAMED_LIST; i++)
		changed |= watch_has_changed(&named->watch[i], now_ms, now);
	for (int i = 0; i < NAMED_FILES; i++)
		changed |= watch_has_changed(&named->wanted[i], now_ms, now);
	return changed;
}

bool
named_are_written(struct named *named, int64_t now_ms)
{
	bool written = false;

	for (int i = 0; i < NAMED_LIST; i++)
		written |= watch_is_written(&named->watch[i], now_ms);
	for (int i = 0; i < NAMED_FILES; i++)
		written |= watch_is_written(&named->wanted[i], now_ms);
	return written;
}

void
named_free(struct named *named)
{
	for (int i = 0; i < NAMED_FILES; i++) {
		free(named->watch[i].path);
		free(named->wanted[i].path);
	}
	*named = (struct named){ 0 };
}
