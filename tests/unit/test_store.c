/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * When an edit of settings, list or a secret is taken up, and what stays in
 * force when it cannot be.
 *
 * Each story has its own files and its own store.  All stories go one step at
 * a time together, so that the second that a file must rest, and the five that
 * it must be missing, are waited for once and not once for each.
 */
#include "config.h"

#include "tests/unit/authority.h"
#include "tests/unit/unit.h"

#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "host/clock.h"
#include "host/log.h"
#include "host/sources.h"
#include "host/store.h"

#define A "c1b211808c4c4cf8a9c59501fe103ed006a70d69\n"
#define K "one0123456789abc\n"
#define L "two0123456789abc\n"
#define B "adaa3144a4a3f6395dbfa2635dde0b6faad69fdc\n"

enum {
	STEPS = 5,
	NONE = -1, /* no list, or no settings, that read */
	WAIT_MS = 12000 /* a step that takes longer has failed */
};

enum file { CONF = 0, LIST, KEYS, CODE, OTHER, FILES };

static const char *const suffixes[FILES] = {
	[CONF] = "conf", [LIST] = "list",   [KEYS] = "keys",
	[CODE] = "code", [OTHER] = "other",
};

/* A change and what holds once it was taken up, or refused. */
struct step {
	enum file file;
	const char *text; /* '@' stands for the story's path; NULL: remove */
	mode_t mode; /* 0: 0600 */
	int entries; /* of the list; NONE: everybody is refused */
	int keys; /* of the settings; NONE: everybody is refused */
	const char *word; /* in the log */
};

