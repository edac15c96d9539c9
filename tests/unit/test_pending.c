/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* What handlers note for people: who was refused, when a pin was last used. */
#include "config.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/date.h"
#include "host/numbered.h"
#include "host/pending.h"
#include "host/seen.h"

enum {
	NOW = 1893456000, /* 2030-01-01 */
	DAY = DATE_DAY_SECONDS,
	KILLS = 20,
	WRITERS = 8
};

static char folder[] = "/tmp/certgate.XXXXXX";

static const char *
path_of(const char *name)
{
	static char path[sizeof(folder) + 64];

	(void)snprintf(path, sizeof(path), "%s/%s", folder, name);
	return path;
}

static int
set_up(void **state)
{
	(void)state;
	(void)snprintf(folder, sizeof(folder), "/tmp/certgate.XXXXXX");
	return mkdtemp(folder) == NULL;
}

static int
tear_down(void **state)
{
	char name[32];

	(void)state;
	for (unsigned i = 0; i < NUMBERED_FILES; i++) {
		(void)snprintf(name, sizeof(name), "pending.%u", i);
		(void)unlink(path_of(name));
		(void)snprintf(name, sizeof(name), "seen.%u", i);
		(void)unlink(path_of(name));
	}
	(void)unlink(path_of("target"));
	return rmdir(folder);
}

static struct slots
open_one(const struct slots_kind *kind)
{
	struct slots slots;
	struct error e = { 0 };

	if (!slots_open(&slots, kind, folder, &e))
		fail_msg("%s", e.text);
	return slots;
}

static struct pending
open_pending(void)
{
	return (struct pending){ .slots = open_one(&pending_kind) };
}

/* An answer about the certificate of a number. */
static struct answer
answer_on(unsigned number, const char *site, const char *hub,
	  enum reason reason)
{
	static char text[32];
	struct answer answer = {
		.verified = true,
		.site = span_of(site),
		.hub = span_of(hub),
		.decision = { .reason = reason },
	};
	int n = snprintf(text, sizeof(text), "certificate %u", number);

	answer.decision.der.data = text;
	answer.decision.der.len = (size_t)n;
	answer.decision.sha256.kind = THUMBPRINT_SHA256;
	assert_true(digest_sha256((struct span){ text, (size_t)n },
				  answer.decision.sha256.digest));
	return answer;
}

static void
knock(struct pending *pending, unsigned number, const char *hub, int64_t now)
{
	struct answer answer = answer_on(number, NULL, hub, REASON_NOT_LISTED);

	pending_note(pending, &answer, now);
}

/* What all files have of one certificate, or, with number 0, of all. */
struct found {
	unsigned number;
	const char *hub; /* NULL: any */
	unsigned knocks;
	uint64_t count;
	int64_t first, last;
};

static void
find(void *context, const void *slot)
{
	const struct pending_knock *k = slot;
	struct found *found = context;
	char text[32];
	int n = snprintf(text, sizeof(text), "certificate %u", found->number);

	if ((found->number != 0 &&
	     !span_equal((struct span){ k->der, k->der_length },
			 (struct span){ text, (size_t)n })) ||
	    (found->hub != NULL &&
	     !span_equal((struct span){ k->hub, k->hub_length },
			 span_of(found->hub))))
		return;
	found->knocks++;
	found->count += k->count;
	if (found->first == 0 || k->first < found->first)
		found->first = k->first;
	if (k->last > found->last)
		found->last = k->last;
}

static struct found
found_of(unsigned number, const char *hub)
{
	struct found found = { .number = number, .hub = hub };
	struct error e = { 0 };

	assert_true(slots_read(folder, &pending_kind, find, &found, &e));
	return found;
}

/* Writes contents as a slot whose check is right. */
static void
forge(const struct pending_knock *k)
{
	uint8_t check[SLOTS_CHECK];
	int file = open(path_of("pending.0"), O_RDWR);

	assert_true(digest_sha256((struct span){ (const char *)k, sizeof(*k) },
				  check));
	assert_int_equal(pwrite(file, check, sizeof(check), 0), sizeof(check));
	assert_int_equal(pwrite(file, k, sizeof(*k), sizeof(check)),
			 sizeof(*k));
	assert_int_equal(close(file), 0);
}

