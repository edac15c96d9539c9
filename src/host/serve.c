/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/connection.h"
#include "host/outbox.h"
#include "host/serve.h"

enum {
	TICK_MS = 1000,
	EVENTS = 64, /* taken from the kernel at once */
	ACCEPTS = 64 /* connections taken before others have a turn */
};

struct loop {
	struct listener *listener;
	const struct service *service;
	int epoll; /* owned */
	int signals; /* owned */
	bool listening; /* the listener is in the epoll set */
	bool stopping;
	int64_t ticked_ms;
	size_t open; /* connections */
	struct connection connections[SERVE_CONNECTIONS];
	struct outbox outbox;
};

static bool
watch(struct loop *loop, int fd, void *who, uint32_t flags)
{
	struct epoll_event event = { .events = EPOLLIN | flags,
				     .data.ptr = who };

	return epoll_ctl(loop->epoll, EPOLL_CTL_ADD, fd, &event) == 0;
}

/* Several processes may wait at one listener: one is enough to wake. */
static void
set_listening(struct loop *loop, bool wanted)
{
	if (wanted == loop->listening)
		return;
	if (wanted)
		(void)watch(loop, loop->listener->fd, loop->listener,
			    EPOLLEXCLUSIVE);
	else
		(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->listener->fd,
				NULL);
	loop->listening = wanted;
}

static void
drop(struct loop *loop, struct connection *c)
{
	outbox_forget(&loop->outbox, c);
	connection_close(c);
	loop->open--;
	if (!loop->stopping)
		set_listening(loop, true);
}

static void
send_all(struct loop *loop)
{
	struct connection *ended[OUTBOX_CONNECTIONS];
	size_t n = outbox_send(&loop->outbox, ended);

	for (size_t i = 0; i < n; i++)
		drop(loop, ended[i]);
}

static void
advance(struct loop *loop, struct connection *c)
{
	const struct service *service = loop->service;
	struct outbox *box = &loop->outbox;
	size_t before = box->bytes.len;

	if (c->ended)
		return;
	bool progress, idle = connection_idle(c);
	bool keep = connection_advance(c, service->answer, service->context,
				       &box->bytes, &progress);

	outbox_add(box, c, before);
	if (!keep || (loop->stopping && c->served && connection_idle(c)) ||
	    (!c->watched && !watch(loop, c->fd, c, 0))) {
		c->ended = outbox_end(box, c);
		if (!c->ended)
			drop(loop, c);
	} else {
		c->watched = true;
		if (progress || idle)
			c->since_ms = clock_ms();
	}
	if (outbox_full(box))
		send_all(loop);
}

/* The connection that has been idle longest, kept or silent; NULL: all are in
 * the middle of a request. */
static struct connection *
find_idle(struct loop *loop)
{
	struct connection *oldest = NULL;

	for (size_t i = 0; i < SERVE_CONNECTIONS; i++) {
		struct connection *c = &loop->connections[i];
		if (c->fd >= 0 && connection_idle(c) &&
		    (oldest == NULL || c->since_ms < oldest->since_ms))
			oldest = c;
	}
	return oldest;
}

static struct connection *
find_free(struct loop *loop)
{
	for (size_t i = 0; i < SERVE_CONNECTIONS; i++)
		if (loop->connections[i].fd < 0)
			return &loop->connections[i];
	return NULL;
}

/* A free place, else the one of find_idle. */
static struct connection *
find_place(struct loop *loop)
{
	struct connection *c = find_free(loop);

	if (c != NULL)
		return c;
	send_all(loop);
	c = find_free(loop);
	return c != NULL ? c : find_idle(loop);
}

/* Frees a place that an idle connection has.  A request that has come in
 * meanwhile is answered first. */
static void
evict(struct loop *loop, struct connection *c)
{
	advance(loop, c);
	send_all(loop);
	if (c->fd >= 0 && connection_idle(c))
		drop(loop, c);
}

/* The next connection; when there are too many files open, in the place of an
 * idle one.  -1 if there is none to be had. */
static int
accept_one(struct loop *loop)
{
	int fd = listener_accept(loop->listener);

	if (fd >= 0 || (errno != EMFILE && errno != ENFILE))
		return fd;
	send_all(loop);
	struct connection *oldest = find_idle(loop);
	if (oldest != NULL)
		evict(loop, oldest);
	fd = listener_accept(loop->listener);
	if (fd < 0 && errno != EAGAIN)
		set_listening(loop, false); /* until the next tick */
	return fd;
}

/* Somebody is there: nobody is evicted for nothing. */
static bool
is_waiting(const struct loop *loop)
{
	struct pollfd listener = { .fd = loop->listener->fd, .events = POLLIN };

	return poll(&listener, 1, 0) == 1;
}

