/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/landlock.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "host/sandbox.h"
#include "host/system_calls.h"

enum {
	FOLDERS_MAX = 65536, /* readable folders: 256 sites with 256 each */
	LINK_DEPTH = 2 /* from here on a folder is not the system's */
};

/* Landlock as kernels up to 6.18 have it (landlock(7)); the headers of Debian
 * 12 end at ABI 2. */
enum {
	ABI_REFER = 2,
	ABI_TRUNCATE = 3,
	ABI_NET = 4,
	ABI_IOCTL_DEV = 5,
	ABI_SCOPE = 6
};
enum {
	FS_TRUNCATE = 1 << 14, /* of ABI_TRUNCATE */
	FS_FIRST = 13, /* rights of ABI 1, from bit 0 on; later ones follow */
	NET_ALL = 3, /* TCP bind and connect */
	SCOPE_ALL = 3 /* abstract unix sockets and signals of others */
};
struct ruleset {
	uint64_t fs, net, scope; /* rights that need a rule */
};

/* A folder that the handler can read in the sandbox. */
struct folder {
	dev_t device;
	ino_t inode;
};

static int rules = -1; /* descriptor of the Landlock ruleset; -1: none */
static uint64_t handled; /* rights that need a rule in the ruleset */
static bool entered; /* Landlock is in force */
static struct folder folders[FOLDERS_MAX];
static size_t n_folders;
static struct warnings warnings;
static int log_folder = -1; /* owned, until the sandbox is entered */

static struct error *
warn(void)
{
	return warnings_next(&warnings, NULL);
}

static void
limit(__rlimit_resource_t resource, rlim_t most)
{
	struct rlimit now;

	if (getrlimit(resource, &now) != 0)
		return;
	if (now.rlim_max > most)
		now.rlim_max = most;
	now.rlim_cur = now.rlim_max;
	(void)setrlimit(resource, &now);
}

/* Return true for a regular file: the log, or the answers of plain CGI. */
static bool
is_file(int fd)
{
	struct stat s;

	return fstat(fd, &s) != 0 || S_ISREG(s.st_mode);
}

void
sandbox_limit(size_t files)
{
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NPROC, 0);
	limit(RLIMIT_NOFILE, files);
	if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0 ||
	    prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
		error_set(warn(), "sandbox: prctl: %s", strerror(errno));
}

void
sandbox_begin(void)
{
	long abi = syscall(SYS_landlock_create_ruleset, NULL, 0,
			   LANDLOCK_CREATE_RULESET_VERSION);
	int rights = FS_FIRST + (abi >= ABI_REFER) + (abi >= ABI_TRUNCATE) +
		     (abi >= ABI_IOCTL_DEV);
	struct ruleset all = {
		.fs = (UINT64_C(1) << rights) - 1,
		.net = abi >= ABI_NET ? NET_ALL : 0,
		.scope = abi >= ABI_SCOPE ? SCOPE_ALL : 0,
	};

	handled = all.fs;
	if (abi > 0)
		rules = (int)syscall(SYS_landlock_create_ruleset, &all,
				     sizeof(all), 0);
	if (rules < 0)
		error_set(warn(),
			  "sandbox: this kernel has no Landlock (%s): every "
			  "file of the user can be read",
			  strerror(errno));
}

static bool
allow(int folder, uint64_t access)
{
	struct landlock_path_beneath_attr beneath = {
		.allowed_access = access,
		.parent_fd = folder,
	};

	return syscall(SYS_landlock_add_rule, rules, LANDLOCK_RULE_PATH_BENEATH,
		       &beneath, 0) == 0;
}

/* Replace *folder (owned) by its parent; return false at the root or on
 * failure. */
