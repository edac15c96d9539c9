/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* watch: one file that is read again when it changes. */
#ifndef CERTGATE_HOST_WATCH_H
#define CERTGATE_HOST_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "host/file.h"

enum { WATCH_MISSING_MS = 5000 /* then a missing file counts as empty */ };

/* What half a file may let in must rest before it is read: settings with no
 * key, or no limit, are settings too, and half of a list may have no deny. */
enum watch_rest {
	REST_NEVER = 0, /* it is read as it is */
	REST_FOR_A_WHILE, /* until it is due though it still changes: who is
			   * taken out of it must not stay for ever */
	REST_ALWAYS /* it is never read while it is being written */
};

struct watch {
	char *path; /* owned; NULL: none */
	enum watch_rest rest;
	struct file_identity loaded; /* the one in use */
	struct file_identity tried; /* the one last read, in use or not */
	int64_t tried_ms; /* when; monotonic */
	struct file_identity seen; /* the one last looked at */
	int64_t since_ms; /* since when it has been so; monotonic */
	bool moved; /* it was seen to become so */
	int64_t news_ms; /* since when it has been one that was not read, which
			  * may have changed since; 0: it was; monotonic */
	bool restless; /* it is due though it still changes */
	bool replaced; /* it was waited for in vain, but each time it changed
			* another file took its place, which is a whole one */
	bool reported; /* what is wrong with it was said */
};

/* True if it watches path; NULL: nothing. */
bool watch_is_of(const struct watch *watch, const char *path);

/* Watches path (NULL: nothing) if it does not yet.  On failure it stays as it
 * was. */
bool watch_set(struct watch *watch, const char *path, enum watch_rest rest,
	       struct error *e) __attribute__((warn_unused_result));

/* True if the file is another one than is in use, and has been so for long
 * enough to be read: a second, or five when it is missing; and ten if it
 * changes all the time, of which the log warns, or watch_load if the file must
 * rest.  One that was tried and not taken up is due again after some seconds,
 * for what is wrong may be elsewhere; with now set, at once. */
bool watch_has_changed(struct watch *watch, int64_t now_ms, bool now);

/* True if the file is another one than is in use, but not yet for long enough:
 * somebody may be writing it. */
bool watch_is_busy(struct watch *watch, int64_t now_ms);

/* The same, and it is there. */
bool watch_is_written(struct watch *watch, int64_t now_ms);

/* Waits until nobody seems to be writing the file any more, or to have moved it
 * away for that, for two seconds at most. */
void watch_settle(struct watch *watch);

/* True if the file is not there, and that is not for the moment only. */
bool watch_is_missing(struct watch *watch);

/* The file that was last read is the one in use. */
void watch_accept(struct watch *watch);

/* As if the file were read as it was seen last, and did not do: it is due again
 * when it changes, or after some seconds. */
void watch_pass_over(struct watch *watch, int64_t now_ms);

/* Reads the file as file_read does.  One that is written in place meanwhile is
 * FILE_UNSAFE, and so is one that must rest and does not yet. */
enum file_result watch_load(struct watch *watch, bool secret, size_t max,
			    struct buffer *text, struct error *e);

/* True if what could not be read has been gone for so long that it counts as
 * none; then it is to be read again even if it comes back as it was. */
bool watch_is_gone(struct watch *watch, enum file_result result,
		   int64_t now_ms);

/* The same for one that nobody has tried to read: it was missing when it was
 * last looked at. */
bool watch_is_gone_unread(struct watch *watch, int64_t now_ms);

/* Logs e, once for each state of the file; true if it did. */
bool watch_report(struct watch *watch, const struct error *e);

#endif
