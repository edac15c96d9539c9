/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#include <lmdb.h>

#include "host/clock.h"
#include "host/exit_code.h"
#include "host/store_format.h"
#include "host/store_writer.h"

struct store_writer {
	char *path; /* owned; symbolic links followed */
	char *lock; /* owned */
	MDB_env *env; /* owned */
	MDB_txn *txn; /* owned; NULL: none */
	int fd; /* owned; the locked file; -1: none */
	struct file_identity data, locked; /* the files that are open */
	struct stored_counts counts;
	struct stored_source source;
	bool failed; /* the commit does too */
};

/* Return the size of the map: it is address space, which a 32-bit process has
 * less of. */
static size_t
map_size(void)
{
	return SIZE_MAX / STORE_MAP_GIB > 1U << 30 ? (size_t)STORE_MAP_GIB << 30
						   : (size_t)1 << 30;
}

static bool
set_code(const struct store_writer *w, int code, struct error *e)
{
	struct statvfs disk;

	if (code == MDB_MAP_FULL)
		return error_set(e, "%s: the store is full: it has %zu bytes",
				 w->path, map_size());
	/* LMDB reports a write that was cut short as EIO. */
	if (code == EIO && fstatvfs(w->fd, &disk) == 0 && disk.f_bavail == 0)
		code = ENOSPC;
	return error_set(e, "%s: %s", w->path, mdb_strerror(code));
}

static bool
open_env(struct store_writer *w, struct error *e)
{
	int code = mdb_env_create(&w->env);

	if (code == 0)
		code = mdb_env_set_maxreaders(w->env, STORE_READERS);
	if (code == 0)
		code = mdb_env_set_mapsize(w->env, map_size());
	if (code == 0)
		code = mdb_env_open(w->env, w->path,
				    MDB_NOSUBDIR | MDB_NOTLS | MDB_NORDAHEAD,
				    0600);
	if (code == EACCES) /* the data was opened before */
		return error_set(e, "%s: the lock file of the store: %s",
				 w->lock, mdb_strerror(code));
	return code == 0 || set_code(w, code, e);
}

static bool
put_sealed(struct store_writer *w, struct span key, struct span text,
	   unsigned flags, struct error *e)
{
	struct buffer value;

	buffer_init(&value, STORED_SEAL + STORED_TEXT_MAX);
	stored_seal(key, text, &value);
	MDB_val k = { key.len, (void *)(uintptr_t)key.ptr };
	MDB_val v = { value.len, value.data };
	int code = value.failed ? ENOMEM
				: mdb_put(w->txn, STORE_DBI, &k, &v, flags);
	buffer_free(&value);
	if (code == 0)
		return true;
	w->failed = true;
	return set_code(w, code, e);
}

static bool
get_pin(struct store_writer *w, const struct thumbprint *pin, struct span *text,
	bool *found, struct error *e)
{
	bool ok = store_get_pin(w->path, w->txn, pin, text, found, e);

	w->failed |= !ok;
	return ok;
}

static bool
begin_source(void *context, struct stored_counts *counts)
{
	struct store_writer *w = context;

	*counts = w->counts;
	return w->txn != NULL && !w->failed;
}

static enum stored_result
find_source(void *context, const struct thumbprint *pin, struct span *text)
{
	struct store_writer *w = context;
	struct error e = { 0 };
	bool found;

	if (w->txn == NULL || !get_pin(w, pin, text, &found, &e))
		return STORED_FAILED;
	return found ? STORED_FOUND : STORED_NONE;
}

const struct stored_source *
store_writer_source(const struct store_writer *w)
{
	return &w->source;
}

struct store_writer *
store_writer_open(const char *path, const char *owner, struct error *e)
{
	struct store_writer *w = calloc(1, sizeof(*w));
	size_t page;

	if (w == NULL) {
		error_set(e, "out of memory");
		return NULL;
	}
	w->fd = -1;
	w->source = (struct stored_source){
		.begin = begin_source,
		.find = find_source,
		.context = w,
	};
	bool ok = store_paths(path, &w->path, &w->lock, e) &&
		  store_check_files(w->path, w->lock, owner, &w->data,
				    &w->locked, e) &&
		  store_check_head(w->path, &page, e);
	if (ok) {
		w->fd = open(w->path, O_RDWR | O_NOCTTY | O_CLOEXEC);
		ok = w->fd >= 0 || error_system(e, "%s", w->path);
	}
	if (ok && open_env(w, e))
		return w;
	store_writer_close(w);
	return NULL;
}

