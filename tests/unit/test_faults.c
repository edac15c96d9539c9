/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * The n-th allocation fails, alone or with all after it, for every n until
 * there is none to fail: what is refused with memory is refused without it,
 * what reads reads whole or not at all, what is in force stays or is replaced
 * whole, and nothing of ours stays allocated.  And what is wiped has left no
 * copy in blocks that were given back.
 *
 * The sanitizer has an allocator of its own; there all allocations succeed, and
 * no block is looked at.
 */
#include "config.h"

#include "tests/unit/unit.h"

#include <malloc.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <openssl/crypto.h>

#include "handler.h"
#include "host/file.h"
#include "host/log.h"
#include "host/configuration.h"
#include "protocol/certificate.h"
#include "protocol/chain.h"
#include "protocol/pem.h"
#include "tests/unit/authority.h"

#define SHA1 "c1b211808c4c4cf8a9c59501fe103ed006a70d69"
#define SHA256                                                                 \
	"0ea7e8a631bb09de4a0a6787712ac665d5168d8a685cb5df1025318422a7cdf7"
#define OTHER "adaa3144a4a3f6395dbfa2635dde0b6faad69fdc"
#define GOOD                                                                   \
	"sha256="                                                              \
	"7767effcb3946f3e1de039df4b986ef02c110b1469d02c0a06f41b3b727ab561"
#define ZERO                                                                   \
	"sha256="                                                              \
	"0000000000000000000000000000000000000000000000000000000000000000"
/* The certificate with these digests, as JSON has it. */
#define PEM                                                                    \
	"-----BEGIN CERTIFICATE-----\\n"                                       \
	"MIIB3jCCAYWgAwIBAgICEAIwCgYIKoZIzj0EAwIwMzEVMBMGA1UECgwMRXhhbXBs"     \
	"ZSBUZXN0MRowGAYDVQQDDBFFeGFtcGxlIERldmljZSBDQTAeFw0yNDAxMDEwMDAw"     \
	"MDBaFw00NDAxMDEwMDAwMDBaMCwxFTATBgNVBAoMDEV4YW1wbGUgVGVzdDETMBEG"     \
	"A1UEAwwKZGV2aWNlLTAwMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABOiCvCw+"     \
	"DZMRtq0HF24g2ztXQuwWcAUFuIaFWyODjZ+Lqxwd/boP1751nEt10cBaTEIA4JsU"     \
	"IeLRJuhVLL/n4xSjgY8wgYwwCQYDVR0TBAIwADALBgNVHQ8EBAMCB4AwEwYDVR0l"     \
	"BAwwCgYIKwYBBQUHAwIwHQYDVR0RBBYwFIISZGV2aWNlLTAwMS5leGFtcGxlMB0G"     \
	"A1UdDgQWBBQ6msnGPwYWE306Q/ZTgCGcIxArFTAfBgNVHSMEGDAWgBTroRm61kCc"     \
	"zfzpoWq+v0qmwOejqzAKBggqhkjOPQQDAgNHADBEAiAUrNz9375Hbz+hPpdWCISC"     \
	"0y9eVrrYosBqrM0wEFAdyAIgZ0Syb/GfjAGDS5+NSAu8UvojuQ8Su49ccZOuZxhw"     \
	"8mE=\\n-----END CERTIFICATE-----\\n"
enum { PEM_ESCAPES = 3 };
#define WHOLE                                                                  \
	"{\"clientCertificates\":[{\"thumbprint\":\"" SHA1                     \
	"\",\"content\":\"" PEM "\"}]}"

static size_t allocations_left = SIZE_MAX;
static bool fails_once; /* then there is memory again */
static bool failed;
static long live; /* blocks */
static struct span secret; /* absent: none is looked for */
static unsigned left_behind; /* blocks given back that had it */

#if defined __SANITIZE_ADDRESS__
#define SANITIZED 1
#elif defined __has_feature
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif

#ifdef SANITIZED
enum { CAN_FAIL = 0 };
#else
enum { CAN_FAIL = 1 };
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *old, size_t size);
void __libc_free(void *block);

static bool
is_left(void)
{
	if (allocations_left == SIZE_MAX)
		return true;
	if (allocations_left > 0) {
		allocations_left--;
		return true;
	}
	failed = true;
	if (fails_once)
		allocations_left = SIZE_MAX;
	return false;
}

