/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate doctor: plays the service from outside, and says what is wrong. */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "admin/command.h"
#include "admin/diagnosis.h"
#include "admin/event.h"
#include "admin/input.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "admin/stranger.h"
#include "admin/trials.h"
#include "admin/web.h"
#include "base/date.h"

enum {
	DAYS_LEFT = 14, /* of the web server's certificate */
	AUTHORIZATION_MAX = 16384 /* bytes; a token has some thousand */
};

static bool
is_https(const char *url)
{
	return strncmp(url, "https://", 8) == 0;
}

/* HTTPS, and for how long yet. */
static void
judge_transport(struct trials *trials, const char *url)
{
	static const struct diagnosis plain = {
		.fault = "the events go over plain HTTP: whoever is on the "
			 "way can let anybody in",
		.change = "let the web server speak TLS, and register https://",
	};
	struct diagnosis ends = { .change = "renew it, and reload the web "
					    "server" };
	int64_t left = trials->answer.certificate_end - (int64_t)time(NULL);

	if (!is_https(url)) {
		if (web_is_loopback(url))
			trials_note(
				"plain HTTP on loopback: register https://");
		else
			trials_fault(trials, "HTTPS", &plain);
		return;
	}
	if (trials->answer.certificate_end == 0)
		return;
	(void)snprintf(ends.fault, sizeof(ends.fault), "it ends in %lld days",
		       (long long)(left / DATE_DAY_SECONDS));
	if (left < DAYS_LEFT * (int64_t)DATE_DAY_SECONDS)
		trials_fault(trials, "the web server's certificate", &ends);
	else
		trials_good("the web server's certificate");
}

static void
examine(struct trials *trials, const char *url)
{
	bool goes_on = trials_validate(trials, "validation", "");

	if (trials->answer.result != WEB_ANSWERED)
		return;
	judge_transport(trials, url);
	if (!goes_on)
		return;
	(void)trials_validate(trials, "validation, two origins",
			      "certgate.invalid, ");
	trials_post(trials);
}

static bool
is_url(const char *url)
{
	return (is_https(url) || strncmp(url, "http://", 7) == 0) &&
	       span_is_text(span_of(url)) && strpbrk(url, "'\\ ") == NULL;
}

/* The one line of the file; whoever sees it can log in as the service. */
static bool
read_authorization(const char *path, struct buffer *bytes, struct span *line,
		   struct error *e)
{
	struct span rest, more;

	if (!input_read_large(path, "a file of one line, such as Bearer TOKEN",
			      AUTHORIZATION_MAX, bytes, e))
		return false;
	rest = buffer_span(bytes);
	if (span_next_word(&rest, "\r\n", line) && span_is_text(*line) &&
	    !span_next_word(&rest, "\r\n", &more))
		return true;
	error_where(e, error_word(span_of(path)));
	return error_set(e, "expected one line, such as Bearer TOKEN");
}

/* hub is that of --hub; NULL: that of the settings, if they name one. */
static void
treat(struct trials *trials, const char *url, const char *hub)
{
	const struct settings *settings = trials->settings;

	posting_default(&trials->plan, settings);
	(void)snprintf(trials->origin_text, sizeof(trials->origin_text), "%.*s",
		       (int)trials->plan.origin.len, trials->plan.origin.ptr);
	print("note  as the service has it: hub %s, origin %s\n",
	      error_word(trials->plan.hub), trials->origin_text);
	examine(trials, url);
	print("\n%u fault%s\n", trials->faults, trials->faults == 1 ? "" : "s");
	hub_print(hub != NULL || settings->hubs != NULL ? trials->plan.hub
							: (struct span){ 0 },
		  url);
	web_free(&trials->answer);
}

static enum exit_code
visit(struct trials *trials, const struct command *command)
{
	const char *url = command->arguments[0];
	struct buffer target;
	struct error e = { 0 };
	enum exit_code code = EXIT_MISUSED;

	if (!posting_url(&target, url, trials->settings, &e)) {
		print_error(&e);
	} else {
		trials->url = target.data;
		treat(trials, url, command->option[OPTION_HUB]);
		code = trials->faults == 0 ? EXIT_DONE : EXIT_NO;
	}
	buffer_wipe(&target);
	return code;
}

/* By plain HTTP whoever is on the way has a login. */
static bool
check_login(const char *path, const char *url, struct error *e)
{
	return path == NULL || is_https(url) || web_is_loopback(url) ||
	       error_set(e, "--authorization goes over https:// alone: by "
			    "plain HTTP whoever is on the way has it");
}

/* False with e if what was asked for has no meaning. */
static bool
read_options(struct trials *trials, const struct command *command,
	     struct error *e)
{
	const char *const *option = command->option;
	const char *url = command->arguments[0];

	trials->authorities = option[OPTION_CA];
	return (is_url(url) ||
		error_set(e, "expected a URL, https://HOST/PATH")) &&
	       posting_read_options(&trials->plan, command, e) &&
	       check_login(option[OPTION_AUTHORIZATION], url, e);
}

static bool
read_files(struct trials *trials, struct buffer *authorization,
	   const struct command *command, struct error *e)
{
	const char *admitted = command->option[OPTION_ADMITTED];
	const char *path = command->option[OPTION_AUTHORIZATION];

	return (stranger_take(&trials->stranger) ||
		error_set(e, "out of memory")) &&
	       (admitted == NULL ||
		input_certificate(admitted, &trials->admitted, e)) &&
	       (path == NULL || read_authorization(path, authorization,
						   &trials->authorization, e));
}

enum exit_code
doctor_run(const struct command *command)
{
	struct trials trials = { .faults = 0 };
	struct buffer authorization;
	struct configuration store = { 0 };
	struct error e = { 0 };
	enum exit_code code = EXIT_SYSTEM;

	if (!read_options(&trials, command, &e)) {
		print_error(&e);
		return EXIT_MISUSED;
	}
	buffer_init(&trials.stranger, INPUT_MAX);
	buffer_init(&trials.admitted, INPUT_MAX);
	buffer_init(&authorization, 0);
	if (!read_files(&trials, &authorization, command, &e)) {
		print_error(&e);
	} else if (setup_open(&store) && web_start()) {
		trials.settings = &store.settings;
		code = visit(&trials, command);
		web_stop();
	}
	configuration_close(&store);
	buffer_free(&trials.stranger);
	buffer_free(&trials.admitted);
	buffer_wipe(&authorization);
	return code;
}
