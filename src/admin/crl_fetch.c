/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * certgate crl fetch: download the CRLs of ca: entries, check them, and replace
 * the files of crl= by newer ones.
 */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "admin/command.h"
#include "admin/print.h"
#include "admin/replace.h"
#include "admin/setup.h"
#include "admin/web.h"
#include "base/date.h"
#include "host/file.h"
#include "host/log.h"
#include "host/sites.h"
#include "policy/entry_parse.h"
#include "policy/list.h"
#include "protocol/chain_trust.h"

/* The answer from a URL, for all files that use it. */
struct download {
	char *url; /* owned */
	char *shown; /* owned; url without secrets */
	struct web_answer answer;
	bool failed; /* and that was printed */
	bool used; /* it has a CRL of one of the CAs */
	bool named; /* it has a CRL with the name of one of the CAs */
};

/* The files of ca: and crl= of an entry. */
struct pair {
	char *ca, *crl; /* owned */
};

struct fetch {
	const struct command *command;
	int64_t now;
	struct download *download; /* owned */
	size_t n_downloads;
	struct pair *pair; /* owned */
	size_t n_pairs;
	bool failed;
};

/* A pair of files, while the CRL file is locked. */
struct renewal {
	const struct pair *pair;
	struct replacement file;
	struct stat old; /* of the file; with exists */
	bool exists;
	struct buffer ca; /* text of the CAs */
	struct chain_trust *trust; /* owned; the CAs, and the CRLs in force */
	size_t n_old; /* CRLs of trust that the file had */
	bool replaced[CHAIN_PARTS_MAX]; /* of these */
	bool changed; /* trust has a new CRL */
	bool written; /* the CRL is in the file too */
	bool found; /* a CRL of one of its CAs, new or not */
	bool failed;
};

static void __attribute__((format(printf, 3, 4)))
complain(struct fetch *f, const char *where, const char *format, ...)
{
	struct error e = { .set = true };
	va_list arguments;

	f->failed = true;
	va_start(arguments, format);
	(void)vsnprintf(e.text, sizeof(e.text), format, arguments);
	va_end(arguments);
	error_where(&e, where);
	print_error(&e);
}

/* Print the error, which may have no place. */
static void
complain_error(struct fetch *f, const char *where, struct error *e)
{
	f->failed = true;
	error_where(e, where);
	print_error(e);
}

static void
download(struct fetch *f, struct download *d)
{
	const struct web_request request = {
		.method = "GET",
		.url = d->url,
		.authorities = f->command->option[OPTION_CA],
		.answer_max = CHAIN_CRL_TEXT_MAX,
	};

	web_exchange(&request, &d->answer);
	d->failed = true;
	if (d->answer.result == WEB_SLOW)
		complain(f, d->shown, "no whole answer within %d s",
			 WEB_TIMEOUT_S);
	else if (d->answer.body.failed)
		complain(f, d->shown, "larger than %d bytes",
			 CHAIN_CRL_TEXT_MAX);
	else if (d->answer.result != WEB_ANSWERED)
		complain(f, d->shown, "%s", d->answer.problem);
	else if (d->answer.status != 200)
		complain(f, d->shown, "status %d: expected 200",
			 d->answer.status);
	else
		d->failed = false;
}

/* Return the download from url, made now if it is the first of it; NULL, and
 * printed, if there is no memory. */
static struct download *
find_download(struct fetch *f, const char *url)
{
	for (size_t i = 0; i < f->n_downloads; i++)
		if (strcmp(f->download[i].url, url) == 0)
			return &f->download[i];
	struct download *longer =
		reallocarray(f->download, f->n_downloads + 1, sizeof(*longer));
	struct download one = { .url = strdup(url),
				.shown = web_public_url(url) };
	if (longer != NULL)
		f->download = longer;
	if (longer == NULL || one.url == NULL || one.shown == NULL) {
		free(one.url);
		free(one.shown);
		complain(f, "crl fetch", "out of memory");
		return NULL;
	}
	struct download *made = &longer[f->n_downloads++];
	*made = one;
	download(f, made);
	return made;
}

/* Return true if both are from one CA, for the same certificates. */
static bool
takes_place_of(const struct crl *crl, const struct crl *old)
{
	return (crl->signers & old->signers) != 0 && crl_has_scope_of(crl, old);
}

static const char *
name_of(const struct chain_trust *trust, const struct crl *crl)
{
	struct buffer name;
	size_t i = 0;

	while (i < trust->n_authorities - 1 && (crl->signers >> i & 1) == 0)
		i++;
	buffer_init(&name, CHAIN_SUBJECT_MAX);
	chain_trust_subject(trust, i, &name);
	const char *word = error_word(buffer_span(&name));
	buffer_free(&name);
	return word;
}