static void
look_at(void *block)
{
	if (block != NULL && secret.ptr != NULL &&
	    memmem(block, malloc_usable_size(block), secret.ptr, secret.len) !=
		    NULL)
		left_behind++;
}

void *
malloc(size_t size)
{
	void *block = is_left() ? __libc_malloc(size) : NULL;

	live += block != NULL;
	return block;
}

void *
calloc(size_t n, size_t size)
{
	void *block = is_left() ? __libc_calloc(n, size) : NULL;

	live += block != NULL;
	return block;
}

void *
realloc(void *old, size_t size)
{
	look_at(old); /* which may be moved */
	void *block = is_left() ? __libc_realloc(old, size) : NULL;

	live += block != NULL && old == NULL;
	return block;
}

void
free(void *block)
{
	look_at(block);
	live -= block != NULL;
	__libc_free(block);
}
#endif

static bool
read_certificate(void *context, const char *path, struct buffer *text,
		 struct error *e)
{
	struct span rest = span_of(PEM), line;

	(void)context;
	(void)path;
	while (span_next(&rest, "\\", &line)) {
		if (line.len > 0 && line.ptr[0] == 'n')
			line = span_after(line, 1);
		buffer_add(text, line);
		buffer_add_byte(text, '\n');
	}
	return !text->failed || error_set(e, "out of memory");
}

static const struct entry_files files = { .read = read_certificate };

/* Do something with little memory, and check the result.  True if it
 * was done, as it is with enough. */
typedef bool attempt(const void *row);

/* Blocks in use but for OpenSSL's errors, which it keeps for each thread. */
static long
count_live(void)
{
	OPENSSL_thread_stop();
	return live;
}

/* json: json-c is part of it.  0.16 loses a value that it has no memory to add
 * to its object and goes on without it, and it takes a name that it could not
 * copy for one.  So leaks do not count, and no allocation fails alone. */
static size_t
fail_each(attempt *try_it, const void *row, const char *name, bool once)
{
	size_t n = 0;

	for (failed = true; failed; n++) {
		failed = false;
		fails_once = once;
		allocations_left = n;
		bool done = try_it(row);
		allocations_left = SIZE_MAX;
		if (!failed && !done)
			fail_msg("%s: not done with enough memory", name);
	}
	return n;
}

/* The first pass leaves behind what libraries make once; the second counts. */
static void
exhaust(attempt *try_it, const void *row, const char *name, bool json)
{
	enum { PASSES = 2 };
	size_t n = 0;
	long before = 0;

	for (int pass = 0; pass < PASSES; pass++) {
		assert_true(try_it(row));
		before = count_live();
		n = fail_each(try_it, row, name, false);
		if (json)
			before = count_live();
		else
			n = fail_each(try_it, row, name, true);
		assert_true(try_it(row));
	}
	if (count_live() != before)
		fail_msg("%s: %ld blocks stay", name, live - before);
	/* Else the allocator here is not the one that is used. */
	if (CAN_FAIL)
		assert_true(n > 1);
}

/* End the want, so that a check may say what is wrong. */
static void
check(bool good, const char *what)
{
	size_t left = allocations_left;

	if (good)
		return;
	allocations_left = SIZE_MAX;
	fail_msg("with %zu allocations left: %s", left, what);
}

struct event_row {
	const char *body;
	enum event_result result;
	enum presented presented;
};

static bool
read_event(const void *at)
{
	const struct event_row *row = at;
	struct event event;
	enum event_result result = event_read(&event, span_of(row->body));

	check(result == row->result || result != EVENT_READ, row->body);
	/* A member that json-c dropped without a word is missed by number. */
	check(event.presented != PRESENTED_ONE ||
		      event.content.len == sizeof(PEM) - 1 - PEM_ESCAPES,
	      row->body);
	/* Above all: a certificate is never none. */
	check(event.presented == row->presented ||
		      event.presented == PRESENTED_UNREADABLE,
	      row->body);
	bool done = result == row->result && event.presented == row->presented;
	event_free(&event);
	return done;
}

