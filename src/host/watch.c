/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/log.h"
#include "host/watch.h"

enum {
	STABLE_MS = 1000, /* a file may be written in place until then */
	AHEAD_MS = 60000, /* a time so far ahead of the clock is not of a write
			   * that goes on, but of before the clock went back */
	SETTLE_MS = 2 * STABLE_MS, /* a start waits as long for that */
	PAUSE_MS = 20, /* between two looks meanwhile */
	BUSY_MS = 10000, /* one that is written again and again is read then:
			  * else who is taken out of it would stay for ever;
			  * or said not to be read, if it must rest */
	RETRY_MS = 5000 /* until one that did not do is tried again */
};

/* By the clock of the file system's times. */
static int64_t
real_ms(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

bool
watch_report(struct watch *watch, const struct error *e)
{
	bool first = !watch->reported;

	if (first)
		log_error(LOG_LEVEL_ERROR, e);
	watch->reported = true;
	return first;
}

/* Whatever becomes of it, this version is no news any more. */
static void
begin_try(struct watch *watch, int64_t now_ms)
{
	if (watch->restless && watch->rest != REST_ALWAYS)
		log_note(LOG_LEVEL_WARNING,
			 "%s changes all the time: it is read as it is just "
			 "now; write a new file beside it and rename that",
			 watch->path);
	watch->restless = false;
	watch->replaced = false;
	watch->tried_ms = now_ms;
	watch->news_ms = 0;
}

static bool
is_same_inode(const struct file_identity *a, const struct file_identity *b)
{
	return a->exists && b->exists && a->device == b->device &&
	       a->inode == b->inode;
}

/* Looks at the file; true if it is another one than is in use. */
static bool
is_other(struct watch *watch, int64_t now_ms)
{
	struct file_identity now;

	if (watch->path == NULL)
		return false;
	file_identify(watch->path, &now);
	if (!file_same(&now, &watch->seen)) {
		watch->seen = now;
		watch->since_ms = now_ms;
		watch->moved = true;
		watch->reported = false;
	}
	bool in_use = file_same(&now, &watch->loaded);
	if (in_use || file_same(&now, &watch->tried))
		watch->news_ms = 0;
	else if (watch->news_ms == 0)
		watch->news_ms = now_ms;
	return !in_use;
}

/* The times of a file are by the clock of its file system, which may be another
 * machine's: they are believed only while there is nothing better. */
static bool
is_old(const struct file_identity *file)
{
	struct timespec now = { 0 };

	(void)clock_gettime(CLOCK_REALTIME, &now);
	int64_t age_ms = real_ms(&now) - real_ms(&file->changed);
	return age_ms >= STABLE_MS || age_ms <= -AHEAD_MS;
}

/* It is not being written, as far as that can be told; or it is not there. */
static bool
is_at_rest(const struct watch *watch, int64_t now_ms)
{
	int64_t same_ms = now_ms - watch->since_ms;

	if (!watch->seen.exists)
		return same_ms >= WATCH_MISSING_MS;
	if (watch->moved || same_ms >= STABLE_MS)
		return same_ms >= STABLE_MS;
	return is_old(&watch->seen);
}

/* The folder that path is in, or the last one above it that is there. */
static void
identify_folder(const char *path, struct file_identity *identity)
{
	char folder[PATH_MAX];
	char *end;

	*identity = (struct file_identity){ 0 };
	(void)snprintf(folder, sizeof(folder), "%s", path);
	while (!identity->exists && (end = strrchr(folder, '/')) != NULL) {
		end[end == folder ? 1 : 0] = '\0';
		file_identify(folder, identity);
		*end = '\0';
	}
}

/* It is not there, and may be so for the moment only: an editor moves a file
 * away before it writes the new one, which changes the folder; others do so
 * with the folder. */
static bool
is_away(const struct watch *watch, int64_t now_ms)
{
	struct file_identity folder;

	if (watch->path == NULL || watch->seen.exists ||
	    now_ms - watch->since_ms >= STABLE_MS)
		return false;
	identify_folder(watch->path, &folder);
	return watch->moved || (folder.exists && !is_old(&folder));
}

/* It is there, is not in use, and may be half of what it will be. */
static bool
is_moving(struct watch *watch, int64_t now_ms)
{
	return is_other(watch, now_ms) && watch->seen.exists &&
	       !is_at_rest(watch, now_ms);
}

/* Opens what is at path only to keep its inode from being another file's;
 * -1, and no identity, if it cannot. */
static int
hold(const char *path, struct file_identity *identity)
{
	struct stat s;
	int fd = open(path, O_PATH | O_CLOEXEC);

	*identity = (struct file_identity){ 0 };
	if (fd >= 0 && fstat(fd, &s) == 0)
		file_identity_of(&s, identity);
	return fd;
}

/* Pauses; true if the file was written in place meanwhile. */
static bool
is_written_soon(const struct watch *watch)
{
	struct file_identity before, after;
	int fd = hold(watch->path, &before);

	(void)poll(NULL, 0, PAUSE_MS);
	file_identify(watch->path, &after);
	if (fd >= 0)
		close(fd);
	return is_same_inode(&after, &before) && !file_same(&after, &before);
}

void
watch_settle(struct watch *watch)
{
	int64_t begin_ms = clock_ms(), now_ms = begin_ms;
	bool written = false, moves = true;

	while (moves && now_ms - begin_ms < SETTLE_MS) {
		moves = is_moving(watch, now_ms) || is_away(watch, now_ms);
		if (moves)
			written |= is_written_soon(watch);
		now_ms = clock_ms();
	}
	watch->replaced = moves && watch->moved && !written;
}

/* It was written in place while it was read: what was read may be the half of
 * it that has no deny, or no key. */
static bool
is_torn(const struct watch *watch)
{
	const struct file_identity *before = &watch->tried;
	struct file_identity after;

	file_identify(watch->path, &after);
	return is_same_inode(&after, before) && !file_same(&after, before);
}

/* It may be read though it changes. */
static bool
may_move(const struct watch *watch)
{
	return watch->rest == REST_NEVER ||
	       (watch->rest == REST_FOR_A_WHILE &&
		(watch->restless || watch->replaced));
}

enum file_result
watch_load(struct watch *watch, bool secret, size_t max, struct buffer *text,
	   struct error *e)
{
	enum file_result result;
	int64_t now_ms = clock_ms();
	bool moving = watch->rest != REST_NEVER && is_moving(watch, now_ms);
	bool must_rest = !may_move(watch);
	begin_try(watch, now_ms);
	if (moving && must_rest) {
		buffer_init(text, 0);
		error_set(e,
			  "%s is being written: it is not read before it has "
			  "stayed the same for a second; write a new file "
			  "beside it and rename that",
			  watch->path);
		return FILE_UNSAFE;
	}
	result = file_read(watch->path, secret, max, text, &watch->tried, e);
	if (result != FILE_READ)
		return result;
	if (!is_torn(watch) &&
	    (!must_rest || file_same(&watch->tried, &watch->seen)))
		return FILE_READ;
	/* What is there now was not tried. */
	watch->tried = (struct file_identity){ 0 };
	error_set(e, "%s changed while it was read", watch->path);
	return FILE_UNSAFE;
}

void
watch_accept(struct watch *watch)
{
	watch->loaded = watch->tried;
}

bool
watch_is_of(const struct watch *watch, const char *path)
{
	return path == NULL
		       ? watch->path == NULL
		       : watch->path != NULL && strcmp(watch->path, path) == 0;
}

bool
watch_set(struct watch *watch, const char *path, enum watch_rest rest,
	  struct error *e)
{
	char *copy = NULL;

	if (watch_is_of(watch, path))
		return true;
	if (path != NULL && (copy = strdup(path)) == NULL)
		return error_set(e, "out of memory");
	free(watch->path);
	*watch = (struct watch){
		.path = copy,
		.rest = rest,
		.since_ms = clock_ms(),
	};
	if (copy != NULL)
		file_identify(copy, &watch->seen);
	return true;
}

void
watch_pass_over(struct watch *watch, int64_t now_ms)
{
	begin_try(watch, now_ms);
	watch->tried = watch->seen;
}

bool
watch_is_gone(struct watch *watch, enum file_result result, int64_t now_ms)
{
	if ((result != FILE_UNREADABLE && result != FILE_ABSENT) ||
	    now_ms - watch->since_ms < WATCH_MISSING_MS)
		return false;
	watch->loaded = (struct file_identity){ 0 };
	return true;
}

bool
watch_is_gone_unread(struct watch *watch, int64_t now_ms)
{
	return watch->path != NULL && !watch->seen.exists &&
	       watch_is_gone(watch, FILE_ABSENT, now_ms);
}

bool
watch_is_missing(struct watch *watch)
{
	int64_t now_ms = clock_ms();

	(void)is_other(watch, now_ms);
	return !watch->seen.exists && !is_away(watch, now_ms);
}

static bool
is_overdue(const struct watch *watch, int64_t now_ms)
{
	return watch->seen.exists && watch->news_ms != 0 &&
	       now_ms - watch->news_ms >= BUSY_MS;
}

bool
watch_has_changed(struct watch *watch, int64_t now_ms, bool now)
{
	bool other = is_other(watch, now_ms), rests = is_at_rest(watch, now_ms);

	watch->restless = other && !rests && is_overdue(watch, now_ms);
	if (!other || (!rests && !watch->restless))
		return false;
	return now || !file_same(&watch->seen, &watch->tried) ||
	       now_ms - watch->tried_ms >= RETRY_MS;
}

bool
watch_is_busy(struct watch *watch, int64_t now_ms)
{
	return is_other(watch, now_ms) && !is_at_rest(watch, now_ms) &&
	       !is_overdue(watch, now_ms);
}

bool
watch_is_written(struct watch *watch, int64_t now_ms)
{
	return watch_is_busy(watch, now_ms) && watch->seen.exists;
}