static const char *
number_text(const struct crl *crl, char text[64])
{
	struct buffer number;

	buffer_init(&number, 60);
	crl_add_number(crl, &number);
	span_write(buffer_span(&number), text, 64);
	buffer_free(&number);
	return text;
}

/* Return false, and print why, if the CRL cannot take the place of old. */
static bool
is_newer(struct fetch *f, struct renewal *r, const struct download *d,
	 const struct crl *crl, const struct crl *old)
{
	char number[64], old_number[64];
	int order = crl_compare(crl, old);

	if (order > 0)
		return true;
	if (order == 0)
		complain(f, d->shown,
			 "CRL number %s, as the CRL in %s, but with other "
			 "contents",
			 number_text(crl, number), r->pair->crl);
	else
		complain(f, d->shown,
			 "CRL number %s: older than number %s in %s",
			 number_text(crl, number), number_text(old, old_number),
			 r->pair->crl);
	r->failed = true;
	return false;
}

/* Return false, and print why, if the CRL is not current. */
static bool
is_current(struct fetch *f, struct renewal *r, const struct download *d,
	   const struct crl *crl)
{
	char day[DATE_TEXT_SIZE];

	if (f->now > crl->to)
		complain(f, d->shown, "CRL expired on %s",
			 date_text(crl->to, day));
	else if (f->now < crl->from)
		complain(f, d->shown, "CRL is not valid before %s",
			 date_text(crl->from, day));
	else
		return true;
	r->failed = true;
	return false;
}

/* Put the CRL beside the others of r, in place of older ones. */
static void
add_crl(struct fetch *f, struct renewal *r, const struct crl *crl)
{
	size_t n = r->trust->n_crls;
	struct error e = { 0 };
	struct buffer text;

	buffer_init(&text, CHAIN_CRL_TEXT_MAX);
	crl_write(crl, &text);
	if (text.failed)
		error_set(&e, "out of memory");
	else if (chain_trust_add_crls(r->trust, buffer_span(&text), &e))
		r->changed = true;
	if (e.set) {
		r->failed = true;
		complain_error(f, r->pair->crl, &e);
	}
	for (size_t i = 0; i < n && !e.set; i++)
		r->replaced[i] |= takes_place_of(crl, &r->trust->crls[i]);
	buffer_free(&text);
}

static void
take_crl(struct fetch *f, struct renewal *r, const struct download *d,
	 const struct chain_trust *fresh, const struct crl *crl)
{
	const char *what = "new";
	char day[DATE_TEXT_SIZE], number[64];

	r->found = true;
	if (!is_current(f, r, d, crl))
		return;
	for (size_t i = 0; i < r->trust->n_crls; i++) {
		const struct crl *old = &r->trust->crls[i];
		if (r->replaced[i] || !takes_place_of(crl, old))
			continue;
		if (crl_is_equal(crl, old))
			what = "unchanged";
		else if (!is_newer(f, r, d, crl, old))
			return;
	}
	print("%s: %s: CRL of '%s', number %s, until %s\n", r->pair->crl, what,
	      name_of(fresh, crl), number_text(crl, number),
	      date_text(crl->to, day));
	if (strcmp(what, "new") == 0)
		add_crl(f, r, crl);
}

/* Print why an answer is not a CRL; e is the error of its reader. */
static void
complain_body(struct fetch *f, const char *where, struct span body,
	      struct error *e)
{
	enum { DER_SEQUENCE = 0x30 };
	struct span rest = body, word = body;

	if (span_next_word(&rest, " \t\r\n", &word) &&
	    span_starts(word, SPAN("<")))
		complain(f, where,
			 "found HTML or XML: expected a CRL (fix: the "
			 "URL)");
	else if (body.len > 0 && body.ptr[0] == DER_SEQUENCE)
		complain(f, where, "incomplete or invalid DER: expected a CRL");
	else
		complain_error(f, where, e);
}

/* Take the CRLs from the URL that are of a CA of r. */
static void
take_url(struct fetch *f, struct renewal *r, const char *url)
{
	struct download *d = find_download(f, url);
	struct error e = { 0 };

	r->failed |= d == NULL || d->failed;
	if (d == NULL || d->failed)
		return;
	struct span body = buffer_span(&d->answer.body);
	struct chain_trust *fresh = chain_trust_new(buffer_span(&r->ca), &e);
	if (fresh == NULL || !chain_trust_add_crls(fresh, body, &e)) {
		d->failed = r->failed = true;
		complain_body(f, d->shown, body, &e);
	} else {
		for (size_t i = 0; i < fresh->n_crls; i++) {
			d->used |= fresh->crls[i].signers != 0;
			d->named |= chain_trust_has_issuer(fresh, i);
			if (fresh->crls[i].signers != 0)
				take_crl(f, r, d, fresh, &fresh->crls[i]);
		}
	}
	chain_trust_free(fresh);
}