static void
test_event(void **state)
{
	static const struct event_row rows[] = {
		{ WHOLE, EVENT_READ, PRESENTED_ONE },
		{ "{\"a\":1}", EVENT_READ, PRESENTED_NONE },
		{ "{\"\\u0061\":1,\"clientCertificates\":[]}", EVENT_READ,
		  PRESENTED_NONE },
		{ "{\"a\":1,\"a\":2}", EVENT_DUPLICATE_MEMBER,
		  PRESENTED_UNREADABLE },
		{ "{\"clientCertificates\":[],\"clientCertificates\":[{"
		  "\"thumbprint\":\"" SHA1 "\"}]}",
		  EVENT_DUPLICATE_MEMBER, PRESENTED_UNREADABLE },
		{ "{\"clientCertificates\":[0,0,0,0,0,0,0,0,0,0,0]}",
		  EVENT_READ, PRESENTED_TOO_MANY },
		{ "{\"clientCertificates\":[{\"thumbprint\":\"" SHA1
		  "\"},0,0,0,0,0,0,0,0,0,0]}",
		  EVENT_READ, PRESENTED_TOO_MANY },
		{ "{\"clientCertificates\":[0]}", EVENT_READ,
		  PRESENTED_UNREADABLE },
		{ "{\"clientCertificates\":[{\"thumbprint\":1}]}", EVENT_READ,
		  PRESENTED_UNREADABLE },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		exhaust(read_event, &rows[i], rows[i].body, true);
}

static const char list_text[] =
	SHA1 " user=a groups=b,c roles=sendToGroup,joinLeaveGroup hub=d "
	     "subprotocol=e expires=2030-01-01\n"
	     "\u200e" OTHER "\n"
	     "deny " OTHER "\nfile:/certificate\n";

static bool
build_list(const void *row)
{
	struct thumbprint pins[2];
	struct list list = { 0 };
	struct error e = { 0 };
	const struct list_key *found;

	(void)row;
	check(thumbprint_from_label(SPAN(OTHER), &pins[0]), "label");
	pins[1] = pins[0];
	pins[1].digest[0] ^= 1;
	bool done = list_build(&list, span_of(list_text), pins, 2, &files, &e);
	check(done != e.set, "an error and none, or neither");
	if (done) {
		const struct terms *terms = list.entries[0].terms;
		check(list.n == 5 && list.denies, "entries");
		check(list_find(&list, &pins[0], &found) == 2 &&
			      !found[1].entry->allows,
		      "the deny entry");
		check(list_find(&list, &pins[1], &found) == 1, "the pin");
		check(list.entries[3].pin.kind == THUMBPRINT_SHA256, "file:");
		check(terms != NULL && terms->hubs != NULL &&
			      terms->roles[1] != NULL &&
			      list.entries[0].not_after != 0,
		      "the limits");
	} else {
		check(list.n == 0 && list.entries == NULL, "what is left");
	}
	list_free(&list);
	return done;
}

static void
test_list(void **state)
{
	(void)state;
	exhaust(build_list, NULL, "list", false);
}

/* A setting that got lost would be a check that is not made. */
static bool
read_settings(const void *row)
{
	static char hub[] = "CERTGATE_HUB=a,b";
	char *environment[] = { hub, NULL };
	struct settings s = { 0 };
	struct error e = { 0 };

	(void)row;
	bool done = settings_read(
		&s,
		SPAN("CLIENT_CERT_THUMBPRINT=" SHA1 "," OTHER "\n"
		     "CERTGATE_LIST=/list\nCERTGATE_SIGNATURE=required\n"
		     "CERTGATE_ACCESS_KEYS=one0123456789abc,two0123456789abc\n"
		     "WebPubSubConnectionString=Endpoint=https://a.example;"
		     "AccessKey=0123456789abcdef\nCERTGATE_CODE=c\nCERTGATE_"
		     "REMOTE_USER=u\n"
		     "CERTGATE_REQUIRE_CONTENT=yes\n"),
		"settings", environment, &e);
	check(done != e.set, "an error and none, or neither");
	if (done) {
		check(s.n_pins == 2 && s.list != NULL && s.keys.n == 3, "pins");
		check(s.code != NULL && s.remote_user != NULL &&
			      s.require_content,
		      "checks");
		check(s.hubs != NULL && s.origins != NULL &&
			      s.hubs[1] != NULL && s.missing_user != NULL,
		      "limits");
		check(settings_add_keys(
			      &s, SPAN("0123456789abcde1\n0123456789abcde2\n"),
			      &e)
			      ? s.keys.n > 4
			      : e.set,
		      "more keys");
		done = s.keys.n == 5;
	} else {
		check(s.keys.n == 0 && s.pins == NULL, "what is left");
	}
	settings_free(&s);
	return done;
}

static void
test_settings(void **state)
{
	(void)state;
	exhaust(read_settings, NULL, "settings", false);
}

/* Whole requests that are refused. */
struct refusal {
	const char *name;
	const char *list;
	const char *body;
	const char *signature;
	const char *hub;
	enum reason reason;
};

static struct settings settings;
static struct list list;

static bool
answer_request(const void *at)
{
	const struct refusal *row = at;
	char hub[64], signature[128];
	char method[] = "REQUEST_METHOD=POST",
	     type[] = "HTTP_CE_TYPE=azure.webpubsub.sys.connect",
	     content[] = "CONTENT_TYPE=application/json",
	     origin[] = "HTTP_WEBHOOK_REQUEST_ORIGIN=a.example",
	     connection[] = "HTTP_CE_CONNECTIONID="
			    "0f9c97a2f0bf4706afe87a14e0797b11";
	char *parameters[] = { method,	   type, content,   origin,
			       connection, hub,	 signature, NULL };
	struct request_body body = { .bytes = span_of(row->body),
				     .length = strlen(row->body) };
	struct gate gate = { &settings, &list };
	struct request request;
	struct answer answer;
	struct buffer out;

	(void)snprintf(hub, sizeof(hub), "HTTP_CE_HUB=%s", row->hub);
	(void)snprintf(signature, sizeof(signature), "HTTP_CE_SIGNATURE=%s",
		       row->signature);
	answer_init(&answer);
	request_read(&request, parameters, &body);
	buffer_init(&out, RESPONSE_MAX);
	handler_answer(&gate, &request, 1767225600, &answer);
	handler_write(&answer, &request, &out);
	struct span bytes = buffer_span(&out);
	check(answer.decision.verdict == VERDICT_DENY, row->name);
	check(answer.decision.reason < REASON_VALIDATED, row->name);
	check(out.failed || span_starts(bytes, SPAN("Status: 4")), row->name);
	check(!span_contains(bytes, SPAN("WebHook-Allowed")), row->name);
	bool done = answer.decision.reason == row->reason && !out.failed;
	buffer_free(&out);
	answer_free(&answer);
	return done;
}

static void
test_refusals(void **state)
{
	static const struct refusal rows[] = {
		{ "denied", SHA1 "\ndeny " SHA256 "\n", WHOLE, GOOD, "chat",
		  REASON_DENIED },
		{ "not listed", OTHER "\n", WHOLE, GOOD, "chat",
		  REASON_NOT_LISTED },
		{ "another's content", OTHER "\n",
		  "{\"clientCertificates\":[{\"thumbprint\":\"" OTHER
		  "\",\"content\":\"" PEM "\"}]}",
		  GOOD, "chat", REASON_LABEL_MISMATCH },
		{ "a wrong signature", SHA1 "\n", WHOLE, ZERO, "chat",
		  REASON_SIGNATURE },
		{ "no signature", SHA1 "\n", WHOLE, "", "chat",
		  REASON_NO_SIGNATURE },
		{ "another hub", SHA1 "\n", WHOLE, GOOD, "other", REASON_HUB },
		{ "an entry that ended", SHA1 " expires=2025-01-01\n", WHOLE,
		  GOOD, "chat", REASON_ENTRY_EXPIRED },
		{ "no name", SHA1 " user=@cn\n",
		  "{\"clientCertificates\":[{\"thumbprint\":\"" SHA1 "\"}]}",
		  GOOD, "chat", REASON_NO_USER_ID },
		{ "two equal members", SHA1 "\n",
		  "{\"a\":1,\"clientCertificates\":[{\"thumbprint\":\"" SHA1
		  "\"}],\"a\":1}",
		  GOOD, "chat", REASON_DUPLICATE_MEMBER },
	};
	static char keys[] = "CERTGATE_ACCESS_KEYS="
			     "7aab239577fd4f24bc919802fb629f5f",
		    hubs[] = "CERTGATE_HUB=chat",
		    missing[] = "CERTGATE_MISSING_CERTIFICATE=allow";
	char *environment[] = { keys, hubs, missing, NULL };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct error e = { 0 };
		assert_true(settings_read(&settings, (struct span){ 0 }, "",
					  environment, &e));
		assert_true(list_build(&list, span_of(rows[i].list), NULL, 0,
				       &files, &e));
		exhaust(answer_request, &rows[i], rows[i].name, true);
		list_free(&list);
		settings_free(&settings);
	}
}

