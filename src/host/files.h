/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * files: the files that a configuration is read from: which changed, which are
 * at rest, which are missing.
 *
 * One rule for every file.  A change may be read when the file has been the
 * same for one second; after ten seconds of change also if each look finds
 * another file, which was renamed over it and is complete.  A file that does
 * not exist counts as missing after five seconds.
 */
#ifndef CERTGATE_HOST_FILES_H
#define CERTGATE_HOST_FILES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "host/file.h"

enum {
	FILES_MAX = 1028, /* settings, secrets, list, and 1024 it names */
	FILES_MISSING_MS = 5000 /* then a file that does not exist is missing */
};

enum files_kind {
	FILES_SETTINGS = 0,
	FILES_SECRET, /* keys, code */
	FILES_LIST /* and the files that it names */
};

/* Times are monotonic milliseconds. */
struct files_file {
	char *path; /* owned */
	enum files_kind kind;
	bool wanted; /* by the last attempt */
	struct file_identity used; /* by what is in force; else none */
	struct file_identity tried; /* read by the last attempt; else none */
	struct file_identity seen; /* at the last look */
	int64_t since_ms; /* since when it has been as seen */
	int64_t busy_ms; /* first change since it was at rest; 0: it rests */
	int64_t written_ms; /* last change of the same inode; 0: none */
	int held; /* keeps the inode from use by another file; -1: not */
};

/* All zero: none. */
struct files {
	struct files_file *file; /* owned */
	size_t n;
	bool starting; /* nothing is in force: wait for files being written */
};

enum files_state {
	FILES_SAME = 0, /* as the last attempt found them */
	FILES_CHANGED, /* and every change may be read */
	FILES_OVERDUE, /* one has been written in place for ten seconds */
	FILES_BUSY /* one may be half written, or is away for the moment */
};

/* What of the last attempt is in force from now on. */
enum files_use { FILES_USE_NOTHING_NEW = 0, FILES_USE_SETTINGS, FILES_USE_ALL };

void files_look(struct files *files);

/* Of the files that the last attempt wanted, as they were last seen. */
enum files_state files_state(const struct files *files);

/* Begin an attempt.  It is ended by files_use(). */
void files_begin(struct files *files);

/* Read path as file_read() does and add it to what the attempt wants.  A file
 * that must rest is FILE_UNSAFE.  At a start it waits for that, two seconds at
 * most. */
enum file_result files_read(struct files *files, const char *path,
			    enum files_kind kind, size_t max,
			    struct buffer *text, struct error *e);

void files_use(struct files *files, enum files_use use);

/* The file of that path; NULL: it is none of them. */
const struct files_file *files_find(const struct files *files,
				    const char *path);

/* The path of a file in use that is missing, of the list or else of the
 * settings; NULL: none. */
const char *files_missing(const struct files *files, bool list);

/* What was read from the list, or from any file, is no longer in force. */
void files_drop(struct files *files, bool list_only);

void files_free(struct files *files);

#endif
