/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate list: the entries, the state of each, lines that are invalid, and
 * with --last-used when each entry last decided. */
#include "config.h"

#include <stdlib.h>
#include <time.h>

#include "admin/command.h"
#include "admin/edit.h"
#include "admin/expiry_log.h"
#include "admin/log_reader.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "admin/target.h"
#include "base/hex.h"
#include "host/log.h"
#include "host/sites.h"
#include "policy/list.h"

/* From an edit until every handler has loaded it. */
enum { LOAD_SECONDS = 15 };

static const char *
kind_of(const struct entry *entry)
{
	static const char *const names[] = {
		[THUMBPRINT_NONE] = "ca",
		[THUMBPRINT_SHA256] = "sha256",
		[THUMBPRINT_SPKI] = "spki",
		[THUMBPRINT_SHA1] = "sha1",
	};

	return names[entry->pin.kind];
}

static const char *
state_of(const struct entry *entry, int64_t now)
{
	const struct terms *terms = entry->terms;

	if (terms != NULL && now < terms->not_before)
		return "not yet";
	if (entry_has_expired(entry, now))
		return "ended";
	return entry->allows ? "allowed" : "denied";
}

/* When each entry last allowed, or denied, a client. */
struct last_used {
	const struct list *list; /* borrowed */
	int64_t *at; /* owned; of each entry, UTC seconds; 0: not seen */
	int64_t lines_since; /* lines of the log are lines of this list */
	struct log_reader log; /* after its last line */
};

/* By every pin of the certificate: an entry in use is never said to be unused
 * because another one decided. */
static void
use_pins(struct last_used *used, bool allows)
{
	static const struct {
		enum log_field field;
		enum thumbprint_kind kind;
	} pins[] = {
		{ FIELD_SHA256, THUMBPRINT_SHA256 },
		{ FIELD_SPKI, THUMBPRINT_SPKI },
		{ FIELD_SHA1, THUMBPRINT_SHA1 },
	};
	uint8_t digest[DIGEST_MAX_SIZE];
	const struct list_key *found;

	for (size_t i = 0; i < sizeof(pins) / sizeof(pins[0]); i++) {
		if (!hex_decode(used->log.value[pins[i].field], digest,
				thumbprint_size(pins[i].kind)))
			continue;
		struct thumbprint pin = thumbprint_of(pins[i].kind, digest);
		size_t n = list_find(used->list, &pin, &found);
		for (size_t k = 0; k < n; k++) {
			int64_t *at =
				&used->at[found[k].entry - used->list->entries];
			if (found[k].entry->allows == allows &&
			    used->log.time > *at)
				*at = used->log.time;
		}
	}
}

/* An entry of a CA has only its line, and that only while the list is the same:
 * a line of "stale" or of the variable is one of another list. */
static void
use_line(struct last_used *used, bool allows)
{
	uint64_t line = log_reader_number(&used->log, FIELD_LINE);
	uint64_t generation = log_reader_number(&used->log, FIELD_LIST);

	const struct list *list = used->list;
	const struct entry **entries =
		allows ? list->authorities : list->denials;
	size_t n = allows ? list->n_authorities : list->n_denials;

	if (used->log.time < used->lines_since || line == 0 || generation == 0)
		return;
	for (size_t i = 0; i < n; i++) {
		int64_t *at = &used->at[entries[i] - list->entries];
		if (entries[i]->line == line && used->log.time > *at)
			*at = used->log.time;
	}
}

static bool
last_used_read(struct last_used *used, const struct list *list,
	       const struct file_identity *identity, const char *path,
	       struct error *e)
{
	static const char *const reasons[] = { "listed", "denied", NULL };
	const struct log_query query = {
		.path = path,
		.reasons = reasons,
		.site = setup_site(),
		.fields = FIELD_BIT(FIELD_VERDICT) | FIELD_BIT(FIELD_SHA256) |
			  FIELD_BIT(FIELD_SPKI) | FIELD_BIT(FIELD_SHA1) |
			  FIELD_BIT(FIELD_LINE) | FIELD_BIT(FIELD_LIST),
	};

	used->list = list;
	used->lines_since = identity->changed.tv_sec + LOAD_SECONDS;
	used->at = calloc(list->n + 1, sizeof(*used->at));
	if (used->at == NULL)
		return error_set(e, "out of memory");
	if (!log_reader_open(&used->log, &query, e))
		return false;
	while (log_reader_next(&used->log)) {
		bool allows = span_equal(used->log.value[FIELD_VERDICT],
					 SPAN("allow"));
		use_pins(used, allows);
		use_line(used, allows);
	}
	return log_reader_ended(&used->log, e);
}