static const struct story {
	const char *name;
	struct step step[STEPS]; /* the first is there before the start */
} stories[] = {
	{ "an edit is taken up",
	  { { LIST, A, 0, 1, 0, "1" },
	    { LIST, A B, 0, 2, 0, "2" },
	    { LIST, "", 0, 0, 0, "3" },
	    { LIST, B, 0, 1, 0, "4" } } },
	{ "a list that does not read leaves the old one",
	  { { LIST, A "deny " B, 0, 2, 0, "1" },
	    { LIST, A "dany " B, 0, 2, 0, "stale" },
	    { LIST, A, 0, 1, 0, "2" } } },
	{ "a list that is written half leaves the old one",
	  { { LIST, A B, 0, 2, 0, "1" },
	    { LIST, "c1b2", 0, 2, 0, "stale" },
	    { LIST, A B A, 0, 3, 0, "2" } } },
	{ "a list that all can write leaves the old one",
	  { { LIST, A, 0, 1, 0, "1" },
	    { LIST, A B, 0666, 1, 0, "stale" },
	    { LIST, A B, 0644, 2, 0, "2" } } },
	{ "a list that does not read at the start is none",
	  { { LIST, "x\n", 0, NONE, 0, "none" }, { LIST, A, 0, 1, 0, "1" } } },
	{ "settings that do not read at the start are none",
	  { { CONF, "CERTGATE_LISTS=@list\n", 0, NONE, NONE, "none" },
	    { LIST, A, 0, NONE, NONE, "none" },
	    { CONF, "CERTGATE_LIST=@list\n", 0, 1, 0, "1" } } },
	{ "settings that do not read leave the old ones",
	  { { LIST, A, 0, 1, 0, "1" },
	    { CONF, "CERTGATE_LIST=@list\nCERTGATE_HUB=\n", 0, 1, 0, "stale" },
	    { CONF,
	      "CERTGATE_LIST=@list\nCERTGATE_ACCESS_KEYS=0123456789abcdef," K,
	      0, 1, 2, "2" } } },
	{ "settings that name another list",
	  { { LIST, A, 0, 1, 0, "1" },
	    { OTHER, A B, 0, 1, 0, "1" },
	    { CONF, "CERTGATE_LIST=@other\n", 0, 2, 0, "2" } } },
	{ "settings without a list are a list of nobody",
	  { { LIST, A, 0, 1, 0, "1" },
	    { CONF, "CERTGATE_CHECK_DATES=no\n", 0, 0, 0, "2" } } },
	{ "a file of keys is read again",
	  { { KEYS, K, 0, NONE, 0, "none" },
	    { CONF, "CERTGATE_ACCESS_KEYS_FILE=@keys\n", 0, 0, 1, "1" },
	    { KEYS, K L, 0, 0, 2, "2" },
	    { KEYS, "\n", 0, 0, 2, "stale" } } },
	{ "a secret that all can read is none",
	  { { KEYS, K, 0644, NONE, 0, "none" },
	    { CONF, "CERTGATE_ACCESS_KEYS_FILE=@keys\n", 0, NONE, 0, "none" },
	    { KEYS, K, 0600, 0, 1, "1" } } },
	{ "a code file is read again",
	  { { CODE, "one\n", 0, NONE, 0, "none" },
	    { CONF, "CERTGATE_CODE_FILE=@code\n", 0, 0, 0, "1" },
	    { CODE, "two\n", 0, 0, 0, "2" },
	    { CODE, "two\nthree\n", 0, 0, 0, "stale" } } },
	{ "a pin that is taken out does not stay while the list does not read",
	  { { LIST, A, 0, 1, 0, "1" },
	    { CONF, "CERTGATE_LIST=@list\nCLIENT_CERT_THUMBPRINT=" B, 0, 2, 0,
	      "2" },
	    { LIST, "x\n", 0, 2, 0, "stale" },
	    { CONF, "CERTGATE_LIST=@list\n", 0, NONE, 0, "none" } } },
	{ "nor does it if the settings were gone in between",
	  { { LIST, A, 0, 1, 0, "1" },
	    { CONF, "CERTGATE_LIST=@list\nCLIENT_CERT_THUMBPRINT=" B, 0, 2, 0,
	      "2" },
	    { LIST, "x\n", 0, 2, 0, "stale" },
	    { CONF, NULL, 0, 2, NONE, "stale" },
	    { CONF, "CERTGATE_LIST=@list\n", 0, NONE, 0, "none" } } },
	{ "settings that are empty leave the old ones",
	  { { LIST, A, 0, 1, 0, "1" },
	    { CONF, "", 0, 1, 0, "stale" },
	    { CONF, "#\n", 0, 0, 0, "2" } } },
	{ "settings that are empty at the start are none",
	  { { CONF, "", 0, NONE, NONE, "none" },
	    { LIST, A, 0, NONE, NONE, "none" },
	    { CONF, "CERTGATE_LIST=@list\n", 0, 1, 0, "1" } } },
	{ "settings that are cut short leave the old ones",
	  { { LIST, A, 0, 1, 0, "1" },
	    { CONF, "CERTGATE_LIST=@list\nCERTGATE_HUB=a", 0, 1, 0, "stale" },
	    { CONF, "CERTGATE_LIST=@list\nCERTGATE_HUB=a\n", 0, 1, 0, "2" } } },
	/* What is missing for five seconds counts as none. */
	{ "a list that goes",
	  { { LIST, A, 0, 1, 0, "1" },
	    { LIST, NULL, 0, NONE, 0, "none" },
	    { LIST, A, 0, 1, 0, "2" } } },
	{ "settings that go",
	  { { LIST, A, 0, 1, 0, "1" },
	    { CONF, NULL, 0, 1, NONE, "stale" },
	    { CONF, "CERTGATE_LIST=@list\n", 0, 1, 0, "2" } } },
	{ "keys that go",
	  { { KEYS, K, 0, NONE, 0, "none" },
	    { CONF, "CERTGATE_ACCESS_KEYS_FILE=@keys\n", 0, 0, 1, "1" },
	    { KEYS, NULL, 0, 0, NONE, "stale" },
	    { KEYS, L, 0, 0, 1, "2" } } },
	{ "a file of the list that goes",
	  { { OTHER, ISSUED, 0, NONE, 0, "none" },
	    { LIST, "deny file:@other\n" A, 0, 2, 0, "1" },
	    { OTHER, NULL, 0, NONE, 0, "none" },
	    { OTHER, ISSUED, 0, 2, 0, "2" } } },
	{ "a file of the list that goes behind one that does not read",
	  { { OTHER, ISSUED, 0, NONE, 0, "none" },
	    { LIST, "deny file:@other\n" A, 0, 2, 0, "1" },
	    { LIST, "x\n", 0, 2, 0, "stale" },
	    { OTHER, NULL, 0, NONE, 0, "none" },
	    { LIST, A, 0, 1, 0, "2" } } },
	/* The same for one that was never there under the name that new
	 * settings give it: what is old must not stay in force for ever. */
	{ "settings that name a list that is missing",
	  { { LIST, A, 0, 1, 0, "1" },
	    { CONF, "CERTGATE_LIST=@other\n", 0, NONE, 0, "none" },
	    { OTHER, A B, 0, 2, 0, "2" } } },
	{ "settings that name keys that are missing",
	  { { LIST, A, 0, 1, 0, "1" },
	    { CONF, "CERTGATE_LIST=@list\nCERTGATE_ACCESS_KEYS_FILE=@keys\n", 0,
	      1, NONE, "stale" },
	    { KEYS, K, 0, 1, 1, "2" } } },
	/* Settings that could not be taken up leave the files of the old ones
	 * what they are. */
	{ "keys that go behind settings that do not read",
	  { { KEYS, K, 0, NONE, 0, "none" },
	    { CONF, "CERTGATE_ACCESS_KEYS_FILE=@keys\n", 0, 0, 1, "1" },
	    { CONF, "CERTGATE_ACCESS_KEYS_FILE=@other\nx\n", 0, 0, 1, "stale" },
	    { KEYS, NULL, 0, 0, NONE, "stale" },
	    { CONF, "CERTGATE_CHECK_DATES=no\n", 0, 0, 0, "2" } } },
	{ "keys that go behind settings that name other ones",
	  { { KEYS, K, 0, NONE, 0, "none" },
	    { OTHER, "\n", 0, NONE, 0, "none" },
	    { CONF, "CERTGATE_ACCESS_KEYS_FILE=@keys\n", 0, 0, 1, "1" },
	    { CONF, "CERTGATE_ACCESS_KEYS_FILE=@other\n", 0, 0, 1, "stale" },
	    { KEYS, NULL, 0, 0, NONE, "stale" } } },
	{ "keys that other settings name are mended",
	  { { KEYS, K, 0, NONE, 0, "none" },
	    { CONF, "CERTGATE_ACCESS_KEYS_FILE=@keys\n", 0, 0, 1, "1" },
	    { OTHER, "\n", 0, 0, 1, "1" },
	    { CONF, "CERTGATE_ACCESS_KEYS_FILE=@other\n", 0, 0, 1, "stale" },
	    { OTHER, K L, 0, 0, 2, "2" } } },
	{ "settings that name a code that does not read, and other keys",
	  { { KEYS, K L, 0, NONE, 0, "none" },
	    { CODE, "\n", 0, NONE, 0, "none" },
	    { OTHER, K, 0, NONE, 0, "none" },
	    { CONF, "CERTGATE_ACCESS_KEYS_FILE=@other\n", 0, 0, 1, "1" },
	    { CONF,
	      "CERTGATE_ACCESS_KEYS_FILE=@keys\nCERTGATE_CODE_FILE=@code\n", 0,
	      0, 1, "stale" } } },
};