/* A chain that is good now, and one that is not at that time: with too little
 * memory neither is. */
static bool
verify_chain(const void *at)
{
	const int64_t *now = at;
	struct chain_memory memory = { 0 };
	struct chain_verdict verdict;
	struct certificate c = { 0 };
	struct buffer der;
	struct error e = { 0 };
	struct chain_trust *trust = chain_trust_new(SPAN(AUTHORITY), &e);
	enum chain_result result = CHAIN_UNTRUSTED;

	check((trust != NULL) != e.set, "an error and none, or neither");
	buffer_init(&der, PEM_MAX);
	bool read = pem_decode(SPAN(ISSUED), &der) &&
		    certificate_read(buffer_span(&der), &c);
	struct chain_client client = {
		.der = buffer_span(&der),
		.issuer = c.issuer,
		.sha256 = c.sha256,
	};
	if (trust != NULL && read)
		result = chain_verify(trust, &client, 2, *now, &memory,
				      &verdict);
	chain_client_free(&client);
	check(result != CHAIN_GOOD || *now < INT32_MAX, "a CA that ended");
	bool done = trust != NULL && read &&
		    (result == CHAIN_GOOD) == (*now < INT32_MAX);
	chain_memory_free(&memory);
	buffer_free(&der);
	chain_trust_free(trust);
	return done;
}

