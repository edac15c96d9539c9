/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* The files that are accepted.  As root, also those of other users. */
#include "config.h"

#include "tests/unit/unit.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "host/file.h"
#include "host/lock.h"

enum { MAX = 16, OTHER_USER = 12345 };

static char folder[] = "/tmp/certgate.XXXXXX";

static const char *
path_of(const char *name)
{
	static char path[4][512];
	static unsigned turn;
	char *at = path[turn++ % 4];

	(void)snprintf(at, sizeof(path[0]), "%s/%s", folder, name);
	return at;
}

static void
write_file(const char *name, const char *text, mode_t mode)
{
	FILE *file = fopen(path_of(name), "w");

	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path_of(name), mode), 0);
}

static void
expect(const char *path, bool secret, enum file_result wanted, const char *says)
{
	struct file_identity identity;
	struct buffer text;
	struct error e = { 0 };
	enum file_result got =
		file_read(path, secret, MAX, &text, &identity, &e);

	if (got != wanted || e.set != (got != FILE_READ) ||
	    (e.set && strstr(e.text, says) == NULL))
		fail_msg("%s: got %d '%s', expected %d '%s'", path, got, e.text,
			 wanted, says);
	if (got == FILE_READ) {
		struct file_identity now;
		assert_span(buffer_span(&text), says);
		file_identify(path, &now);
		assert_true(file_same(&identity, &now));
	}
	buffer_wipe(&text);
}