/* A file goes on where the last process ended; a second one has its own. */
static void
test_take_over(void **state)
{
	struct pending one = open_pending();
	struct pending two = open_pending();

	(void)state;
	knock(&one, 1, "chat", NOW);
	knock(&two, 1, "chat", NOW + 5);
	pending_write(&one);
	assert_int_equal(found_of(1, NULL).count, 1);
	pending_write(&two);
	struct found found = found_of(1, "chat");
	assert_int_equal(found.knocks, 2);
	assert_int_equal(found.first, NOW);
	assert_int_equal(found.last, NOW + 5);
	slots_close(&one.slots);
	one = open_pending();
	knock(&one, 1, "chat", NOW + 9);
	pending_write(&one);
	found = found_of(1, NULL);
	assert_int_equal(found.knocks, 2);
	assert_int_equal(found.count, 3);
	assert_int_equal(found.first, NOW);
	assert_int_equal(found.last, NOW + 9);
	slots_close(&one.slots);
	slots_close(&two.slots);
}

/* Who is noted, who is not, and who is not any more. */
static void
test_who(void **state)
{
	struct pending pending = open_pending();
	struct entry entry = { 0 };
	char long_hub[PENDING_HUB_MAX + 2] = "";

	(void)state;
	memset(long_hub, 'h', PENDING_HUB_MAX + 1);
	struct answer answer = answer_on(1, NULL, "chat", REASON_NOT_LISTED);
	answer.verified = false;
	pending_note(&pending, &answer, NOW);
	answer.verified = true;
	answer.decision.sha256.kind = THUMBPRINT_NONE; /* a label alone */
	pending_note(&pending, &answer, NOW);
	for (int i = 0; i < REASONS; i++) {
		if (i == REASON_NOT_LISTED)
			continue;
		answer = answer_on(1, NULL, "chat", (enum reason)i);
		answer.decision.would = REASON_ENTRY_EXPIRED;
		pending_note(&pending, &answer, NOW);
	}
	knock(&pending, 1, long_hub, NOW);
	knock(&pending, 1, "", NOW);
	pending_write(&pending);
	assert_int_equal(found_of(0, NULL).knocks, 0);
	answer = answer_on(2, NULL, "chat", REASON_REPORT_ONLY);
	answer.decision.would = REASON_NOT_LISTED;
	pending_note(&pending, &answer, NOW);
	answer = answer_on(2, "one", "chat", REASON_NOT_LISTED);
	pending_note(&pending, &answer, NOW);
	knock(&pending, 2, "other", NOW);
	pending_write(&pending);
	assert_int_equal(found_of(2, NULL).knocks, 3);
	answer = answer_on(2, NULL, "chat", REASON_DENIED);
	answer.decision.entry = &entry;
	pending_note(&pending, &answer, NOW);
	pending_write(&pending);
	struct found found = found_of(0, NULL);
	assert_int_equal(found.knocks, 1); /* the site's */
	slots_close(&pending.slots);
}

/* A flood of strangers pushes out neither who knocks again nor another hub's;
 * a place has no more than its share. */
static void
test_flood(void **state)
{
	struct pending pending = open_pending();
	char hub[16];

	(void)state;
	knock(&pending, 1, "chat", NOW);
	knock(&pending, 1, "chat", NOW);
	knock(&pending, 2, "quiet", NOW);
	for (unsigned i = 100; i < 2100; i++) {
		knock(&pending, i, "chat", NOW + 1);
		if (i % 20 == 0)
			pending_write(&pending);
	}
	pending_write(&pending);
	assert_int_equal(found_of(2099, NULL).knocks, 1);
	assert_int_equal(found_of(0, "chat").knocks, PENDING_PER_HUB);
	assert_int_equal(found_of(1, NULL).count, 2);
	assert_int_equal(found_of(2, NULL).knocks, 1);
	for (unsigned i = 0; i < 4 * PENDING_PER_HUB; i++) {
		for (unsigned h = 0; h < 5; h++) {
			(void)snprintf(hub, sizeof(hub), "hub%u", h);
			knock(&pending, 5000 + 10 * i + h, hub, NOW + 2);
		}
		if (i % 20 == 0)
			pending_write(&pending);
	}
	pending_write(&pending);
	assert_int_equal(found_of(0, NULL).knocks, SLOTS);
	assert_int_equal(found_of(1, NULL).count, 2);
	assert_int_equal(found_of(2, NULL).knocks, 1);
	for (unsigned h = 0; h < 5; h++) {
		(void)snprintf(hub, sizeof(hub), "hub%u", h);
		unsigned n = found_of(0, hub).knocks;
		assert_true(n >= SLOTS / 6 - 1 && n <= SLOTS / 6 + 1);
	}
	slots_close(&pending.slots);
}

