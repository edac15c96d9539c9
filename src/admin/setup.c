/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "admin/print.h"
#include "admin/setup.h"
#include "host/file.h"
#include "host/sites.h"
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
	buffer_wipe(&file);
	return ok && !text->failed;
}

const struct entry_files setup_files = { .read = read_file };

/* What the main settings come from while a site is looked at; all zero: from
 * where all settings come. */
static struct {
	char *config; /* NULL: there is no site */
	bool may_miss;
	char *environment[2]; /* what it says of the log; ended by NULL */
} main_setup;

/* Before the site's take their place. */
static bool
keep_main(const char *config, bool may_miss)
{
	const char *log = getenv("CERTGATE_LOG");

	if (main_setup.config != NULL)
		return true;
	main_setup.config = strdup(config);
	main_setup.may_miss = may_miss;
	return main_setup.config != NULL &&
	       (log == NULL || asprintf(&main_setup.environment[0],
					"CERTGATE_LOG=%s", log) >= 0);
}

const char *
setup_config(void)
{
	const char *path = getenv("CERTGATE_CONFIG");

	if (path == NULL)
		return CERTGATE_CONFIG_DEFAULT;
	return strcmp(path, "/dev/null") == 0 ? NULL : path;
}

bool
setup_name_site(const char *name)
{
	const char *config = setup_config();
	char *path = NULL;

	if (!sites_is_name(span_of(name))) {
		print_problem("--site: expected a-z, 0-9 and -");
		return false;
	}
	if (config != NULL)
		path = sites_path(config, span_of(name));
	bool ok = path != NULL &&
		  keep_main(config, getenv("CERTGATE_CONFIG") == NULL) &&
		  setenv("CERTGATE_CONFIG", path, 1) == 0;
	if (!ok)
		print_problem("--site: there is no settings file to have it "
			      "beside");
	free(path);
	return ok;
}

/* The path of the folder above the one that sites have; absent if path is not
 * right in a folder of that name. */
static struct span
above_site(const char *path)
{
	const struct span folder = SPAN("/sites");
	const char *slash = strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	while (n > 0 && path[n - 1] == '/')
		n--;
	if (n < folder.len ||
	    !span_equal((struct span){ path + n - folder.len, folder.len },
			folder))
		return (struct span){ 0 };
	return (struct span){ path, n - folder.len };
}

/* Beside the sites, the main file has the name that it is installed with. */
static bool
keep_main_beside(struct span folder)
{
	const char *name = strrchr(CERTGATE_CONFIG_DEFAULT, '/');
	char *path;

	if (asprintf(&path, "%.*s%s", (int)folder.len, folder.ptr, name) < 0)
		return false;
	bool ok = keep_main(path, true);
	free(path);
	return ok;
}

static bool
is_setting(struct span name)
{
	size_t i = 0;

	if (span_starts(name, SPAN("CERTGATE_")))
		return !span_equal(name, SPAN("CERTGATE_CONFIG"));
	while (settings_help(i) != NULL &&
	       !span_equal(name, span_of(settings_help(i)->name)))
		i++;
	return settings_help(i) != NULL;
}

bool
setup_enter_site(void)
{
	const char *config = setup_config();
	struct span above = { 0 };
	char **at = environ;

	if (config != NULL)
		above = above_site(config);
	if (above.ptr == NULL)
		return true;
	bool ok = keep_main_beside(above);
	while (ok && *at != NULL) {
		struct span rest = span_of(*at), name;
		span_next(&rest, "=", &name);
		if (!is_setting(name)) {
			at++;
			continue;
		}
		/* The others move up. */
		char *copy = span_copy(name);
		ok = copy != NULL && unsetenv(copy) == 0;
		free(copy);
	}
	return ok;
}

static bool
read_config(const char *path, bool may_miss, struct buffer *text,
	    struct error *e)
{
	struct file_identity identity;

	buffer_init(text, 0);
	if (path == NULL)
		return true;
	enum file_result result =
		file_read(path, false, SETTINGS_TEXT_MAX, text, &identity, e);
	if (result == FILE_ABSENT && may_miss) {
		*e = (struct error){ 0 };
		return true;
	}
	return result == FILE_READ;
}

bool
setup_read_config(struct buffer *text, struct error *e)
{
	return read_config(setup_config(), getenv("CERTGATE_CONFIG") == NULL,
			   text, e);
}

struct span
setup_site(void)
{
	const struct span ending = SPAN(".conf");
	const char *config = setup_config();

	if (config == NULL || above_site(config).ptr == NULL)
		return (struct span){ 0 };
	struct span name = span_of(strrchr(config, '/') + 1);
	if (name.len > ending.len &&
	    span_equal(span_after(name, name.len - ending.len), ending))
		name.len -= ending.len;
	return name;
}

bool
setup_log(struct setup_log *log, struct error *e)
{
	bool apart = main_setup.config != NULL;
	const char *config = apart ? main_setup.config : setup_config();
	struct settings settings = { 0 };
	struct buffer text;

	bool ok = read_config(config,
			      apart ? main_setup.may_miss
				    : getenv("CERTGATE_CONFIG") == NULL,
			      &text, e);
	if (ok)
		settings_read_log(&settings, buffer_span(&text), config,
				  apart ? main_setup.environment : environ);
	*log = (struct setup_log){ settings.log_target, settings.log_file };
	settings.log_file = NULL;
	settings_free(&settings);
	buffer_wipe(&text);
	return ok;
}

bool
setup_wants_signature(void)
{
	struct settings settings = { 0 };
	struct error e = { 0 };
	struct buffer text;

	bool wants = !setup_read_config(&text, &e) ||
		     !settings_read(&settings, buffer_span(&text),
				    setup_config(), environ, &e) ||
		     settings_want_signature(&settings);
	settings_free(&settings);
	buffer_wipe(&text);
	return wants;
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
setup_open(struct configuration *store)
{
	log_divert(take_error, NULL);
	configuration_open(store, environ, NULL);
	return store->has_settings;
}
