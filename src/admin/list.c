/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* certgate list: the entries of list and store, the state of each, lines that
 * are invalid, and with --last-used when each entry last decided. */
#include "config.h"

#include <stdlib.h>
#include <time.h>

#include "admin/command.h"
#include "admin/edit.h"
#include "admin/expiry_log.h"
#include "admin/last_used.h"
#include "admin/log_reader.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "admin/target.h"
#include "host/log.h"
#include "host/sites.h"
#include "host/store.h"
#include "policy/list.h"
#include "policy/stored.h"

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

/* The entries that may deny what another one allows. */
struct denials {
	const struct list *list; /* borrowed; no entries if it is invalid */
	const struct stored_source *store; /* borrowed; NULL: none */
	int64_t now;
};

static bool
denies(const struct entry *entry, int64_t now)
{
	return !entry->allows && !entry_has_expired(entry, now);
}

/* Return true if a deny entry has the pin of the entry, or if the store
 * fails. */
static bool
is_denied(const struct denials *all, const struct entry *entry)
{
	const struct list_key *found;
	const struct entry *stored_entries;
	struct stored stored = { .n = 0 };
	size_t n = list_find(all->list, &entry->pin, &found);
	bool denied =
		all->store != NULL && (!stored_begin(&stored, all->store) ||
				       !stored_take(&stored, &entry->pin));

	for (size_t i = 0; i < n; i++)
		denied |= denies(found[i].entry, all->now);
	n = stored_find(&stored, &entry->pin, &stored_entries);
	for (size_t i = 0; i < n; i++)
		denied |= denies(&stored_entries[i], all->now);
	stored_free(&stored);
	return denied;
}

static const char *
state_of(const struct entry *entry, const struct denials *all)
{
	const struct terms *terms = entry->terms;
	int64_t now = all->now;

	if (terms != NULL && now < terms->not_before)
		return "not yet";
	if (entry_has_expired(entry, now))
		return "expired";
	return entry->allows && !is_denied(all, entry) ? "allowed" : "denied";
}