static void
test_chain(void **state)
{
	static const int64_t times[] = { 1767225600, 2524608000 };

	(void)state;
	for (size_t i = 0; i < COUNT(times); i++)
		exhaust(verify_chain, &times[i], "chain", false);
}

static char folder[] = "/tmp/certgate.XXXXXX";

static const char *
path_of(const char *name)
{
	static char path[2][sizeof(folder) + 16];
	static unsigned turn;
	char *at = path[turn++ % 2];

	(void)snprintf(at, sizeof(path[0]), "%s/%s", folder, name);
	return at;
}

/* Settings, with keys, a code and a list of their own; b has one key more. */
static void
write_settings(const char *name)
{
	static const struct {
		const char *name, *text; /* '@' stands for the settings' path */
	} parts[] = {
		{ "", "CERTGATE_ACCESS_KEYS_FILE=@k\nCERTGATE_CODE_FILE=@c\n"
		      "CERTGATE_LIST=@l\n" },
		{ "k", "one0123456789abc\n" },
		{ "c", "@\n" },
		{ "l", SHA1 " user=@\n" },
	};

	for (size_t i = 0; i < COUNT(parts); i++) {
		char own[8];
		(void)snprintf(own, sizeof(own), "%s%s", name, parts[i].name);
		FILE *file = fopen(path_of(own), "w");
		assert_non_null(file);
		for (const char *p = parts[i].text; *p != '\0'; p++)
			if (*p == '@')
				(void)fputs(path_of(name), file);
			else
				(void)fputc(*p, file);
		if (strcmp(own, "bk") == 0)
			(void)fputs("two0123456789abc\n", file);
		assert_int_equal(fclose(file), 0);
		assert_int_equal(chmod(path_of(own), 0600), 0);
	}
}

static bool
is_path(const char *path, const char *name, char part)
{
	size_t n = strlen(path_of(name));

	return path != NULL && strncmp(path, path_of(name), n) == 0 &&
	       path[n] == part && path[n + 1] == '\0';
}

/* All that is in force is of the settings name. */
static bool
is_all_of(const struct configuration *store, const char *name)
{
	const struct settings *s = &store->settings;

	return store->has_settings && s->keys.n == 1 + (name[0] == 'b') &&
	       s->code != NULL && strcmp(s->code, path_of(name)) == 0 &&
	       is_path(s->keys_file, name, 'k') &&
	       is_path(s->code_file, name, 'c') && is_path(s->list, name, 'l');
}

static time_t skipped_s;