/* Between two writings, a hub has no more new ones than it has slots; those who
 * are known, and other hubs and sites, are noted all the same. */
static void
test_surge(void **state)
{
	struct pending pending = open_pending();

	(void)state;
	for (unsigned i = 1; i <= 2000; i++)
		knock(&pending, i, "chat", NOW);
	knock(&pending, 5, "chat", NOW);
	knock(&pending, 2001, "quiet", NOW);
	struct answer answer =
		answer_on(2002, "one", "chat", REASON_NOT_LISTED);
	pending_note(&pending, &answer, NOW);
	pending_write(&pending);
	for (unsigned i = 1; i <= PENDING_PER_HUB; i++)
		assert_int_equal(found_of(i, "chat").count, 1 + (i == 5));
	assert_int_equal(found_of(0, NULL).knocks, PENDING_PER_HUB + 2);
	assert_int_equal(found_of(2001, "quiet").knocks, 1);
	assert_int_equal(found_of(2002, "chat").knocks, 1);
	knock(&pending, 1999, "chat", NOW + 1);
	pending_write(&pending);
	assert_int_equal(found_of(1999, "chat").knocks, 1);
	/* No name of a hub makes it share with another. */
	for (unsigned i = 3000; i <= 3100; i++)
		knock(&pending, i, "chat", NOW + 2);
	for (unsigned h = 10; h < 100; h++) {
		char hub[16];
		(void)snprintf(hub, sizeof(hub), "hub%u", h);
		knock(&pending, 4000 + h, hub, NOW + 2);
	}
	pending_write(&pending);
	for (unsigned h = 10; h < 100; h++)
		if (found_of(4000 + h, NULL).knocks != 1)
			fail_msg("hub%u is not noted", h);
	slots_close(&pending.slots);
}

/* Nor can a hub be named so that it uses up the turn of one of another site:
 * this name was computed to have the number of site "one", hub "plant", when
 * that was an FNV-1a. */
static void
test_crafted_hub(void **state)
{
	struct pending pending = open_pending();
	const char *hub = "ffmwbf\3\r\1\3\10\2\0178\13\1\5\r\n\10";

	(void)state;
	for (unsigned i = 1; i <= PENDING_PER_HUB; i++) {
		struct answer loud =
			answer_on(100 + i, "two", hub, REASON_NOT_LISTED);
		pending_note(&pending, &loud, NOW);
	}
	struct answer quiet = answer_on(1, "one", "plant", REASON_NOT_LISTED);
	pending_note(&pending, &quiet, NOW);
	pending_write(&pending);
	assert_int_equal(found_of(0, hub).knocks, PENDING_PER_HUB);
	assert_int_equal(found_of(1, "plant").knocks, 1);
	slots_close(&pending.slots);
}

/* A file in which places have another number, as an older handler wrote it,
 * reads as nothing and is written anew. */
static void
test_other_numbers(void **state)
{
	struct pending pending = open_pending();

	(void)state;
	knock(&pending, 1, "chat", NOW);
	struct pending_knock old =
		*(struct pending_knock *)slots_at(&pending.slots, 0);
	old.place = UINT64_C(0x0c7e14b3ad2b8741); /* FNV-1a of "\0chat" */
	forge(&old);
	slots_close(&pending.slots);
	assert_int_equal(found_of(0, NULL).knocks, 0);
	pending = open_pending();
	knock(&pending, 2, "chat", NOW + 1);
	pending_write(&pending);
	assert_int_equal(found_of(0, NULL).knocks, 1);
	assert_int_equal(found_of(2, "chat").count, 1);
	slots_close(&pending.slots);
}