void
store_writer_close(struct store_writer *w)
{
	if (w == NULL)
		return;
	store_writer_abort(w);
	if (w->env != NULL)
		mdb_env_close(w->env);
	if (w->fd >= 0)
		close(w->fd);
	free(w->path);
	free(w->lock);
	free(w);
}

/* Take the lock by fcntl(2), which tells the process that has it, and needs
 * write permission. */
static bool
take_lock(struct store_writer *w, struct error *e)
{
	const struct timespec step = { .tv_nsec = 2000000 };
	int64_t end_ms = clock_ms() + STORE_WAIT_MS;
	struct flock lock;

	do {
		lock = (struct flock){ .l_type = F_WRLCK,
				       .l_whence = SEEK_SET };
		if (fcntl(w->fd, F_SETLK, &lock) == 0)
			return true;
		if (errno != EAGAIN && errno != EACCES && errno != EINTR)
			return error_system(e, "%s: cannot be locked", w->path);
		(void)nanosleep(&step, NULL);
	} while (clock_ms() < end_ms);
	lock = (struct flock){ .l_type = F_WRLCK, .l_whence = SEEK_SET };
	(void)fcntl(w->fd, F_GETLK, &lock);
	return error_set(e, "%s: locked by process %ld for %d s", w->path,
			 (long)lock.l_pid, STORE_WAIT_MS / 1000);
}

static void
give_lock(struct store_writer *w)
{
	struct flock lock = { .l_type = F_UNLCK, .l_whence = SEEK_SET };

	(void)fcntl(w->fd, F_SETLK, &lock);
}

/* The text that the signal handler writes. */
static char alarm_text[512];

static void
say_and_end(int number)
{
	(void)number;
	(void)!write(STDERR_FILENO, alarm_text, strlen(alarm_text));
	_exit(EXIT_SYSTEM);
}

/* Add a process that has the store open: one of them holds the lock. */
static int
add_process(const char *message, void *context)
{
	char *text = context;
	char *end = NULL;
	long process = strtol(message, &end, 10);
	size_t n = strlen(text);

	/* A row begins with the process; the head of the table does not. */
	if (end == message || n + 16 > sizeof(alarm_text))
		return 0;
	(void)snprintf(text + n, sizeof(alarm_text) - n, " %ld", process);
	return 0;
}

/* Start (set) or stop a timer that ends this process.  A process that only
 * reads can hold the lock of LMDB for ever, and the library waits without a
 * limit. */
static void
set_alarm(struct store_writer *w, bool set)
{
	struct itimerval timer = {
		.it_value.tv_sec = set ? STORE_WAIT_MS / 1000 : 0,
	};
	struct sigaction action = {
		.sa_handler = set ? say_and_end : SIG_DFL,
	};

	(void)snprintf(alarm_text, sizeof(alarm_text),
		       "certgate: %.200s: locked for %d s by one of the "
		       "processes",
		       w->lock, STORE_WAIT_MS / 1000);
	if (set) {
		(void)mdb_reader_list(w->env, add_process, alarm_text);
		size_t n = strlen(alarm_text);
		if (n + 2 < sizeof(alarm_text))
			memcpy(alarm_text + n, "\n", 2);
	}
	(void)sigaction(SIGALRM, &action, NULL);
	(void)setitimer(ITIMER_REAL, &timer, NULL);
}

static int
begin_txn(struct store_writer *w)
{
	int dead;

	set_alarm(w, true);
	/* Remove killed readers, which keep pages from reuse. */
	(void)mdb_reader_check(w->env, &dead);
	int code = mdb_txn_begin(w->env, NULL, 0, &w->txn);
	set_alarm(w, false);
	return code;
}