static void
test_modes(void **state)
{
	static const struct {
		mode_t mode;
		bool secret;
		enum file_result result;
		const char *says;
	} rows[] = {
		{ 0600, false, FILE_READ, "text" },
		{ 0640, false, FILE_READ, "text" },
		{ 0644, false, FILE_READ, "text" },
		{ 0640, true, FILE_READ, "text" },
		{ 0644, true, FILE_UNSAFE, "chmod o-r" },
		{ 0646, false, FILE_UNSAFE, "chmod o-w" },
		{ 0602, false, FILE_UNSAFE, "chmod o-w" },
		{ 0606, true, FILE_UNSAFE,
		  "bad permissions: writable by others (fix: chmod o-rw /" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		write_file("file", "text", rows[i].mode);
		expect(path_of("file"), rows[i].secret, rows[i].result,
		       rows[i].says);
	}
	write_file("file", "text", 0660);
	if (geteuid() == 0) {
		expect(path_of("file"), false, FILE_READ, "text");
		assert_int_equal(chown(path_of("file"), 0, OTHER_USER), 0);
	}
	if (geteuid() == 0 || getegid() != 0) {
		expect(path_of("file"), false, FILE_UNSAFE, "chmod g-w");
		assert_int_equal(chmod(path_of("file"), 0664), 0);
		expect(path_of("file"), true, FILE_UNSAFE,
		       "by its group (fix: chmod g-w,o-r ");
		assert_int_equal(chmod(path_of("file"), 0666), 0);
		expect(path_of("file"), false, FILE_UNSAFE,
		       "by others (fix: chmod g-w,o-w ");
		expect(path_of("file"), true, FILE_UNSAFE, "chmod g-w,o-rw ");
	}
	unlink(path_of("file"));
}

/* Give an access control list that lets another user write; false if it cannot
 * be given here. */
static bool
let_other_user_write(const char *name)
{
	/* As the kernel takes it (linux/posix_acl_xattr.h): version 2, then a
	 * tag, its permissions and its user or group. */
	static const struct {
		uint32_t version;
		struct {
			uint16_t tag, may;
			uint32_t id;
		} entry[5];
	} list = { 2,
		   { { 0x01, 7, UINT32_MAX }, /* the owner */
		     { 0x02, 7, OTHER_USER },
		     { 0x04, 5, UINT32_MAX }, /* the group */
		     { 0x10, 7, UINT32_MAX }, /* the mask */
		     { 0x20, 5, UINT32_MAX } } };

	return geteuid() == 0 &&
	       setxattr(path_of(name), "system.posix_acl_access", &list,
			sizeof(list), 0) == 0;
}

/* root's group may write, but not a user that an access control list names. */
static void
test_access_list(void **state)
{
	(void)state;
	assert_int_equal(mkdir(path_of("open"), 0700), 0);
	write_file("open/file", "text", 0664);
	bool given = let_other_user_write("open/file");
	if (given) {
		expect(path_of("open/file"), false, FILE_UNSAFE, "chmod g-w");
		assert_int_equal(chmod(path_of("open/file"), 0644), 0);
		expect(path_of("open/file"), false, FILE_READ, "text");
		assert_true(let_other_user_write("open"));
		expect(path_of("open/file"), false, FILE_UNREADABLE,
		       "chmod g-w");
		assert_int_equal(chmod(path_of("open"), 0755), 0);
		expect(path_of("open/file"), false, FILE_READ, "text");
	}
	unlink(path_of("open/file"));
	rmdir(path_of("open"));
	if (!given)
		skip();
}

static void
test_kinds(void **state)
{
	(void)state;
	expect(path_of("missing"), false, FILE_ABSENT, "No such file");
	expect(path_of("missing/file"), false, FILE_ABSENT, "No such file");
	expect(folder, false, FILE_UNREADABLE, "expected a file");
	expect("/", false, FILE_UNREADABLE, "expected the path of a file");
	expect("relative", false, FILE_UNREADABLE, "absolute");
	expect("/dev/null", false, FILE_UNREADABLE, "expected a file");
	assert_int_equal(mkfifo(path_of("fifo"), 0600), 0);
	expect(path_of("fifo"), false, FILE_UNREADABLE, "expected a file");
	unlink(path_of("fifo"));
	write_file("file", "", 0600);
	expect(path_of("file"), false, FILE_READ, "");
	expect(path_of("file/file"), false, FILE_UNREADABLE, "Not a directory");
	write_file("file", "0123456789abcdef", 0600);
	expect(path_of("file"), false, FILE_READ, "0123456789abcdef");
	write_file("file", "0123456789abcdef0", 0600);
	expect(path_of("file"), false, FILE_UNSAFE, "too large");
	unlink(path_of("file"));
}

/* A file of the process itself, whose size is 0 until it is read, stands for
 * one that grows just then. */
static void
test_growing(void **state)
{
	enum { ENOUGH = 65536 };
	struct file_identity identity;
	struct buffer text;
	struct error e = { 0 };
	char path[64];

	(void)state;
	(void)snprintf(path, sizeof(path), "/proc/%d/status", (int)getpid());
	expect(path, false, FILE_UNSAFE, "too large, at most 16 bytes");
	assert_int_equal(file_read(path, false, ENOUGH, &text, &identity, &e),
			 FILE_READ);
	assert_int_equal(identity.size, 0);
	assert_true(span_starts(buffer_span(&text), SPAN("Name:")));
	assert_true(span_contains(buffer_span(&text), SPAN("\nPid:")));
	assert_int_equal(text.data[text.len - 1], '\n');
	buffer_wipe(&text);
}

static void
test_links(void **state)
{
	(void)state;
	write_file("file", "text", 0600);
	assert_int_equal(symlink("file", path_of("near")), 0);
	assert_int_equal(symlink(path_of("near"), path_of("far")), 0);
	assert_int_equal(symlink("loop", path_of("loop")), 0);
	assert_int_equal(symlink("nothing", path_of("dangling")), 0);
	assert_int_equal(symlink(folder, path_of("folder")), 0);
	expect(path_of("near"), false, FILE_READ, "text");
	expect(path_of("far"), false, FILE_READ, "text");
	expect(path_of("folder/far"), false, FILE_READ, "text");
	expect(path_of("./folder/../far"), false, FILE_UNREADABLE, "");
	expect(path_of("loop"), false, FILE_UNREADABLE, "leads nowhere");
	expect(path_of("dangling"), false, FILE_UNREADABLE, "No such file");
	if (geteuid() == 0) {
		assert_int_equal(lchown(path_of("near"), OTHER_USER, 0), 0);
		char says[256];
		(void)snprintf(says, sizeof(says),
			       ": bad symbolic link: %s belongs to uid 12345 "
			       "(fix: chown -h root %s)",
			       path_of("near"), path_of("near"));
		expect(path_of("near"), false, FILE_UNREADABLE, says);
		expect(path_of("far"), false, FILE_UNREADABLE, says);
		assert_int_equal(chown(path_of("file"), OTHER_USER, 0), 0);
		expect(path_of("file"), false, FILE_UNSAFE,
		       "bad owner: uid 12345 (fix: chown root /");
	}
	static const char *const names[] = { "file", "near",	 "far",
					     "loop", "dangling", "folder" };
	for (size_t i = 0; i < COUNT(names); i++)
		unlink(path_of(names[i]));
}

/* Put a file, and a link to its folder, beneath the folder "open". */
static void
make_open_folder(void)
{
	assert_int_equal(mkdir(path_of("open"), 0700), 0);
	assert_int_equal(mkdir(path_of("open/beneath"), 0700), 0);
	write_file("open/beneath/file", "text", 0600);
	assert_int_equal(symlink("../open/beneath", path_of("open/link")), 0);
	assert_int_equal(symlink(path_of("open/beneath"), path_of("far")), 0);
}

static void
remove_open_folder(void)
{
	unlink(path_of("far"));
	unlink(path_of("open/link"));
	unlink(path_of("open/beneath/file"));
	rmdir(path_of("open/beneath"));
	rmdir(path_of("open"));
}

/* Each way through the folder "open" is refused with this message and a fix
 * that names the folder; NULL: each is good. */
static void
expect_ways(const char *says)
{
	static const char *const ways[] = { "open/beneath/file",
					    "open/link/file", "far/file" };
	char whole[256];
	struct error e = { 0 };

	if (says != NULL)
		(void)snprintf(whole, sizeof(whole), ": bad folder: %s %s %s",
			       path_of("open"), says, path_of("open"));
	for (size_t i = 0; i < COUNT(ways); i++)
		expect(path_of(ways[i]), false,
		       says == NULL ? FILE_READ : FILE_UNREADABLE,
		       says == NULL ? "text" : whole);
	assert_int_equal(file_check_folder(path_of("far"), &e), says == NULL);
	e = (struct error){ 0 };
	assert_int_equal(file_check_folder(path_of("open"), &e), says == NULL);
	assert_int_equal(e.set, says != NULL);
	if (says != NULL)
		assert_non_null(strstr(e.text, whole));
}

static void
test_folders(void **state)
{
#define OTHERS "is writable by others (fix: chmod o-w"
#define GROUP "is writable by its group (fix: chmod g-w"
#define BOTH "is writable by others (fix: chmod g-w,o-w"
#define OWNER "belongs to uid 12345 (fix: chown root"
	static const struct {
		mode_t mode;
		uid_t owner;
		gid_t group;
		const char *says; /* NULL: it is read */
	} rows[] = {
		{ 0700, 0, 0, NULL },
		{ 0777, 0, 0, OTHERS },
		{ 0702, 0, 0, OTHERS },
		{ 01777, 0, OTHER_USER, NULL },
		{ 0770, 0, 0, NULL },
		{ 0750, 0, OTHER_USER, NULL },
		{ 0770, 0, OTHER_USER, GROUP },
		{ 02775, 0, OTHER_USER, GROUP },
		{ 0777, 0, OTHER_USER, BOTH },
		{ 01770, 0, OTHER_USER, NULL },
		{ 0700, OTHER_USER, 0, OWNER },
		{ 0755, OTHER_USER, 0, OWNER },
		{ 01755, OTHER_USER, 0, OWNER },
		{ 01777, OTHER_USER, 0, OWNER },
		{ 0777, OTHER_USER, OTHER_USER, OWNER },
	};
	bool root = geteuid() == 0;

	(void)state;
	make_open_folder();
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (!root && ((rows[i].mode & 020) != 0 || rows[i].owner != 0))
			continue; /* owner and group cannot be chosen */
		if (root)
			assert_int_equal(chown(path_of("open"), rows[i].owner,
					       rows[i].group),
					 0);
		assert_int_equal(chmod(path_of("open"), rows[i].mode), 0);
		expect_ways(rows[i].says);
	}
	if (root)
		assert_int_equal(chown(path_of("open"), 0, 0), 0);
	assert_int_equal(chmod(path_of("open"), 0700), 0);
	remove_open_folder();
}

