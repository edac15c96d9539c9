/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/files.h"

enum {
	REST_MS = 1000, /* a file without a change for this time is complete */
	BUSY_MS = 10000, /* of changes, until the file is read or reported */
	SETTLE_MS = 2000, /* longest wait of a start, or pause of a writer */
	PAUSE_MS = 20, /* between two looks of a waiting start */
	HELD_MAX = 8, /* in the process; connections need descriptors too */
	AHEAD_MS = 60000 /* a file time further ahead: the clock was set back */
};

static const struct file_identity none = { 0 };
static int held; /* descriptors, of all files */

static bool
is_same_inode(const struct file_identity *a, const struct file_identity *b)
{
	return a->exists && b->exists && a->device == b->device &&
	       a->inode == b->inode;
}

/* Return true if the file changed within the last second.  Only for a first
 * look: the times of a network file system are those of its server. */
static bool
is_fresh(const struct file_identity *file)
{
	struct timespec now = { 0 };
	const struct timespec *then = &file->changed;

	(void)clock_gettime(CLOCK_REALTIME, &now);
	int64_t age_ms = (int64_t)(now.tv_sec - then->tv_sec) * 1000 +
			 (now.tv_nsec - then->tv_nsec) / 1000000;
	return file->exists && age_ms < REST_MS && age_ms > -AHEAD_MS;
}

/* Identify the folder of path, or the nearest folder above it that exists. */
static void
identify_folder(const char *path, struct file_identity *identity)
{
	char folder[PATH_MAX];
	char *end;

	*identity = none;
	(void)snprintf(folder, sizeof(folder), "%s", path);
	while (!identity->exists && (end = strrchr(folder, '/')) != NULL) {
		end[end == folder ? 1 : 0] = '\0';
		file_identify(folder, identity);
		*end = '\0';
	}
}

static bool
is_away(const struct files_file *f)
{
	return !f->seen.exists && f->seen.error == 0;
}

static void
let_go(struct files_file *f)
{
	if (f->held < 0)
		return;
	close(f->held);
	f->held = -1;
	held--;
}

/* Open the file, and close the one that was held before.  While a file is open,
 * no new file gets its inode. now: set to its identity. */
static void
hold(struct files_file *f, struct file_identity *now)
{
	struct stat s;
	int fd = -1;

	if (held - (f->held >= 0) < HELD_MAX)
		fd = open(f->path, O_PATH | O_CLOEXEC);
	if (fd >= 0 && fstat(fd, &s) == 0)
		file_identity_of(&s, now);
	let_go(f);
	f->held = fd;
	held += fd >= 0;
}

static void
look(struct files_file *f)
{
	struct file_identity now;
	int64_t now_ms = clock_ms();

	file_identify(f->path, &now);
	if (!file_same(&now, &f->seen)) {
		hold(f, &now);
		if (f->busy_ms == 0)
			f->busy_ms = now_ms;
		if (is_same_inode(&now, &f->seen))
			f->written_ms = now_ms;
		f->seen = now;
		f->since_ms = now_ms;
	} else if (now_ms - f->since_ms >= REST_MS) {
		f->busy_ms = f->written_ms = 0;
		let_go(f);
	}
}

/* Look at a new file.  If it is missing, the folder counts: an editor may have
 * moved the file away to write a new one. */
static void
look_first(struct files_file *f)
{
	struct file_identity changed;

	file_identify(f->path, &f->seen);
	f->since_ms = clock_ms();
	changed = f->seen;
	if (is_away(f))
		identify_folder(f->path, &changed);
	if (!is_fresh(&changed))
		return;
	f->busy_ms = f->since_ms;
	hold(f, &f->seen);
}

void
files_look(struct files *files)
{
	for (size_t i = 0; i < files->n; i++)
		look(&files->file[i]);
}

static bool
is_ready(const struct files *files, const struct files_file *f)
{
	int64_t now_ms = clock_ms();

	if (is_away(f))
		return now_ms - f->since_ms >= FILES_MISSING_MS;
	if (f->busy_ms == 0)
		return true;
	if (files->starting)
		return f->written_ms == 0;
	return now_ms - f->busy_ms >= BUSY_MS &&
	       now_ms - f->written_ms >= BUSY_MS;
}

/* Return true if the file has been written in place for BUSY_MS, until now. */
static bool
is_overdue(const struct files_file *f)
{
	int64_t now_ms = clock_ms();

	return f->busy_ms != 0 && now_ms - f->busy_ms >= BUSY_MS &&
	       now_ms - f->written_ms < SETTLE_MS;
}

enum files_state
files_state(const struct files *files)
{
	enum files_state state = FILES_SAME;

	for (size_t i = 0; i < files->n; i++) {
		const struct files_file *f = &files->file[i];
		enum files_state own = FILES_CHANGED;
		if (!f->wanted || file_same(&f->seen, &f->tried))
			continue;
		if (!is_ready(files, f))
			own = is_overdue(f) ? FILES_OVERDUE : FILES_BUSY;
		if (own > state)
			state = own;
	}
	return state;
}

