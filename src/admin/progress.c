/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "admin/progress.h"
#include "host/clock.h"

enum {
	STEP = 4096, /* entries between two looks at the clock */
	PAUSE_MS = 200, /* between two lines */
	BAR = 20 /* characters */
};

void
progress_begin(struct progress *progress, const char *what, size_t all)
{
	*progress = (struct progress){
		.what = what,
		.all = all,
		.begin_ms = clock_ms(),
		.terminal = isatty(STDERR_FILENO) == 1,
	};
	progress->shown_ms = progress->begin_ms;
}

void
progress_tell(struct progress *progress, size_t done)
{
	char bar[BAR + 1];

	if (!progress->terminal || done % STEP != 0 || progress->all == 0)
		return;
	int64_t now_ms = clock_ms();
	if (now_ms - progress->shown_ms < PAUSE_MS)
		return;
	double seconds = (double)(now_ms - progress->begin_ms) / 1000;
	double rate = (double)done / seconds;
	size_t full = (size_t)((double)done / (double)progress->all * BAR);
	memset(bar, '.', BAR);
	memset(bar, '#', full < BAR ? full : BAR);
	bar[BAR] = '\0';
	progress->shown_ms = now_ms;
	progress->shown = true;
	(void)fprintf(stderr, "\r%s [%s] %zu of %zu, %.0f/s, %.0f s left\033[K",
		      progress->what, bar, done, progress->all, rate,
		      rate > 0 ? (double)(progress->all - done) / rate : 0);
}

void
progress_end(struct progress *progress)
{
	if (progress->shown)
		(void)fputs("\r\033[K", stderr);
	progress->shown = false;
}
