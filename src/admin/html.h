/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * html: markup in a buffer.
 *
 * html_add and html_format take our own words alone.  Everything else, be it of
 * a client, of a file or of the settings, goes through html_text.
 */
#ifndef CERTGATE_ADMIN_HTML_H
#define CERTGATE_ADMIN_HTML_H

#include <stdint.h>

#include "base/buffer.h"
#include "base/span.h"

/* Add markup as it is. */
void html_add(struct buffer *out, const char *markup);

/* As printf: numbers and words of ours. */
void html_format(struct buffer *out, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Add text that means itself, in an element or in a quoted attribute: < > & and
 * quotes as entities, bytes that are not harmless (see print_harmless) as
 * \xHH. */
void html_text(struct buffer *out, struct span text);

/* <time> with YYYY-MM-DD HH:MM:SS. */
void html_time(struct buffer *out, int64_t seconds);

/* The source of a script or a style in a Content-Security-Policy: 'sha256-…';
 * nothing, which allows nothing, if the digest cannot be computed. */
void html_source(struct buffer *out, struct span text);

#endif
