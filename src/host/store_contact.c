/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <inttypes.h>
#include <stdio.h>
#include <time.h>

#include "host/store_contact.h"

static int64_t
seconds_of(clockid_t clock)
{
	struct timespec t = { 0 };

	(void)clock_gettime(clock, &t);
	return (int64_t)t.tv_sec;
}

void
store_contact_write(char text[STORE_CONTACT_SIZE])
{
	(void)snprintf(text, STORE_CONTACT_SIZE, "%" PRId64 " %" PRId64,
		       seconds_of(CLOCK_REALTIME), seconds_of(CLOCK_BOOTTIME));
}

int64_t
store_contact_age(struct span text)
{
	enum { ROUNDING_S = 1 };
	int64_t now = seconds_of(CLOCK_REALTIME);
	int64_t up = seconds_of(CLOCK_BOOTTIME);
	struct span day;
	uint64_t wall, boot;

	if (text.ptr == NULL || !span_next(&text, " ", &day) ||
	    !span_number(day, 0, INT64_MAX, &wall) ||
	    !span_number(text, 0, INT64_MAX, &boot) ||
	    (int64_t)wall > now + ROUNDING_S)
		return INT64_MAX;
	int64_t age = now - (int64_t)wall, since_boot = up - (int64_t)boot;
	if (since_boot > age)
		age = since_boot;
	return age > 0 ? age : 0;
}
