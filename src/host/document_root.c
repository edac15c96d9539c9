/* SPDX-License-Identifier: ISC
 * Copyright The certgate authors */
#include "config.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "host/document_root.h"

/* The folder is compared by device and inode, so links make no difference. */
struct root {
	const char *path; /* of the environment, or until the process ends */
	dev_t device;
	ino_t inode;
};

static const char *const names[] = { "DOCUMENT_ROOT", "CONTEXT_DOCUMENT_ROOT" };
enum { NAMES = sizeof(names) / sizeof(names[0]) };
static struct root roots[NAMES];
static size_t n_roots;

static bool
is_same(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_dev == b->st_dev;
}

static bool
is_root(const struct root *root, const struct stat *s)
{
	return root->inode == s->st_ino && root->device == s->st_dev;
}

/* Return true if root is folder or above it, or if this is unknown. */
static bool
is_below(int folder, const struct root *root)
{
	int at = openat(folder, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat s, before;
	bool below = at < 0 || fstat(at, &s) != 0;

	while (!below && !(below = is_root(root, &s))) {
		int up = openat(at, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(at);
		at = up;
		before = s;
		below = at < 0 || fstat(at, &s) != 0;
		if (!below && is_same(&s, &before))
			break;
	}
	if (at >= 0)
		close(at);
	return below;
}

/* Return true if root is above the file path; false if the file does not
 * exist. */
static bool
is_file_below(const char *path, const struct root *root)
{
	char folder[PATH_MAX];

	if (path == NULL || realpath(path, folder) == NULL)
		return false;
	strrchr(folder, '/')[1] = '\0';
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool below = fd >= 0 && is_below(fd, root);
	if (fd >= 0)
		close(fd);
	return below;
}

/* Return the folder of the script, which is in root by its name; the caller
 * owns it.  NULL: it is not. */
static char *
folder_of(const char *script, const char *root)
{
	size_t n = strlen(root);
	char path[PATH_MAX];

	if (script == NULL || strncmp(script, root, n) != 0 ||
	    (root[n - 1] != '/' && script[n] != '/') ||
	    snprintf(path, sizeof(path), "%s", script) >= (int)sizeof(path))
		return NULL;
	strrchr(path, '/')[1] = '\0';
	return realpath(path, NULL);
}

static void
take(const char *path)
{
	struct stat s, top;

	if (path == NULL || path[0] != '/' || stat(path, &s) != 0 ||
	    !S_ISDIR(s.st_mode) || stat("/", &top) != 0 || is_same(&s, &top))
		return;
	struct root root = { path, s.st_dev, s.st_ino };
	const char *script = getenv("SCRIPT_FILENAME");
	/* The script of the request may start a program elsewhere. */
	if (is_file_below(script, &root) ||
	    is_file_below("/proc/self/exe", &root)) {
		roots[n_roots++] = root;
		return;
	}
	/* A link in the folder leads to it: the web server publishes it. */
	char *folder = folder_of(script, path);
	if (folder != NULL && stat(folder, &s) == 0 && !is_same(&s, &top))
		roots[n_roots++] = (struct root){ folder, s.st_dev, s.st_ino };
	else
		free(folder);
}

void
document_root_begin(void)
{
	n_roots = 0;
	for (size_t i = 0; i < NAMES; i++)
		take(getenv(names[i]));
}

bool
document_root_check(int folder, const char *path, struct error *e)
{
	for (size_t i = 0; i < n_roots; i++)
		if (is_below(folder, &roots[i]))
			return error_set(e,
					 "%s: in %s, whose files the web "
					 "server publishes (fix: move "
					 "the file to a folder outside)",
					 path, roots[i].path);
	return true;
}
