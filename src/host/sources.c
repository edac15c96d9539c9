/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>

#include "host/sources.h"

static struct watch *
find(struct sources *sources, const char *path)
{
	for (size_t i = 0; i < sources->n; i++)
		if (strcmp(sources->watch[i].path, path) == 0)
			return &sources->watch[i];
	return NULL;
}

/* NULL with e set if there are too many, or there is no memory. */
static struct watch *
add(struct sources *sources, const char *path, struct error *e)
{
	if (sources->n == SOURCES_MAX) {
		error_set(e, "too many files in the list, at most %d",
			  SOURCES_MAX);
		return NULL;
	}
	struct watch *watch =
		reallocarray(sources->watch, sources->n + 1, sizeof(*watch));
	if (watch == NULL) {
		error_set(e, "out of memory");
		return NULL;
	}
	sources->watch = watch;
	watch += sources->n;
	*watch = (struct watch){ 0 };
	if (!watch_set(watch, path, REST_NEVER, e))
		return NULL;
	sources->n++;
	return watch;
}

bool
sources_read(void *context, const char *path, struct buffer *text,
	     struct error *e)
{
	struct sources *sources = context;
	struct watch *known = find(sources, path);
	struct watch *watch = known == NULL ? add(sources, path, e) : known;
	struct file_identity before;
	struct buffer file;

	if (watch == NULL)
		return false;
	sources->last = (size_t)(watch - sources->watch);
	before = watch->tried;
	sources->result = watch_load(watch, false, text->max, &file, e);
	/* Of one that is read twice the first counts, so that a change in
	 * between is seen. */
	if (known != NULL)
		watch->tried = before;
	if (sources->result == FILE_READ)
		watch_accept(watch);
	buffer_add(text, buffer_span(&file));
	buffer_wipe(&file);
	if (sources->result == FILE_READ && text->failed)
		return error_set(e, "out of memory");
	return sources->result == FILE_READ;
}

bool
sources_have_changed(struct sources *sources, int64_t now_ms, bool now,
		     bool *news)
{
	bool changed = false;

	for (size_t i = 0; i < sources->n; i++) {
		struct watch *watch = &sources->watch[i];
		if (!watch_has_changed(watch, now_ms, now))
			continue;
		/* The list will be read with other watches than these. */
		watch_pass_over(watch, now_ms);
		*news |= !watch->reported;
		watch->reported = true;
		changed = true;
	}
	return changed;
}

bool
sources_are_busy(struct sources *sources, int64_t now_ms)
{
	for (size_t i = 0; i < sources->n; i++)
		if (watch_is_busy(&sources->watch[i], now_ms))
			return true;
	return false;
}

bool
sources_are_gone(struct sources *sources, const struct sources *fresh,
		 int64_t now_ms)
{
	bool gone = false;

	for (size_t i = 0; i < sources->n; i++)
		gone |= watch_is_gone_unread(&sources->watch[i], now_ms);
	if (fresh->n == 0)
		return gone;
	struct watch *watch = find(sources, fresh->watch[fresh->last].path);
	gone |= watch != NULL && watch_is_gone(watch, fresh->result, now_ms);
	return gone;
}

void
sources_free(struct sources *sources)
{
	for (size_t i = 0; i < sources->n; i++)
		free(sources->watch[i].path);
	free(sources->watch);
	*sources = (struct sources){ 0 };
}
