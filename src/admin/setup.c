/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "admin/print.h"
#include "admin/setup.h"
#include "base/date.h"
#include "host/file.h"
#include "host/log.h"
#include "host/sites.h"
#include "policy/settings.h"
#include "protocol/digest.h"

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
	if (ok && text->failed)
		return error_set(e, "out of memory");
	return ok;
}

const struct entry_files setup_files = { .read = read_file };

static struct {
	struct configuration_source source; /* of the settings */
	struct configuration_source process; /* the same, or the main ones */
	const char *const *option; /* of the command; borrowed */
	bool installed; /* the unit's process names them */
	bool other_list; /* and has a list of its own */
} setup;

bool
setup_now(const struct command *command, int64_t *now, struct error *e)
{
	const char *text = command->option[OPTION_NOW];

	*now = (int64_t)time(NULL);
	return text == NULL || date_parse(span_of(text), now) ||
	       date_time_parse(span_of(text), now) ||
	       error_set(e, "--now: expected YYYY-MM-DD or "
			    "YYYY-MM-DDTHH:MM:SSZ");
}

struct configuration_source
setup_source(void)
{
	return setup.source;
}

const char *
setup_user(void)
{
	return setup.option[OPTION_AS];
}

/* Return the path of the folder that has the folder of sites that path is right
 * in; absent if path is not. */
static struct span
above_site(const char *path)
{
	const struct span folder = SPAN("/sites");
	const char *slash = path == NULL ? NULL : strrchr(path, '/');
	size_t n = slash == NULL ? 0 : (size_t)(slash - path);

	while (n > 0 && path[n - 1] == '/')
		n--;
	if (n < folder.len ||
	    !span_equal((struct span){ path + n - folder.len, folder.len },
			folder))
		return (struct span){ 0 };
	return (struct span){ path, n - folder.len };
}

/* Use the site name beside the main settings. */
static bool
start_site(const char *name)
{
	const char *config = setup.process.path;
	char *path = NULL;

	if (!request_is_site(span_of(name))) {
		print_problem("--site: expected a-z, 0-9 and -");
		return false;
	}
	if (config != NULL)
		path = sites_path(config, span_of(name));
	if (path == NULL)
		print_problem("--site: no settings file (fix: --config FILE)");
	setup.source = (struct configuration_source){ .path = path };
	return path != NULL;
}

/* Use the site of the settings file; the main file has its installed name,
 * above the folder of the sites. */
static bool
start_beside(struct span folder)
{
	char *path;

	if (asprintf(&path, "%.*s%s", (int)folder.len, folder.ptr,
		     strrchr(CERTGATE_CONFIG_DEFAULT, '/')) < 0)
		return false;
	setup.process.path = path;
	setup.source.environment = NULL;
	return true;
}

/* Make list the value of CERTGATE_LIST. */
static bool
start_list(const char *list)
{
	static const char variable[] = "CERTGATE_LIST=";
	char *const *from = setup.source.environment;
	size_t n = 0;

	while (from != NULL && from[n] != NULL)
		n++;
	char **made = calloc(n + 2, sizeof(*made));
	setup.source.environment = made;
	if (made == NULL || asprintf(&made[0], "%s%s", variable, list) < 0)
		return false;
	for (size_t i = 0, used = 1; i < n; i++)
		if (strncmp(from[i], variable, sizeof(variable) - 1) != 0)
			made[used++] = from[i];
	return true;
}

static bool
is_setting(const char *variable)
{
	for (size_t i = 0; settings_help(i) != NULL; i++) {
		const char *name = settings_help(i)->name;
		size_t n = strlen(name);
		if (strncmp(variable, name, n) == 0 && variable[n] == '=')
			return true;
	}
	return false;
}

bool
setup_has_variables(void)
{
	char *const *at = setup.source.environment;

	while (at != NULL && *at != NULL && !is_setting(*at))
		at++;
	return at != NULL && *at != NULL;
}

static bool
is_set(char *const *environment, const char *variable)
{
	size_t n = strcspn(variable, "=") + 1;

	while (*environment != NULL && strncmp(*environment, variable, n) != 0)
		environment++;
	return *environment != NULL;
}

