/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * Acts of a handler that has been taken over: preloaded into the real program,
 * this does at each FastCGI request, and before the answer of a CGI program,
 * what PLANTED names, and says on stderr how that
 * went.  PLANTED_FOLDER is one whose files the program may read.
 */
#define _GNU_SOURCE
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcgiapp.h>

enum { PAGE = 4096 };

static const char *folder;
static const char *planted;

__attribute__((constructor)) static void
remember(void)
{
	/* The program's environment is another one at a request. */
	folder = getenv("PLANTED_FOLDER");
	planted = getenv("PLANTED");
}

static int
open_in_folder(const char *name, int flags)
{
	char path[PAGE];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return open(path, flags, 0600);
}

static int
read_outside(void)
{
	return open("/etc/passwd", O_RDONLY);
}

static int
read_inside(void)
{
	return open_in_folder("list", O_RDONLY);
}

static int
read_folder(void)
{
	return open(folder, O_RDONLY | O_DIRECTORY);
}

static int
write_file(void)
{
	return open_in_folder("list", O_WRONLY);
}

static int
make_file(void)
{
	return open_in_folder("new", O_RDONLY | O_CREAT);
}

static int
remove_file(void)
{
	char path[PAGE];

	(void)snprintf(path, sizeof(path), "%s/precious", folder);
	return unlink(path);
}

static int
open_internet(void)
{
	return socket(AF_INET, SOCK_STREAM, 0);
}

static int
open_datagram_internet(void)
{
	return socket(AF_INET6, SOCK_DGRAM, 0);
}

static int
open_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM, 0);
}

static int
map_executable(void)
{
	return mmap(NULL, PAGE, PROT_READ | PROT_WRITE | PROT_EXEC,
		    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) == MAP_FAILED
		       ? -1
		       : 0;
}

static int
make_executable(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? 0 /* not what is asked */
				  : mprotect(page, PAGE, PROT_READ | PROT_EXEC);
}

static int
start_process(void)
{
	pid_t child = fork();

	if (child == 0)
		_exit(0);
	return child < 0 ? -1 : waitpid(child, NULL, 0);
}

static int
signal_parent(void)
{
	return kill(getppid(), 0);
}

static int
execute(void)
{
	return execl("/bin/true", "true", (char *)NULL);
}

static int
trace(void)
{
	return (int)ptrace(PTRACE_TRACEME, 0, NULL, NULL);
}

static int
read_process(void)
{
	char byte = 0, other = 0;
	struct iovec here = { &byte, 1 }, there = { &other, 1 };

	return (int)process_vm_readv(getpid(), &here, 1, &there, 1, 0);
}

static const struct act {
	const char *name;
	int (*run)(void);
} acts[] = {
	{ "read-outside", read_outside },
	{ "read-inside", read_inside },
	{ "read-folder", read_folder },
	{ "write-file", write_file },
	{ "make-file", make_file },
	{ "remove-file", remove_file },
	{ "open-internet", open_internet },
	{ "open-datagram-internet", open_datagram_internet },
	{ "open-unix", open_unix },
	{ "map-executable", map_executable },
	{ "make-executable", make_executable },
	{ "start-process", start_process },
	{ "signal-parent", signal_parent },
	{ "execute", execute },
	{ "trace", trace },
	{ "read-process", read_process },
};

static void
act(void)
{
	for (size_t i = 0; i < sizeof(acts) / sizeof(acts[0]); i++) {
		if (planted == NULL || strcmp(acts[i].name, planted) != 0)
			continue;
		errno = 0;
		int result = acts[i].run();
		(void)dprintf(STDERR_FILENO, "planted=%s result=%s\n", planted,
			      result >= 0 ? "done" : strerrorname_np(errno));
	}
}

int
FCGX_Accept_r(FCGX_Request *request)
{
	int (*real)(FCGX_Request *);

	*(void **)&real = dlsym(RTLD_NEXT, "FCGX_Accept_r");
	act();
	return real(request);
}

ssize_t
write(int fd, const void *bytes, size_t n)
{
	ssize_t (*real)(int, const void *, size_t);

	*(void **)&real = dlsym(RTLD_NEXT, "write");
	if (fd == STDOUT_FILENO)
		act();
	return real(fd, bytes, n);
}
