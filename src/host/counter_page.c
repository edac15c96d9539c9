/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "host/counter_page.h"

#define FIRST_LINE SPAN("certgate counters 1\n")

void
counter_page_init(struct counter_page *page)
{
	struct span first = FIRST_LINE;

	memset(page->text, '\n', sizeof(page->text));
	memcpy(page->text, first.ptr, first.len);
	page->len = first.len;
}

size_t
counter_page_add(struct counter_page *page, struct span name, uint64_t value)
{
	size_t at = page->len + name.len + 1;

	if (name.len > COUNTER_NAME_MAX ||
	    at + COUNTER_DIGITS + 1 > sizeof(page->text))
		return 0;
	memcpy(page->text + page->len, name.ptr, name.len);
	page->text[at - 1] = ' ';
	page->len = at + COUNTER_DIGITS + 1;
	counter_page_set(page, at, value);
	return at;
}

void
counter_page_set(struct counter_page *page, size_t at, uint64_t value)
{
	for (size_t i = COUNTER_DIGITS; i > 0; i--, value /= 10)
		page->text[at + i - 1] = (char)('0' + value % 10);
}

void
counter_page_count(struct counter_page *page, size_t at, uint64_t more)
{
	for (size_t i = COUNTER_DIGITS; i > 0 && more > 0; i--) {
		char *digit = &page->text[at + i - 1];
		more += (uint64_t)(*digit - '0');
		*digit = (char)('0' + more % 10);
		more /= 10;
	}
}

static bool
is_name(struct span name)
{
	for (size_t i = 0; i < name.len; i++) {
		char c = name.ptr[i];
		if (!(c >= 'a' && c <= 'z') && !(c >= '0' && c <= '9') &&
		    c != '.' && c != '-')
			return false;
	}
	return name.len > 0 && name.len <= COUNTER_NAME_MAX;
}

bool
counter_page_next(struct span *rest, struct span *name, uint64_t *value)
{
	struct span line, before;

	if (span_starts(*rest, FIRST_LINE))
		*rest = span_after(*rest, FIRST_LINE.len);
	before = *rest;
	if (span_next(rest, "\n", &line) && span_next(&line, " ", name) &&
	    is_name(*name) && line.len == COUNTER_DIGITS &&
	    span_number(line, 0, UINT64_MAX, value))
		return true;
	*rest = before;
	return false;
}

bool
counter_page_begins(struct span text)
{
	return text.len == 0 || span_starts(text, FIRST_LINE);
}

bool
counter_page_is_whole(struct span text)
{
	struct span rest = text, name;
	uint64_t value, events = 0, reasons = 0, times = 0;

	if (text.len != COUNTER_PAGE_SIZE || !span_starts(text, FIRST_LINE))
		return false;
	while (counter_page_next(&rest, &name, &value)) {
		if (span_equal(name, SPAN("events")))
			events += value;
		else if (span_starts(name, SPAN("allow.")) ||
			 span_starts(name, SPAN("deny.")))
			reasons += value;
		else if (span_starts(name, SPAN("time.")))
			times += value;
	}
	for (size_t i = 0; i < rest.len; i++)
		if (rest.ptr[i] != '\n')
			return false;
	return events == reasons && events == times;
}
