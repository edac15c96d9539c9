/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * page: what certgate status found as one page for a browser, which loads
 * nothing else: state, decisions of the last hour and day, what expires,
 * pending certificates and the last refusals.
 */
#ifndef CERTGATE_ADMIN_PAGE_H
#define CERTGATE_ADMIN_PAGE_H

#include <stdbool.h>

#include "admin/cause.h"
#include "admin/command.h"
#include "base/buffer.h"
#include "base/error.h"

/* Add the page; exits as certgate status does. */
typedef enum exit_code page_look(const struct command *command,
				 struct buffer *page);

/* Replace the file of --html by the page that look adds, in a process of its
 * own, which may become another user.  Return what look returns, or print the
 * problem. */
enum exit_code page_write(const struct command *command, page_look *look);

/* Read the log of path (NULL: that of the settings, or the journal).  False
 * with e if it cannot be read. */
bool page_read(const char *path, struct error *e)
	__attribute__((warn_unused_result));

/* Add the whole page; n: the number of expiries to show. */
void page_add(struct buffer *page, const struct facts *facts,
	      const struct cause *cause, const struct expiries *all, size_t n);

#endif