/* Take the URLs of the settings, else those in the CAs. */
static void
take_urls(struct fetch *f, struct renewal *r, char *const *urls)
{
	struct buffer found;

	for (char *const *url = urls; url != NULL && *url != NULL; url++)
		take_url(f, r, *url);
	if (urls != NULL)
		return;
	buffer_init(&found, CHAIN_CA_TEXT_MAX);
	for (size_t i = 0; i < r->trust->n_authorities; i++)
		crl_add_urls(r->trust->authorities[i].x, &found);
	for (size_t at = 0; at < found.len; at += strlen(found.data + at) + 1)
		take_url(f, r, found.data + at);
	if (found.len == 0) {
		r->failed = true;
		complain(f, r->pair->ca,
			 "no CA has the URL of a CRL (fix: set "
			 "CERTGATE_CRL_URLS)");
	}
	buffer_free(&found);
}

/* Check that the new file loads, as the handler loads it. */
static bool
check_text(const struct renewal *r, struct span text, struct error *e)
{
	struct chain_trust *trust = chain_trust_new(buffer_span(&r->ca), e);
	bool ok = trust != NULL && chain_trust_add_crls(trust, text, e);

	chain_trust_free(trust);
	return ok;
}

static void
write_file(struct fetch *f, struct renewal *r)
{
	struct error e = { 0 };
	struct buffer text;

	if (!r->changed || f->command->option[OPTION_DRY_RUN] != NULL)
		return;
	buffer_init(&text, CHAIN_CRL_TEXT_MAX);
	for (size_t i = 0; i < r->trust->n_crls; i++)
		if (!r->replaced[i])
			crl_write(&r->trust->crls[i], &text);
	if (text.failed)
		error_set(&e, "out of memory");
	else if (check_text(r, buffer_span(&text), &e))
		(void)!replace_commit(&r->file, buffer_span(&text),
				      r->exists ? &r->old : NULL, &e);
	buffer_free(&text);
	r->written = !e.set;
	if (r->written)
		return;
	r->failed = true;
	complain_error(f, r->pair->crl, &e);
}

/* Print when clients will be rejected if no fetch succeeds. */
static void
print_force(const struct fetch *f, const struct renewal *r)
{
	const struct chain_trust *trust = r->trust;
	int64_t end = INT64_MAX;
	char day[DATE_TEXT_SIZE];

	for (size_t i = 0; i < trust->n_crls; i++) {
		const struct crl *crl = &trust->crls[i];
		bool counts = r->written ? !r->replaced[i] : i < r->n_old;
		if (counts && crl->signers != 0 && crl->to < end)
			end = crl->to;
	}
	if (end == INT64_MAX)
		return;
	if (end < f->now)
		print_problem("%s: a CRL in force expired on %s: rejecting "
			      "every certificate of its CA",
			      r->pair->crl, date_text(end, day));
	else
		print_problem("%s: a CRL in force expires in %d days, on %s",
			      r->pair->crl,
			      (int)((end - f->now) / DATE_DAY_SECONDS),
			      date_text(end, day));
}

/* Read both files.  A CRL that does not load is as good as none. */
static bool
read_files(struct fetch *f, struct renewal *r)
{
	struct file_identity identity;
	struct buffer text;
	struct error e = { 0 };

	if (file_read(r->pair->ca, false, CHAIN_CA_TEXT_MAX, &r->ca, &identity,
		      &e) != FILE_READ) {
		complain_error(f, r->pair->ca, &e);
		return false;
	}
	r->trust = chain_trust_new(buffer_span(&r->ca), &e);
	if (r->trust == NULL) {
		complain_error(f, r->pair->ca, &e);
		return false;
	}
	const char *path = r->file.path;
	enum file_result result = file_read(path, false, CHAIN_CRL_TEXT_MAX,
					    &text, &identity, &e);
	bool broken = result == FILE_READ &&
		      !chain_trust_add_crls(r->trust, buffer_span(&text), &e);
	r->n_old = r->trust->n_crls;
	r->exists = stat(path, &r->old) == 0;
	buffer_free(&text);
	if (broken || (result != FILE_READ && result != FILE_ABSENT))
		complain_error(f, r->pair->crl, &e);
	/* A link of _certgate must not make root replace another file. */
	return (result == FILE_READ || result == FILE_ABSENT) &&
	       (!broken || strcmp(path, r->pair->crl) == 0);
}