/* Who writes a hub's name in many ways has its one share. */
static void
test_spellings(void **state)
{
	struct pending pending = open_pending();
	char hub[] = "chat";

	(void)state;
	knock(&pending, 1, "quiet", NOW);
	for (unsigned i = 0; i < 4 * SLOTS; i++) {
		for (unsigned k = 0; k < sizeof(hub) - 1; k++)
			hub[k] = (char)((i >> k & 1) != 0 ? "CHAT" : "chat")[k];
		knock(&pending, 100 + i, hub, NOW + 1);
		if (i % 20 == 0)
			pending_write(&pending);
	}
	knock(&pending, 1, "QUIET", NOW + 2);
	pending_write(&pending);
	assert_int_equal(found_of(0, NULL).knocks, PENDING_PER_HUB + 1);
	assert_int_equal(found_of(1, "quiet").count, 2);
	slots_close(&pending.slots);
}

/* More hubs than slots: everybody is new, and one goes for each. */
static void
test_many_hubs(void **state)
{
	struct pending pending = open_pending();
	char hub[16];

	(void)state;
	for (unsigned i = 1; i <= 3 * SLOTS; i++) {
		(void)snprintf(hub, sizeof(hub), "hub%u", i);
		knock(&pending, i, hub, NOW + i);
	}
	pending_write(&pending);
	assert_int_equal(found_of(0, NULL).knocks, SLOTS);
	assert_int_equal(found_of(3 * SLOTS, NULL).knocks, 1);
	assert_int_equal(found_of(2 * SLOTS + 1, NULL).knocks, 1);
	assert_int_equal(found_of(2 * SLOTS, NULL).knocks, 0);
	slots_close(&pending.slots);
}

/* A site that names more hubs than there are slots pushes out none of
 * another's. */
static void
test_many_hubs_of_a_site(void **state)
{
	struct pending pending = open_pending();
	struct answer quiet;
	char hub[16];

	(void)state;
	for (unsigned i = 1; i <= 6 * SLOTS; i++) {
		if (i == 2 * SLOTS) {
			quiet = answer_on(1, "one", "plant", REASON_NOT_LISTED);
			pending_note(&pending, &quiet, NOW);
		}
		(void)snprintf(hub, sizeof(hub), "hub%u", i);
		struct answer loud =
			answer_on(1000 + i, "two", hub, REASON_NOT_LISTED);
		pending_note(&pending, &loud, NOW + i);
		pending_note(&pending, &loud, NOW + i);
	}
	pending_write(&pending);
	assert_int_equal(found_of(0, NULL).knocks, SLOTS);
	assert_int_equal(found_of(1, "plant").count, 1);
	slots_close(&pending.slots);
}

/* What counted once loses its weight, and in the end its slot. */
static void
test_age(void **state)
{
	struct pending pending = open_pending();

	(void)state;
	for (unsigned i = 1; i <= PENDING_PER_HUB; i++)
		for (unsigned n = 0; n < 100; n++)
			knock(&pending, i, "chat", NOW + i);
	pending_write(&pending);
	knock(&pending, 1000, "chat", NOW + 1000);
	knock(&pending, 1001, "chat", NOW + 1001);
	pending_write(&pending);
	assert_int_equal(found_of(1, NULL).knocks, 0);
	assert_int_equal(found_of(1000, NULL).knocks, 0);
	assert_int_equal(found_of(1001, NULL).knocks, 1);
	/* 100 is nothing after seven days. */
	for (unsigned i = 0; i < 3; i++) {
		knock(&pending, 2000 + i, "chat", NOW + 8 * DAY);
		knock(&pending, 2000 + i, "chat", NOW + 8 * DAY);
	}
	pending_write(&pending);
	for (unsigned i = 0; i < 3; i++)
		assert_int_equal(found_of(2000 + i, NULL).count, 2);
	/* A clock that was wrong holds no slot. */
	knock(&pending, 3000, "wrong", NOW + 5000 * (int64_t)DAY);
	knock(&pending, 3000, "wrong", NOW + 40 * DAY);
	pending_write(&pending);
	assert_int_equal(found_of(3000, NULL).last, NOW + 40 * DAY);
	/* Of those that weigh the same, who has not come longest goes. */
	for (unsigned i = 0; i < PENDING_PER_HUB; i++)
		knock(&pending, 4000 + i, "even", NOW + 41 * DAY + (i != 17));
	pending_write(&pending);
	knock(&pending, 5000, "even", NOW + 41 * DAY + 1);
	pending_write(&pending);
	assert_int_equal(found_of(4017, NULL).knocks, 0);
	assert_int_equal(found_of(0, "even").knocks, PENDING_PER_HUB);
	/* Who comes back after that is new. */
	knock(&pending, 2000, "chat", NOW + 60 * DAY);
	pending_write(&pending);
	struct found found = found_of(2000, NULL);
	assert_int_equal(found.count, 1);
	assert_int_equal(found.first, NOW + 60 * DAY);
	slots_close(&pending.slots);
}