/* Takes up to ACCEPTS connections; false once none is left to be taken. */
static bool
accept_some(struct loop *loop)
{
	for (unsigned i = 0; i < ACCEPTS; i++) {
		struct connection *c = find_place(loop);
		if (c != NULL && c->fd >= 0) {
			if (!is_waiting(loop))
				return false;
			evict(loop, c);
			c = find_place(loop);
		}
		if (c == NULL || c->fd >= 0) {
			set_listening(loop, c != NULL);
			return false;
		}
		int fd = accept_one(loop);
		if (fd < 0)
			return false;
		connection_open(c, fd, clock_ms());
		loop->open++;
		advance(loop, c);
	}
	return true;
}

/* A silent connection has as long as a half-spoken request; a kept one may be
 * idle for ever, until its place is needed. */
static void
drop_late(struct loop *loop, int64_t now)
{
	int64_t limit = loop->stopping ? SERVE_STOP_MS : SERVE_REQUEST_MS;

	for (size_t i = 0; i < SERVE_CONNECTIONS; i++) {
		struct connection *c = &loop->connections[i];
		bool kept = c->fd >= 0 && c->served && connection_idle(c);
		if (c->fd >= 0 && !kept && now - c->since_ms >= limit)
			drop(loop, c);
	}
}

/* What waits at a listener of our own would be lost with it. */
static void
begin_stop(struct loop *loop)
{
	loop->stopping = true;
	listener_remove(loop->listener);
	while (loop->listener->ours && accept_some(loop))
		;
	set_listening(loop, false);
	for (size_t i = 0; i < SERVE_CONNECTIONS; i++) {
		struct connection *c = &loop->connections[i];
		if (c->fd < 0)
			continue;
		c->since_ms = clock_ms();
		advance(loop, c);
	}
}

static void
take_signals(struct loop *loop)
{
	struct signalfd_siginfo info;

	while (read(loop->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			loop->service->tick(loop->service->context, true);
		else if (!loop->stopping)
			begin_stop(loop);
	}
}

static sigset_t
own_signals(void)
{
	sigset_t signals;

	sigemptyset(&signals);
	sigaddset(&signals, SIGTERM);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGUSR1);
	sigaddset(&signals, SIGHUP);
	return signals;
}

bool
serve_hold_signals(struct error *e)
{
	struct sigaction ignore = { .sa_handler = SIG_IGN };
	sigset_t signals = own_signals();

	return (sigaction(SIGPIPE, &ignore, NULL) == 0 &&
		sigprocmask(SIG_BLOCK, &signals, NULL) == 0) ||
	       error_system(e, "signals");
}

static bool
start(struct loop *loop, struct error *e)
{
	sigset_t signals = own_signals();

	for (size_t i = 0; i < SERVE_CONNECTIONS; i++)
		loop->connections[i].fd = -1;
	loop->epoll = epoll_create1(EPOLL_CLOEXEC);
	if (loop->epoll < 0)
		return error_system(e, "epoll");
	loop->signals = signalfd(-1, &signals, SFD_CLOEXEC | SFD_NONBLOCK);
	if (loop->signals < 0 || !watch(loop, loop->signals, loop, 0))
		return error_system(e, "signalfd");
	set_listening(loop, true);
	return true;
}

static void
turn(struct loop *loop)
{
	struct epoll_event events[EVENTS];
	int n = epoll_wait(loop->epoll, events, EVENTS, TICK_MS);

	for (int i = 0; i < n; i++) {
		void *who = events[i].data.ptr;
		struct connection *c = who;
		if (who == loop)
			take_signals(loop);
		else if (who == loop->listener && loop->listening)
			(void)accept_some(loop);
		else if (who != loop->listener && c->fd >= 0)
			advance(loop, c);
	}
	send_all(loop);
	int64_t now = clock_ms();
	if (now - loop->ticked_ms < TICK_MS)
		return;
	loop->ticked_ms = now;
	listener_never_wait(loop->listener);
	loop->service->tick(loop->service->context, false);
	drop_late(loop, now);
	if (!loop->stopping)
		set_listening(loop, true);
}

bool
serve_run(struct listener *listener, const struct service *service,
	  struct error *e)
{
	static struct loop loop;

	loop = (struct loop){ .listener = listener,
			      .service = service,
			      .epoll = -1,
			      .signals = -1 };
	outbox_init(&loop.outbox);
	bool ok = start(&loop, e);
	while (ok && (!loop.stopping || loop.open > 0))
		turn(&loop);
	for (size_t i = 0; i < SERVE_CONNECTIONS; i++)
		connection_free(&loop.connections[i]);
	outbox_free(&loop.outbox);
	if (loop.signals >= 0)
		close(loop.signals);
	if (loop.epoll >= 0)
		close(loop.epoll);
	return ok;
}
