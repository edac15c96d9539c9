/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * sources: the files that a list names (file:, ca:, crl=), as they were when it
 * was built.  When one of them changes, the list is built again.
 */
#ifndef CERTGATE_HOST_SOURCES_H
#define CERTGATE_HOST_SOURCES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buffer.h"
#include "base/error.h"
#include "host/file.h"
#include "host/watch.h"

enum { SOURCES_MAX = 1024 /* files; each is looked at once a second */ };

/* All zero: none. */
struct sources {
	struct watch *watch; /* owned, as each path */
	size_t n;
	size_t last; /* the one that was read last */
	enum file_result result; /* of that */
};

/* Reads path as struct entry_files asks for it; context is the sources, to
 * which it is added. */
bool sources_read(void *context, const char *path, struct buffer *text,
		  struct error *e);

/* As watch_has_changed, for any of them; *news is set if it is in another way
 * than when it was last said. */
bool sources_have_changed(struct sources *sources, int64_t now_ms, bool now,
			  bool *news);

bool sources_are_busy(struct sources *sources, int64_t now_ms);

/* After a list that did not read: true if a file of sources has been gone for
 * so long that it counts as none.  fresh are those of that list, which may have
 * failed for one of them, or before it named any. */
bool sources_are_gone(struct sources *sources, const struct sources *fresh,
		      int64_t now_ms);

void sources_free(struct sources *sources);

#endif
