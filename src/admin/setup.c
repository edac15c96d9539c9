/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/print.h"
#include "admin/setup.h"
#include "host/file.h"
#include "host/log.h"
#include "policy/settings.h"

static bool
read_file(void *context, const char *path, struct buffer *text, struct error *e)
{
	struct file_identity identity;
	struct buffer file;

	(void)context;
	bool ok = file_read(path, false, text->max, &file, &identity, e) ==
		  FILE_READ;
	buffer_add(text, buffer_span(&file));
	buffer_free(&file);
	return ok && !text->failed;
}

const struct entry_files setup_files = { .read = read_file };

const char *
setup_config(void)
{
	const char *path = getenv("CERTGATE_CONFIG");

	if (path == NULL)
		return CERTGATE_CONFIG_DEFAULT;
	return strcmp(path, "/dev/null") == 0 ? NULL : path;
}

bool
setup_read_config(struct buffer *text, struct error *e)
{
	struct file_identity identity;
	const char *path = setup_config();

	buffer_init(text, 0);
	if (path == NULL)
		return true;
	enum file_result result =
		file_read(path, false, SETTINGS_TEXT_MAX, text, &identity, e);
	if (result == FILE_ABSENT && getenv("CERTGATE_CONFIG") == NULL) {
		*e = (struct error){ 0 };
		return true;
	}
	return result == FILE_READ;
}

char *
setup_list(struct error *e)
{
	/* The environment wins; then the settings may be broken. */
	const char *named = getenv("CERTGATE_LIST");
	struct settings settings = { 0 };
	struct buffer text;
	char *path = NULL;

	if (named != NULL && named[0] == '/') {
		path = strdup(named);
		if (path == NULL)
			error_set(e, "out of memory");
		return path;
	}
	if (setup_read_config(&text, e) &&
	    settings_read(&settings, buffer_span(&text), setup_config(),
			  environ, e)) {
		path = settings.list;
		settings.list = NULL;
		if (path == NULL)
			error_set(e, "there is no list: expected "
				     "CERTGATE_LIST, or --list FILE");
	}
	settings_free(&settings);
	buffer_wipe(&text);
	return path;
}

/* Warnings are for certgate check. */
static void
take_error(void *context, enum log_level level, const struct error *e)
{
	(void)context;
	if (level == LOG_LEVEL_ERROR)
		print_error(e);
}

bool
setup_open(struct store *store)
{
	log_divert(take_error, NULL);
	store_open(store, environ);
	return store->has_settings;
}
