/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate simulate: a signed connect event, printed or posted. */
#include "config.h"

#include <string.h>

#include "admin/command.h"
#include "admin/event.h"
#include "admin/input.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "admin/unit.h"
#include "admin/web.h"

static const char url_without_host[] = "https://HOST/eventhandler";

/* Print for a shell: in single quotes, with each quote as '\''. */
static void
print_quoted(struct span text)
{
	struct span part;

	print("'");
	for (bool first = true; span_next(&text, "'", &part); first = false)
		print("%s%.*s", first ? "" : "'\\''", (int)part.len, part.ptr);
	print("'");
}

static void
print_curl(const struct posting *posting, struct span url)
{
	struct span rest = buffer_span(&posting->headers), line;

	print("curl -i");
	while (span_next_word(&rest, "\n", &line)) {
		print(" -H ");
		print_quoted(line);
		print(" \\\n ");
	}
	print(" --data-binary ");
	print_quoted(buffer_span(&posting->body));
	print(" \\\n  ");
	print_quoted(url);
	print("\n");
}

/* Print a request to HOST and PATH of the URL. */
static void
print_http(const struct posting *posting, struct span url)
{
	struct span rest = buffer_span(&posting->headers), line, host;
	const char *begin = memmem(url.ptr, url.len, "://", 3);

	if (begin != NULL)
		url = span_after(url, (size_t)(begin - url.ptr) + 3);
	host = url;
	while (url.len > 0 && url.ptr[0] != '/' && url.ptr[0] != '?')
		url = span_after(url, 1);
	host.len -= url.len;
	print("POST %s%.*s HTTP/1.1\r\nHost: %.*s\r\n",
	      url.len > 0 && url.ptr[0] == '/' ? "" : "/", (int)url.len,
	      url.ptr, (int)host.len, host.ptr);
	while (span_next_word(&rest, "\n", &line))
		print("%.*s\r\n", (int)line.len, line.ptr);
	print("Content-Length: %zu\r\nConnection: close\r\n\r\n",
	      posting->body.len);
	print("%.*s", (int)posting->body.len, posting->body.data);
}

static void
print_json(const struct posting *posting, struct span url)
{
	(void)url;
	print("%.*s\n", (int)posting->body.len, posting->body.data);
}

static const struct form {
	const char *name;
	void (*print)(const struct posting *posting, struct span url);
} forms[] = {
	{ "curl", print_curl },
	{ "http", print_http },
	{ "json", print_json },
};

enum { FORMS = sizeof(forms) / sizeof(forms[0]) };

static const struct form *
find_form(const char *name)
{
	for (size_t i = 0; i < FORMS; i++)
		if (name == NULL || strcmp(name, forms[i].name) == 0)
			return &forms[i];
	return NULL;
}

/* Print the answer as it came; EXIT_DONE if the client is accepted. */
static enum exit_code
post(const struct posting *posting, const char *url, const char *authorities)
{
	struct web_request request = {
		.method = "POST",
		.url = url,
		.authorities = authorities,
		.headers = buffer_span(&posting->headers),
		.body = buffer_span(&posting->body),
	};
	struct web_answer answer;
	enum exit_code code = EXIT_SYSTEM;

	web_exchange(&request, &answer);
	if (answer.result == WEB_ANSWERED) {
		struct span rest = buffer_span(&answer.headers), line;
		while (span_next_word(&rest, "\r\n", &line)) {
			print_text(line);
			print("\n");
		}
		print("\n");
		struct span body = buffer_span(&answer.body);
		body.len -= body.len > 0 && body.ptr[body.len - 1] == '\n';
		print_text(body);
		if (body.len > 0)
			print("\n");
		code = answer.status / 100 == 2 ? EXIT_DONE : EXIT_NO;
	} else {
		/* The URL has the code. */
		print_problem("--post: %s", answer.problem);
	}
	web_free(&answer);
	return code;
}

static enum exit_code
show(const struct command *command, const struct settings *settings,
     struct posting_plan *plan, const struct form *form)
{
	const char *url = command->option[OPTION_POST];
	struct posting posting = { 0 };
	struct buffer target;
	struct error e = { 0 };
	enum exit_code code = EXIT_SYSTEM;

	posting_default(plan, settings);
	if (settings->keys.n == 0)
		print_problem("no access key is set: the event is not signed");
	if (!posting_url(&target, url == NULL ? url_without_host : url,
			 settings, &e) ||
	    !posting_make(&posting, plan, settings, &e))
		print_error(&e);
	else if (url != NULL)
		code = post(&posting, target.data, command->option[OPTION_CA]);
	else {
		form->print(&posting, span_of(target.data));
		code = EXIT_DONE;
	}
	posting_free(&posting);
	buffer_wipe(&target);
	return code;
}

enum exit_code
simulate_run(const struct command *command)
{
	const struct form *form = find_form(command->option[OPTION_FORMAT]);
	struct posting_plan plan = { 0 };
	struct configuration store = { 0 };
	struct error e = { 0 };
	struct buffer der;
	enum exit_code code = EXIT_SYSTEM;

	if (form == NULL)
		error_set(&e, "expected --format curl, http or json");
	if (e.set || !posting_read_options(&plan, command, &e)) {
		print_error(&e);
		return EXIT_MISUSED;
	}
	buffer_init(&der, INPUT_MAX);
	if (command->n > 0 &&
	    !input_certificate(command->arguments[0], &der, &e)) {
		print_error(&e);
	} else if (unit_take_variables() && setup_open(&store)) {
		if (command->n > 0)
			plan.der = buffer_span(&der);
		code = show(command, &store.settings, &plan, form);
	}
	configuration_close(&store);
	buffer_free(&der);
	return code;
}