static void
show_used(const struct last_used *used, const struct entry *entry, int64_t at)
{
	int64_t since = used->log.begins;

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
struct expiring {
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
add_clients(struct expiring *expiring, const char *path, struct error *e)
{
	struct expiry_log *log = expiry_log_read(path, e);

	if (log == NULL)
		return false;
	/* Faults of the files are for certgate check. */
	log_divert(log_ignore, NULL);
	sites_open(&expiring->sites, setup_source(), NULL);
	expiring->has_sites = true;
	bool ok = expiries_add_log(&expiring->all, log, &expiring->sites,
				   expiring->now, e);
	expiry_log_free(log);
	return ok;
}

static bool
expiring_read(struct expiring *expiring, const struct list *list,
	      bool wants_log, const char *path, struct error *e)
{
	expiring->now = (int64_t)time(NULL);
	if (!expiries_add_list(&expiring->all, list, NULL, setup_site(), e) ||
	    (wants_log && !add_clients(expiring, path, e)))
		return false;
	expiring->n = expiries_sort(&expiring->all, expiring->now);
	if (expiring->n > 0)
		qsort(expiring->all.expiry, expiring->n,
		      sizeof(*expiring->all.expiry), compare_lines);
	return true;
}

static void
expiring_free(struct expiring *expiring)
{
	expiries_free(&expiring->all);
	if (expiring->has_sites)
		sites_close(&expiring->sites);
}

/* Take the next one of the line, but for what its state says; NULL: none. */
static const struct expiry *
expiring_next(struct expiring *expiring, unsigned line)
{
	while (expiring->at < expiring->n &&
	       expiring->all.expiry[expiring->at].line <= line) {
		const struct expiry *one =
			&expiring->all.expiry[expiring->at++];
		bool is_state = (one->kind == EXPIRY_ENTRY ||
				 one->kind == EXPIRY_DENY) &&
				one->not_after < expiring->now;
		if (one->line == line && !is_state)
			return one;
	}
	return NULL;
}

/* Those of the line, below it. */
static void
show_expiring(struct expiring *expiring, unsigned line)
{
	const struct expiry *one = expiring_next(expiring, line);
	struct buffer text;

	if (one == NULL)
		return;
	buffer_init(&text, sizeof(((struct error *)0)->text));
	print_json_open("warnings", '[');
	for (; one != NULL; one = expiring_next(expiring, line)) {
		buffer_clear(&text);
		expiry_text(one, expiring->now, &text);
		print("      ");
		print_text(buffer_span(&text));
		print("\n");
		print_json_string(NULL, buffer_span(&text));
	}
	print_json_close(']');
	buffer_free(&text);
}

/* used: NULL without --last-used; at: when it was; expiring: NULL for the
 * store. */
static void
show_entry(const struct edit_line *line, const struct denials *denials,
	   const struct last_used *used, int64_t at, struct expiring *expiring)
{
	bool is_stored = line->number == ENTRY_LINE_STORED;
	const struct entry *entry = &line->entry;
	const char *state = state_of(entry, denials);
	struct span options = span_trim(span_after(line->text, entry->pin_end));

	if (is_stored)
		print("store ");
	else
		print("%4u  ", line->number);
	print("%-8s %-7s ", state, kind_of(entry));
	print_json_open(NULL, '{');
	if (is_stored)
		print_json_string("line", SPAN("store"));
	else
		print_json_number("line", line->number);
	print_json_string("state", span_of(state));
	print_json_string("kind", span_of(kind_of(entry)));
	show_pin(line);
	print(options.len > 0 ? "  " : "");
	print_text(options);
	print_json_string("options", options);
	if (used != NULL)
		show_used(used, entry, at);
	if (!span_empty(line->comment)) {
		print("  ");
		print_text(line->comment);
		print_json_string("comment",
				  span_trim(span_after(line->comment, 1)));
	}
	print("\n");
	show_terms(entry);
	if (expiring != NULL)
		show_expiring(expiring, line->number);
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
     const struct denials *denials, const struct last_used *used,
     struct expiring *expiring)
{
	struct edit_line line = { 0 };
	size_t i = 0, k = 0;

	while (edit_next(edit, &line)) {
		while (k < faults->n && faults->fault[k].line < line.number)
			k++;
		if (k < faults->n && faults->fault[k].line == line.number)
			show_fault(&faults->fault[k]);
		else if (line.reads)
			show_entry(&line, denials, used,
				   used == NULL ? 0 : used->at[i++], expiring);
	}
}

/* Entries of the store, one pin after the other. */
struct stored_view {
	const struct denials *denials;
	const struct last_used *used; /* NULL: without --last-used */
	const struct use *use; /* of the pin */
	struct buffer text;
	bool failed; /* an entry is invalid */
};

static bool
show_stored(void *context, const struct thumbprint *pin, struct span text)
{
	struct stored_view *view = context;
	struct error e = { 0 };
	struct span row;

	while (stored_next(&text, &row)) {
		struct edit_line line = { .number = ENTRY_LINE_STORED };
		buffer_clear(&view->text);
		stored_write_line(pin, row, &view->text);
		if (view->text.failed ||
		    !stored_parse(pin, row, &line.entry, &e)) {
			print_error(&e);
			view->failed = true;
			continue;
		}
		line.text = list_entry_text(buffer_span(&view->text));
		line.comment = list_comment_text(buffer_span(&view->text));
		int64_t at = view->use == NULL	 ? 0
			     : line.entry.allows ? view->use->allowed
						 : view->use->denied;
		show_entry(&line, view->denials, view->used, at, NULL);
		entry_free(&line.entry);
	}
	return true;
}

/* The entries that have a pin of the log: to look at all others would take as
 * long as the store is large. */
static bool
show_stored_used(struct store *store, struct stored_view *view, struct error *e)
{
	const struct stored_source *source = store_source(store);
	struct stored_counts counts;
	struct span text;

	bool ok = source->begin(source->context, &counts);
	for (size_t i = 0; ok && i < view->used->n; i++) {
		view->use = &view->used->uses[i];
		switch (source->find(source->context, &view->use->pin, &text)) {
		case STORED_FOUND:
			(void)show_stored(view, &view->use->pin, text);
			break;
		case STORED_NONE:
			break;
		case STORED_FAILED:
		default:
			ok = false;
		}
	}
	if (!ok)
		(void)store_failed(store, e);
	print("Only entries of the store that the log shows in use are "
	      "printed.\n");
	return ok;
}

/* Show the store entry by entry: there may be more than fit into memory. */
static enum exit_code
show_store(struct store *store, const struct denials *denials,
	   const struct last_used *used, struct error *e)
{
	struct stored_view view = { .denials = denials, .used = used };

	buffer_init(&view.text, STORED_TEXT_MAX + 128);
	bool ok = used != NULL ? show_stored_used(store, &view, e)
			       : store_each(store, show_stored, &view, e);
	buffer_free(&view.text);
	return !ok ? EXIT_SYSTEM : view.failed ? EXIT_NO : EXIT_DONE;
}

static enum exit_code
report_faults(const struct faults *faults)
{
	for (size_t i = 0; i < faults->n; i++)
		print_error(&faults->fault[i]);
	print_problem("no handler loads the list until this is fixed");
	return EXIT_NO;
}

/* What is shown. */
struct view {
	const struct command *command;
	const struct settings *settings; /* their store is shown, too */
	const struct edit *edit; /* the list */
	struct list list;
	struct last_used used;
	struct expiring expiring;
	struct faults faults;
};

static enum exit_code
show_all(struct view *view, struct error *e)
{
	const struct last_used *used =
		view->command->option[OPTION_LAST_USED] == NULL ? NULL
								: &view->used;
	const struct settings *settings = view->settings;
	struct denials denials = { .list = &view->list,
				   .now = view->expiring.now };
	struct store *store = NULL;
	enum exit_code code = EXIT_DONE;

	if (settings->store != NULL) {
		store = store_open(settings->store, settings->store_owner, e);
		if (store == NULL)
			return EXIT_SYSTEM;
		denials.store = store_source(store);
	}
	print_json_open(NULL, '[');
	show(view->edit, &view->faults, &denials, used, &view->expiring);
	if (store != NULL)
		code = show_store(store, &denials, used, e);
	print_json_close(']');
	store_close(store);
	if (used != NULL)
		log_reader_print_begin(&used->log, false);
	return code;
}

static enum exit_code
show_list(struct view *view, struct error *e)
{
	const struct edit *edit = view->edit;
	const char *log = view->command->option[OPTION_LOG];
	bool wants_use = view->command->option[OPTION_LAST_USED] != NULL;
	struct report report = { .fault = take_fault,
				 .context = &view->faults,
				 .where = edit->file.path };
	struct span text = { 0 };

	if (edit->exists)
		text = buffer_span(&edit->before);
	bool valid = list_report(&view->list, text, NULL, 0, &setup_files,
				 &report, e);
	if (view->faults.failed) {
		error_set(e, "out of memory");
		return EXIT_SYSTEM;
	}
	if (!valid) {
		const struct denials none = { .list = &view->list,
					      .now = (int64_t)time(NULL) };
		print_json_open(NULL, '[');
		show(edit, &view->faults, &none, NULL, &view->expiring);
		print_json_close(']');
		return report_faults(&view->faults);
	}
	view->used.has_store = view->settings->store != NULL;
	if ((wants_use && !last_used_read(&view->used, &view->list,
					  &edit->identity, log, e)) ||
	    !expiring_read(&view->expiring, &view->list, wants_use, log, e))
		return EXIT_SYSTEM;
	return show_all(view, e);
}

/* The list of the settings, which need not have one if they have a store. */
static bool
open_list(struct edit *edit, const struct settings *settings, struct error *e)
{
	char *path = setup_list(e);
	bool may_miss = path == NULL && settings->store != NULL &&
			!setup_has_other_list();
	bool ok = path != NULL && edit_open(edit, path, true, e);

	if (ok && !edit->exists)
		ok = !edit_is_denied(path, e) &&
		     error_set(e,
			       "%s: missing list (fix: certgate allow%s FILE)",
			       path, setup_options(""));
	free(path);
	if (may_miss)
		*e = (struct error){ 0 };
	return ok || may_miss;
}

enum exit_code
list_run(const struct command *command)
{
	struct edit edit = EDIT_CLOSED;
	struct settings settings = { 0 };
	struct view view = { .command = command,
			     .settings = &settings,
			     .edit = &edit,
			     .used = { .log = { .file = -1 } } };
	struct error e = { 0 };
	enum exit_code code = EXIT_SYSTEM;

	/* With --list, invalid settings do not matter, nor does their store. */
	if (command->option[OPTION_LIST] == NULL &&
	    !setup_settings(&settings, &e))
		e = (struct error){ 0 };
	if (open_list(&edit, &settings, &e))
		code = show_list(&view, &e);
	if (e.set)
		print_error(&e);
	last_used_free(&view.used);
	expiring_free(&view.expiring);
	free(view.faults.fault);
	list_free(&view.list);
	settings_free(&settings);
	edit_close(&edit);
	return code;
}