static bool
begin_store(struct store_writer *w, struct error *e)
{
	MDB_dbi dbi;
	int code = mdb_dbi_open(w->txn, NULL, 0, &dbi);

	if (code != 0)
		return set_code(w, code, e);
	return store_check_format(w->path, w->txn, e) &&
	       store_get_counts(w->path, w->txn, &w->counts, e);
}

/* Check that path still names the file that is open: handlers that start later
 * read the one that it names. */
static bool
check_in_place(const struct store_writer *w, const char *path,
	       const struct file_identity *opened, struct error *e)
{
	struct file_identity now;

	file_identify(path, &now);
	return (now.exists && now.device == opened->device &&
		now.inode == opened->inode) ||
	       error_set(e, "%s: another file is in its place", w->path);
}

bool
store_writer_begin(struct store_writer *w, struct error *e)
{
	if (!take_lock(w, e)) /* which may wait */
		return false;
	w->failed = false;
	bool ok = check_in_place(w, w->path, &w->data, e) &&
		  check_in_place(w, w->lock, &w->locked, e);
	int code = ok ? begin_txn(w) : 0;
	if (code != 0)
		ok = set_code(w, code, e);
	if (ok && begin_store(w, e))
		return true;
	store_writer_abort(w);
	return false;
}

/* Subtract the entries of the pin from the counts. */
static bool
count_off(struct store_writer *w, const struct thumbprint *pin, bool *found,
	  struct error *e)
{
	struct span text = { 0 };

	if (!get_pin(w, pin, &text, found, e))
		return false;
	if (*found)
		stored_count(&w->counts, text, pin->kind, -1);
	return true;
}

static bool
check_lines(const struct thumbprint *pin, struct span text, struct error *e)
{
	struct span line;
	unsigned number = 0;

	if (text.ptr == NULL || text.len > STORED_TEXT_MAX)
		return error_set(e, "the entries of a pin: at most %d bytes",
				 STORED_TEXT_MAX);
	while (stored_next(&text, &line)) {
		struct entry entry;
		number++;
		if (!stored_parse(pin, line, &entry, e)) {
			error_at(e, number, 0);
			return false;
		}
		entry_free(&entry);
	}
	return true;
}

static bool
put(struct store_writer *w, const struct thumbprint *pin, struct span text,
    unsigned flags, struct error *e)
{
	uint8_t key[STORED_KEY_MAX];
	size_t n = stored_key(pin, key);

	if (n == 0) {
		w->failed = true;
		return error_set(e, "an entry without a pin");
	}
	stored_count(&w->counts, text, pin->kind, 1);
	return put_sealed(w, (struct span){ (const char *)key, n }, text, flags,
			  e);
}

bool
store_writer_put(struct store_writer *w, const struct thumbprint *pin,
		 struct span text, struct error *e)
{
	bool found;

	if (!check_lines(pin, text, e) || !count_off(w, pin, &found, e)) {
		w->failed = true;
		return false;
	}
	return put(w, pin, text, 0, e);
}

bool
store_writer_append(struct store_writer *w, const struct thumbprint *pin,
		    struct span text, struct error *e)
{
	return put(w, pin, text, MDB_APPEND, e);
}

bool
store_writer_get(struct store_writer *w, const struct thumbprint *pin,
		 struct buffer *text, bool *found, struct error *e)
{
	struct span lines = { 0 };

	*found = false;
	if (pin->kind == THUMBPRINT_NONE)
		return true;
	if (!get_pin(w, pin, &lines, found, e))
		return false;
	if (*found)
		buffer_add(text, lines);
	return !text->failed || error_set(e, "out of memory");
}

bool
store_writer_remove(struct store_writer *w, const struct thumbprint *pin,
		    bool *found, struct error *e)
{
	uint8_t key[STORED_KEY_MAX];
	MDB_val k = { stored_key(pin, key), key };

	*found = false;
	if (k.mv_size == 0)
		return true;
	if (!count_off(w, pin, found, e))
		return false;
	int code = *found ? mdb_del(w->txn, STORE_DBI, &k, NULL) : 0;
	if (code == 0)
		return true;
	w->failed = true;
	return set_code(w, code, e);
}

enum { VALUES_MAX = 64 /* names that have a value */ };

