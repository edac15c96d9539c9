/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * date: calendar days and seconds since 1970-01-01 00:00:00 UTC.
 *
 * Proleptic Gregorian calendar, no leap seconds, no time zones: the same
 * answer whatever the machine is set to.
 */
#ifndef CERTGATE_BASE_DATE_H
#define CERTGATE_BASE_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum { DATE_DAY_SECONDS = 86400 };

struct date_time {
	int year; /* 0 to 9999 */
	int month; /* 1 to 12 */
	int day; /* 1 to 31, as the month has */
	int hour; /* 0 to 23 */
	int minute; /* 0 to 59 */
	int second; /* 0 to 59 */
};

/* False if there is no such moment; then *seconds is 0. */
bool date_to_seconds(const struct date_time *t, int64_t *seconds);

/* "YYYY-MM-DD", the first second of that day. */
bool date_parse(struct span text, int64_t *seconds);

/* "YYYY-MM-DDTHH:MM:SS", a fraction, which is cut, or none, and "Z" or an
 * offset as "+01:00" (RFC 3339 5.6). */
bool date_time_parse(struct span text, int64_t *seconds);

enum { DATE_TEXT_SIZE = 64 /* bytes for any number of seconds */ };

/* Write "YYYY-MM-DD" with a NUL to text.  Return text. */
const char *date_text(int64_t seconds, char text[DATE_TEXT_SIZE]);

/* The fields of a moment between the years 0 and 9999. */
void date_from_seconds(int64_t seconds, struct date_time *t);

#endif