/* The user's own folders are accepted, as root's are, unless others can write
 * them. */
static void
test_own_folders(void **state)
{
	bool root = geteuid() == 0;

	(void)state;
	make_open_folder();
	if (root) {
		assert_int_equal(chmod(folder, 0755), 0);
		assert_int_equal(chmod(path_of("open/beneath"), 0755), 0);
		assert_int_equal(chmod(path_of("open/beneath/file"), 0644), 0);
		assert_int_equal(chown(path_of("open"), OTHER_USER, OTHER_USER),
				 0);
		assert_int_equal(seteuid(OTHER_USER), 0);
	}
	expect_ways(NULL);
	assert_int_equal(chmod(path_of("open"), 01757), 0);
	expect_ways(OTHERS);
	assert_int_equal(chmod(path_of("open"), 0755), 0);
	expect_ways(NULL);
	if (root)
		assert_int_equal(seteuid(0), 0);
	remove_open_folder();
}

/* The root folder counts, too, also behind a link. */
static void
test_root_folder(void **state)
{
	int outside = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);

	(void)state;
	assert_int_equal(mkdir(path_of("open"), 0700), 0);
	write_file("open/file", "text", 0600);
	assert_int_equal(symlink("/file", path_of("open/link")), 0);
	assert_true(outside >= 0);
	bool inside = geteuid() == 0 && chroot(path_of("open")) == 0;
	if (inside) {
		expect("/link", false, FILE_READ, "text");
		assert_int_equal(chown("/", OTHER_USER, 0), 0);
		expect("/file", false, FILE_UNREADABLE,
		       "/file: bad folder: / belongs to uid 12345 (fix: chown "
		       "root /, or");
		expect("/link", false, FILE_UNREADABLE, "bad folder: / ");
		assert_int_equal(chown("/", 0, 0), 0);
		assert_int_equal(chmod("/", 0757), 0);
		expect("/link", false, FILE_UNREADABLE, "bad folder: / ");
		assert_int_equal(fchdir(outside), 0);
		assert_int_equal(chroot("."), 0);
	}
	close(outside);
	unlink(path_of("open/link"));
	unlink(path_of("open/file"));
	rmdir(path_of("open"));
	if (!inside)
		skip();
}