/* Copy the first records, the values of all names, to kept: key and value in
 * turn.  *n: the number of spans. */
static int
keep_values(struct store_writer *w, struct buffer kept[2 * VALUES_MAX],
	    size_t *n)
{
	MDB_cursor *cursor = NULL;
	MDB_val k, v;
	int code = mdb_cursor_open(w->txn, STORE_DBI, &cursor);

	*n = 0;
	while (code == 0 &&
	       (code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0 &&
	       k.mv_size > 0 && *(const char *)k.mv_data == '\0') {
		if (*n == 2 * (size_t)VALUES_MAX) {
			code = ENOMEM;
			break;
		}
		struct span parts[] = { { k.mv_data, k.mv_size },
					{ v.mv_data, v.mv_size } };
		for (size_t i = 0; i < 2; i++, (*n)++) {
			buffer_init(&kept[*n], parts[i].len);
			buffer_add(&kept[*n], parts[i]);
			if (kept[*n].failed)
				code = ENOMEM;
		}
	}
	if (cursor != NULL)
		mdb_cursor_close(cursor);
	return code == MDB_NOTFOUND ? 0 : code;
}

bool
store_writer_clear(struct store_writer *w, struct error *e)
{
	struct buffer kept[2 * VALUES_MAX] = { 0 };
	size_t n;
	int code = keep_values(w, kept, &n);

	if (code == 0)
		code = mdb_drop(w->txn, STORE_DBI, 0);
	for (size_t i = 0; code == 0 && i < n; i += 2) {
		MDB_val k = { kept[i].len, kept[i].data };
		MDB_val v = { kept[i + 1].len, kept[i + 1].data };
		code = mdb_put(w->txn, STORE_DBI, &k, &v, 0);
	}
	for (size_t i = 0; i < n; i++)
		buffer_free(&kept[i]);
	w->counts = (struct stored_counts){ 0 };
	if (code == 0)
		return true;
	w->failed = true;
	return set_code(w, code, e);
}

bool
store_writer_set(struct store_writer *w, const char *name, struct span value,
		 struct error *e)
{
	char key[1 + STORED_NAME_MAX];
	size_t n = store_name_key(name, key);

	if (value.len > STORED_VALUE_MAX || name[0] == '\0' ||
	    strlen(name) > STORED_NAME_MAX) {
		w->failed = true;
		return error_set(e, "%s: too long a value", w->path);
	}
	return put_sealed(w, (struct span){ key, n }, value, 0, e);
}

bool
store_writer_value(struct store_writer *w, const char *name,
		   struct buffer *value, struct error *e)
{
	struct span text = { 0 };
	bool found;

	buffer_clear(value);
	if (!store_get(w->path, w->txn, name, &text, &found, e)) {
		w->failed = true;
		return false;
	}
	if (found)
		buffer_add(value, text);
	return !value->failed || error_set(e, "out of memory");
}

size_t
store_writer_number(const struct store_writer *w)
{
	return mdb_txn_id(w->txn);
}

static int
note_reader(const char *message, void *context)
{
	char *end;
	bool *found = context;

	/* A row begins with the process; the head of the table does not. */
	*found |= strtol(message, &end, 10) > 0 && end != message;
	return 0;
}

bool
store_writer_has_reader(struct store_writer *w)
{
	bool found = false;
	int dead;

	(void)mdb_reader_check(w->env, &dead);
	(void)mdb_reader_list(w->env, note_reader, &found);
	return found;
}

bool
store_writer_commit(struct store_writer *w, struct error *e)
{
	struct span counts = { (const char *)&w->counts, sizeof(w->counts) };

	if (w->failed || !store_writer_set(w, STORE_COUNTS, counts, e)) {
		store_writer_abort(w);
		return error_set(e, "%s: the change failed", w->path);
	}
	int code = mdb_txn_commit(w->txn);
	w->txn = NULL;
	give_lock(w);
	return code == 0 || set_code(w, code, e);
}

void
store_writer_abort(struct store_writer *w)
{
	if (w->txn != NULL)
		mdb_txn_abort(w->txn);
	w->txn = NULL;
	if (w->fd >= 0)
		give_lock(w);
}