static char folder[] = "/tmp/certgate.XXXXXX";

static void
path_of(size_t story, enum file file, char *path, size_t size)
{
	(void)snprintf(path, size, "%s/%zu.%s", folder, story, suffixes[file]);
}

/* Makes a new file and moves it there, as an editor does. */
static void
apply(size_t story, const struct step *step)
{
	char path[128], fresh[sizeof(folder) + 8], begin[sizeof(folder) + 32];

	path_of(story, step->file, path, sizeof(path));
	if (step->text == NULL) {
		assert_int_equal(unlink(path), 0);
		return;
	}
	(void)snprintf(fresh, sizeof(fresh), "%s/fresh", folder);
	(void)snprintf(begin, sizeof(begin), "%s/%zu.", folder, story);
	FILE *file = fopen(fresh, "w");
	assert_non_null(file);
	for (const char *p = step->text; *p != '\0'; p++)
		if (*p == '@')
			assert_true(fputs(begin, file) >= 0);
		else
			assert_int_equal(fputc(*p, file), *p);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(fresh, step->mode == 0 ? 0600 : step->mode), 0);
	assert_int_equal(rename(fresh, path), 0);
}

static void
look(const struct store *store, struct step *seen)
{
	static char text[SPAN_DIGITS_MAX + 1]; /* digits and a NUL */
	struct gate gate = store_gate(store);
	struct span word = store_list_word(store, text);

	seen->entries = gate.list == NULL ? NONE : (int)gate.list->n;
	seen->keys = gate.settings == NULL ? NONE : (int)gate.settings->n_keys;
	seen->word = word.ptr;
}

static bool
is_so(const struct store *store, const struct step *expected)
{
	struct step seen;

	look(store, &seen);
	return seen.entries == expected->entries &&
	       seen.keys == expected->keys &&
	       strcmp(seen.word, expected->word) == 0;
}

/* What is there before the start. */
static void
begin_story(const struct story *story, size_t i)
{
	static const struct step standard = {
		.file = CONF,
		.text = "CERTGATE_LIST=@list\n",
	};

	if (story->step[0].file != CONF)
		apply(i, &standard);
	apply(i, &story->step[0]);
}

static void
open_story(struct store *store, size_t i)
{
	static char *environment[] = { NULL };
	char path[128];

	path_of(i, CONF, path, sizeof(path));
	assert_int_equal(setenv("CERTGATE_CONFIG", path, 1), 0);
	store_open(store, environment);
}

/* One story while it is told. */
struct scene {
	struct store store;
	bool failed;
};

static bool
is_open(const struct scene *scene, const struct step *step)
{
	return !scene->failed && step->word != NULL &&
	       !is_so(&scene->store, step);
}

