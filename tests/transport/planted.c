/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * Acts of a handler that has been taken over: preloaded into the real program,
 * this does at each FastCGI request, and before the answer of a CGI program,
 * what PLANTED names, and says on stderr how that
 * went.  PLANTED_FOLDER is one whose files the program may read.  With the act
 * "no-start" libfcgi does not start; with "swap-socket" a link to the file
 * precious is put in the place of a unix socket as soon as that is bound.
 */
#define _GNU_SOURCE
#include "config.h"

#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/personality.h>
#include <sys/ptrace.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcgiapp.h>

enum { PAGE = 4096 };

static const char *folder;
static const char *planted;
static pid_t parent;
static int pair[2]; /* was open before the sandbox was entered */
static struct sockaddr_un elsewhere = { .sun_family = AF_UNIX };
static socklen_t elsewhere_size = sizeof(sa_family_t);

__attribute__((constructor)) static void
remember(void)
{
	/* The program's environment is another one at a request. */
	folder = getenv("PLANTED_FOLDER");
	planted = getenv("PLANTED");
	parent = getppid();
	if (planted == NULL || socketpair(AF_UNIX, SOCK_DGRAM, 0, pair) != 0)
		return;
	/* An abstract address of the kernel's choice. */
	int fd = socket(AF_UNIX, SOCK_DGRAM, 0);
	(void)!bind(fd, (struct sockaddr *)&elsewhere, elsewhere_size);
	elsewhere_size = sizeof(elsewhere);
	(void)getsockname(fd, (struct sockaddr *)&elsewhere, &elsewhere_size);
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
add_to_file(void)
{
	return open_in_folder("list", O_WRONLY | O_APPEND);
}

static int
add_to_log(void)
{
	return open_in_folder("../logs/log", O_WRONLY | O_APPEND);
}

static int
write_log(void)
{
	return open_in_folder("../logs/log", O_WRONLY);
}

static int
read_log(void)
{
	return open_in_folder("../logs/log", O_RDONLY);
}

static int
make_log(void)
{
	return open_in_folder("../logs/new", O_WRONLY | O_APPEND | O_CREAT);
}

static int
make_log_without_name(void)
{
	return open_in_folder("../logs", O_WRONLY | O_APPEND | O_TMPFILE);
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
	return kill(parent, 0);
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

static int
execute_memory(void)
{
	const char *const arguments[] = { "true", NULL };
	char bytes[65536];
	int from = open("/bin/true", O_RDONLY);
	int memory = memfd_create("true", 0);
	ssize_t n;

	/* In the sandbox it stays empty, and ends the process all the same. */
	while (from >= 0 && (n = read(from, bytes, sizeof(bytes))) > 0)
		(void)!write(memory, bytes, (size_t)n);
	return (int)syscall(SYS_execveat, memory, "", arguments, environ,
			    AT_EMPTY_PATH);
}

/* A message on the pair; a descriptor goes with it. */
static int
pass_descriptor(void)
{
	char byte = 0;
	union {
		struct cmsghdr head;
		char space[CMSG_SPACE(sizeof(int))];
	} control = { .head = { CMSG_LEN(sizeof(int)), SOL_SOCKET,
				SCM_RIGHTS } };
	struct iovec bytes = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = &control,
		.msg_controllen = sizeof(control),
	};
	int passed = STDERR_FILENO;

	memcpy(CMSG_DATA(&control.head), &passed, sizeof(passed));
	return (int)sendmsg(pair[0], &message, MSG_DONTWAIT);
}

static int
take_descriptor(void)
{
	char byte = 0, control[CMSG_SPACE(sizeof(int))];
	struct iovec bytes = { &byte, 1 };
	struct msghdr message = {
		.msg_iov = &bytes,
		.msg_iovlen = 1,
		.msg_control = control,
		.msg_controllen = sizeof(control),
	};

	(void)!write(pair[0], &byte, 1);
	return (int)recvmsg(pair[1], &message, MSG_DONTWAIT);
}

static int
send_elsewhere(void)
{
	return (int)sendto(pair[0], "", 1, MSG_DONTWAIT,
			   (struct sockaddr *)&elsewhere, elsewhere_size);
}

static int
open_in_another_way(void)
{
	const uint64_t how[3] = { O_RDONLY, 0, 0 }; /* openat2(2) */
	char path[PAGE];

	(void)snprintf(path, sizeof(path), "%s/list", folder);
	return (int)syscall(SYS_openat2, AT_FDCWD, path, how, sizeof(how));
}

static int
make_ring(void)
{
	char parameters[120] = { 0 }; /* io_uring_setup(2) */

	return (int)syscall(SYS_io_uring_setup, 1, parameters);
}

static int
start_process_in_another_way(void)
{
	/* clone3(2): no flags, no pid to store, the signal at its end. */
	const uint64_t arguments[8] = { [4] = SIGCHLD };
	int child = (int)syscall(SYS_clone3, arguments, sizeof(arguments));

	if (child == 0)
		_exit(0);
	return child < 0 ? -1 : waitpid(child, NULL, 0);
}

static int
signal_by_thread(void)
{
	return (int)syscall(SYS_tgkill, parent, parent, 0);
}

static int
write_memory(void)
{
	return open("/proc/self/mem", O_RDWR);
}

static int
read_other_environment(void)
{
	char path[PAGE];

	(void)snprintf(path, sizeof(path), "/proc/%d/environ", (int)parent);
	return open(path, O_RDONLY);
}

static int
all_executable(void)
{
	return personality(READ_IMPLIES_EXEC);
}

static int
make_executable_by_key(void)
{
	void *page = mmap(NULL, PAGE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return page == MAP_FAILED ? 0 /* not what is asked */
				  : (int)syscall(SYS_pkey_mprotect, page, PAGE,
						 PROT_READ | PROT_EXEC, -1);
}

static int
set_limit(void)
{
	const struct rlimit files = { 64, 64 };

	return setrlimit(RLIMIT_NOFILE, &files);
}

static int
rename_file(void)
{
	char from[PAGE], to[PAGE];

	(void)snprintf(from, sizeof(from), "%s/precious", folder);
	(void)snprintf(to, sizeof(to), "%s/stolen", folder);
	return rename(from, to);
}

static int
truncate_file(void)
{
	char path[PAGE];

	(void)snprintf(path, sizeof(path), "%s/precious", folder);
	return truncate(path, 0);
}

static int
unshare_files(void)
{
	return unshare(CLONE_FILES);
}

/* The first file that can be written and has a name. */
static int
grow_file(void)
{
	enum { FILES = 64, HUGE = 1 << 30 };
	struct stat s;

	for (int fd = STDERR_FILENO + 1; fd < FILES; fd++)
		if (fstat(fd, &s) == 0 && S_ISREG(s.st_mode) &&
		    s.st_nlink > 0 &&
		    (fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR)
			return ftruncate(fd, HUGE);
	errno = ENOENT;
	return -1;
}

static const struct act {
	const char *name;
	int (*run)(void);
} acts[] = {
	{ "read-outside", read_outside },
	{ "read-inside", read_inside },
	{ "read-folder", read_folder },
	{ "write-file", write_file },
	{ "add-to-file", add_to_file },
	{ "add-to-log", add_to_log },
	{ "write-log", write_log },
	{ "read-log", read_log },
	{ "make-log", make_log },
	{ "make-log-without-name", make_log_without_name },
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
	{ "execute-memory", execute_memory },
	{ "pass-descriptor", pass_descriptor },
	{ "take-descriptor", take_descriptor },
	{ "send-elsewhere", send_elsewhere },
	{ "open-in-another-way", open_in_another_way },
	{ "make-ring", make_ring },
	{ "start-process-in-another-way", start_process_in_another_way },
	{ "signal-by-thread", signal_by_thread },
	{ "write-memory", write_memory },
	{ "read-other-environment", read_other_environment },
	{ "all-executable", all_executable },
	{ "make-executable-by-key", make_executable_by_key },
	{ "set-limit", set_limit },
	{ "rename-file", rename_file },
	{ "truncate-file", truncate_file },
	{ "unshare", unshare_files },
	{ "grow-file", grow_file },
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

int
FCGX_InitRequest(FCGX_Request *request, int fd, int flags)
{
	int (*real)(FCGX_Request *, int, int);

	*(void **)&real = dlsym(RTLD_NEXT, "FCGX_InitRequest");
	return planted != NULL && strcmp(planted, "no-start") == 0
		       ? -1
		       : real(request, fd, flags);
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

int
bind(int fd, const struct sockaddr *address, socklen_t size)
{
	const char *path = ((const struct sockaddr_un *)address)->sun_path;
	int (*real)(int, const struct sockaddr *, socklen_t);
	char other[PAGE];

	*(void **)&real = dlsym(RTLD_NEXT, "bind");
	int result = real(fd, address, size);
	if (planted == NULL || strcmp(planted, "swap-socket") != 0 ||
	    address->sa_family != AF_UNIX || path[0] != '/')
		return result;
	(void)snprintf(other, sizeof(other), "%s.bound", path);
	return rename(path, other) == 0 ? symlink("precious", path) : -1;
}
