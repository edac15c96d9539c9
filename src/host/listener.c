/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/span.h"
#include "host/account.h"
#include "host/file.h"
#include "host/listener.h"
#include "host/lock.h"
#include "host/log.h"

union address {
	struct sockaddr any;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
	struct sockaddr_un un;
};

enum {
	BACKLOG = 511, /* waiting connections; the kernel may lower it */
	DEFAULT_MODE = 0660,
	MODE_MAX = 0777,
	LOCK_WAIT_MS = 5000 /* a start holds the lock only for a moment */
};

/* Return true if only processes of this host can have the address. */
static bool
is_local(const union address *address)
{
	enum { LOOPBACK_NET = 127 /* 127.0.0.0/8, RFC 1122 3.2.1.3 */ };

	if (address->any.sa_family == AF_UNIX)
		return true;
	if (address->any.sa_family == AF_INET)
		return ntohl(address->in.sin_addr.s_addr) >> 24 == LOOPBACK_NET;
	if (address->any.sa_family != AF_INET6)
		return false;
	if (IN6_IS_ADDR_V4MAPPED(&address->in6.sin6_addr))
		return address->in6.sin6_addr.s6_addr[12] == LOOPBACK_NET;
	return IN6_IS_ADDR_LOOPBACK(&address->in6.sin6_addr);
}

static bool
read_inet(union address *address, socklen_t *size, const char *text,
	  struct error *e)
{
	char host[INET6_ADDRSTRLEN];
	const char *colon = strrchr(text, ':');
	struct span before = { text,
			       colon == NULL ? 0 : (size_t)(colon - text) };
	uint64_t port;

	if (before.len > 2 && before.ptr[0] == '[' &&
	    before.ptr[before.len - 1] == ']') {
		before = (struct span){ before.ptr + 1, before.len - 2 };
		address->in6.sin6_family = AF_INET6;
	} else {
		address->in.sin_family = AF_INET;
	}
	if (colon != NULL && before.len < sizeof(host) &&
	    span_number(span_of(colon + 1), 1, UINT16_MAX, &port)) {
		memcpy(host, before.ptr, before.len);
		host[before.len] = '\0';
		bool six = address->any.sa_family == AF_INET6;
		void *to = six ? (void *)&address->in6.sin6_addr
			       : (void *)&address->in.sin_addr;
		if (six)
			address->in6.sin6_port = htons((uint16_t)port);
		else
			address->in.sin_port = htons((uint16_t)port);
		*size = six ? sizeof(address->in6) : sizeof(address->in);
		if (inet_pton(address->any.sa_family, host, to) == 1 &&
		    is_local(address))
			return true;
	}
	return error_set(e,
			 "an address of %zu characters: expected an absolute "
			 "path, 127.0.0.1:PORT or [::1]:PORT",
			 strlen(text));
}

static bool
read_unix(union address *address, socklen_t *size, const char *path,
	  struct error *e)
{
	if (strlen(path) >= sizeof(address->un.sun_path))
		return error_set(e, "%s: path too long for a socket",
				 file_shown(path));
	address->un.sun_family = AF_UNIX;
	memcpy(address->un.sun_path, path, strlen(path));
	*size = sizeof(address->un);
	return true;
}

/* Parse an address.  *size: the bytes of address in use. */
static bool
read_address(union address *address, socklen_t *size, const char *text,
	     struct error *e)
{
	*address = (union address){ 0 };
	*size = 0;
	return text[0] == '/' ? read_unix(address, size, text, e)
			      : read_inet(address, size, text, e);
}

bool
listener_is(int fd)
{
	int listens = 0;
	socklen_t size = sizeof(listens);

	return getsockopt(fd, SOL_SOCKET, SO_ACCEPTCONN, &listens, &size) ==
		       0 &&
	       listens != 0;
}

void
listener_never_wait(const struct listener *listener)
{
	/* O_NONBLOCK is the only status flag of a socket. */
	(void)fcntl(listener->fd, F_SETFL, O_NONBLOCK);
}

/* Return true if others can search each folder on the way to path, which is
 * absolute and has no symbolic links. */
static bool
others_reach(const char *path)
{
	char folder[PATH_MAX];
	const char *slash = path;
	struct stat s;

	while ((slash = strchr(slash, '/')) != NULL) {
		size_t n = (size_t)(++slash - path);
		memcpy(folder, path, n);
		folder[n] = '\0';
		if (stat(folder, &s) == 0 && (s.st_mode & S_IXOTH) == 0)
			return false;
	}
	return true;
}

