/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/account.h"
#include "host/store_format.h"

bool
store_paths(const char *path, char **data, char **lock, struct error *e)
{
	*lock = NULL;
	*data = realpath(path, NULL);
	if (*data == NULL)
		return errno == ENOENT
			       ? error_set(e,
					   "%s: there is no store (fix: "
					   "certgate store init)",
					   file_shown(path))
			       : error_system(e, "%s", file_shown(path));
	if (asprintf(lock, "%s" STORE_LOCK_SUFFIX, *data) >= 0)
		return true;
	*lock = NULL;
	return error_set(e, "out of memory");
}

/* Find the number of owner, a name or digits; NULL: root. */
static bool
find_owner(const char *owner, uid_t *uid, struct error *e)
{
	uint64_t number;
	gid_t group;

	*uid = 0;
	if (owner == NULL || account_user(owner, uid, &group))
		return true;
	if (!span_number(span_of(owner), 0, UINT32_MAX - 1, &number))
		return error_set(e, "CERTGATE_STORE_OWNER: no such user");
	*uid = (uid_t)number;
	return true;
}

/* Check that no other user can write the lock file.  Do not open it: a close
 * would drop the locks that LMDB has on it in this process. */
static bool
check_lock_file(const char *lock, uid_t owner, struct file_identity *identity,
		struct error *e)
{
	struct stat s;
	bool ok = lstat(lock, &s) == 0;

	if (!ok)
		return errno == ENOENT
			       ? error_set(e,
					   "%s: missing: without its lock file "
					   "a store is not used (fix: certgate "
					   "store init)",
					   lock)
			       : error_system(e,
					      "%s: the lock file of the store",
					      lock);
	if (!S_ISREG(s.st_mode))
		ok = error_set(e, "%s: expected a file", lock);
	else if (s.st_uid != 0 && s.st_uid != geteuid() && s.st_uid != owner)
		ok = error_set(e, "%s: bad owner: uid %u (fix: chown root %s)",
			       lock, (unsigned)s.st_uid, lock);
	else if ((s.st_mode & S_IWOTH) != 0)
		ok = error_set(e,
			       "%s: bad permissions: writable by others (fix: "
			       "chmod o-w %s)",
			       lock, lock);
	if (ok)
		file_identity_of(&s, identity);
	return ok;
}

bool
store_check_files(const char *path, const char *lock, const char *owner,
		  struct file_identity *data_identity,
		  struct file_identity *lock_identity, struct error *e)
{
	struct stat s;
	uid_t uid;

	if (!find_owner(owner, &uid, e) || !file_check_owned(path, uid, e))
		return false;
	/* Each name would have its own lock file, and LMDB loses commits. */
	if (stat(path, &s) == 0 && s.st_nlink > 1)
		return error_set(e,
				 "%s: the file has another name, too: a hard "
				 "link (fix: replace that by a symbolic link)",
				 path);
	file_identify(path, data_identity);
	return check_lock_file(lock, uid, lock_identity, e);
}

bool
store_is_cut(const char *path, struct error *e)
{
	return error_set(e,
			 "%s: damaged: the file is shorter than its pages "
			 "(fix: restore the store from a backup; without one, "
			 "move the file away, then certgate store init && "
			 "certgate import FILE)",
			 path);
}

/* The head of a data file of LMDB 0.9 (mdb.c: MDB_page, MDB_meta).  The library
 * does not check it. */
struct head {
	size_t number;
	uint16_t pad, flags;
	uint16_t lower, upper;
	uint32_t magic, version;
	void *address;
	size_t map_size;
	struct {
		uint32_t pad; /* in the first head: bytes of a page */
		uint16_t flags, depth;
		size_t branch, leaf, overflow, entries, root;
	} db[2];
	size_t last_page, transaction;
};

enum {
	HEAD_FLAG = 0x08, /* P_META */
	HEAD_VERSION = 1, /* MDB_DATA_VERSION */
	HEAD_DEPTH_MAX = 32, /* CURSOR_STACK */
	PAGE_MIN = 512,
	PAGE_MAX = 32768
};
#define HEAD_MAGIC 0xBEEFC0DEU

static bool
is_foreign(const char *path, struct error *e)
{
	return error_set(e,
			 "%s: not a store of certgate (fix: correct "
			 "CERTGATE_STORE, or restore the store from a backup; "
			 "without one, move the file away, then certgate store "
			 "init && certgate import FILE)",
			 path);
}

/* Return true if each root of a tree is an existing page, or none. */
static bool
has_roots(const struct head *head)
{
	for (size_t i = 0; i < 2; i++) {
		size_t root = head->db[i].root;
		if ((root != SIZE_MAX && root > head->last_page) ||
		    head->db[i].depth > HEAD_DEPTH_MAX)
			return false;
	}
	return true;
}

static bool
is_changed(const char *path, struct error *e)
{
	return error_set(e, "%s: damaged: wrong checksum of an entry", path);
}

static bool
is_invalid(const char *path, struct error *e)
{
	return error_set(e,
			 "%s: damaged: its first pages are invalid (fix: "
			 "restore it)",
			 path);
}

static bool
check_head(const char *path, const struct head *head, struct error *e)
{
	size_t page = head->db[0].pad;

	if (head->magic != HEAD_MAGIC || (head->flags & HEAD_FLAG) == 0)
		return is_foreign(path, e);
	if (head->version != HEAD_VERSION)
		return error_set(e,
				 "%s: of another version of LMDB (fix: "
				 "certgate export there, certgate import here)",
				 path);
	if (page < PAGE_MIN || page > PAGE_MAX || (page & (page - 1)) != 0)
		return is_invalid(path, e);
	return true;
}

