/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/connection.h"
#include "host/serve.h"

enum {
	TICK_MS = 500,
	EVENTS = 64, /* for one epoll_wait(2) */
	ACCEPTS = 64, /* new connections in one turn */
	MEANWHILE = 8, /* at most so many of each within a tick */
	SPOOLED_MAX = 64 * 1024 * 1024 /* bytes in all spools */
};

struct loop {
	struct listener *listener;
	serve_tick *tick;
	void *context;
	int epoll; /* owned */
	int signals; /* owned */
	bool listening; /* the listener is in the epoll set */
	bool stopping;
	int64_t ticked_ms;
	size_t open; /* connections */
	struct connection connections[SERVE_CONNECTIONS];
};

static struct loop *ticking; /* its tick is running; or NULL */

static bool
watch(struct loop *loop, int how, int fd, void *what, uint32_t flags)
{
	struct epoll_event event = { .events = EPOLLIN | flags,
				     .data.ptr = what };

	return epoll_ctl(loop->epoll, how, fd, &event) == 0;
}

/* Add the listener to the epoll set, or remove it.  Of several processes that
 * wait, the kernel wakes one. */
static void
set_listening(struct loop *loop, bool wanted)
{
	if (wanted == loop->listening)
		return;
	if (wanted)
		(void)watch(loop, EPOLL_CTL_ADD, loop->listener->fd,
			    loop->listener, EPOLLEXCLUSIVE);
	else
		(void)epoll_ctl(loop->epoll, EPOLL_CTL_DEL, loop->listener->fd,
				NULL);
	loop->listening = wanted;
}

static void
drop(struct loop *loop, struct connection *c)
{
	connection_close(c);
	loop->open--;
	if (!loop->stopping)
		set_listening(loop, true);
}

/* Return true for a kept connection between two requests: closing it loses
 * nothing. */
static bool
is_kept(const struct connection *c)
{
	return c->fd >= 0 && c->served && connection_idle(c);
}

/* Return true for a new connection whose first request is incomplete. */
static bool
is_new(const struct connection *c)
{
	return c->fd >= 0 && !c->served && connection_idle(c);
}

static bool
is_within_request(const struct connection *c)
{
	return c->fd >= 0 && !connection_idle(c);
}

/* Return true if the spool has more than its share; if all spools together are
 * too large, at least one has. */
static bool
has_large_spool(const struct connection *c)
{
	return c->spool != NULL &&
	       record_size(c->spool) > SPOOLED_MAX / SERVE_CONNECTIONS;
}

/* Return the connection that is longest without progress, of those for which
 * is_so is true; *n: their number. */
static struct connection *
find_oldest(struct loop *loop, bool (*is_so)(const struct connection *),
	    size_t *n)
{
	struct connection *oldest = NULL;

	*n = 0;
	for (size_t i = 0; i < SERVE_CONNECTIONS; i++) {
		struct connection *c = &loop->connections[i];
		if (!is_so(c))
			continue;
		(*n)++;
		if (oldest == NULL || c->progress_ms < oldest->progress_ms)
			oldest = c;
	}
	return oldest;
}

static size_t
spooled(const struct loop *loop)
{
	size_t bytes = 0;

	for (size_t i = 0; i < SERVE_CONNECTIONS; i++) {
		const struct connection *c = &loop->connections[i];
		if (c->spool != NULL)
			bytes += record_size(c->spool);
	}
	return bytes;
}

/* Read from the peer; last: the peer sends no more. */
static enum connection_state
take(struct connection *c, bool last)
{
	if (c->spool == NULL) {
		enum connection_state state = connection_look(c, last);
		if (state != CONNECTION_SPOOLS)
			return state;
		if (!connection_spool(c))
			return CONNECTION_ENDS;
	}
	return connection_read(c, last);
}

/* Watch the peer with EPOLLET: unread bytes are looked for again. */
static bool
watch_peer(struct loop *loop, struct connection *c, bool again)
{
	bool before = c->watched;

	c->watched = true;
	return (before && !again) ||
	       watch(loop, before ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, c->fd, c,
		     EPOLLET | EPOLLRDHUP);
}

static void
advance(struct loop *loop, struct connection *c, bool last)
{
	enum connection_state state = take(c, last);
	size_t n;

	if (state == CONNECTION_ENDS ||
	    (loop->stopping && c->served && connection_idle(c)) ||
	    !watch_peer(loop, c, state == CONNECTION_AGAIN))
		drop(loop, c);
	/* Small spools stay: they free little, and belong to connect events. */
	while (c->spool != NULL && spooled(loop) > SPOOLED_MAX)
		drop(loop, find_oldest(loop, has_large_spool, &n));
}

/* Return the connection to close for a new one: a kept one, else a new one if
 * there are more than ACCEPTS, else a slow one. */
static struct connection *
find_least_needed(struct loop *loop)
{
	size_t n, new;
	struct connection *kept = find_oldest(loop, is_kept, &n);
	struct connection *newcomer = find_oldest(loop, is_new, &new);
	struct connection *slow = find_oldest(loop, is_within_request, &n);

	if (kept != NULL)
		return kept;
	return new > ACCEPTS || slow == NULL ? newcomer : slow;
}

/* Close the connection that is needed least.  If its request has arrived,
 * answer it first; if its peer was idle, read on. */