static void
last_used_free(struct last_used *used)
{
	log_reader_close(&used->log);
	free(used->at);
}

/* i: the entry's place in the list. */
static void
show_used(const struct last_used *used, size_t i)
{
	const struct entry *entry = &used->list->entries[i];
	int64_t at = used->at[i], since = used->log.begins;

	/* The time before is unknown; 0: all of it is. */
	if (entry->pin.kind == THUMBPRINT_NONE && since != 0 &&
	    used->lines_since > since)
		since = used->lines_since;
	print(at != 0	   ? "  (last used "
	      : since != 0 ? "  (not used since "
			   : "  (use unknown");
	if (at != 0 || since != 0)
		print_time(at != 0 ? at : since);
	print(")");
	print_json_time("last-used", at);
	print_json_time("known-since", since);
}

static void
show_pin(const struct edit_line *line)
{
	const struct entry *entry = &line->entry;
	struct span text = target_pin_text(entry, line->text);

	if (entry->pin.kind != THUMBPRINT_NONE) {
		print_digits(&entry->pin);
		print_json_digits("pin", &entry->pin);
	} else {
		print_text(text);
		print_json_string("pin", text);
	}
}

static void
show_terms(const struct entry *entry)
{
	if (entry->user != NULL)
		print_json_string("user", span_of(entry->user));
	if (entry->terms != NULL && entry->terms->not_before != 0)
		print_json_date("not-before", entry->terms->not_before);
	if (entry->not_after != 0)
		print_json_date("expires", entry->not_after);
}

/* What expires within 30 days, or has expired. */
struct ends {
	struct expiries all; /* in the order of lines */
	struct sites sites; /* owns what all borrows */
	bool has_sites;
	size_t n, at;
	int64_t now;
};

static int
compare_lines(const void *one, const void *other)
{
	const struct expiry *a = one, *b = other;

	if (a->line != b->line)
		return a->line < b->line ? -1 : 1;
	return (a->not_after > b->not_after) - (a->not_after < b->not_after);
}

/* The certificates in the log, by the main list of the settings. */
static bool
add_clients(struct ends *ends, const char *path, struct error *e)
{
	struct expiry_log *log = expiry_log_read(path, e);

	if (log == NULL)
		return false;
	/* Faults of the files are for certgate check. */
	log_divert(log_ignore, NULL);
	sites_open(&ends->sites, setup_source(), NULL);
	ends->has_sites = true;
	bool ok = expiries_add_log(&ends->all, log, &ends->sites, ends->now, e);
	expiry_log_free(log);
	return ok;
}

static bool
ends_read(struct ends *ends, const struct list *list, bool wants_log,
	  const char *path, struct error *e)
{
	ends->now = (int64_t)time(NULL);
	if (!expiries_add_list(&ends->all, list, NULL, setup_site(), e) ||
	    (wants_log && !add_clients(ends, path, e)))
		return false;
	ends->n = expiries_sort(&ends->all, ends->now);
	if (ends->n > 0)
		qsort(ends->all.expiry, ends->n, sizeof(*ends->all.expiry),
		      compare_lines);
	return true;
}

static void
ends_free(struct ends *ends)
{
	expiries_free(&ends->all);
	if (ends->has_sites)
		sites_close(&ends->sites);
}

/* Take the next one of the line, but for what its state says; NULL: none. */
static const struct expiry *
ends_next(struct ends *ends, unsigned line)
{
	while (ends->at < ends->n && ends->all.expiry[ends->at].line <= line) {
		const struct expiry *one = &ends->all.expiry[ends->at++];
		bool is_state = (one->kind == EXPIRY_ENTRY ||
				 one->kind == EXPIRY_DENY) &&
				one->not_after < ends->now;
		if (one->line == line && !is_state)
			return one;
	}
	return NULL;
}

/* Those of the line, below it. */
static void
show_ends(struct ends *ends, unsigned line)
{
	const struct expiry *one = ends_next(ends, line);
	struct buffer text;

	if (one == NULL)
		return;
	buffer_init(&text, sizeof(((struct error *)0)->text));
	print_json_open("warnings", '[');
	for (; one != NULL; one = ends_next(ends, line)) {
		buffer_clear(&text);
		expiry_text(one, ends->now, &text);
		print("      ");
		print_text(buffer_span(&text));
		print("\n");
		print_json_string(NULL, buffer_span(&text));
	}
	print_json_close(']');
	buffer_free(&text);
}