/* Goes on until all that have not failed are as step k of their story says. */
static void
wait_for(struct scene *scenes, size_t k)
{
	int64_t begin = clock_ms();
	size_t open;

	do {
		open = 0;
		(void)usleep(20000);
		for (size_t i = 0; i < COUNT(stories); i++) {
			store_refresh(&scenes[i].store, true);
			open += is_open(&scenes[i], &stories[i].step[k]);
		}
	} while (open > 0 && clock_ms() - begin < WAIT_MS);
}

static void
report(struct scene *scene, const struct story *story, size_t k)
{
	const struct step *step = &story->step[k];
	struct step seen;

	if (!is_open(scene, step))
		return;
	look(&scene->store, &seen);
	print_error("%s, step %zu: got %d entries, %d keys, %s; expected %d, "
		    "%d, %s\n",
		    story->name, k, seen.entries, seen.keys, seen.word,
		    step->entries, step->keys, step->word);
	scene->failed = true;
}

static void
test_stories(void **state)
{
	static struct scene scenes[COUNT(stories)];
	size_t failures = 0;

	(void)state;
	for (size_t i = 0; i < COUNT(stories); i++)
		begin_story(&stories[i], i);
	for (size_t i = 0; i < COUNT(stories); i++)
		open_story(&scenes[i].store, i);
	for (size_t k = 0; k < STEPS; k++) {
		for (size_t i = 0; k > 0 && i < COUNT(stories); i++)
			if (stories[i].step[k].word != NULL)
				apply(i, &stories[i].step[k]);
		wait_for(scenes, k);
		for (size_t i = 0; i < COUNT(stories); i++)
			report(&scenes[i], &stories[i], k);
	}
	for (size_t i = 0; i < COUNT(stories); i++) {
		failures += scenes[i].failed;
		store_close(&scenes[i].store);
		for (int file = 0; file < FILES; file++) {
			char path[128];
			path_of(i, (enum file)file, path, sizeof(path));
			unlink(path);
		}
	}
	assert_int_equal(failures, 0);
}

/* Without a file, the environment is all there is, and makes a list, even one
 * of nobody; the default file may be missing, one that was named may not. */
static void
test_no_file(void **state)
{
	static char pins[] = "CLIENT_CERT_THUMBPRINT="
			     "c1b211808c4c4cf8a9c59501fe103ed006a70d69";
	static const struct {
		const char *config;
		bool pinned, reads;
	} rows[] = {
		{ "/dev/null", true, true },
		{ "/dev/null", false, true },
		{ "/nowhere/certgate.conf", true, false },
		{ "", true, false },
		{ "relative", true, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char *environment[] = { rows[i].pinned ? pins : NULL, NULL };
		char text[SPAN_DIGITS_MAX];
		struct store store;
		assert_int_equal(setenv("CERTGATE_CONFIG", rows[i].config, 1),
				 0);
		store_open(&store, environment);
		struct gate gate = store_gate(&store);
		if ((gate.settings != NULL) != rows[i].reads ||
		    (gate.list != NULL) != rows[i].reads)
			fail_msg("'%s': expected settings that %s",
				 rows[i].config,
				 rows[i].reads ? "read" : "do not read");
		if (rows[i].reads)
			assert_int_equal(gate.list->n, rows[i].pinned);
		assert_span(store_list_word(&store, text),
			    rows[i].reads ? "1" : "none");
		store_close(&store);
		store_close(&store);
	}
}

static int
make_folder(void **state)
{
	(void)state;
	return mkdtemp(folder) == NULL || !digest_start(DIGEST_USE_HANDLER);
}

static int
remove_folder(void **state)
{
	(void)state;
	return rmdir(folder);
}

static void
rewrite(const char *path, size_t bytes)
{
	FILE *file = fopen(path, "w");

	assert_non_null(file);
	while (bytes-- > 0)
		assert_int_equal(putc('x', file), 'x');
	assert_int_equal(fclose(file), 0);
}

/* A file of the list that is written again and again, as a CRL may be, does not
 * hold back an edit of the settings for ever. */
static void
test_busy(void **state)
{
	struct sources sources = { 0 };
	struct error e = { 0 };
	struct buffer text;
	char path[sizeof(folder) + 8];
	int64_t now_ms = clock_ms();

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/crl", folder);
	rewrite(path, 1);
	buffer_init(&text, 64);
	assert_true(sources_read(&sources, path, &text, &e));
	assert_false(sources_are_busy(&sources, now_ms));
	for (size_t i = 0; i < 20; i++) {
		rewrite(path, i + 2);
		assert_int_equal(
			sources_are_busy(&sources, now_ms + (int64_t)i * 900),
			i * 900 < 10000);
	}
	rewrite(path, 1);
	buffer_clear(&text);
	assert_true(sources_read(&sources, path, &text, &e));
	buffer_free(&text);
	sources_free(&sources);
	assert_int_equal(unlink(path), 0);
}

static void
write_text(const char *name, const char *text)
{
	char path[sizeof(folder) + 8];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	assert_true(fputs(text, file) >= 0);
	assert_int_equal(fclose(file), 0);
	assert_int_equal(chmod(path, 0600), 0);
}

/* A list that is at rest is taken up at once, though a file that it names is
 * not: who is denied does not stay in until a CRL rests. */
static void
test_edit_beside_busy(void **state)
{
	static const char *const names[] = { "conf", "list", "pem" };
	static char *environment[] = { NULL };
	char text[2 * sizeof(folder) + 128], path[sizeof(folder) + 8];
	struct store store;

	(void)state;
	(void)snprintf(text, sizeof(text), "CERTGATE_LIST=%s/list\n", folder);
	write_text("conf", text);
	(void)snprintf(text, sizeof(text), "deny file:%s/pem\n", folder);
	write_text("list", text);
	write_text("pem", ISSUED);
	(void)snprintf(path, sizeof(path), "%s/conf", folder);
	assert_int_equal(setenv("CERTGATE_CONFIG", path, 1), 0);
	store_open(&store, environment);
	assert_int_equal(store_gate(&store).list->n, 1);
	(void)strcat(text, "deny " A);
	write_text("list", text);
	store_refresh(&store, true);
	(void)usleep(1200000); /* it rests after a second */
	write_text("pem", ISSUED);
	store_refresh(&store, true);
	assert_int_equal(store_gate(&store).list->n, 2);
	store_close(&store);
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		assert_int_equal(unlink(path), 0);
	}
}

