/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * chains FOLDER STRANGERS: what a decision costs by ca: entries, in process,
 * one thread: 256 entries of one CA with a CRL of 100,000 entries, and 64
 * entries of 64 CAs of one name.  Clients: one that the CA issued, one that it
 * revoked, and self-made ones that name it.  Prints microseconds, at first
 * sight and again, and what a known client costs after that many strangers.
 * Ends 1 after a wrong verdict.
 */
#include "config.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "identity.h"
#include "policy/decide.h"
#include "replay.h"

enum {
	ENTRIES = 256,
	PAIRS = 64,
	REVOKED = 100000, /* serial numbers 1000 to 100999 */
	FIRST_REVOKED = 1000,
	SAMPLES = 101,
	MMAP_MIN = 1048576, /* bytes */
	PATH_SIZE = 4096
};

struct applicant {
	struct identity identity;
	char pem[sizeof(((struct identity *)0)->pem)];
	struct event event;
};

static struct settings settings = { .security_level = 2 };
static struct decision decision;

/* The text that JSON would give. */
static void
take(struct applicant *client)
{
	char *to = client->pem;

	for (const char *p = client->identity.pem; *p != '\0'; p++) {
		if (*p != '\\')
			*to++ = *p;
		else if (*++p == 'n')
			*to++ = '\n';
	}
	*to++ = '\n';
	client->event = (struct event){
		.presented = PRESENTED_ONE,
		.thumbprint = span_of(client->identity.sha1),
		.content = { client->pem, (size_t)(to - client->pem) },
	};
}

static double
decide_us(const struct list *list, const struct applicant *client,
	  enum reason wanted)
{
	static const struct request request = { 0 };
	struct event event = client->event;
	int64_t begin = replay_now_ns();

	decide_connect(&settings, list, &request, &event, time(NULL),
		       &decision);
	double us = (double)(replay_now_ns() - begin) / 1000;
	if (decision.reason == wanted)
		return us;
	(void)fprintf(stderr, "chains: expected %s, got %s\n",
		      reason_name(wanted), reason_name(decision.reason));
	exit(1);
}

static int
compare(const void *a, const void *b)
{
	const double *x = a, *y = b;

	return *x < *y ? -1 : *x > *y;
}

/* Print the median and the largest of the first sights, and of those again. */
static void
row(const char *name, const struct list *list, const struct applicant *client,
    enum reason wanted)
{
	double first[SAMPLES], again[SAMPLES];

	for (int i = 0; i < SAMPLES; i++) {
		chain_memory_free(&decision.memory);
		first[i] = decide_us(list, client, wanted);
		again[i] = decide_us(list, client, wanted);
	}
	qsort(first, SAMPLES, sizeof(first[0]), compare);
	qsort(again, SAMPLES, sizeof(again[0]), compare);
	(void)printf("  %-34s%11.1f%11.1f%11.1f%11.1f\n", name,
		     first[SAMPLES / 2], first[SAMPLES - 1], again[SAMPLES / 2],
		     again[SAMPLES - 1]);
}

static void
build(struct list *list, const char *text)
{
	struct error e = { 0 };

	if (list_build(list, span_of(text), NULL, 0, &replay_files, &e))
		return;
	(void)fprintf(stderr, "chains: %s\n", e.text);
	exit(3);
}

static double
median_again(const struct list *list, const struct applicant *client)
{
	double us[SAMPLES];

	for (int i = 0; i < SAMPLES; i++)
		us[i] = decide_us(list, client, REASON_LISTED);
	qsort(us, SAMPLES, sizeof(us[0]), compare);
	return us[SAMPLES / 2];
}

/* Self-made certificates differ in their serial number. */
static void
flood(const struct list *list, const struct applicant *known,
      const struct authority *stranger, long count)
{
	static struct applicant client;

	chain_memory_free(&decision.memory);
	(void)decide_us(list, known, REASON_LISTED);
	double before = median_again(list, known), most = 0;
	for (long i = 0; i < count; i++) {
		identity_make(stranger, "stranger", i + 1, &client.identity);
		take(&client);
		double us = decide_us(list, &client, REASON_CHAIN);
		most = us > most ? us : most;
	}
	(void)printf("  a known client: %.1f us; after %ld self-made ones "
		     "(at most %.1f us each): %.1f us\n",
		     before, count, most, median_again(list, known));
}

int
main(int argc, char **argv)
{
	static char text[ENTRIES * PATH_SIZE];
	static struct applicant good, revoked, made;
	struct list one = { 0 }, many = { 0 };
	char path[PATH_SIZE], crl[PATH_SIZE];
	struct authority *authority, *stranger;
	char *at = text;

	/* Each table of verdicts is fresh memory of the kernel, as at the first
	 * event of a handler; clearing used memory takes milliseconds. */
	(void)mallopt(M_MMAP_THRESHOLD, MMAP_MIN);
	if (argc != 3 || !digest_start(DIGEST_USE_HANDLER))
		return 2;
	(void)snprintf(path, sizeof(path), "%s/stranger.pem", argv[1]);
	stranger = identity_authority(path);
	for (int i = 0; i < PAIRS; i++) {
		(void)snprintf(path, sizeof(path), "%s/ca-%d.pem", argv[1], i);
		authority = identity_authority(path);
		at += sprintf(at, "ca:%s cn=*\n", path);
	}
	build(&many, text);
	(void)snprintf(crl, sizeof(crl), "%s/ca.crl", argv[1]);
	identity_crl(authority, crl, FIRST_REVOKED, REVOKED);
	at = text;
	for (int i = 0; i < ENTRIES; i++)
		at += sprintf(at, "ca:%s cn=* groups=g%d crl=%s\n", path, i,
			      crl);
	build(&one, text);
	identity_make(authority, "good", 1, &good.identity);
	identity_make(authority, "revoked", FIRST_REVOKED + 1,
		      &revoked.identity);
	identity_make(stranger, "made", 1, &made.identity);
	take(&good);
	take(&revoked);
	take(&made);
	decision_init(&decision);
	(void)printf("  %-34s%11s%11s%11s%11s\n", "microseconds", "first",
		     "largest", "again", "largest");
	row("256 entries, CRL of 100,000: good", &one, &good, REASON_LISTED);
	row("  revoked", &one, &revoked, REASON_REVOKED);
	row("  self-made", &one, &made, REASON_CHAIN);
	row("64 pairs of files: good", &many, &good, REASON_LISTED);
	row("  self-made", &many, &made, REASON_CHAIN);
	flood(&one, &good, stranger, strtol(argv[2], NULL, 10));
	return 0;
}
