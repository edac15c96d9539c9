/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <seccomp.h>

#include "host/system_calls.h"

enum {
	OPENS = O_ACCMODE | O_CREAT | O_TRUNC,
	SOCKET_TYPE = 0xf /* without SOCK_CLOEXEC and its like; net.h */
};

struct rule {
	int call;
	unsigned n; /* number of conditions in arg */
	struct scmp_arg_cmp argument[2];
	unsigned needs; /* flags of the programs with this rule; 0: all */
	bool kills; /* kills the process; else allows the call */
};

static const struct rule rules[] = {
	/* These calls use only what is open. */
	{ SCMP_SYS(accept4) },
	{ SCMP_SYS(brk) },
	{ SCMP_SYS(clock_gettime) },
	{ SCMP_SYS(close) },
	{ SCMP_SYS(epoll_create1) },
	{ SCMP_SYS(epoll_ctl) },
	{ SCMP_SYS(epoll_pwait) },
	{ SCMP_SYS(epoll_wait) },
	{ SCMP_SYS(exit) },
	{ SCMP_SYS(exit_group) },
	{ SCMP_SYS(fstat) },
	{ SCMP_SYS(ftruncate) },
	{ SCMP_SYS(futex) },
	{ SCMP_SYS(getegid) },
	{ SCMP_SYS(getdents64) },
	{ SCMP_SYS(geteuid) },
	{ SCMP_SYS(getgid) },
	{ SCMP_SYS(getpid) },
	{ SCMP_SYS(getrandom) },
	{ SCMP_SYS(gettid) },
	{ SCMP_SYS(gettimeofday) },
	{ SCMP_SYS(getuid) },
	{ SCMP_SYS(getxattr) },
	{ SCMP_SYS(lseek) },
	{ SCMP_SYS(lstat) },
	{ SCMP_SYS(madvise) },
	{ SCMP_SYS(memfd_create) },
	{ SCMP_SYS(mremap) },
	{ SCMP_SYS(munmap) },
	{ SCMP_SYS(newfstatat) },
	{ SCMP_SYS(poll) },
	{ SCMP_SYS(ppoll) },
	{ SCMP_SYS(read) },
	{ SCMP_SYS(readlink) },
	{ SCMP_SYS(readlinkat) },
	{ SCMP_SYS(recvfrom) },
	{ SCMP_SYS(restart_syscall) },
	{ SCMP_SYS(rt_sigaction) },
	{ SCMP_SYS(rt_sigprocmask) },
	{ SCMP_SYS(rt_sigreturn) },
	{ SCMP_SYS(signalfd4) },
	{ SCMP_SYS(stat) },
	{ SCMP_SYS(statx) },
	{ SCMP_SYS(time) },
	{ SCMP_SYS(write) },
	{ SCMP_SYS(writev) },
	/* On 32-bit processors. */
	{ SCMP_SYS(_llseek) },
	{ SCMP_SYS(clock_gettime64) },
	{ SCMP_SYS(fstat64) },
	{ SCMP_SYS(fstatat64) },
	{ SCMP_SYS(ftruncate64) },
	{ SCMP_SYS(lstat64) },
	{ SCMP_SYS(recv) },
	{ SCMP_SYS(sigreturn) },
	{ SCMP_SYS(stat64) },
	/* No valid request leads to these calls. */
	{ SCMP_SYS(execve), .kills = true },
	{ SCMP_SYS(execveat), .kills = true },
	{ SCMP_SYS(pidfd_getfd), .kills = true },
	{ SCMP_SYS(process_vm_readv), .kills = true },
	{ SCMP_SYS(process_vm_writev), .kills = true },
	{ SCMP_SYS(ptrace), .kills = true },
	/* Only with these arguments. */
	{ SCMP_SYS(fcntl), 1, { { 1, SCMP_CMP_EQ, F_GETFL, 0 } } },
	{ SCMP_SYS(fcntl), 1, { { 1, SCMP_CMP_EQ, F_SETFL, 0 } } },
	{ SCMP_SYS(mmap), 1, { { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } } },
	{ SCMP_SYS(mmap2), 1, { { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } } },
	{ SCMP_SYS(mprotect), 1, { { 2, SCMP_CMP_MASKED_EQ, PROT_EXEC, 0 } } },
	{ SCMP_SYS(openat), 1, { { 2, SCMP_CMP_MASKED_EQ, OPENS, O_RDONLY } } },
	/* Only to the peer of a connected socket. */
	{ SCMP_SYS(sendto), 1, { { 4, SCMP_CMP_EQ, 0, 0 } } },
	{ SCMP_SYS(setsockopt),
	  2,
	  { { 1, SCMP_CMP_EQ, IPPROTO_TCP, 0 },
	    { 2, SCMP_CMP_EQ, TCP_NODELAY, 0 } } },
	/* To reconnect to syslogd or journald. */
	{ SCMP_SYS(connect), .needs = SYSTEM_CALLS_DAEMON },
	{ SCMP_SYS(socket),
	  2,
	  { { 0, SCMP_CMP_EQ, AF_UNIX, 0 },
	    { 1, SCMP_CMP_MASKED_EQ, SOCKET_TYPE, SOCK_DGRAM } },
	  SYSTEM_CALLS_DAEMON },
	/* To reopen an existing log for appending. */
	{ SCMP_SYS(openat),
	  1,
	  { { 2, SCMP_CMP_MASKED_EQ, OPENS | O_APPEND | O_TMPFILE,
	      O_WRONLY | O_APPEND } },
	  SYSTEM_CALLS_LOG_FILE },
	{ SCMP_SYS(unlink), .needs = SYSTEM_CALLS_SOCKET },
	{ SCMP_SYS(unlinkat), .needs = SYSTEM_CALLS_SOCKET },
};

static int
add(scmp_filter_ctx filter, const struct rule *rule)
{
	uint32_t action = rule->kills ? SCMP_ACT_KILL_PROCESS : SCMP_ACT_ALLOW;

	return seccomp_rule_add_array(filter, action, rule->call, rule->n,
				      rule->argument);
}

static int
add_all(scmp_filter_ctx filter, unsigned needs)
{
	/* So that abort(3) ends the process with its own signal. */
	const struct rule own = {
		SCMP_SYS(tgkill),
		1,
		{ { 0, SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0 } },
	};
	int result = seccomp_attr_set(filter, SCMP_FLTATR_ACT_BADARCH,
				      SCMP_ACT_KILL_PROCESS);

	if (result == 0)
		result = add(filter, &own);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]); i++)
		if (result == 0 && (rules[i].needs & ~needs) == 0)
			result = add(filter, &rules[i]);
	return result;
}

int
system_calls_restrict(unsigned needs)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ERRNO(EPERM));
	int result = filter == NULL ? -ENOMEM : add_all(filter, needs);

	if (result == 0)
		result = seccomp_load(filter);
	seccomp_release(filter);
	return -result;
}