bool
setup_add_environment(char *variables, size_t length)
{
	static const char prefix[] = "CERTGATE_"; /* of a misspelt one, too */
	char *const *from = setup.source.environment;
	size_t n = 0, most = 1;

	if (from == NULL) /* a site's settings have none */
		return true;
	while (from[n] != NULL)
		n++;
	for (size_t i = 0; i < length; i++)
		most += variables[i] == '\0';
	char **made = calloc(n + most, sizeof(*made));
	if (made == NULL)
		return false;
	memcpy(made, from, n * sizeof(*made));
	for (size_t i = 0; i < length; i += strlen(variables + i) + 1)
		if ((is_setting(variables + i) ||
		     strncmp(variables + i, prefix, strlen(prefix)) == 0) &&
		    !is_set(from, variables + i))
			made[n++] = variables + i;
	setup.source.environment = made;
	return true;
}

enum exit_code
setup_start(const struct command *command)
{
	const char *config = command->option[OPTION_CONFIG];
	const char *site = command->option[OPTION_SITE];
	const char *list = command->option[OPTION_LIST];
	struct span above = above_site(config);
	bool ok = true;

	setup.option = command->option;
	setup.process = setup.source = configuration_source(
		config == NULL ? getenv("CERTGATE_CONFIG") : config, environ);
	if (site != NULL && !start_site(site))
		return EXIT_MISUSED;
	if (site == NULL && above.ptr != NULL)
		ok = start_beside(above);
	if (ok && list != NULL)
		ok = start_list(list);
	if (ok && digest_start(DIGEST_USE_TLS))
		return EXIT_DONE;
	print_problem("cannot start");
	return EXIT_SYSTEM;
}

static bool
read_config(const struct configuration_source *source, struct buffer *text,
	    struct error *e)
{
	struct file_identity identity;

	buffer_init(text, 0);
	if (source->path == NULL)
		return true;
	return file_read(source->path, false, SETTINGS_TEXT_MAX, text,
			 &identity, e) == FILE_READ;
}

bool
setup_read_config(struct buffer *text, struct error *e)
{
	return read_config(&setup.source, text, e);
}

bool
setup_settings(struct settings *settings, struct error *e)
{
	struct buffer text;
	bool ok = setup_read_config(&text, e) &&
		  settings_read(settings, buffer_span(&text), setup.source.path,
				setup.source.environment, e);

	buffer_wipe(&text);
	return ok;
}

struct span
setup_site(void)
{
	const struct span ending = SPAN(".conf");
	const char *config = setup.source.path;

	if (above_site(config).ptr == NULL)
		return (struct span){ 0 };
	struct span name = span_of(strrchr(config, '/') + 1);
	if (name.len > ending.len &&
	    span_equal(span_after(name, name.len - ending.len), ending))
		name.len -= ending.len;
	return name;
}

enum { OPTIONS_SIZE = 2 * PATH_MAX + 256 /* bytes */ };

const char *
setup_config_options(const char *site)
{
	static char text[OPTIONS_SIZE];
	const char *config = setup.option[OPTION_CONFIG];

	if (setup.option[OPTION_SITE] != NULL)
		site = setup.option[OPTION_SITE];
	else if (setup_site().ptr != NULL) /* by its file */
		site = "";
	(void)snprintf(text, sizeof(text), "%s%s%s%s",
		       config == NULL ? "" : " --config ",
		       config == NULL ? "" : config,
		       site[0] == '\0' ? "" : " --site ", site);
	return text;
}

const char *
setup_options(const char *site)
{
	static char text[OPTIONS_SIZE];
	const char *list = setup.option[OPTION_LIST];

	(void)snprintf(text, sizeof(text), "%s%s%s", setup_config_options(site),
		       list == NULL ? "" : " --list ",
		       list == NULL ? "" : list);
	return text;
}