/* What happens to a file between the first read of it and the next, or while a
 * start waits; in place of libc's. */
static void (*meanwhile)(void), (*waiting)(void);

static void
happen(void (**what)(void))
{
	void (*happens)(void) = *what;

	*what = NULL;
	if (happens != NULL)
		happens();
}

ssize_t
read(int fd, void *bytes, size_t size)
{
	ssize_t n = syscall(SYS_read, fd, bytes, size);

	happen(&meanwhile);
	return n;
}

int
poll(struct pollfd *fds, nfds_t n, int timeout_ms)
{
	const struct timespec pause = {
		.tv_sec = timeout_ms / 1000,
		.tv_nsec = (long)(timeout_ms % 1000) * 1000000,
	};

	happen(&waiting);
	return (int)syscall(SYS_ppoll, fds, n, &pause, NULL, 0);
}

static char whole[2 * sizeof(folder) + 128];

static void
write_whole(void)
{
	write_text("conf", whole);
}

/* The half of settings that ends with a line has no key, and would answer
 * whoever asks: it is never taken up, not by a start, and not with a secret
 * that has changed. */
static void
test_half_settings(void **state)
{
	static const char *const names[] = { "conf", "list", "keys" };
	static char *environment[] = { NULL };
	char half[sizeof(folder) + 32], path[sizeof(folder) + 8];
	struct store store;

	(void)state;
	(void)snprintf(half, sizeof(half), "CERTGATE_LIST=%s/list\n", folder);
	(void)snprintf(whole, sizeof(whole),
		       "%sCERTGATE_ACCESS_KEYS_FILE=%s/keys\n", half, folder);
	(void)snprintf(path, sizeof(path), "%s/conf", folder);
	assert_int_equal(setenv("CERTGATE_CONFIG", path, 1), 0);
	write_text("list", A);
	write_text("keys", K);
	write_text("conf", half);
	waiting = write_whole;
	store_open(&store, environment);
	waiting = NULL;
	assert_non_null(store_gate(&store).settings);
	assert_int_equal(store_gate(&store).settings->n_keys, 1);
	write_text("keys", K L);
	store_refresh(&store, true);
	(void)usleep(1200000); /* it rests after a second */
	write_text("conf", half);
	store_refresh(&store, true);
	assert_int_equal(store_gate(&store).settings->n_keys, 1);
	write_whole();
	for (int i = 0; i < 200 && store.settings.n_keys < 2; i++) {
		(void)usleep(50000);
		store_refresh(&store, true);
	}
	assert_int_equal(store_gate(&store).settings->n_keys, 2);
	store_close(&store);
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		assert_int_equal(unlink(path), 0);
	}
}

/* Else the log says that there is no key, and may wait for that. */
#define KEYED "CERTGATE_ACCESS_KEYS=" K

static void
write_whole_list(void)
{
	write_text("list", A "deny " A);
}

/* The half of a list that ends with a line may have no deny: a start waits for
 * the rest of it, and settings that name it are not taken up before. */
