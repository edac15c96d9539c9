/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * named: the files that settings name: of keys, of the code, the list.
 *
 * While new settings, or a secret that they name, cannot be read, what is in
 * force stays, and so do its files: those that are wanted instead are watched
 * beside them until they can be adopted.
 */
#ifndef CERTGATE_HOST_NAMED_H
#define CERTGATE_HOST_NAMED_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"
#include "host/file.h"
#include "host/watch.h"
#include "policy/settings.h"

/* The first two are secrets. */
enum { NAMED_KEYS = 0, NAMED_CODE, NAMED_LIST, NAMED_FILES };

/* All zero: none. */
struct named {
	struct watch watch[NAMED_FILES]; /* of what is in force */
	struct watch wanted[NAMED_FILES]; /* of others that are not yet */
};

/* Adds to settings what the secrets that they name have; *last becomes the
 * watch of the one that was read last, if one was.  What is in force stays as
 * it is, whatever happens.  With first set, one that is being written is waited
 * for; else a list that was not in force and is being written is a failure. */
enum file_result named_load(struct named *named, struct settings *settings,
			    bool first, struct watch **last, struct error *e);

/* Puts in force what settings name, for which named_load has just succeeded. */
void named_adopt(struct named *named, const struct settings *settings);

/* After settings that were not adopted: nothing came of any secret, whether it
 * was read or not; it is due again when it changes, or after some seconds. */
void named_pass_over(struct named *named, int64_t now_ms);

/* True if a secret in force has been missing for so long that it counts as
 * none. */
bool named_is_gone(struct named *named, int64_t now_ms);

/* As watch_has_changed, for any secret in force and any file wanted. */
bool named_has_changed(struct named *named, int64_t now_ms, bool now);

/* As watch_is_written, for any of these. */
bool named_are_written(struct named *named, int64_t now_ms);

void named_free(struct named *named);

#endif