static void
renew(struct fetch *f, const struct pair *pair, char *const *urls)
{
	struct renewal r = { .pair = pair, .file = REPLACEMENT_NONE };
	bool dry = f->command->option[OPTION_DRY_RUN] != NULL;
	struct error e = { 0 };

	buffer_init(&r.ca, CHAIN_CA_TEXT_MAX);
	if (!replace_open(&r.file, pair->crl, dry, &e)) {
		complain_error(f, pair->crl, &e);
	} else if (read_files(f, &r)) {
		take_urls(f, &r, urls);
		write_file(f, &r);
		if (!r.found)
			complain(f, pair->crl, "no URL has a CRL of its CA");
		if (r.failed || !r.found)
			print_force(f, &r);
	}
	chain_trust_free(r.trust);
	replace_close(&r.file);
	buffer_free(&r.ca);
}

/* Print the URLs whose CRLs are from none of the CAs. */
static void
print_unused(struct fetch *f)
{
	for (size_t i = 0; i < f->n_downloads; i++)
		if (!f->download[i].used && !f->download[i].failed)
			complain(f, f->download[i].shown, "%s",
				 f->download[i].named
					 ? "bad signature: not that of the CA "
					   "that the CRL names"
					 : "the CRL is not that of a CA of the "
					   "list");
}

static void
add_pair(struct fetch *f, const struct terms *terms)
{
	for (size_t i = 0; i < f->n_pairs; i++)
		if (strcmp(f->pair[i].ca, terms->ca) == 0 &&
		    strcmp(f->pair[i].crl, terms->crl) == 0)
			return;
	struct pair *longer =
		reallocarray(f->pair, f->n_pairs + 1, sizeof(*longer));
	if (longer != NULL)
		f->pair = longer;
	char *ca = strdup(terms->ca), *crl = strdup(terms->crl);
	if (longer != NULL && ca != NULL && crl != NULL) {
		longer[f->n_pairs++] = (struct pair){ ca, crl };
		return;
	}
	free(ca);
	free(crl);
	complain(f, terms->crl, "out of memory");
}

/* Find the pairs line by line, since a list with a missing CRL does not
 * load. */
static void
find_pairs(struct fetch *f, const char *path, struct span text)
{
	struct warnings warnings = { .n = 0 };
	struct span line;

	for (unsigned number = 1; span_next(&text, "\n", &line); number++) {
		struct error e = { 0 };
		struct entry entry;
		line = list_entry_text(line);
		if (line.len == 0)
			continue;
		if (!entry_parse(&entry, line, &setup_files, &warnings, &e)) {
			e.line = number;
			complain_error(f, path, &e);
			continue;
		}
		if (entry.terms != NULL && entry.terms->ca != NULL &&
		    entry.terms->crl != NULL)
			add_pair(f, entry.terms);
		entry_free(&entry);
	}
}

static void
fetch_by(struct fetch *f, const struct configuration *c)
{
	struct file_identity identity;
	struct error e = { 0 };
	struct buffer text;
	size_t first = f->n_pairs;

	if (!c->has_settings) {
		complain(f, c->source.path,
			 "the settings do not load (fix: certgate check)");
		return;
	}
	if (c->settings.list == NULL)
		return;
	if (file_read(c->settings.list, false, LIST_TEXT_MAX, &text, &identity,
		      &e) == FILE_READ)
		find_pairs(f, c->settings.list, buffer_span(&text));
	else
		complain_error(f, c->settings.list, &e);
	buffer_free(&text);
	for (size_t i = first; i < f->n_pairs; i++)
		renew(f, &f->pair[i], c->settings.crl_urls);
}

/* Ignore errors of the list: it is read here line by line. */
static void
take_line(void *context, enum log_level level, const struct error *e)
{
	(void)context;
	(void)level;
	(void)e;
}

static void
fetch_free(struct fetch *f)
{
	for (size_t i = 0; i < f->n_downloads; i++) {
		free(f->download[i].url);
		free(f->download[i].shown);
		web_free(&f->download[i].answer);
	}
	for (size_t i = 0; i < f->n_pairs; i++) {
		free(f->pair[i].ca);
		free(f->pair[i].crl);
	}
	free(f->download);
	free(f->pair);
}

enum exit_code
crl_run(const struct command *command)
{
	struct fetch f = { .command = command, .now = (int64_t)time(NULL) };
	struct sites sites;

	if (strcmp(command->arguments[0], "fetch") != 0) {
		print_problem("expected fetch");
		return EXIT_MISUSED;
	}
	log_divert(take_line, NULL);
	sites_open(&sites, setup_source(), NULL);
	sites_read(&sites);
	fetch_by(&f, &sites.main);
	if (sites.unsure != 0)
		complain(&f, sites.folder,
			 "cannot be read: its sites are not "
			 "known");
	for (size_t i = 0; i < sites.n; i++)
		fetch_by(&f, &sites.site[i]->store);
	print_unused(&f);
	if (f.n_pairs == 0 && !f.failed)
		print("no entry has crl=\n");
	sites_close(&sites);
	fetch_free(&f);
	return f.failed ? EXIT_SYSTEM : EXIT_DONE;
}