static void
test_half_list(void **state)
{
	static const char *const names[] = { "conf", "list", "other" };
	static char *environment[] = { NULL };
	char text[sizeof(folder) + 64], path[sizeof(folder) + 8];
	struct store store;

	(void)state;
	(void)snprintf(text, sizeof(text), KEYED "CERTGATE_LIST=%s/list\n",
		       folder);
	(void)snprintf(path, sizeof(path), "%s/conf", folder);
	assert_int_equal(setenv("CERTGATE_CONFIG", path, 1), 0);
	write_text("conf", text);
	(void)usleep(1200000); /* it rests after a second */
	write_text("list", A);
	waiting = write_whole_list;
	store_open(&store, environment);
	waiting = NULL;
	assert_non_null(store_gate(&store).list);
	assert_int_equal(store_gate(&store).list->n, 2);
	(void)snprintf(text, sizeof(text), KEYED "CERTGATE_LIST=%s/other\n",
		       folder);
	write_text("conf", text);
	store_refresh(&store, true);
	(void)usleep(1200000);
	write_text("other", B);
	store_refresh(&store, true);
	assert_int_equal(store_gate(&store).list->n, 2);
	write_text("other", B "deny " A "deny " B);
	for (int i = 0; i < 200 && store_gate(&store).list->n == 2; i++) {
		(void)usleep(50000);
		store_refresh(&store, true);
	}
	assert_non_null(store_gate(&store).list);
	assert_int_equal(store_gate(&store).list->n, 3);
	store_close(&store);
	for (size_t i = 0; i < COUNT(names); i++) {
		(void)snprintf(path, sizeof(path), "%s/%s", folder, names[i]);
		assert_int_equal(unlink(path), 0);
	}
}

/* A secret that could not be read because it was being written is read as soon
 * as it rests, not only when one that does not do is tried again. */
static void
test_half_secret(void **state)
{
	char path[sizeof(folder) + 8];
	struct settings settings = { .keys_file = path };
	struct named named = { 0 };
	struct watch *last = NULL;
	struct error e = { 0 };

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/keys", folder);
	write_text("keys", K);
	assert_int_equal(named_load(&named, &settings, false, &last, &e),
			 FILE_UNSAFE);
	int64_t now_ms = clock_ms();
	named_pass_over(&named, now_ms);
	assert_false(named_has_changed(&named, now_ms, false));
	assert_true(named_has_changed(&named, now_ms + 1000, false));
	named_free(&named);
	assert_int_equal(unlink(path), 0);
}

static void
count_warnings(void *context, enum log_level level, const struct error *e)
{
	unsigned *n = context;

	if (level == LOG_LEVEL_WARNING &&
	    strstr(e->text, "changes all the time") != NULL)
		(*n)++;
}

/* Nor does a list that is never at rest stay what it was: each of its versions
 * is read, or passed over, ten seconds after the one before; and each time the
 * log has a warning.  Settings and secrets are not read, and that is an error
 * as often. */
static void
test_restless(void **state)
{
	const bool must_rest = *state != NULL;
	enum { STEP_MS = 900, BUSY_MS = 10000 };
	struct watch watch = { 0 };
	struct error e = { 0 };
	struct buffer text;
	char path[sizeof(folder) + 8];
	int64_t now_ms = clock_ms(), begin_ms = now_ms;
	unsigned reads = 0, warnings = 0;

	log_divert(count_warnings, &warnings);
	(void)snprintf(path, sizeof(path), "%s/list", folder);
	rewrite(path, 1);
	assert_true(watch_set(&watch, path,
			      must_rest ? REST_ALWAYS : REST_FOR_A_WHILE, &e));
	watch_settle(&watch);
	now_ms = clock_ms();
	assert_int_equal(watch_load(&watch, false, 64, &text, &e), FILE_READ);
	watch_accept(&watch);
	for (size_t i = 0; i < 40; i++) {
		now_ms += STEP_MS;
		rewrite(path, i % 8 + 2);
		bool due = watch_has_changed(&watch, now_ms, false);
		if (i == 0)
			begin_ms = now_ms;
		assert_int_equal(due, now_ms - begin_ms >= BUSY_MS);
		assert_int_equal(watch_is_busy(&watch, now_ms), !due);
		if (!due)
			continue;
		buffer_free(&text);
		assert_int_equal(watch_load(&watch, false, 64, &text, &e),
				 must_rest ? FILE_UNSAFE : FILE_READ);
		if (++reads % 2 == 0 && !must_rest)
			watch_accept(&watch);
		begin_ms = now_ms + STEP_MS; /* of the next */
	}
	assert_true(reads >= 3);
	assert_int_equal(warnings, must_rest ? 0 : reads);
	assert_int_equal(e.set, must_rest);
	log_divert(NULL, NULL);
	buffer_free(&text);
	free(watch.path);
	assert_int_equal(unlink(path), 0);
}

