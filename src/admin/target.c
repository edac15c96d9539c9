/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <string.h>

#include "admin/input.h"
#include "admin/setup.h"
#include "admin/target.h"
#include "base/hex.h"
#include "policy/entry_parse.h"
#include "policy/list.h"
#include "protocol/pem.h"

enum { PIN_MAX = 8192 /* bytes; a path and a prefix */ };

struct span
target_pin_text(const struct entry *entry, struct span text)
{
	struct span deny = SPAN("deny");

	if (text.len > entry->pin_end)
		text.len = entry->pin_end;
	return span_trim(entry->allows ? text : span_after(text, deny.len));
}

/* The digits alone, whatever stood between and around them. */
static void
set_pin(struct target *target, const struct thumbprint *t)
{
	char text[THUMBPRINT_TEXT_SIZE];

	target->main = *t;
	buffer_add(&target->pin, span_of(thumbprint_text(t, text)));
}

bool
target_write_digits(struct target *target)
{
	const struct thumbprint pin = target->main;

	if (pin.kind == THUMBPRINT_NONE)
		return false;
	buffer_clear(&target->pin);
	set_pin(target, &pin);
	return !target->pin.failed;
}

void
target_set_certificate(struct target *target, bool spki)
{
	buffer_init(&target->pin, PIN_MAX);
	target->is_certificate = true;
	set_pin(target, spki ? &target->spki : &target->sha256);
}

/* True if the argument alone would be an entry, or the beginning of one. */
static bool
take_pin(struct target *target, struct span argument, struct error *e)
{
	struct warnings warnings = { 0 };
	struct entry entry;

	bool names_file = entry_names_ca(argument) ||
			  span_starts(argument, SPAN("file:"));

	if (!span_equal(list_entry_text(argument), argument) ||
	    (names_file && !span_is_text(argument)))
		return error_set(e, "expected a pin alone");
	if (entry_names_ca(argument)) {
		buffer_add(&target->pin, argument); /* no entry without names */
		return true;
	}
	if (!entry_parse(&entry, argument, &setup_files, &warnings, e))
		return false;
	struct span pin = target_pin_text(&entry, argument);
	bool alone = entry.allows && pin.len == argument.len;
	struct thumbprint main = entry.pin;
	entry_free(&entry);
	if (!alone)
		return error_set(e, "expected a pin alone");
	if (names_file) {
		target->main = main;
		buffer_add(&target->pin, pin);
	} else {
		set_pin(target, &main);
	}
	return true;
}

static bool
take_file(struct target *target, const char *path, bool spki, struct error *e)
{
	struct certificate c;
	struct error inner = { 0 };
	struct buffer bytes;

	bool ok = input_read(path, "a pin, or a file with a certificate",
			     &bytes, e);
	if (ok && !pem_file_only(buffer_span(&bytes), &target->der, &c, &inner))
		ok = error_set(e, "%s: %s", error_word(span_of(path)),
			       inner.text);
	buffer_wipe(&bytes);
	if (!ok)
		return false;
	target->sha1 = thumbprint_of(THUMBPRINT_SHA1, c.sha1);
	target->sha256 = thumbprint_of(THUMBPRINT_SHA256, c.sha256);
	target->spki = thumbprint_of(THUMBPRINT_SPKI, c.spki);
	target->not_after = c.not_after;
	target_set_certificate(target, spki);
	return true;
}

/* A word that can only have been meant as a pin: what is wrong with it counts,
 * not that there is no such file. */
static bool
looks_like_pin(struct span word)
{
	if (span_starts(word, SPAN("file:")) || entry_names_ca(word) ||
	    thumbprint_is_likely(word))
		return true;
	return word.len > 0 && strchr("./-", word.ptr[0]) == NULL &&
	       memchr(word.ptr, '.', word.len) == NULL && hex_length(word) > 0;
}

bool
target_read(struct target *target, const char *argument, bool spki,
	    struct error *e)
{
	struct span word = span_trim(span_of(argument));
	struct error no_pin = { 0 };

	*target = (struct target){ 0 };
	buffer_init(&target->pin, PIN_MAX);
	buffer_init(&target->der, INPUT_MAX);
	if (take_pin(target, word, &no_pin) ||
	    take_file(target, argument, spki, e))
		return !target->pin.failed || error_set(e, "out of memory");
	if (looks_like_pin(word)) {
		no_pin.column = 0;
		*e = no_pin;
	}
	return false;
}

void
target_free(struct target *target)
{
	buffer_free(&target->pin);
	buffer_free(&target->der);
}

enum target_match
target_match(const struct target *target, const struct entry *entry,
	     struct span text)
{
	const struct thumbprint *pin = &entry->pin;

	if (target->main.kind == THUMBPRINT_NONE)
		return pin->kind == THUMBPRINT_NONE &&
				       span_equal(target_pin_text(entry, text),
						  buffer_span(&target->pin))
			       ? TARGET_PIN
			       : TARGET_NONE;
	if (thumbprint_compare(&target->main, pin) == 0)
		return TARGET_PIN;
	if (!target->is_certificate || pin->kind == THUMBPRINT_NONE)
		return TARGET_NONE;
	if (thumbprint_compare(&target->spki, pin) == 0)
		return TARGET_KEY;
	return thumbprint_compare(&target->sha1, pin) == 0 ||
			       thumbprint_compare(&target->sha256, pin) == 0
		       ? TARGET_DIGEST
		       : TARGET_NONE;
}