/* Check the head of the later transaction.  After a failed write LMDB gives the
 * other head an older number, and roots that do not exist. */
static bool
check_pages(const char *path, const struct head head[2], uintmax_t size,
	    struct error *e)
{
	const struct head *used =
		&head[head[0].transaction < head[1].transaction];
	size_t page = used->db[0].pad;

	if (!has_roots(used))
		return is_invalid(path, e);
	if (size / page < 2 || size / page <= used->last_page)
		return store_is_cut(path, e);
	return true;
}

bool
store_check_head(const char *path, size_t *page, struct error *e)
{
	int fd = open(path, O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	struct head head[2];
	struct stat s;

	if (fd < 0)
		return error_system(e, "%s", path);
	bool ok = fstat(fd, &s) == 0 && pread(fd, &head[0], sizeof(head[0]),
					      0) == (ssize_t)sizeof(head[0]);
	if (!ok)
		(void)is_foreign(path, e);
	ok = ok && check_head(path, &head[0], e);
	if (ok) {
		*page = head[0].db[0].pad;
		ok = (pread(fd, &head[1], sizeof(head[1]), (off_t)*page) ==
		      (ssize_t)sizeof(head[1])) ||
		     store_is_cut(path, e);
	}
	ok = ok && check_head(path, &head[1], e) &&
	     (head[1].db[0].pad == *page || is_foreign(path, e)) &&
	     check_pages(path, head, (uintmax_t)s.st_size, e);
	close(fd);
	return ok;
}

size_t
store_name_key(const char *name, char key[1 + STORED_NAME_MAX])
{
	size_t n = strnlen(name, STORED_NAME_MAX);

	key[0] = '\0'; /* THUMBPRINT_NONE: before all pins */
	memcpy(key + 1, name, n);
	return 1 + n;
}

static bool
get(const char *path, MDB_txn *txn, struct span key, struct span *text,
    bool *found, struct error *e)
{
	MDB_val k = { key.len, (void *)(uintptr_t)key.ptr }, v;
	int code = mdb_get(txn, STORE_DBI, &k, &v);

	*found = code == 0;
	if (code == MDB_NOTFOUND)
		return true;
	if (code != 0)
		return error_set(e, "%s: damaged: %s", path,
				 mdb_strerror(code));
	struct span value = { v.mv_data, v.mv_size };
	return stored_open(key, value, text) || is_changed(path, e);
}

bool
store_get(const char *path, MDB_txn *txn, const char *name, struct span *text,
	  bool *found, struct error *e)
{
	char key[1 + STORED_NAME_MAX];
	size_t n = store_name_key(name, key);

	return get(path, txn, (struct span){ key, n }, text, found, e);
}

bool
store_get_pin(const char *path, MDB_txn *txn, const struct thumbprint *pin,
	      struct span *text, bool *found, struct error *e)
{
	uint8_t key[STORED_KEY_MAX];
	size_t n = stored_key(pin, key);

	return get(path, txn, (struct span){ (const char *)key, n }, text,
		   found, e);
}

bool
store_get_counts(const char *path, MDB_txn *txn, struct stored_counts *counts,
		 struct error *e)
{
	struct span text = { 0 };
	bool found;

	if (!store_get(path, txn, STORE_COUNTS, &text, &found, e))
		return false;
	if (!found || text.len != sizeof(*counts))
		return error_set(e, "%s: damaged: no counts", path);
	memcpy(counts, text.ptr, sizeof(*counts));
	return true;
}

bool
store_check_format(const char *path, MDB_txn *txn, struct error *e)
{
	struct span text = { 0 };
	uint64_t version = 0;
	bool found;

	if (!store_get(path, txn, STORE_FORMAT, &text, &found, e))
		return false;
	if (found && span_equal(text, SPAN(STORE_FORMAT_TEXT)))
		return true;
	if (found && span_starts(text, SPAN("certgate ")) &&
	    span_number(span_after(text, sizeof("certgate ") - 1), 2,
			UINT32_MAX, &version))
		return error_set(e,
				 "%s: of a newer format (fix: install the "
				 "version of certgate that wrote it)",
				 path);
	return is_foreign(path, e);
}

size_t
store_map_size(off_t size)
{
	enum { LEAST = 1048576 };

	if (size < LEAST)
		return LEAST;
	return (uintmax_t)size > SIZE_MAX / 4 ? SIZE_MAX / 2 : 2 * (size_t)size;
}

bool
store_walk(const char *path, MDB_cursor *cursor, stored_function *take,
	   void *context, struct error *e)
{
	MDB_val k, v;
	int code;

	while ((code = mdb_cursor_get(cursor, &k, &v, MDB_NEXT)) == 0) {
		struct span key = { k.mv_data, k.mv_size };
		struct span value = { v.mv_data, v.mv_size }, text;
		struct thumbprint pin;
		if (!stored_open(key, value, &text))
			return is_changed(path, e);
		if (key.len > 0 && key.ptr[0] == '\0')
			continue;
		if (!stored_pin(key, &pin))
			return error_set(e, "%s: damaged: not a pin", path);
		if (!take(context, &pin, text))
			return true;
	}
	return code == MDB_NOTFOUND ||
	       error_set(e, "%s: damaged: %s", path, mdb_strerror(code));
}