/* By how much the clock is ahead of the file system's, and what happens once
 * somebody has asked; in place of libc's. */
static time_t ahead_s;
static void (*asked)(void);

int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);

	if (clock != CLOCK_REALTIME)
		return result;
	now->tv_sec += ahead_s;
	happen(&asked);
	return result;
}

static unsigned waits;

static void
count_waits(void)
{
	waits++;
	waiting = count_waits;
}

/* A file from before the clock was set back by far is not waited for: a call as
 * CGI would wait again and again, until the clock is there.  If the clock may
 * only differ a little, it is. */
static void
test_clock_set_back(void **state)
{
	static const struct {
		time_t ahead_s;
		bool waits;
	} rows[] = {
		{ -3600, false }, { -61, false }, { -30, true },
		{ 0, true },	  { 2, false },
	};
	char path[sizeof(folder) + 8];

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/list", folder);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct watch watch = { 0 };
		struct error e = { 0 };
		struct buffer text;
		rewrite(path, i + 1);
		ahead_s = rows[i].ahead_s;
		waits = 0;
		waiting = count_waits;
		assert_true(watch_set(&watch, path, REST_ALWAYS, &e));
		watch_settle(&watch);
		waiting = NULL;
		if ((waits > 0) != rows[i].waits)
			fail_msg("row %zu: %u waits", i, waits);
		assert_int_equal(watch_load(&watch, false, 64, &text, &e),
				 FILE_READ);
		ahead_s = 0;
		buffer_free(&text);
		free(watch.path);
	}
	assert_int_equal(unlink(path), 0);
}

static char moved[sizeof(folder) + 8];

static void
come_back(void)
{
	rewrite(moved, 1);
}

/* An editor moves the file away before it writes the new one.  Whoever can do
 * without the file must not take that for none, unless nothing was done there
 * for a second. */
static void
test_moved_away(void **state)
{
	static const struct {
		time_t ahead_s;
		void (*happens)(void); /* while it is waited for */
		bool missing_at_once, missing;
	} rows[] = {
		{ 0, come_back, false, false },
		{ 0, NULL, false, true },
		{ 2, NULL, true, true },
	};

	(void)state;
	(void)snprintf(moved, sizeof(moved), "%s/moved", folder);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct watch watch = { 0 };
		struct error e = { 0 };
		rewrite(moved, 1);
		assert_int_equal(unlink(moved), 0);
		ahead_s = rows[i].ahead_s;
		assert_true(watch_set(&watch, moved, REST_ALWAYS, &e));
		bool at_once = watch_is_missing(&watch);
		waiting = rows[i].happens;
		watch_settle(&watch);
		bool missing = watch_is_missing(&watch);
		ahead_s = 0;
		waiting = NULL;
		if (at_once != rows[i].missing_at_once ||
		    missing != rows[i].missing)
			fail_msg("row %zu: %d %d", i, at_once, missing);
		assert_int_equal(unlink(moved), missing ? -1 : 0);
		free(watch.path);
	}
}

/* The same if it was the folder that was moved away. */
static void
test_folder_moved_away(void **state)
{
	char below[sizeof(folder) + 8], path[sizeof(folder) + 16];
	struct watch watch = { 0 };
	struct error e = { 0 };

	(void)state;
	(void)snprintf(below, sizeof(below), "%s/below", folder);
	(void)snprintf(path, sizeof(path), "%s/conf", below);
	assert_int_equal(mkdir(below, 0700), 0);
	assert_int_equal(rmdir(below), 0);
	assert_true(watch_set(&watch, path, REST_ALWAYS, &e));
	assert_false(watch_is_missing(&watch));
	ahead_s = 2;
	bool missing = watch_is_missing(&watch);
	ahead_s = 0;
	assert_true(missing);
	free(watch.path);
}

/* What changes before our eyes must rest by our own clock, whatever the file
 * system says when it was. */
static void
test_other_clock(void **state)
{
	static const time_t rows[] = { -3600, 0, 3600 };
	char path[sizeof(folder) + 8];
	int64_t now_ms = clock_ms();

	(void)state;
	(void)snprintf(path, sizeof(path), "%s/list", folder);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct watch watch = { 0 };
		struct error e = { 0 };
		rewrite(path, 1);
		assert_true(watch_set(&watch, path, REST_ALWAYS, &e));
		rewrite(path, 2);
		ahead_s = rows[i];
		bool at_once = watch_has_changed(&watch, now_ms, true);
		bool written = watch_is_written(&watch, now_ms);
		bool later = watch_has_changed(&watch, now_ms + 1000, true);
		ahead_s = 0;
		if (at_once || !written || !later)
			fail_msg("row %zu: %d %d %d", i, at_once, written,
				 later);
		free(watch.path);
	}
	assert_int_equal(unlink(path), 0);
}

