/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * listener: the socket on which the web server connects.
 *
 * Only a unix socket or a loopback address: a process that can connect can
 * write any parameter, REMOTE_USER too.  libfcgi's own function is not used: it
 * removes any file at the path and resolves names (2.4.2, tried).
 */
#ifndef CERTGATE_HOST_LISTENER_H
#define CERTGATE_HOST_LISTENER_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/error.h"

struct listener {
	int fd;
	bool ours; /* opened here: no other process accepts from it */
	char *path; /* owned; the socket file that is ours to remove, or NULL */
	dev_t device; /* of that file, to know it again */
	ino_t inode;
	bool inet; /* addresses of peers are checked */
};

/* The options of the command line. */
struct listener_options {
	const char *address; /* absolute path, 127.x.y.z:PORT or [::1]:PORT */
	const char *mode; /* octal, of the socket file; NULL: 0660 */
	const char *group; /* of the socket file; NULL: as created */
};

/* Return true if fd is a socket that listens. */
bool listener_is(int fd);

/* Use fd, which another program opened, and leave it open.  False with e, which
 * has the fix, if other users can connect: an abstract address, or a path that
 * others can write and reach.  Log a warning if the path cannot be seen, or if
 * fd listens on addresses other than loopback. */
bool listener_take(struct listener *listener, int fd, struct error *e)
	__attribute__((warn_unused_result));

/* Return true if address and mode are valid.  The system is not asked. */
bool listener_check(const struct listener_options *options, struct error *e)
	__attribute__((warn_unused_result));

/* Open a socket.  A socket at the path on which no program listens is replaced;
 * any other file at the path is an error. */
bool listener_open(struct listener *listener,
		   const struct listener_options *options, struct error *e)
	__attribute__((warn_unused_result));

/* Set O_NONBLOCK; call it each half second.  systemd holds the socket too, and
 * clears the flag when it starts a program of the unit, such as that of
 * ExecReload. */
void listener_never_wait(const struct listener *listener);

/* Accept one connection without blocking: its descriptor, or -1 with errno.
 * A peer on another host is closed; then errno is EAGAIN. */
int listener_accept(const struct listener *listener);

/* Remove the socket file if it is ours: no peer can connect any more. */
void listener_remove(struct listener *listener);

#endif
