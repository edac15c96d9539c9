/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <sys/socket.h>
#include <sys/statvfs.h>
#include <sys/un.h>
#include <unistd.h>

#include "admin/facts.h"
#include "admin/setup.h"

#define SOCKET_DEFAULT "/run/certgate/certgate.sock"

/* A socket that does not exist may be that of a handler which a web server
 * starts, unless it was named. */
static void
find_listener(struct facts *f, bool named)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct ucred peer;
	socklen_t size = sizeof(peer);

	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		       f->socket);
	if (fd < 0)
		return;
	if (connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0) {
		f->unit.state = UNIT_RUNNING;
		if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) == 0)
			f->unit.process = (int)peer.pid;
	} else if (errno == ECONNREFUSED || (errno == ENOENT && named)) {
		f->unit.state = UNIT_STOPPED;
	}
	close(fd);
}

static void
find_handler(struct facts *f, const char *socket)
{
	bool installed = setup_is_installed();

	if (installed)
		f->wiring = web_server_find(f->server);
	if (installed && socket == NULL)
		f->unit = unit_read();
	if (socket != NULL || installed)
		f->socket = socket != NULL ? socket : SOCKET_DEFAULT;
	if (f->socket != NULL && f->unit.state == UNIT_UNKNOWN)
		find_listener(f, socket != NULL);
}

static void
find_space(struct facts *f)
{
	struct setup_log log = { .path = NULL };
	struct error e = { 0 };
	struct statvfs disk;

	if (!setup_log(&log, &e))
		return;
	(void)snprintf(f->log_folder, sizeof(f->log_folder), "%s",
		       log.path == NULL ? "/var/log" : dirname(log.path));
	f->full = statvfs(f->log_folder, &disk) == 0 && disk.f_blocks > 0 &&
		  disk.f_bavail == 0;
	free(log.path);
}

void
facts_collect(struct facts *f, const char *socket, const char *log, bool loads)
{
	find_handler(f, socket);
	find_space(f);
	f->has_log = log != NULL || setup_has_log();
	if (!f->has_log)
		error_set(&f->log, "CERTGATE_LOG names no file");
	else
		f->has_log = hour_read(&f->hour, log, loads, &f->log);
}

void
facts_read_files(struct facts *f)
{
	f->has_files = true;
	f->starts = check_files(&f->findings, &f->report, &f->sites);
	f->refusal = outage_refusal(&f->sites, (int64_t)time(NULL));
}

void
facts_free(struct facts *f)
{
	if (!f->has_files)
		return;
	sites_close(&f->sites);
	findings_free(&f->findings);
	f->has_files = false;
}
