/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "host/datagram.h"

bool
datagram_open(struct datagram *d)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };

	if (d->fd >= 0)
		return true;
	(void)snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		       d->path);
	d->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (d->fd >= 0 &&
	    connect(d->fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return true;
	if (d->fd >= 0)
		close(d->fd);
	d->fd = -1;
	return false;
}

bool
datagram_send(struct datagram *d, struct span bytes)
{
	for (int i = 0; i < 2 && datagram_open(d); i++) {
		if (send(d->fd, bytes.ptr, bytes.len, MSG_NOSIGNAL) >= 0)
			return true;
		if (errno == EAGAIN || errno == ENOBUFS)
			return false;
		close(d->fd);
		d->fd = -1;
	}
	return false;
}