/* A path that is not a folder, or does not exist. */
static void
test_folder_kinds(void **state)
{
	static const struct {
		const char *path, *says;
	} rows[] = { { "relative", "absolute" },
		     { "/dev/null", "Not a directory" },
		     { "/no-such-folder/at-all", "No such file" } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error e = { 0 };
		assert_false(file_check_folder(rows[i].path, &e));
		assert_non_null(strstr(e.text, rows[i].says));
	}
}

static void
test_identity(void **state)
{
	struct file_identity before, after, none = { 0 };

	(void)state;
	write_file("file", "one", 0600);
	file_identify(path_of("file"), &before);
	file_identify(path_of("file"), &after);
	assert_true(file_same(&before, &after));
	write_file("new", "two", 0600);
	assert_int_equal(rename(path_of("new"), path_of("file")), 0);
	file_identify(path_of("file"), &after);
	assert_false(file_same(&before, &after));
	unlink(path_of("file"));
	file_identify(path_of("file"), &after);
	assert_false(file_same(&before, &after));
	assert_true(file_same(&none, &after));
}

static void
test_lock(void **state)
{
	enum { WAIT_MS = 10 };
	int one = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int other = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct error e = { 0 };

	(void)state;
	assert_true(lock_take(one, "folder", WAIT_MS, &e));
	assert_false(lock_take(other, "folder", WAIT_MS, &e));
	assert_string_equal(e.text,
			    "folder: locked by another process for 0 s");
	close(one);
	assert_true(lock_take(other, "folder", WAIT_MS, &e));
	close(other);
}

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL;
}

static int
remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_modes),
		cmocka_unit_test(test_access_list),
		cmocka_unit_test(test_kinds),
		cmocka_unit_test(test_growing),
		cmocka_unit_test(test_links),
		cmocka_unit_test(test_folders),
		cmocka_unit_test(test_own_folders),
		cmocka_unit_test(test_root_folder),
		cmocka_unit_test(test_folder_kinds),
		cmocka_unit_test(test_identity),
		cmocka_unit_test(test_lock),
	};

	return cmocka_run_group_tests_name("file", tests, make_folder,
					   remove_folder);
}
