/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdio.h>

#include "base/date.h"

enum {
	EPOCH_DAYS = 719468, /* days from 0000-03-01 to 1970-01-01 */
	ERA_YEARS = 400, /* after so many the calendar repeats */
	ERA_DAYS = 146097
};

/* Years are counted from 1 March, so that a leap day is the last one; then
 * the month lengths from March on follow (153 * m + 2) / 5. */
static int64_t
days_from_civil(int year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year;
	int64_t era = (y >= 0 ? y : y - (ERA_YEARS - 1)) / ERA_YEARS;
	int64_t year_of_era = y - era * ERA_YEARS;
	int64_t month_from_march = (month + 9) % 12;
	int64_t day_of_year = (153 * month_from_march + 2) / 5 + day - 1;
	int64_t day_of_era = year_of_era * 365 + year_of_era / 4 -
			     year_of_era / 100 + day_of_year;

	return era * ERA_DAYS + day_of_era - EPOCH_DAYS;
}

static int
month_days(int year, int month)
{
	static const int days[] = { 31, 28, 31, 30, 31, 30,
				    31, 31, 30, 31, 30, 31 };
	bool leap = (year % 4 == 0 && year % 100 != 0) || year % ERA_YEARS == 0;

	return month == 2 && leap ? 29 : days[month - 1];
}

bool
date_to_seconds(const struct date_time *t, int64_t *seconds)
{
	*seconds = 0;
	if (t->year < 0 || t->year > 9999 || t->month < 1 || t->month > 12 ||
	    t->day < 1 || t->day > month_days(t->year, t->month) ||
	    t->hour < 0 || t->hour > 23 || t->minute < 0 || t->minute > 59 ||
	    t->second < 0 || t->second > 59)
		return false;
	*seconds =
		days_from_civil(t->year, t->month, t->day) * DATE_DAY_SECONDS +
		t->hour * 3600 + t->minute * 60 + t->second;
	return true;
}

bool
date_parse(struct span text, int64_t *seconds)
{
	uint64_t year, month, day;

	*seconds = 0;
	if (text.len != sizeof("YYYY-MM-DD") - 1 || text.ptr[4] != '-' ||
	    text.ptr[7] != '-' ||
	    !span_number((struct span){ text.ptr, 4 }, 1, 9999, &year) ||
	    !span_number((struct span){ text.ptr + 5, 2 }, 1, 12, &month) ||
	    !span_number((struct span){ text.ptr + 8, 2 }, 1, 31, &day))
		return false;
	return date_to_seconds(&(struct date_time){ .year = (int)year,
						    .month = (int)month,
						    .day = (int)day },
			       seconds);
}

/* Take ":00" and the like: a separator and two digits. */
static bool
take_pair(struct span *text, char separator, uint64_t max, uint64_t *number)
{
	bool ok =
		text->len >= 3 && text->ptr[0] == separator &&
		span_number((struct span){ text->ptr + 1, 2 }, 0, max, number);

	if (ok)
		*text = span_after(*text, 3);
	return ok;
}

bool
date_time_parse(struct span text, int64_t *seconds)
{
	const size_t day = sizeof("YYYY-MM-DD") - 1;
	uint64_t hour, minute, second, ahead = 0, more = 0;

	*seconds = 0;
	if (text.len < day)
		return false;
	struct span rest = span_after(text, day);
	if (!date_parse((struct span){ text.ptr, day }, seconds) ||
	    !take_pair(&rest, 'T', 23, &hour) ||
	    !take_pair(&rest, ':', 59, &minute) ||
	    !take_pair(&rest, ':', 59, &second))
		return false;
	if (rest.len > 1 && rest.ptr[0] == '.')
		do
			rest = span_after(rest, 1);
		while (rest.len > 0 && rest.ptr[0] >= '0' &&
		       rest.ptr[0] <= '9');
	char sign = rest.len > 0 ? rest.ptr[0] : '\0';
	if (!span_equal(rest, SPAN("Z")) &&
	    ((sign != '+' && sign != '-') ||
	     !take_pair(&rest, sign, 23, &ahead) ||
	     !take_pair(&rest, ':', 59, &more) || rest.len > 0))
		return false;
	int64_t offset = (int64_t)(ahead * 60 + more) * 60;
	*seconds += (int64_t)(hour * 3600 + minute * 60 + second) +
		    (sign == '-' ? offset : -offset);
	return true;
}

void
date_from_seconds(int64_t seconds, struct date_time *t)
{
	int64_t days = seconds / DATE_DAY_SECONDS;
	int64_t rest = seconds % DATE_DAY_SECONDS;

	if (rest < 0) {
		rest += DATE_DAY_SECONDS;
		days--;
	}
	days += EPOCH_DAYS;
	int64_t era = (days >= 0 ? days : days - (ERA_DAYS - 1)) / ERA_DAYS;
	int64_t day_of_era = days - era * ERA_DAYS;
	int64_t year_of_era = (day_of_era - day_of_era / 1460 +
			       day_of_era / 36524 - day_of_era / 146096) /
			      365;
	int64_t day_of_year =
		day_of_era -
		(365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	int64_t month_from_march = (5 * day_of_year + 2) / 153;

	t->month = (int)(month_from_march < 10 ? month_from_march + 3
					       : month_from_march - 9);
	t->year = (int)(year_of_era + era * ERA_YEARS + (t->month <= 2));
	t->day = (int)(day_of_year - (153 * month_from_march + 2) / 5 + 1);
	t->hour = (int)(rest / 3600);
	t->minute = (int)(rest / 60 % 60);
	t->second = (int)(rest % 60);
}

const char *
date_text(int64_t seconds, char text[DATE_TEXT_SIZE])
{
	struct date_time t;

	date_from_seconds(seconds, &t);
	(void)snprintf(text, DATE_TEXT_SIZE, "%04d-%02d-%02d", t.year, t.month,
		       t.day);
	return text;
}