/* Refuse a socket that others can connect to: they could write any parameter.
 * The mode of the path counts, since fstat(2) gives 0777 for every socket. */
static bool
check_path(const char *path, struct error *e)
{
	char real[PATH_MAX];
	const char *why = NULL;
	struct stat s = { 0 };

	if (path[0] != '/')
		why = "relative path";
	else if (realpath(path, real) == NULL || stat(real, &s) != 0)
		why = strerror(errno);
	else if (!S_ISSOCK(s.st_mode))
		why = "not a socket";
	if (why != NULL) {
		struct error warning = { 0 };
		error_set(&warning,
			  "%s: cannot check the mode of the socket: %s (make "
			  "sure that others cannot connect)",
			  path, why);
		log_error(LOG_LEVEL_WARNING, &warning);
		return true;
	}
	return (s.st_mode & S_IWOTH) == 0 || !others_reach(real) ||
	       error_set(e,
			 "%s: bad socket: writable by others (fix: "
			 "SocketMode=0660 in the systemd unit, spawn-fcgi -M "
			 "0660, or chmod o-w %s)",
			 path, path);
}

/* Check the address of an open listener. size: bytes of address. */
static bool
check_address(const union address *address, socklen_t size, struct error *e)
{
	char path[sizeof(address->un.sun_path) + 1] = { 0 };
	const size_t head = offsetof(struct sockaddr_un, sun_path);

	if (address->any.sa_family != AF_UNIX) {
		if (!is_local(address))
			log_note(LOG_LEVEL_WARNING,
				 "file descriptor 0: not a loopback address: "
				 "connections from other hosts are closed "
				 "(fix: listen on a unix socket or on "
				 "127.0.0.1)");
		return true;
	}
	memcpy(path, address->un.sun_path, sizeof(path) - 1);
	if (size > head && path[0] == '\0')
		return error_set(
			e,
			"@%s: bad socket: abstract, every local user "
			"can connect (fix: listen on a path, such as "
			"/run/certgate/certgate.sock)",
			error_word((struct span){ path + 1, size - head - 1 }));
	return check_path(path, e);
}

bool
listener_take(struct listener *listener, int fd, struct error *e)
{
	const struct timeval most = { .tv_usec = 1000 };
	union address address = { 0 };
	socklen_t size = sizeof(address);

	*listener = (struct listener){ .fd = fd };
	if (getsockname(fd, &address.any, &size) != 0)
		return error_system(e, "file descriptor 0");
	listener->inet = address.any.sa_family != AF_UNIX;
	/* The limit of a wait in accept(2), if another process clears
	 * O_NONBLOCK. */
	(void)setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &most, sizeof(most));
	listener_never_wait(listener);
	return check_address(&address, size, e);
}

