/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * sandbox: what the program can still do once it serves, whatever a request
 * makes of it: answer, write its log, and read files in the folders that it has
 * read files in at its start.
 *
 * One sandbox for the process, which has one thread; there is no way out.
 * What the kernel does not have is left out, with a warning.
 */
#ifndef CERTGATE_HOST_SANDBOX_H
#define CERTGATE_HOST_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"

/* What is to go on working. */
struct sandbox_needs {
	const char *socket; /* the file that is removed at the end, or NULL */
	bool daemon; /* lines go to a local daemon, which may be restarted */
	bool log_file; /* it can grow, and be opened again */
	bool calls; /* all system calls: for one answer, a list of them costs
		     * too much (0.9 ms of 7, measured) */
};

enum {
	SANDBOX_FILE_MAX = 2097152 /* bytes of a file, where no log is one */
};

/* At once, before a secret is read: no new privileges, no core, no debugger, no
 * further process, and so many files open, or as many as the hard limit
 * allows. */
void sandbox_limit(size_t files);

/* From now on, folders are taken. */
void sandbox_begin(void);

/* What a folder is taken for. */
enum sandbox_use {
	SANDBOX_READ, /* files in it and beneath it may be read */
	SANDBOX_LINK, /* the same; the link in it may be turned elsewhere */
	SANDBOX_LOG /* files in it may be opened to be added to, and none be
		     * read or made */
};

/*
 * Take a folder (a descriptor, borrowed).  / is never taken, nor for a link
 * the folders right in /: links there are the distribution's; that of a log
 * must be a folder of its own, below one of these.  Does nothing before
 * sandbox_begin, and in the sandbox.
 */
void sandbox_take(int folder, enum sandbox_use use);

/* True if files in folder can be read, as far as the sandbox is concerned.
 * errno stays as it is. */
bool sandbox_has(int folder);

/* Enter it.  Everything else is open by now.  Return what is not as it should
 * be, for the log. */
const struct warnings *sandbox_enter(const struct sandbox_needs *needs);

#endif