static bool
go_up(int *folder, struct stat *s)
{
	ino_t inode = s->st_ino;
	dev_t device = s->st_dev;
	int up = openat(*folder, "..", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (up < 0)
		return false;
	close(*folder);
	*folder = up;
	return fstat(up, s) == 0 && (s->st_ino != inode || s->st_dev != device);
}

static bool
is_taken(const struct stat *s)
{
	for (size_t i = 0; i < n_folders; i++)
		if (folders[i].inode == s->st_ino &&
		    folders[i].device == s->st_dev)
			return true;
	return false;
}

/* Return true if folder is at least depth levels below /. */
static bool
is_below(int folder, unsigned depth)
{
	int at = openat(folder, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
	struct stat s;

	if (at >= 0 && fstat(at, &s) == 0)
		while (depth > 0 && go_up(&at, &s))
			depth--;
	if (at >= 0)
		close(at);
	return depth == 0;
}

static void
take(int folder, unsigned depth)
{
	static bool said;
	struct stat s;

	if (fstat(folder, &s) != 0 || is_taken(&s) || !is_below(folder, depth))
		return;
	if (n_folders < FOLDERS_MAX &&
	    allow(folder, LANDLOCK_ACCESS_FS_READ_FILE)) {
		folders[n_folders++] = (struct folder){ s.st_dev, s.st_ino };
		return;
	}
	if (!said)
		error_set(warn(),
			  "sandbox: files in more than %zu folders: what is "
			  "edited in the others is not taken up",
			  n_folders);
	said = true;
}

void
sandbox_take(int folder, enum sandbox_use use)
{
	if (rules < 0)
		return;
	if (use != SANDBOX_LOG)
		take(folder, use == SANDBOX_LINK ? LINK_DEPTH : 1);
	else if (log_folder < 0)
		log_folder =
			openat(folder, ".", O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* Allow writes in the log's folder, unless it has other files.  Truncation
 * removes a line that a full disk cut. */
static void
allow_log(void)
{
	struct stat s;

	if (log_folder < 0)
		return;
	if (fstat(log_folder, &s) != 0 || is_taken(&s) ||
	    !is_below(log_folder, LINK_DEPTH) ||
	    !allow(log_folder,
		   (LANDLOCK_ACCESS_FS_WRITE_FILE | FS_TRUNCATE) & handled))
		error_set(
			warn(),
			"sandbox: the folder of CERTGATE_LOG has other files: "
			"after log rotation the old file is used until a "
			"restart (fix: give the log a folder of its own)");
	close(log_folder);
	log_folder = -1;
}

bool
sandbox_has(int folder)
{
	int number = errno; /* the caller's */
	int at = entered ? openat(folder, ".", O_PATH | O_DIRECTORY | O_CLOEXEC)
			 : -1;
	struct stat s;
	bool found = at < 0;

	if (at >= 0 && fstat(at, &s) == 0)
		while (!(found = is_taken(&s)) && go_up(&at, &s))
			;
	if (at >= 0)
		close(at);
	errno = number;
	return found;
}

/* Allow the removal of files in the folder of path: Landlock has no such right
 * for one file. */
static bool
allow_removal(const char *path)
{
	char *folder = strdup(path);
	bool ok = false;

	if (folder == NULL)
		return false;
	strrchr(folder, '/')[1] = '\0';
	int fd = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
	free(folder);
	if (fd >= 0) {
		ok = allow(fd, LANDLOCK_ACCESS_FS_REMOVE_FILE);
		close(fd);
	}
	return ok;
}

static void
enter_landlock(const struct sandbox_needs *needs)
{
	if (rules < 0)
		return;
	if (needs->socket != NULL && !allow_removal(needs->socket))
		error_set(warn(), "sandbox: %s will stay: %s", needs->socket,
			  strerror(errno));
	if (!needs->calls)
		allow_log();
	entered = syscall(SYS_landlock_restrict_self, rules, 0) == 0;
	if (!entered)
		error_set(warn(), "sandbox: Landlock: %s", strerror(errno));
	close(rules);
	rules = -1;
}

/* Restrict the system calls to those of all programs, and those that needs
 * names. */
static void
enter_system_calls(const struct sandbox_needs *needs)
{
	int result = system_calls_restrict(
		(needs->daemon ? SYSTEM_CALLS_DAEMON : 0) |
		(needs->log_file ? SYSTEM_CALLS_LOG_FILE : 0) |
		(needs->socket != NULL ? SYSTEM_CALLS_SOCKET : 0));

	if (result != 0)
		error_set(warn(),
			  "sandbox: no seccomp (%s): every system call can be "
			  "made",
			  strerror(result));
}

const struct warnings *
sandbox_enter(const struct sandbox_needs *needs)
{
	if (!needs->log_file && !is_file(STDOUT_FILENO) &&
	    !is_file(STDERR_FILENO))
		limit(RLIMIT_FSIZE, SANDBOX_FILE_MAX);
	enter_landlock(needs);
	if (!needs->calls)
		enter_system_calls(needs);
	return &warnings;
}
