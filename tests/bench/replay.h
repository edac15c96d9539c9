/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* replay: what `events` made, in process: requests as a web server hands them
 * over, and what must be answered. */
#ifndef CERTGATE_TESTS_BENCH_REPLAY_H
#define CERTGATE_TESTS_BENCH_REPLAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"
#include "policy/entry.h"
#include "policy/settings.h"
#include "protocol/request.h"

enum { REPLAY_PARAMETERS = 32 };

struct replay_event {
	char *parameters[REPLAY_PARAMETERS + 1]; /* ended by NULL */
	char text[REPLAY_PARAMETERS][1024]; /* of them */
	struct request_body body;
	unsigned status;
	struct span expected; /* what the body begins with */
};

/* The bytes of a file; never freed.  Ends the program if it cannot. */
struct span replay_file(const char *path);

/* Take the next event from *rest; false behind the last one. */
bool replay_next(struct span *rest, struct replay_event *event);

/* The settings that the events ask for; ends the program if it cannot. */
void replay_settings(struct settings *settings);

/* For lists that name files. */
extern const struct entry_files replay_files;

int64_t replay_now_ns(void);

#endif
