/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "host/counter_page.h"

#define FIRST_WORDS SPAN("certgate counters 1")

static void
append(struct counter_page *page, struct span text)
{
	if (text.len > sizeof(page->text) - page->len - 1)
		return;
	if (text.len > 0)
		memcpy(page->text + page->len, text.ptr, text.len);
	page->len += text.len;
}

void
counter_page_init(struct counter_page *page, struct span site)
{
	memset(page->text, '\n', sizeof(page->text));
	page->len = 0;
	append(page, FIRST_WORDS);
	if (site.ptr != NULL)
		append(page, SPAN(" "));
	append(page, site);
	page->len++;
}

/* Takes the first line, and the site that it names, if it may. */
static bool
next_first(struct span *rest, struct span *site)
{
	struct span words = FIRST_WORDS, after = *rest, line;

	*site = (struct span){ 0 };
	if (!span_starts(after, words) || !span_next(&after, "\n", &line))
		return false;
	line = span_after(line, words.len);
	if (!span_empty(line) && line.ptr[0] != ' ')
		return false;
	if (!span_empty(line))
		*site = span_after(line, 1);
	*rest = after;
	return true;
}

struct span
counter_page_site(struct span text)
{
	struct span site;

	(void)next_first(&text, &site);
	return site;
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
	struct span line, before, site;

	(void)next_first(rest, &site);
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
	struct span words = FIRST_WORDS;

	return text.len == 0 || span_starts(text, words);
}

bool
counter_page_is_whole(struct span text)
{
	struct span rest = text, name, site;
	uint64_t value, events = 0, reasons = 0, times = 0;

	if (text.len != COUNTER_PAGE_SIZE || !next_first(&rest, &site))
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