/* Whatever one byte of a slot becomes, it is not read, and the others are. */
static void
test_torn(void **state)
{
	struct pending pending = open_pending();
	char byte;

	(void)state;
	knock(&pending, 1, "chat", NOW);
	knock(&pending, 2, "chat", NOW);
	pending_write(&pending);
	slots_close(&pending.slots);
	int file = open(path_of("pending.0"), O_RDWR);
	for (off_t at = 0; at < PENDING_SIZE; at += 7) {
		assert_int_equal(pread(file, &byte, 1, at), 1);
		byte ^= 0x55;
		assert_int_equal(pwrite(file, &byte, 1, at), 1);
		assert_int_equal(found_of(0, NULL).knocks, 1);
		assert_int_equal(found_of(2, NULL).knocks, 1);
		byte ^= 0x55;
		assert_int_equal(pwrite(file, &byte, 1, at), 1);
	}
	assert_int_equal(found_of(0, NULL).knocks, 2);
	byte = 1;
	assert_int_equal(pwrite(file, &byte, 1, 5), 1);
	assert_int_equal(close(file), 0);
	pending = open_pending();
	knock(&pending, 3, "chat", NOW);
	pending_write(&pending);
	assert_int_equal(found_of(0, NULL).knocks, 2);
	assert_int_equal(found_of(1, NULL).knocks, 0);
	slots_close(&pending.slots);
}

/* Numbers that cannot be, and a digest that is not the certificate's. */
static void
test_forged(void **state)
{
	struct pending pending = open_pending();
	struct pending_knock good, bad[11];

	(void)state;
	knock(&pending, 1, "chat", NOW);
	good = *(struct pending_knock *)slots_at(&pending.slots, 0);
	for (size_t i = 0; i < COUNT(bad); i++)
		bad[i] = good;
	bad[0].sha256[31] ^= 1;
	bad[1].der[0] ^= 1;
	bad[2].der_length++;
	bad[3].der_length = UINT16_MAX;
	bad[4].site_length = SITES_NAME_MAX + 1;
	bad[5].hub_length = PENDING_HUB_MAX + 1;
	bad[6].hub_length = 0;
	bad[7].first = good.last + 1;
	bad[8].last = INT64_MAX;
	bad[9].first = -1;
	bad[10].place ^= 2;
	forge(&good);
	assert_int_equal(found_of(0, NULL).knocks, 1);
	for (size_t i = 0; i < COUNT(bad); i++) {
		forge(&bad[i]);
		if (found_of(0, NULL).knocks != 0)
			fail_msg("the forged slot %zu is read", i);
	}
	slots_close(&pending.slots);
}

/* What is no file of ours is left as it is, and not read either. */
static void
test_strangers(void **state)
{
	char target[sizeof(folder) + 16];
	struct error e = { 0 };

	(void)state;
	struct pending pending = open_pending();
	knock(&pending, 1, "chat", NOW);
	pending_write(&pending);
	slots_close(&pending.slots);
	(void)snprintf(target, sizeof(target), "%s/target", folder);
	assert_int_equal(rename(path_of("pending.0"), target), 0);
	assert_int_equal(symlink(target, path_of("pending.0")), 0);
	assert_int_equal(mkfifo(path_of("pending.1"), 0600), 0);
	int file = open(path_of("pending.2"), O_WRONLY | O_CREAT, 0600);
	assert_int_equal(write(file, "what is this?", 13), 13);
	assert_int_equal(close(file), 0);
	assert_int_equal(found_of(0, NULL).knocks, 0);
	assert_int_equal(link(target, path_of("pending.3")), 0);
	assert_int_equal(found_of(0, NULL).knocks, 0);
	pending = open_pending();
	knock(&pending, 2, "chat", NOW);
	pending_write(&pending);
	slots_close(&pending.slots);
	assert_int_equal(access(path_of("pending.4"), F_OK), 0);
	assert_int_equal(found_of(0, NULL).knocks, 1);
	assert_int_equal(unlink(path_of("pending.0")), 0);
	assert_int_equal(rename(target, path_of("pending.0")), 0);
	assert_int_equal(unlink(path_of("pending.3")), 0);
	assert_int_equal(found_of(0, NULL).knocks, 2);
	assert_int_equal(chmod(folder, 0777), 0);
	assert_false(slots_open(&pending.slots, &pending_kind, folder, &e));
	assert_non_null(strstr(e.text, "chmod o-w"));
	knock(&pending, 1, "chat", NOW);
	pending_write(&pending);
	slots_close(&pending.slots);
	assert_int_equal(chmod(folder, 0700), 0);
}