/* Wait take no time. */
int
clock_gettime(clockid_t clock, struct timespec *now)
{
	int result = (int)syscall(SYS_clock_gettime, clock, now);

	if (clock == CLOCK_MONOTONIC)
		now->tv_sec += skipped_s;
	return result;
}

/* A link, so that what it leads to is old enough to be read at a start. */
static void
turn_settings(const char *name)
{
	(void)unlink(path_of("fresh"));
	assert_int_equal(symlink(path_of(name), path_of("fresh")), 0);
	assert_int_equal(rename(path_of("fresh"), path_of("settings")), 0);
}

/* From the settings a to b: without memory all stays as it was, and goes on
 * when there is some. */
static bool
reload(const void *row)
{
	char path[sizeof(folder) + 16];
	struct configuration_source source = { .path = path };
	size_t left = allocations_left;
	struct configuration store;

	(void)row;
	allocations_left = SIZE_MAX;
	(void)snprintf(path, sizeof(path), "%s", path_of("settings"));
	turn_settings("a");
	configuration_open(&store, source, NULL);
	assert_true(is_all_of(&store, "a") && store.list.n == 1);
	turn_settings("b");
	skipped_s += 2;
	configuration_refresh(&store, false);
	skipped_s += 2; /* now it rests */
	allocations_left = left;
	configuration_refresh(&store, true);
	bool done = is_all_of(&store, "b");
	check(done || is_all_of(&store, "a"), "half of one, half of the other");
	check(done || !failed || (store.stale && store.has_list),
	      "settings that stay, without a word or their list");
	done &= store.has_list && !store.stale;
	allocations_left = SIZE_MAX;
	configuration_refresh(&store, true);
	if (failed)
		check(is_all_of(&store, "b") && store.has_list && !store.stale,
		      "with memory again, not taken up");
	configuration_close(&store);
	return done;
}

static void
say_nothing(void *context, enum log_level level, const struct error *e)
{
	(void)context;
	(void)level;
	(void)e;
}

static void
test_reload(void **state)
{
	enum { TRIES = 240, PAUSE_US = 50000 };

	(void)state;
	assert_non_null(mkdtemp(folder));
	log_divert(say_nothing, NULL);
	write_settings("a");
	write_settings("b");
	for (int i = 0; i < TRIES && !reload(NULL); i++)
		(void)usleep(PAUSE_US);
	exhaust(reload, NULL, "reload", false);
	static const char *const names[] = { "a",  "ak", "ac", "al",	  "b",
					     "bk", "bc", "bl", "settings" };
	for (size_t i = 0; i < COUNT(names); i++)
		assert_int_equal(unlink(path_of(names[i])), 0);
	assert_int_equal(rmdir(folder), 0);
}

/* What is read in pieces is wiped in each block that it was in. */
static void
test_wiped(void **state)
{
	enum { SIZE = 1000000 };
	static const char word[] = "0123456789abcdef";
	struct buffer text;
	struct error e = { 0 };
	FILE *file = tmpfile();

	(void)state;
	assert_non_null(file);
	assert_true(fputs(word, file) >= 0);
	assert_int_equal(fseek(file, SIZE, SEEK_SET), 0);
	assert_true(fputs(word, file) >= 0);
	assert_int_equal(fflush(file), 0);
	assert_int_equal(lseek(fileno(file), 0, SEEK_SET), 0);
	secret = span_of(word);
	buffer_init(&text, 2 * SIZE);
	assert_true(file_read_all(fileno(file), &text, &e));
	assert_true(text.len > SIZE && span_starts(buffer_span(&text), secret));
	buffer_wipe(&text);
	assert_int_equal(left_behind, 0);
	/* Else blocks are not looked at. */
	char *copy = strdup(word);
	assert_non_null(copy);
	free(copy);
	secret = (struct span){ 0 };
	if (CAN_FAIL)
		assert_int_equal(left_behind, 1);
	assert_int_equal(fclose(file), 0);
}

static int
start(void **state)
{
	(void)state;
	return !digest_start(DIGEST_USE_HANDLER);
}

int
main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_event),
		cmocka_unit_test(test_list),
		cmocka_unit_test(test_settings),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_chain),
		cmocka_unit_test(test_reload),
		cmocka_unit_test(test_wiped),
	};

	return cmocka_run_group_tests_name("faults", tests, start, NULL);
}
