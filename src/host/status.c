/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "host/datagram.h"
#include "host/status.h"

enum { TEXT_MAX = 256 /* bytes */ };

static struct datagram manager = { NULL, -1 };
static char told[TEXT_MAX]; /* empty: nothing yet */

/* A web server that is a service itself may hand the variable on to handlers
 * that it starts: it is the server that systemd waits for. */
static bool
is_service(void)
{
	const char *process = getenv("SYSTEMD_EXEC_PID"); /* from 248 on */
	char own[sizeof("-2147483648")];

	(void)snprintf(own, sizeof(own), "%d", (int)getpid());
	return process == NULL || strcmp(process, own) == 0;
}

void
status_open(void)
{
	const char *path = getenv("NOTIFY_SOCKET");

	if (path == NULL || path[0] != '/' || !is_service())
		return;
	manager.path = path;
	(void)datagram_open(&manager);
}

static bool
refuses(const struct store *store)
{
	return !store->has_settings || !store->has_list;
}

static bool
is_stale(const struct store *store)
{
	return store->settings_stale || store->list_stale;
}

static int
write_main(char *text, const struct store *store)
{
	if (refuses(store))
		return snprintf(text, TEXT_MAX,
				"STATUS=refuses everybody: settings or list do "
				"not read; certgate check says why");
	return snprintf(text, TEXT_MAX, "STATUS=list %u: %zu entries%s",
			store->generation, store->list.n,
			is_stale(store) ? "; what is on the disk now does not "
					  "read, certgate check says why"
					: "");
}

static int
write_sites(char *text, const struct sites *sites)
{
	size_t refusing = 0, stale = 0;

	for (size_t i = 0; i < sites->n; i++) {
		const struct store *store = &sites->site[i]->store;
		refusing += refuses(store);
		stale += !refuses(store) && is_stale(store);
	}
	return snprintf(text, TEXT_MAX,
			"STATUS=%zu sites: %zu refuse everybody, %zu have not "
			"what is on the disk now",
			sites->n, refusing, stale);
}

void
status_tell(const struct sites *sites)
{
	const struct span ready = SPAN("\nREADY=1");
	char text[TEXT_MAX];
	struct span words = { text, 0 };

	if (manager.path == NULL)
		return;
	int n = sites->in_use ? write_sites(text, sites)
			      : write_main(text, &sites->main);
	if (n < 0 || (size_t)n >= sizeof(text) - ready.len ||
	    strcmp(text, told) == 0)
		return;
	words.len = (size_t)n;
	if (told[0] == '\0') {
		memcpy(text + n, ready.ptr, ready.len);
		words.len += ready.len;
	}
	if (!datagram_send(&manager, words))
		return;
	memcpy(told, text, (size_t)n);
	told[n] = '\0';
}
