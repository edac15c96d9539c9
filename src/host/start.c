/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <malloc.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "host/cgi.h"
#include "host/clock.h"
#include "host/document_root.h"
#include "host/fastcgi.h"
#include "host/file.h"
#include "host/log.h"
#include "host/sandbox.h"
#include "host/serve.h"
#include "host/sites.h"
#include "host/start.h"
#include "host/status.h"
#include "policy/settings.h"

enum {
	OPEN_FILES = SERVE_CONNECTIONS + 32 +
		     STORE_FILES * (SITES_MAX + 1), /* at once */
	MAPPED_SIZE = 262144, /* bytes; more than an event needs */
	LATE_MS = 1000 /* more than between two ticks */
};

/* The state of a running handler. */
struct host {
	struct sites sites;
	struct answer answer;
	bool setting_said; /* settings in parameters were warned of */
};

static void
open_host(struct host *host, bool all)
{
	*host = (struct host){ 0 };
	answer_init(&host->answer);
	if (!digest_start(DIGEST_USE_HANDLER))
		log_note(LOG_LEVEL_ERROR, "OpenSSL does not start");
	file_set_reader();
	struct configuration_source source =
		configuration_source(getenv("CERTGATE_CONFIG"), environ);
	source.pause = serve_meanwhile;
	sites_open(&host->sites, source, NULL);
	log_start(host->sites.main.start.log_target,
		  host->sites.main.start.log_file,
		  host->sites.main.start.log_format);
	if (all)
		sites_read(&host->sites);
}

/* Warn of settings that failed to load: the sandbox does not know the files
 * that they name. */
static void
say_if_unread(const struct sites *sites)
{
	bool all = sites->main.has_settings;

	for (size_t i = 0; i < sites->n; i++)
		all &= sites->site[i]->store.has_settings;
	if (!all)
		log_note(LOG_LEVEL_WARNING,
			 "invalid settings: a restart will be needed if they "
			 "later name files outside their own folders");
}

/* Load the site of the one request, so that the sandbox knows its files. */
static void
read_own_site(struct sites *sites)
{
	const struct request_body none = { 0 };
	struct request request;
	struct gate gate;

	request_read(&request, environ, &none);
	(void)sites_find(sites, &request, &gate);
}

static void
enter_sandbox(const struct sandbox_needs *needs)
{
	const struct warnings *w = sandbox_enter(needs);

	for (unsigned i = 0; i < w->n && i < WARNINGS_MAX; i++)
		log_error(LOG_LEVEL_WARNING, &w->warning[i]);
}

/* Open what needs does not describe, and enter the sandbox. */
static void
open_sandboxed(struct host *host, struct sandbox_needs *needs, bool sandbox)
{
	if (sandbox)
		sandbox_begin();
	open_host(host, !needs->calls);
	if (needs->calls && host->sites.in_use)
		read_own_site(&host->sites);
	needs->daemon = log_to_daemon();
	needs->log_file = log_to_file();
	if (sandbox && !needs->calls)
		say_if_unread(&host->sites);
	if (sandbox)
		enter_sandbox(needs);
	else
		log_note(LOG_LEVEL_WARNING,
			 "sandbox: none, as --no-sandbox says");
}

static void
close_host(struct host *host)
{
	log_stop((int64_t)time(NULL));
	answer_free(&host->answer);
	sites_close(&host->sites);
}

/* Make the answer to parameters and body, and log it. */
static void
answer_one(struct host *host, char *const *parameters,
	   const struct request_body *body, struct buffer *out)
{
	struct answer *answer = &host->answer;
	int64_t now = (int64_t)time(NULL);
	struct request request;
	struct gate gate;
	char number[SPAN_DIGITS_MAX];
	int64_t begin_ns = clock_ns();

	request_read(&request, parameters, body);
	struct configuration *store = sites_find(&host->sites, &request, &gate);
	handler_answer(&gate, &request, now, answer);
	handler_write(answer, &request, out);
	struct log_details details = {
		.now = now,
		.us = (uint64_t)(clock_ns() - begin_ns) / 1000,
	};
	if (store != NULL)
		details.list = configuration_word(store, number);
	log_decision(answer, &details);
	if (store != NULL)
		configuration_rest(store);
	status_count(answer, now);
}

enum exit_code
start_cgi(void)
{
	struct host host;
	struct request_body body;
	struct buffer kept, out;
	struct sandbox_needs needs = { .calls = true };

	log_hold();
	log_warnings_only();
	sandbox_limit(OPEN_FILES);
	document_root_begin();
	open_sandboxed(&host, &needs, true);
	cgi_read_body(&body, &kept);
	buffer_init(&out, RESPONSE_MAX);
	answer_one(&host, environ, &body, &out);
	bool written =
		cgi_write(out.failed ? response_refusal : buffer_span(&out));
	buffer_free(&out);
	buffer_free(&kept);
	close_host(&host);
	return written ? EXIT_DONE : EXIT_SYSTEM;
}

static void
answer_fastcgi(void *context, char *const *parameters,
	       const struct request_body *body, struct buffer *out)
{
	struct host *host = context;

	/* A process that was stopped looks at its files first. */
	if (clock_ms() - host->sites.looked_ms >= LATE_MS)
		sites_refresh(&host->sites, false);
	const char *before = log_about(NULL); /* a reload may go on */
	answer_one(host, parameters, body, out);
	if (host->answer.setting.ptr != NULL && !host->setting_said) {
		host->setting_said = true;
		log_note(LOG_LEVEL_WARNING,
			 "the parameter %s of a request sets nothing: put it "
			 "into the settings file, or into the environment of "
			 "the program (FcgidInitialEnv, bin-environment)",
			 settings_shown_name(host->answer.setting));
	}
	(void)log_about(before);
}

static void
tick(void *context, bool now)
{
	struct host *host = context;

	if (now)
		log_reopen();
	sites_refresh(&host->sites, now);
	int64_t now_s = (int64_t)time(NULL);
	log_tick(now_s);
	status_tell(&host->sites, now_s);
}

enum exit_code
start_fastcgi(const struct start_options *options)
{
	static struct host host;
	struct listener listener = { .fd = -1 };
	struct error e = { 0 };
	log_hold();
	/* Join freed blocks at once: this costs less than small pieces at the
	 * next event. */
	(void)mallopt(M_MXFAST, 0);
	/* Return the memory of an old list to the system: by default this limit
	 * grows to the largest freed block. */
	(void)mallopt(M_MMAP_THRESHOLD, MAPPED_SIZE);
	bool ok = serve_hold_signals(&e);
	if (options->sandbox)
		sandbox_limit(OPEN_FILES);
	if (options->listener.address == NULL)
		ok = ok && listener_take(&listener, STDIN_FILENO, &e);
	else
		ok = ok && listener_open(&listener, &options->listener, &e);
	if (ok && fastcgi_start(answer_fastcgi, &host, &e)) {
		struct sandbox_needs needs = { .socket = listener.path };
		status_open();
		open_sandboxed(&host, &needs, options->sandbox);
		status_tell(&host.sites, (int64_t)time(NULL));
		ok = serve_run(&listener, tick, &host, &e);
		listener_remove(&listener);
		fastcgi_stop();
		close_host(&host);
	} else {
		listener_remove(&listener);
		log_start(LOG_TARGET_DEFAULT, NULL, LOG_FORMAT_TEXT);
	}
	if (ok && !e.set)
		return EXIT_DONE;
	log_error(LOG_LEVEL_ERROR, &e);
	return EXIT_SYSTEM;
}