void
files_begin(struct files *files)
{
	for (size_t i = 0; i < files->n; i++)
		files->file[i].wanted = false;
}

const struct files_file *
files_find(const struct files *files, const char *path)
{
	for (size_t i = 0; i < files->n; i++)
		if (strcmp(files->file[i].path, path) == 0)
			return &files->file[i];
	return NULL;
}

/* Return the file of this path, and add a new one.  NULL and e on failure. */
static struct files_file *
want(struct files *files, const char *path, enum files_kind kind,
     struct error *e)
{
	size_t i = files->n, wanted = 0;

	for (size_t at = 0; at < files->n; at++) {
		wanted += files->file[at].wanted;
		if (strcmp(files->file[at].path, path) == 0)
			i = at;
	}
	if (wanted == FILES_MAX && (i == files->n || !files->file[i].wanted)) {
		error_set(e, "%s: too many files, at most %d", path, FILES_MAX);
		return NULL;
	}
	if (i == files->n) {
		struct files_file *file =
			reallocarray(files->file, i + 1, sizeof(*file));
		char *copy = strdup(path);
		if (file != NULL)
			files->file = file;
		if (file == NULL || copy == NULL) {
			free(copy);
			error_set(e, "out of memory");
			return NULL;
		}
		file[i] = (struct files_file){ .path = copy, .held = -1 };
		files->n++;
		look_first(&file[i]);
	}
	files->file[i].kind = kind;
	files->file[i].wanted = true;
	return &files->file[i];
}

static void
settle(struct files_file *f)
{
	int64_t begin_ms = clock_ms();

	while (f->busy_ms != 0 && clock_ms() - begin_ms < SETTLE_MS) {
		(void)poll(NULL, 0, PAUSE_MS);
		look(f);
	}
}

/* Return true if another file was read than was looked at, or if the file was
 * written in place during the read. */
static bool
is_torn(const struct files_file *f, const struct file_identity *read)
{
	struct file_identity after;

	file_identify(f->path, &after);
	return !file_same(read, &f->seen) ||
	       (is_same_inode(&after, read) && !file_same(&after, read));
}

/* Read the file that was looked at.  Read again after a rename, since each
 * renamed file is complete.  Return false and e if it keeps changing. */
static bool
read_judged(const struct files *files, struct files_file *f, size_t max,
	    struct buffer *text, enum file_result *result, struct error *e)
{
	enum { TURNS_MAX = 16 };
	bool secret = f->kind == FILES_SECRET;
	struct file_identity read;

	for (int turn = 0;
	     turn < TURNS_MAX && (is_away(f) || is_ready(files, f)); turn++) {
		*result = file_read(f->path, secret, max, text, &read, e);
		if (*result != FILE_READ || !is_torn(f, &read))
			return true;
		buffer_wipe(text);
		buffer_init(text, 0);
		look(f);
	}
	return error_set(e, "%s: changed while it was read", f->path);
}

enum file_result
files_read(struct files *files, const char *path, enum files_kind kind,
	   size_t max, struct buffer *text, struct error *e)
{
	struct files_file *f = want(files, path, kind, e);

	buffer_init(text, 0);
	if (f == NULL)
		return FILE_UNSAFE;
	if (files->starting)
		settle(f);
	f->tried = none;
	if (!is_away(f) && !is_ready(files, f)) {
		error_set(e,
			  "%s: still being written (fix: write a new file "
			  "beside it and rename that)",
			  path);
		return FILE_UNSAFE;
	}
	enum file_result result = FILE_UNSAFE;
	if (!read_judged(files, f, max, text, &result, e))
		return FILE_UNSAFE;
	f->tried = f->seen;
	if (f->busy_ms != 0) /* the next change is read in ten seconds */
		f->busy_ms = clock_ms();
	return result;
}

static void
forget(struct files *files, size_t i)
{
	let_go(&files->file[i]);
	free(files->file[i].path);
	files->file[i] = files->file[--files->n];
}

void
files_use(struct files *files, enum files_use use)
{
	for (size_t i = files->n; i-- > 0;) {
		struct files_file *f = &files->file[i];
		bool new = f->wanted &&
			   (use == FILES_USE_ALL || f->kind != FILES_LIST);
		if (use != FILES_USE_NOTHING_NEW)
			f->used = new ? f->tried : none;
		if (!f->wanted && !f->used.exists)
			forget(files, i);
	}
}

const char *
files_missing(const struct files *files, bool list)
{
	for (size_t i = 0; i < files->n; i++) {
		const struct files_file *f = &files->file[i];
		if (f->used.exists && (f->kind == FILES_LIST) == list &&
		    is_away(f) && is_ready(files, f))
			return f->path;
	}
	return NULL;
}

void
files_drop(struct files *files, bool list_only)
{
	for (size_t i = 0; i < files->n; i++)
		if (!list_only || files->file[i].kind == FILES_LIST)
			files->file[i].used = none;
}

void
files_free(struct files *files)
{
	while (files->n > 0)
		forget(files, files->n - 1);
	free(files->file);
	*files = (struct files){ 0 };
}
