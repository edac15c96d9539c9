/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <gio/gio.h>
#include <string.h>

#include "emulator/url_template.h"

char *
url_template_expand(const char *url_template, const char *hub,
		    const char *event)
{
	const struct {
		const char *word, *value;
	} parameters[] = { { "{hub}", hub }, { "{event}", event } };
	GString *out = g_string_new(NULL);

	for (const char *at = url_template; *at != '\0';) {
		gsize taken = 0;
		for (guint i = 0; i < G_N_ELEMENTS(parameters); i++) {
			gsize length = strlen(parameters[i].word);
			if (g_ascii_strncasecmp(at, parameters[i].word,
						length) != 0)
				continue;
			g_string_append_uri_escaped(out, parameters[i].value,
						    NULL, FALSE);
			taken = length;
		}
		if (taken == 0)
			g_string_append_c(out, *at);
		at += MAX(taken, 1);
	}
	return g_string_free(out, FALSE);
}

bool
url_template_check(const char *url_template, GError **error)
{
	g_autofree char *url =
		url_template_expand(url_template, "hub", "event");
	g_autoptr(GUri) uri = NULL;
	const char *host = strstr(url_template, "://");

	if (host != NULL)
		host += strlen("://");
	if (strpbrk(url, "{}") == NULL)
		uri = g_uri_parse(url, G_URI_FLAGS_NONE, NULL);
	if (uri != NULL && host != NULL &&
	    (g_str_equal(g_uri_get_scheme(uri), "https") ||
	     g_str_equal(g_uri_get_scheme(uri), "http")) &&
	    g_uri_get_host(uri) != NULL && *g_uri_get_host(uri) != '\0' &&
	    memchr(host, '{', strcspn(host, "/?#")) == NULL)
		return true;
	g_set_error(
		error, G_IO_ERROR, G_IO_ERROR_INVALID_ARGUMENT,
		"'%s' is not a URL template: expected http:// or https:// "
		"and no parameters except {hub} and {event} behind the host",
		url_template);
	return false;
}

char *
url_template_shown(const char *url)
{
	return g_strndup(url, strcspn(url, "?#"));
}