static void
show_entry(const struct edit_line *line, const struct last_used *used, size_t i,
	   struct ends *ends)
{
	const struct entry *entry = &line->entry;
	const char *state = state_of(entry, (int64_t)time(NULL));
	struct span options = span_trim(span_after(line->text, entry->pin_end));

	print("%4u  %-8s %-7s ", line->number, state, kind_of(entry));
	print_json_open(NULL, '{');
	print_json_number("line", line->number);
	print_json_string("state", span_of(state));
	print_json_string("kind", span_of(kind_of(entry)));
	show_pin(line);
	print(options.len > 0 ? "  " : "");
	print_text(options);
	print_json_string("options", options);
	if (used != NULL)
		show_used(used, i);
	if (!span_empty(line->comment)) {
		print("  ");
		print_text(line->comment);
		print_json_string("comment",
				  span_trim(span_after(line->comment, 1)));
	}
	print("\n");
	show_terms(entry);
	show_ends(ends, line->number);
	print_json_close('}');
}

/* The faults of the list, in the order of its lines. */
struct faults {
	struct error *fault; /* owned */
	size_t n;
	bool failed; /* out of memory */
};

static void
take_fault(void *context, const struct error *e)
{
	struct faults *faults = context;
	struct error *longer = reallocarray(faults->fault, faults->n + 1,
					    sizeof(*faults->fault));

	faults->failed |= longer == NULL;
	if (longer == NULL)
		return;
	faults->fault = longer;
	longer[faults->n++] = *e;
}

/* The text of the line may be a secret in the wrong file. */
static void
show_fault(const struct error *fault)
{
	print("%4u  invalid  %s\n", fault->line, fault->text);
	print_json_open(NULL, '{');
	print_json_number("line", fault->line);
	print_json_string("state", SPAN("invalid"));
	print_json_string("error", span_of(fault->text));
	print_json_close('}');
}

/* Without a fault, the entries of the list are the lines that have one. */
static void
show(const struct edit *edit, const struct faults *faults,
     const struct last_used *used, struct ends *ends)
{
	struct edit_line line = { 0 };
	size_t i = 0, k = 0;

	print_json_open(NULL, '[');
	while (edit_next(edit, &line)) {
		while (k < faults->n && faults->fault[k].line < line.number)
			k++;
		if (k < faults->n && faults->fault[k].line == line.number)
			show_fault(&faults->fault[k]);
		else if (line.reads)
			show_entry(&line, used, i++, ends);
	}
	print_json_close(']');
	if (used != NULL)
		log_reader_print_begin(&used->log, false);
}

static enum exit_code
report_faults(const struct faults *faults)
{
	for (size_t i = 0; i < faults->n; i++)
		print_error(&faults->fault[i]);
	print_problem("no handler loads the list until this is fixed");
	return EXIT_NO;
}

static enum exit_code
show_list(const struct command *command, const struct edit *edit,
	  struct error *e)
{
	const char *log = command->option[OPTION_LOG];
	struct last_used used = { .log = { .file = -1 } };
	struct ends ends = { .n = 0 };
	bool wants_use = command->option[OPTION_LAST_USED] != NULL;
	struct faults faults = { 0 };
	struct report report = { .fault = take_fault,
				 .context = &faults,
				 .where = edit->file.path };
	struct list list = { 0 };
	enum exit_code code = EXIT_DONE;

	bool valid = list_report(&list, buffer_span(&edit->before), NULL, 0,
				 &setup_files, &report, e);
	if (faults.failed) {
		error_set(e, "out of memory");
		code = EXIT_SYSTEM;
	} else if (!valid) {
		show(edit, &faults, NULL, &ends);
		code = report_faults(&faults);
	} else if ((wants_use &&
		    !last_used_read(&used, &list, &edit->identity, log, e)) ||
		   !ends_read(&ends, &list, wants_use, log, e)) {
		code = EXIT_SYSTEM;
	} else {
		show(edit, &faults, wants_use ? &used : NULL, &ends);
	}
	last_used_free(&used);
	ends_free(&ends);
	free(faults.fault);
	list_free(&list);
	return code;
}

enum exit_code
list_run(const struct command *command)
{
	struct edit edit = EDIT_CLOSED;
	struct error e = { 0 };
	enum exit_code code = EXIT_SYSTEM;
	char *path = setup_list(&e);

	if (path != NULL && edit_open(&edit, path, true, &e)) {
		if (edit.exists)
			code = show_list(command, &edit, &e);
		else
			error_set(&e, "%s: there is no such list", path);
	}
	if (e.set)
		print_error(&e);
	edit_close(&edit);
	free(path);
	return code;
}
