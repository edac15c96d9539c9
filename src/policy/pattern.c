/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "policy/pattern.h"

static bool
same(char a, char b, bool nocase)
{
	struct span one = { &a, 1 }, other = { &b, 1 };

	return nocase ? span_equal_nocase(one, other) : a == b;
}

/* If what follows the last '*' does not fit, it takes one character more; no
 * earlier one needs to, so the work is at most the product of the lengths. */
bool
pattern_fits(struct span pattern, struct span text, bool nocase)
{
	size_t p = 0, t = 0, behind_star = 0, taken = 0;
	bool star = false;

	while (t < text.len) {
		if (p < pattern.len && pattern.ptr[p] == '*') {
			star = true;
			behind_star = ++p;
			taken = t;
		} else if (p < pattern.len &&
			   same(pattern.ptr[p], text.ptr[t], nocase)) {
			p++;
			t++;
		} else if (star) {
			p = behind_star;
			t = ++taken;
		} else {
			return false;
		}
	}
	while (p < pattern.len && pattern.ptr[p] == '*')
		p++;
	return p == pattern.len;
}

bool
pattern_is_any(const char *pattern)
{
	return pattern[0] == '*' && pattern[strspn(pattern, "*")] == '\0';
}
