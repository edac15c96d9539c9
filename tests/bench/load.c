/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * load HOST:PORT EVENTS CONNECTIONS REQUESTS [constant]: sends the requests of
 * the file that `events` made over kept HTTP/1.1 connections, one at a time on
 * each, and compares every answer; with `constant`, every answer must be 204.
 *
 * Prints one line: requests ok=N wrong=N lost=N seconds=S rate=R p50_us=N
 * p99_us=N.  A connection that the server announced to close, or closed after
 * an answer and before a byte of the next, is made anew (Apache closes kept
 * ones under load); all other closes are losses.
 * Ends 0 only if nothing was wrong or lost.
 */
#include "config.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

enum { ANSWER_MAX = 65536, CONNECTIONS_MAX = 512, SHOWN = 5 };

struct event {
	const char *request;
	const char *body; /* expected, a prefix */
	uint32_t request_size, body_size;
	uint16_t status;
};

struct peer {
	int fd;
	const struct event *event; /* under way; NULL: none */
	size_t sent, got;
	bool kept; /* it has brought an answer */
	int64_t began_ns;
	char answer[ANSWER_MAX];
};

static struct event *events;
static size_t n_events, next_event;
static struct sockaddr_in server;
static bool constant;
static uint64_t wanted, started, ok, wrong, lost, connects;
static uint32_t *latencies; /* microseconds */
static int epoll;

static void
die(const char *what)
{
	perror(what);
	exit(3);
}