const char *
setup_connection_option(void)
{
	static char text[PATH_MAX + sizeof(" --connection ")];
	const char *path = setup.option[OPTION_CONNECTION];

	(void)snprintf(text, sizeof(text), "%s%s",
		       path == NULL ? "" : " --connection ",
		       path == NULL ? "" : path);
	return text;
}

void
setup_write_fix(const char *fix, const char *site, char *text, size_t size)
{
	struct buffer out;

	buffer_init(&out, size - 1);
	for (; *fix != '\0'; fix++) {
		if (*fix == '@')
			buffer_add(&out, span_of(setup_options(site)));
		else if (*fix == '%')
			buffer_add(&out, span_of(setup_config_options(site)));
		else
			buffer_add_byte(&out, *fix);
	}
	span_write(out.failed ? SPAN("") : buffer_span(&out), text, size);
	buffer_free(&out);
}

bool
setup_log(struct setup_log *log, struct error *e)
{
	struct settings settings = { 0 };
	struct buffer text;

	bool ok = read_config(&setup.process, &text, e);
	if (ok)
		settings_read_log(&settings, buffer_span(&text),
				  setup.process.path,
				  setup.process.environment);
	*log = (struct setup_log){ settings.log_target, settings.log_file };
	settings.log_file = NULL;
	settings_free(&settings);
	buffer_wipe(&text);
	return ok;
}

const char *
setup_main_path(void)
{
	return setup.process.path;
}

bool
setup_is_installed(void)
{
	const char *path = setup.process.path;

	return path != NULL &&
	       (setup.installed || strcmp(path, CERTGATE_CONFIG_DEFAULT) == 0);
}

void
setup_set_installed(void)
{
	setup.installed = true;
}

void
setup_set_other_list(void)
{
	setup.other_list = setup.source.environment != NULL;
}

bool
setup_has_log(void)
{
	struct setup_log log = { .path = NULL };
	struct error e = { 0 };
	bool has = setup_log(&log, &e) && log.path != NULL;

	free(log.path);
	return has || setup_is_installed();
}

bool
setup_wants_signature(void)
{
	struct settings settings = { 0 };
	struct error e = { 0 };
	bool wants = !setup_settings(&settings, &e) ||
		     settings_want_signature(&settings);

	settings_free(&settings);
	return wants;
}

/* Return the list that the environment names, which wins: then the settings may
 * be invalid. */
static const char *
list_of_environment(void)
{
	static const char variable[] = "CERTGATE_LIST=/";
	char *const *at = setup.source.environment;

	while (at != NULL && *at != NULL &&
	       strncmp(*at, variable, sizeof(variable) - 1) != 0)
		at++;
	return at == NULL || *at == NULL ? NULL : strchr(*at, '/');
}

bool
setup_has_other_list(void)
{
	return setup.other_list && list_of_environment() == NULL;
}

char *
setup_list(struct error *e)
{
	const char *named = list_of_environment();
	struct settings settings = { 0 };
	char *path = NULL;

	if (named != NULL) {
		path = strdup(named);
		if (path == NULL)
			error_set(e, "out of memory");
	} else if (setup_has_other_list()) {
		error_set(e, "the variables of certgate.service set "
			     "CERTGATE_LIST (fix: --list FILE)");
	} else if (setup_settings(&settings, e)) {
		path = settings.list;
		settings.list = NULL;
		if (path == NULL)
			error_set(e, "no list is configured (fix: set "
				     "CERTGATE_LIST, or use --list FILE)");
	}
	settings_free(&settings);
	return path;
}

bool
setup_store(struct settings *settings, struct error *e)
{
	return setup_settings(settings, e) &&
	       (settings->store != NULL ||
		error_set(e, "no store is configured (fix: set "
			     "CERTGATE_STORE)"));
}

/* Take errors; warnings are reported by certgate check. */
static void
take_error(void *context, enum log_level level, const struct error *e)
{
	(void)context;
	if (level == LOG_LEVEL_ERROR)
		print_error(e);
}

void
setup_print_errors(void)
{
	log_divert(take_error, NULL);
}

bool
setup_open(struct configuration *store)
{
	setup_print_errors();
	configuration_open(store, setup.source, NULL);
	return store->has_settings;
}