static void
evict(struct loop *loop)
{
	struct connection *c = find_least_needed(loop);

	if (c == NULL)
		return;
	bool idle = connection_idle(c);
	advance(loop, c, false);
	if (c->fd >= 0 && connection_idle(c) == idle)
		drop(loop, c);
}

/* Accept a connection; if too many files are open, close another one for it.
 * Return -1 without one. */
static int
accept_one(struct loop *loop)
{
	int fd = listener_accept(loop->listener);

	if (fd >= 0 || (errno != EMFILE && errno != ENFILE))
		return fd;
	evict(loop);
	fd = listener_accept(loop->listener);
	if (fd < 0 && errno != EAGAIN)
		set_listening(loop, false); /* until the next tick */
	return fd;
}

/* Accept up to so many connections; return false if no more wait. */
static bool
accept_some(struct loop *loop, unsigned most)
{
	for (unsigned i = 0; i < most; i++) {
		struct connection *c = loop->connections;
		int fd = accept_one(loop);
		if (fd < 0)
			return false;
		while (loop->open == SERVE_CONNECTIONS)
			evict(loop);
		while (c->fd >= 0)
			c++;
		*c = connection_open(fd);
		loop->open++;
		advance(loop, c, false);
	}
	return true;
}

/* Close late connections.  A silent one has the time of a partial request; a
 * kept one stays until its place is needed. */
static void
drop_late(struct loop *loop, int64_t now)
{
	int64_t limit = loop->stopping ? SERVE_STOP_MS : SERVE_REQUEST_MS;

	for (size_t i = 0; i < SERVE_CONNECTIONS; i++) {
		struct connection *c = &loop->connections[i];
		if (c->fd >= 0 && !is_kept(c) && now - c->since_ms >= limit)
			drop(loop, c);
	}
}

/* Stop, but first accept the waiting connections of our own listener, which
 * would be lost. */
static void
begin_stop(struct loop *loop)
{
	loop->stopping = true;
	listener_remove(loop->listener);
	while (loop->listener->ours && accept_some(loop, ACCEPTS))
		;
	set_listening(loop, false);
	for (size_t i = 0; i < SERVE_CONNECTIONS; i++) {
		struct connection *c = &loop->connections[i];
		if (c->fd < 0)
			continue;
		c->since_ms = clock_ms();
		advance(loop, c, false);
	}
}

static void
call_tick(struct loop *loop, bool now)
{
	listener_never_wait(loop->listener);
	ticking = loop;
	loop->tick(loop->context, now);
	ticking = NULL;
}

static void
take_signals(struct loop *loop)
{
	struct signalfd_siginfo info;

	while (read(loop->signals, &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP)
			call_tick(loop, true);
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
	sigset_t signals = own_signals();

	return sigprocmask(SIG_BLOCK, &signals, NULL) == 0 ||
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
	if (loop->signals < 0 ||
	    !watch(loop, EPOLL_CTL_ADD, loop->signals, loop, 0))
		return error_system(e, "signalfd");
	set_listening(loop, true);
	return true;
}

/* Handle events: first those that may close connections, then new
 * connections.  Within a tick, neither wait nor take signals. */
static void
take_events(struct loop *loop, bool in_tick)
{
	struct epoll_event events[EVENTS];
	int64_t left = in_tick ? 0 : TICK_MS - (clock_ms() - loop->ticked_ms);
	int n = epoll_wait(loop->epoll, events, in_tick ? MEANWHILE : EVENTS,
			   left > 0 ? (int)left : 0);
	bool signalled = false, called = false;

	for (int i = 0; i < n; i++) {
		void *what = events[i].data.ptr;
		struct connection *c = what;
		signalled |= what == loop;
		called |= what == loop->listener;
		if (what == loop || what == loop->listener || c->fd < 0)
			continue;
		advance(loop, c,
			(events[i].events & (EPOLLRDHUP | EPOLLHUP)) != 0);
	}
	if (signalled && !in_tick)
		take_signals(loop);
	if (called && loop->listening)
		(void)accept_some(loop, in_tick ? MEANWHILE : ACCEPTS);
}

static void
tick(struct loop *loop, int64_t now)
{
	loop->ticked_ms = now;
	call_tick(loop, false);
	drop_late(loop, now);
	if (!loop->stopping)
		set_listening(loop, true);
}

void
serve_meanwhile(void)
{
	struct loop *loop = ticking;

	if (loop == NULL)
		return;
	ticking = NULL; /* an event may load a list: no recursion */
	take_events(loop, true);
	ticking = loop;
}

bool
serve_run(struct listener *listener, serve_tick *tell, void *context,
	  struct error *e)
{
	static struct loop loop;

	loop = (struct loop){ .listener = listener,
			      .tick = tell,
			      .context = context,
			      .epoll = -1,
			      .signals = -1 };
	bool ok = start(&loop, e);
	while (ok && (!loop.stopping || loop.open > 0)) {
		take_events(&loop, false);
		int64_t now = clock_ms();
		if (now - loop.ticked_ms >= TICK_MS)
			tick(&loop, now);
	}
	if (loop.signals >= 0)
		close(loop.signals);
	if (loop.epoll >= 0)
		close(loop.epoll);
	return ok;
}