int
listener_accept(const struct listener *listener)
{
	union address peer = { 0 };
	socklen_t size = sizeof(peer);
	int flags = SOCK_NONBLOCK | SOCK_CLOEXEC;

	if (!listener->inet)
		return accept4(listener->fd, NULL, NULL, flags);
	int fd = accept4(listener->fd, &peer.any, &size, flags);
	if (fd < 0)
		return -1;
	if (!is_local(&peer)) {
		close(fd);
		errno = EAGAIN;
		return -1;
	}
	int on = 1;
	(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

/* Remove a socket at path that no process listens on, and nothing else. */
static bool
clear_path(const char *path, const union address *address, struct error *e)
{
	struct stat s;

	if (lstat(path, &s) != 0)
		return errno == ENOENT ||
		       error_system(e, "%s", file_shown(path));
	if (!S_ISSOCK(s.st_mode))
		return error_set(e,
				 "%s exists and is not a socket: expected a "
				 "free path",
				 path);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return error_system(e, "socket");
	int result = connect(fd, &address->any, sizeof(address->un));
	int number = errno;
	close(fd);
	if (result != 0 && number == EACCES)
		return error_set(e,
				 "%s belongs to another user and cannot be "
				 "tried (fix: if nothing listens there, rm %s)",
				 path, path);
	if (result == 0 || number != ECONNREFUSED)
		return error_set(e,
				 "%s is in use: another program listens "
				 "there",
				 path);
	return unlink(path) == 0 || error_system(e, "%s", path);
}

static bool
read_mode(const char *text, mode_t *mode, struct error *e)
{
	*mode = DEFAULT_MODE;
	if (text == NULL)
		return true;
	size_t digits = strspn(text, "01234567");
	unsigned long value = strtoul(text, NULL, 8);
	if (digits == 0 || text[digits] != '\0' || value > MODE_MAX ||
	    (value & S_IWOTH) != 0)
		return error_set(e,
				 "a mode of %zu characters: expected octal "
				 "digits such as 0660, not writable by others",
				 strlen(text));
	*mode = (mode_t)value;
	return true;
}

/* Create the socket with its mode, since chmod(2) would follow a link, and
 * listen last: no client can connect before mode and group are set. */
static bool
bind_unix(int fd, const union address *address, mode_t mode,
	  const struct listener_options *options, struct error *e)
{
	const char *path = options->address;
	gid_t group = (gid_t)-1;

	if (options->group != NULL && !account_group(options->group, &group))
		return error_set(e, "--listen-group: no such group");
	if (!clear_path(path, address, e))
		return false;
	mode_t before = umask(MODE_MAX & ~mode);
	bool bound = bind(fd, &address->any, sizeof(address->un)) == 0 ||
		     error_system(e, "%s", file_shown(path));
	umask(before);
	if (!bound)
		return false;
	if (options->group == NULL || lchown(path, (uid_t)-1, group) == 0)
		return true;
	error_system(e,
		     "%s cannot be given to the group %s, which the user of "
		     "this program must be in",
		     path, error_word(span_of(options->group)));
	(void)unlink(path);
	return false;
}

/* Lock the folder of path until the returned descriptor is closed, so that only
 * one program replaces a dead socket.  Return -1 and e on failure. */
static int
lock_folder(const char *path, struct error *e)
{
	char folder[sizeof(((struct sockaddr_un *)0)->sun_path) + 1];
	size_t n = (size_t)(strrchr(path, '/') - path) + 1;

	memcpy(folder, path, n);
	folder[n] = '\0';
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		error_system(e, "%s", file_shown(folder));
	if (fd < 0 || lock_take(fd, folder, LOCK_WAIT_MS, e))
		return fd;
	close(fd);
	return -1;
}

static bool
open_unix(struct listener *listener, const struct listener_options *options,
	  const union address *address, mode_t mode, struct error *e)
{
	const char *path = options->address;
	struct stat s = { 0 };
	int lock = lock_folder(path, e);

	if (lock < 0)
		return false;
	bool ok = bind_unix(listener->fd, address, mode, options, e);
	if (ok) {
		listener->path = strdup(path);
		ok = listener->path == NULL ? error_set(e, "out of memory")
		     : lstat(path, &s) != 0 ||
				     listen(listener->fd, BACKLOG) != 0
			     ? error_system(e, "%s", path)
			     : true;
		listener->device = s.st_dev;
		listener->inode = s.st_ino;
	}
	close(lock);
	return ok;
}

static bool
open_inet(struct listener *listener, const struct listener_options *options,
	  const union address *address, socklen_t size, struct error *e)
{
	int on = 1;

	listener->inet = true;
	(void)setsockopt(listener->fd, SOL_SOCKET, SO_REUSEADDR, &on,
			 sizeof(on));
	return (bind(listener->fd, &address->any, size) == 0 &&
		listen(listener->fd, BACKLOG) == 0) ||
	       error_system(e, "%s", options->address);
}

bool
listener_check(const struct listener_options *options, struct error *e)
{
	union address address;
	socklen_t size;
	mode_t mode;

	return read_address(&address, &size, options->address, e) &&
	       read_mode(options->mode, &mode, e);
}

bool
listener_open(struct listener *listener, const struct listener_options *options,
	      struct error *e)
{
	union address address;
	socklen_t size;
	mode_t mode;

	*listener = (struct listener){ .fd = -1, .ours = true };
	if (!read_address(&address, &size, options->address, e) ||
	    !read_mode(options->mode, &mode, e))
		return false;
	listener->fd =
		socket(address.any.sa_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (listener->fd < 0)
		return error_system(e, "socket");
	if (address.any.sa_family == AF_UNIX
		    ? open_unix(listener, options, &address, mode, e)
		    : open_inet(listener, options, &address, size, e)) {
		listener_never_wait(listener);
		return true;
	}
	listener_remove(listener);
	close(listener->fd);
	listener->fd = -1;
	return false;
}

void
listener_remove(struct listener *listener)
{
	struct stat s;

	/* Keep the socket of another process at this path. */
	if (listener->path != NULL && lstat(listener->path, &s) == 0 &&
	    s.st_dev == listener->device && s.st_ino == listener->inode)
		(void)unlink(listener->path);
	free(listener->path);
	listener->path = NULL;
}