/* What cannot be written is written when there is room again. */
static void
test_no_room(void **state)
{
	struct rlimit before, none;
	struct pending pending = open_pending();

	(void)state;
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	none = before;
	none.rlim_cur = 100;
	(void)signal(SIGXFSZ, SIG_IGN);
	knock(&pending, 1, "chat", NOW);
	knock(&pending, 2, "chat", NOW);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &none), 0);
	pending_write(&pending);
	assert_true(pending.slots.said);
	assert_int_equal(found_of(0, NULL).knocks, 0);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	pending_write(&pending);
	assert_int_equal(found_of(0, NULL).knocks, 2);
	slots_close(&pending.slots);
}

/* Writers that do not wait are killed again and again; whoever reads meanwhile
 * sees whole slots, and what was written stays. */
static void
test_kill(void **state)
{
	pid_t children[WRITERS];

	(void)state;
	for (unsigned k = 0; k < KILLS; k++) {
		for (unsigned w = 0; w < WRITERS; w++) {
			children[w] = fork();
			if (children[w] != 0)
				continue;
			/* A test that fails leaves nobody. */
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			struct pending pending = open_pending();
			for (unsigned i = 0;; i++) {
				knock(&pending, 1, "chat", NOW);
				knock(&pending, 2 + i % 1000, "chat", NOW);
				pending_write(&pending);
			}
		}
		uint64_t before = found_of(1, NULL).count;
		struct found found;
		do {
			found = found_of(1, NULL);
			assert_true(found.count >= before);
			assert_true(found.knocks <= WRITERS);
			assert_true(found_of(0, NULL).knocks <=
				    WRITERS * PENDING_PER_HUB);
		} while (found.count < before + WRITERS);
		for (unsigned w = 0; w < WRITERS; w++) {
			assert_int_equal(kill(children[w], SIGKILL), 0);
			assert_int_equal(waitpid(children[w], NULL, 0),
					 children[w]);
		}
	}
	assert_int_equal(access(path_of("pending.8"), F_OK), -1);
}

struct seen_of {
	struct thumbprint pin;
	const char *site;
	int64_t last;
};

static void
find_seen(void *context, const void *slot)
{
	struct seen_of *of = context;
	const struct seen_pin *seen = slot;

	if (seen_is(seen, &of->pin, span_of(of->site)) && seen->last > of->last)
		of->last = seen->last;
}

static int64_t
last_seen(const struct thumbprint *pin, const char *site)
{
	struct seen_of of = { *pin, site, 0 };
	struct error e = { 0 };

	assert_true(slots_read(folder, &seen_kind, find_seen, &of, &e));
	return of.last;
}

static void
test_seen(void **state)
{
	struct slots slots = open_one(&seen_kind);
	struct terms terms = { .not_after = NOW + DAY };
	struct entry entry = { .allows = true, .terms = &terms };
	struct answer answer = answer_on(1, NULL, "chat", REASON_LISTED);
	uint8_t digest[DIGEST_MAX_SIZE] = { 1 };

	(void)state;
	answer.decision.entry = &entry;
	entry.pin = thumbprint_of(THUMBPRINT_SHA1, digest);
	struct thumbprint first = entry.pin;
	seen_note(&slots, &answer, NOW);
	answer.site = SPAN("one");
	seen_note(&slots, &answer, NOW + 1);
	slots_write(&slots);
	assert_int_equal(last_seen(&entry.pin, NULL), NOW);
	assert_int_equal(last_seen(&entry.pin, "one"), NOW + 1);
	assert_int_equal(last_seen(&entry.pin, "two"), 0);
	/* Refused, or by an entry that does not end. */
	answer.decision.reason = REASON_ENTRY_EXPIRED;
	seen_note(&slots, &answer, NOW + 2);
	answer.decision.reason = REASON_LISTED;
	terms.not_after = 0;
	seen_note(&slots, &answer, NOW + 2);
	terms.not_after = NOW + DAY;
	slots_write(&slots);
	assert_int_equal(last_seen(&entry.pin, "one"), NOW + 1);
	/* When they are too many, the oldest goes. */
	for (unsigned i = 0; i < SLOTS - 1; i++) {
		digest[1] = (uint8_t)(i + 1);
		entry.pin = thumbprint_of(THUMBPRINT_SPKI, digest);
		seen_note(&slots, &answer, NOW + 10 + i);
	}
	slots_write(&slots);
	assert_int_equal(last_seen(&first, NULL), 0);
	assert_int_equal(last_seen(&first, "one"), NOW + 1);
	slots_close(&slots);
	slots = open_one(&seen_kind);
	seen_note(&slots, &answer, NOW + 500);
	slots_write(&slots);
	assert_int_equal(last_seen(&entry.pin, "one"), NOW + 500);
	assert_int_equal(last_seen(&first, "one"), NOW + 1);
	slots_close(&slots);
}