static int64_t
now_ns(void)
{
	struct timespec t;

	(void)clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

static void
read_events(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat s;

	if (fd < 0 || fstat(fd, &s) != 0)
		die(path);
	const char *at =
		mmap(NULL, (size_t)s.st_size, PROT_READ, MAP_PRIVATE, fd, 0);
	if (at == MAP_FAILED)
		die(path);
	const char *end = at + s.st_size;
	while (at < end) {
		events = reallocarray(events, n_events + 1, sizeof(*events));
		if (events == NULL)
			die("memory");
		struct event *e = &events[n_events++];
		memcpy(&e->request_size, at, 4);
		memcpy(&e->body_size, at + 4, 4);
		memcpy(&e->status, at + 8, 2);
		e->request = at + 10;
		e->body = e->request + e->request_size;
		at = e->body + e->body_size;
	}
}

static void
connect_peer(struct peer *peer)
{
	struct epoll_event event = { .events = EPOLLIN, .data.ptr = peer };
	int on = 1;

	peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (peer->fd < 0 ||
	    connect(peer->fd, (struct sockaddr *)&server, sizeof(server)) != 0)
		die("connect");
	(void)setsockopt(peer->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (epoll_ctl(epoll, EPOLL_CTL_ADD, peer->fd, &event) != 0)
		die("epoll");
	peer->kept = false;
	connects++;
}

static void
send_event(struct peer *peer)
{
	const struct event *e = peer->event;

	peer->sent = peer->got = 0;
	while (peer->sent < e->request_size) {
		ssize_t n = send(peer->fd, e->request + peer->sent,
				 e->request_size - peer->sent, MSG_NOSIGNAL);
		if (n < 0 && peer->sent == 0 && errno == EPIPE) {
			close(peer->fd);
			connect_peer(peer);
			continue;
		}
		if (n < 0)
			return; /* the close that follows counts it as lost */
		peer->sent += (size_t)n;
	}
}

static void
send_next(struct peer *peer)
{
	peer->event = NULL;
	if (started == wanted) {
		close(peer->fd);
		peer->fd = -1;
		return;
	}
	started++;
	peer->event = &events[next_event++ % n_events];
	peer->began_ns = now_ns();
	send_event(peer);
}

static void
show(const struct peer *peer, const char *what)
{
	static unsigned shown;

	if (shown++ < SHOWN)
		(void)fprintf(stderr, "load: %s, expected %u %.*s, got: %.*s\n",
			      what, peer->event->status,
			      (int)peer->event->body_size, peer->event->body,
			      (int)(peer->got < 300 ? peer->got : 300),
			      peer->answer);
}

/* What matters of an answer's head. */
struct head {
	size_t body; /* where it begins */
	size_t length; /* of the body */
	bool chunked, close;
};

static bool
begins(const char *line, const char *name)
{
	return strncasecmp(line, name, strlen(name)) == 0;
}

/* False: not all of it is there.  Line by line: what this program takes of the
 * processors is lost to those that it measures. */
static bool
read_head(const struct peer *peer, struct head *h)
{
	const char *end = memmem(peer->answer, peer->got, "\r\n\r\n", 4);
	const char *line = peer->answer;

	if (end == NULL)
		return false;
	*h = (struct head){ .body = (size_t)(end + 4 - peer->answer) };
	while ((line = memchr(line, '\n', (size_t)(end - line))) != NULL) {
		line++;
		if (begins(line, "content-length:"))
			h->length = strtoul(line + 15, NULL, 10);
		else if (begins(line, "transfer-encoding:"))
			h->chunked = true;
		else if (begins(line, "connection: close"))
			h->close = true;
	}
	return true;
}

/* Bytes of the whole answer; 0: not all there. */
static size_t
answer_size(struct peer *peer, struct head *h)
{
	peer->answer[peer->got] = '\0';
	if (!read_head(peer, h))
		return 0;
	if (h->chunked) {
		const char *last =
			strstr(peer->answer + h->body - 2, "\r\n0\r\n\r\n");
		return last == NULL ? 0 : (size_t)(last + 7 - peer->answer);
	}
	size_t size = h->body + h->length;
	return peer->got >= size ? size : 0;
}

static void
judge(struct peer *peer, size_t size, size_t body)
{
	const struct event *e = peer->event;
	long status = strtol(peer->answer + 9, NULL, 10);
	bool right = constant ? status == 204
			      : status == e->status &&
					size - body >= e->body_size &&
					memcmp(peer->answer + body, e->body,
					       e->body_size) == 0;

	latencies[ok + wrong] = (uint32_t)((now_ns() - peer->began_ns) / 1000);
	if (right) {
		ok++;
		return;
	}
	wrong++;
	show(peer, "wrong answer");
}

static void
take_answer(struct peer *peer)
{
	ssize_t n = recv(peer->fd, peer->answer + peer->got,
			 sizeof(peer->answer) - peer->got - 1, 0);
	struct head head = { 0 };

	if (n <= 0 && peer->got == 0 && peer->kept) {
		close(peer->fd);
		connect_peer(peer);
		send_event(peer);
		return;
	}
	if (n <= 0) {
		lost++;
		show(peer, "connection closed");
		close(peer->fd);
		connect_peer(peer);
		send_next(peer);
		return;
	}
	peer->got += (size_t)n;
	size_t size = answer_size(peer, &head);
	if (size == 0)
		return;
	judge(peer, size, head.body);
	peer->kept = true;
	if (head.close) {
		close(peer->fd);
		connect_peer(peer);
	}
	send_next(peer);
}

static int
compare(const void *a, const void *b)
{
	const uint32_t *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

static void
print(int64_t took_ns)
{
	uint64_t n = ok + wrong;
	double seconds = (double)took_ns / 1e9;

	qsort(latencies, n, sizeof(*latencies), compare);
	(void)printf("requests ok=%ju wrong=%ju lost=%ju seconds=%.2f "
		     "rate=%.0f p50_us=%u p99_us=%u connects=%ju\n",
		     (uintmax_t)ok, (uintmax_t)wrong, (uintmax_t)lost, seconds,
		     (double)n / seconds, n == 0 ? 0 : latencies[n / 2],
		     n == 0 ? 0 : latencies[n * 99 / 100], (uintmax_t)connects);
}

int
main(int argc, char **argv)
{
	static struct peer peers[CONNECTIONS_MAX];
	struct epoll_event ready[64];

	if (argc < 5 || strchr(argv[1], ':') == NULL)
		return 2;
	*strchr(argv[1], ':') = '\0';
	server.sin_family = AF_INET;
	server.sin_port = htons((uint16_t)atoi(argv[1] + strlen(argv[1]) + 1));
	unsigned n = (unsigned)strtoul(argv[3], NULL, 10);
	wanted = strtoull(argv[4], NULL, 10);
	constant = argc > 5 && strcmp(argv[5], "constant") == 0;
	if (inet_pton(AF_INET, argv[1], &server.sin_addr) != 1 || n == 0 ||
	    n > CONNECTIONS_MAX || wanted < n)
		return 2;
	read_events(argv[2]);
	latencies = calloc(wanted, sizeof(*latencies));
	epoll = epoll_create1(EPOLL_CLOEXEC);
	if (latencies == NULL || epoll < 0)
		die("start");
	int64_t began = now_ns();
	for (unsigned i = 0; i < n; i++) {
		connect_peer(&peers[i]);
		send_next(&peers[i]);
	}
	while (ok + wrong + lost < wanted) {
		int count = epoll_wait(epoll, ready, 64, 30000);
		if (count == 0) {
			(void)fputs("load: no answer for 30 s\n", stderr);
			lost += wanted - ok - wrong - lost;
		}
		for (int i = 0; i < count; i++) {
			struct peer *peer = ready[i].data.ptr;
			if (peer->fd >= 0 && peer->event != NULL)
				take_answer(peer);
		}
	}
	print(now_ns() - began);
	return wrong + lost == 0 ? 0 : 1;
}