static char torn[sizeof(folder) + 8];

static void
write_in_place(void)
{
	rewrite(torn, 5);
}

static void
write_beside(void)
{
	char beside[sizeof(folder) + 8];

	(void)snprintf(beside, sizeof(beside), "%s/new", folder);
	rewrite(beside, 5);
	assert_int_equal(rename(beside, torn), 0);
}

/* Of a file that is written in place while it is read the half is not
 * believed; one that another takes the place of was whole. */
static void
test_torn(void **state)
{
	static const struct {
		void (*happens)(void);
		enum file_result result;
		size_t bytes; /* in the end */
	} rows[] = {
		{ NULL, FILE_READ, 3 },
		{ write_in_place, FILE_UNSAFE, 5 },
		{ write_beside, FILE_READ, 5 },
	};

	(void)state;
	(void)snprintf(torn, sizeof(torn), "%s/torn", folder);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct watch watch = { .path = torn };
		struct error e = { 0 };
		struct buffer text;
		rewrite(torn, 3);
		meanwhile = rows[i].happens;
		if (watch_load(&watch, false, 64, &text, &e) != rows[i].result)
			fail_msg("row %zu: expected %d", i, rows[i].result);
		assert_int_equal(e.set, rows[i].result != FILE_READ);
		buffer_free(&text);
		assert_int_equal(watch_load(&watch, false, 64, &text, &e),
				 FILE_READ);
		assert_int_equal(text.len, rows[i].bytes);
		buffer_free(&text);
	}
	assert_int_equal(unlink(torn), 0);
}

/* One that takes the place of the file after that was found at rest was not: it
 * is not believed if it must rest, and due as soon as it does. */
static void
test_replaced(void **state)
{
	struct watch watch = { 0 };
	struct error e = { 0 };
	struct buffer text;

	(void)state;
	(void)snprintf(torn, sizeof(torn), "%s/torn", folder);
	rewrite(torn, 3);
	assert_true(watch_set(&watch, torn, REST_ALWAYS, &e));
	ahead_s = 2;
	asked = write_beside;
	assert_int_equal(watch_load(&watch, false, 64, &text, &e), FILE_UNSAFE);
	ahead_s = 0;
	assert_null(asked);
	buffer_free(&text);
	int64_t now_ms = clock_ms();
	assert_false(watch_has_changed(&watch, now_ms, false));
	assert_true(watch_has_changed(&watch, now_ms + 1000, false));
	free(watch.path);
	assert_int_equal(unlink(torn), 0);
}

static void
keep_writing(void)
{
	rewrite(torn, 5);
	waiting = keep_writing;
}

static void
keep_replacing(void)
{
	write_beside();
	write_beside(); /* the inode of the one before it comes again */
	waiting = keep_replacing;
}

/* A list that changes all the time while a start waits is read if it is whole
 * each time. */
static void
test_changing(void **state)
{
	static const struct {
		void (*happens)(void);
		enum watch_rest rest;
		enum file_result result;
	} rows[] = {
		{ keep_replacing, REST_FOR_A_WHILE, FILE_READ },
		{ keep_writing, REST_FOR_A_WHILE, FILE_UNSAFE },
		{ keep_replacing, REST_ALWAYS, FILE_UNSAFE },
	};

	(void)state;
	(void)snprintf(torn, sizeof(torn), "%s/torn", folder);
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct watch watch = { 0 };
		struct error e = { 0 };
		struct buffer text;
		rewrite(torn, 3);
		assert_true(watch_set(&watch, torn, rows[i].rest, &e));
		waiting = rows[i].happens;
		watch_settle(&watch);
		waiting = NULL;
		if (watch_load(&watch, false, 64, &text, &e) != rows[i].result)
			fail_msg("row %zu: expected %d", i, rows[i].result);
		buffer_free(&text);
		free(watch.path);
	}
	assert_int_equal(unlink(torn), 0);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_no_file),
		cmocka_unit_test(test_stories),
		cmocka_unit_test(test_busy),
		cmocka_unit_test(test_half_settings),
		cmocka_unit_test(test_half_list),
		cmocka_unit_test(test_half_secret),
		cmocka_unit_test(test_restless),
		{ "test_restless_settings", test_restless, NULL, NULL, folder },
		cmocka_unit_test(test_clock_set_back),
		cmocka_unit_test(test_moved_away),
		cmocka_unit_test(test_folder_moved_away),
		cmocka_unit_test(test_other_clock),
		cmocka_unit_test(test_torn),
		cmocka_unit_test(test_replaced),
		cmocka_unit_test(test_changing),
		cmocka_unit_test(test_edit_beside_busy),
	};

	return cmocka_run_group_tests_name("store", tests, make_folder,
					   remove_folder);
}