/* A slot of the future is the first to go. */
static void
test_seen_ahead(void **state)
{
	struct slots slots = open_one(&seen_kind);
	struct terms terms = { .not_after = NOW + 1000 * DAY };
	struct entry entry = { .allows = true, .terms = &terms };
	struct answer answer = answer_on(1, NULL, "chat", REASON_LISTED);
	uint8_t digest[DIGEST_MAX_SIZE] = { 0 };
	struct thumbprint ahead;

	(void)state;
	answer.decision.entry = &entry;
	for (unsigned i = 0; i <= SLOTS; i++) {
		digest[0] = (uint8_t)(i + 1);
		entry.pin = thumbprint_of(THUMBPRINT_SPKI, digest);
		if (i == 1)
			ahead = entry.pin;
		seen_note(&slots, &answer, NOW + (i == 1 ? 2 * DAY : i));
	}
	slots_write(&slots);
	assert_int_equal(last_seen(&ahead, NULL), 0);
	for (unsigned i = 0; i <= SLOTS; i++) {
		digest[0] = (uint8_t)(i + 1);
		entry.pin = thumbprint_of(THUMBPRINT_SPKI, digest);
		if (i != 1)
			assert_int_equal(last_seen(&entry.pin, NULL), NOW + i);
	}
	slots_close(&slots);
}

/* When there is none to be had, what is said of it is true. */
static void
test_no_file(void **state)
{
	struct slots slots;
	struct error e = { 0 }, other = { 0 };
	char name[32];

	(void)state;
	for (unsigned i = 0; i < NUMBERED_FILES; i++) {
		(void)snprintf(name, sizeof(name), "seen.%u", i);
		int file = open(path_of(name), O_CREAT | O_WRONLY, 0600);
		assert_true(file >= 0);
		assert_int_equal(fchmod(file, 0660), 0);
		close(file);
	}
	errno = EXDEV;
	assert_false(slots_open(&slots, &seen_kind, folder, &e));
	assert_non_null(strstr(e.text, "all are another process's"));
	assert_null(strstr(e.text, strerror(EXDEV)));
	(void)unlink(path_of("seen.7"));
	assert_int_equal(symlink("nowhere", path_of("seen.7")), 0);
	assert_false(slots_open(&slots, &seen_kind, folder, &other));
	assert_non_null(strstr(other.text, strerror(ELOOP)));
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int
main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(test_take_over),
		IN_FOLDER(test_who),
		IN_FOLDER(test_flood),
		IN_FOLDER(test_many_hubs),
		IN_FOLDER(test_many_hubs_of_a_site),
		IN_FOLDER(test_age),
		IN_FOLDER(test_torn),
		IN_FOLDER(test_forged),
		IN_FOLDER(test_strangers),
		IN_FOLDER(test_no_room),
		IN_FOLDER(test_kill),
		IN_FOLDER(test_seen),
		IN_FOLDER(test_spellings),
		IN_FOLDER(test_surge),
		IN_FOLDER(test_crafted_hub),
		IN_FOLDER(test_other_numbers),
		IN_FOLDER(test_seen_ahead),
		IN_FOLDER(test_no_file),
	};

	return cmocka_run_group_tests_name("pending", tests, NULL, NULL);
}
