/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* clock: time as the program measures it; nothing here is a date. */
#ifndef CERTGATE_HOST_CLOCK_H
#define CERTGATE_HOST_CLOCK_H

#include <stdint.h>

/* Of the monotonic clock: it goes on whatever the time is set to. */
int64_t clock_ms(void);
int64_t clock_ns(void);

#endif
