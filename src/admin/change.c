/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "admin/change.h"
#include "admin/findings.h"
#include "admin/fleet_edit.h"
#include "admin/input.h"
#include "admin/print.h"
#include "admin/setup.h"
#include "base/date.h"
#include "base/hex.h"
#include "base/text.h"
#include "host/account.h"
#include "policy/match.h"
#include "protocol/certificate.h"

enum exit_code
change_open(struct change *change)
{
	bool look = change->command->option[OPTION_DRY_RUN] != NULL;
	struct error e = { 0 };

	if (change->command->option[OPTION_FLEET] != NULL)
		return fleet_edit_open(&change->fleet, change->command,
				       &change->target, &change->edit);
	char *path = setup_list(&e);
	/* An error in the settings has a place; a missing list has none. */
	bool fault = path == NULL && e.where[0] != '\0';
	bool ok = path != NULL && edit_open(&change->edit, path, look, &e);
	free(path);
	if (!ok)
		print_error(&e);
	if (fault)
		print_problem("the list stays as it is; by --list FILE it can "
			      "be changed without settings");
	/* With --list, the edit works with invalid settings. */
	if (ok)
		(void)!setup_settings(&change->settings, &e);
	return ok ? EXIT_DONE : EXIT_SYSTEM;
}

enum exit_code
change_open_target(struct change *change)
{
	const char *argument = change->command->arguments[0];
	bool spki = change->command->option[OPTION_SPKI] != NULL;
	struct error e = { 0 };

	if (target_read(&change->target, argument, spki, &e))
		return change_open(change);
	print_error(&e);
	input_explain_code(argument);
	return EXIT_NO;
}

void
change_close(struct change *change)
{
	edit_close(&change->edit);
	fleet_edit_close(change->fleet);
	target_free(&change->target);
	settings_free(&change->settings);
	for (size_t i = 0; i < change->n_remarks; i++)
		free(change->remarks[i]);
	free(change->remarks);
}

enum target_match
change_match(const struct change *change, const struct edit_line *line)
{
	return line->reads
		       ? target_match(&change->target, &line->entry, line->text)
		       : TARGET_NONE;
}

bool
change_add_options(const struct change *change, struct buffer *text)
{
	const struct command *command = change->command;
	struct error e = { 0 };

	for (int i = 1; i < command->n; i++) {
		if (edit_add_option(text, command->arguments[i], &e))
			continue;
		print_error(&e);
		return false;
	}
	return true;
}

/* Build a list of the entry alone; list_free(). */
static bool
build_alone(struct list *list, struct span entry, struct error *e)
{
	struct buffer text;

	buffer_init(&text, LIST_LINE_MAX + 1);
	buffer_add(&text, entry);
	buffer_add_byte(&text, '\n');
	bool ok = !text.failed ? list_build(list, buffer_span(&text), NULL, 0,
					    &setup_files, e)
			       : error_set(e, "the entry is too long");
	buffer_free(&text);
	e->line = 0;
	return ok;
}

enum exit_code
change_check_entry(const struct buffer *text)
{
	struct list list = { 0 };
	struct error e = { 0 };

	if (text->failed) {
		print_problem("the entry is too long");
		return EXIT_MISUSED;
	}
	bool ok = build_alone(&list, buffer_span(text), &e);
	list_free(&list);
	if (ok)
		return EXIT_DONE;
	print_error(&e);
	print_problem("the list stays as it is");
	return EXIT_NO;
}

void
change_keep_comment(const struct edit_line *line, struct buffer *text)
{
	if (span_empty(line->comment))
		return;
	buffer_add(text, SPAN("   "));
	buffer_add(text, line->comment);
}

bool
change_add_comment(const struct change *change, const struct edit_line *line,
		   struct buffer *text)
{
	struct span comment = span_of(change->command->option[OPTION_COMMENT]);

	if (comment.ptr == NULL) {
		if (line != NULL)
			change_keep_comment(line, text);
		return true;
	}
	if (!span_is_text(comment)) {
		print_problem("the comment: expected text of one line");
		return false;
	}
	buffer_add(text, SPAN("   # "));
	buffer_add(text, comment);
	if (text->failed)
		print_problem("the comment is too long");
	return !text->failed;
}

void
change_remark(struct change *change, const char *format, ...)
{
	char **longer = reallocarray(change->remarks, change->n_remarks + 1,
				     sizeof(*longer));
	va_list arguments;

	if (longer == NULL)
		return;
	change->remarks = longer;
	va_start(arguments, format);
	if (vasprintf(&longer[change->n_remarks], format, arguments) >= 0)
		change->n_remarks++;
	va_end(arguments);
}

/* The entry is looked at as a list of its own: the verbs report themselves what
 * is odd between entries. */
void
change_advise(struct change *change, unsigned line, struct span entry)
{
	struct findings findings = { 0 };
	struct list list = { 0 };
	struct error e = { 0 };

	if (build_alone(&list, entry, &e)) {
		for (unsigned i = 0; i < list.warnings.n && i < WARNINGS_MAX;
		     i++)
			findings_add(&findings, LOG_LEVEL_WARNING,
				     &list.warnings.warning[i]);
		findings_advise(&findings, &list, NULL);
	}
	for (size_t i = 0; i < findings.n; i++)
		change_remark(change, "Warning: line %u: %s", line,
			      findings.found[i].error.text);
	findings_free(&findings);
	list_free(&list);
}

void
change_day(int64_t seconds, char day[CHANGE_DAY_SIZE])
{
	struct date_time t;

	date_from_seconds(seconds, &t);
	(void)snprintf(day, CHANGE_DAY_SIZE, "%04d-%02d-%02d", t.year, t.month,
		       t.day);
}

void
change_warn_of_expiry(struct change *change, const struct target *target,
		      unsigned line)
{
	enum { SOON_DAYS = 30 };
	int64_t end = target->not_after, now = (int64_t)time(NULL);
	char day[CHANGE_DAY_SIZE];

	if (end == 0 || end == CERTIFICATE_NOT_AFTER_INVALID ||
	    end > now + (int64_t)SOON_DAYS * DATE_DAY_SECONDS)
		return;
	change_day(end, day);
	change_remark(change, "Warning: line %u: the certificate %s on %s",
		      line, end < now ? "expired" : "expires", day);
}

/* The new list, and what its entries do to the target.  Entries are borrowed
 * from it; NULL: none. */
struct outcome {
	struct change *change;
	struct error fault; /* set: the list was invalid, and is */
	bool known; /* the list is valid, and the target has a digest */
	bool accepts; /* by an entry whose chain needs no verification */
	const struct entry *denies, *allows;
	const struct entry *perhaps; /* of a CA, whose chain is not verified */
	const struct entry *ended; /* or not yet valid */
	bool expired; /* the certificate */
	bool has_authorities; /* and the certificate is not there */
};

static bool
is_current(const struct entry *entry, int64_t now)
{
	return !entry_has_expired(entry, now) &&
	       (entry->terms == NULL || now >= entry->terms->not_before);
}

static void
remark_setting(struct change *change, const struct thumbprint *pin, bool denied)
{
	char digits[2 * DIGEST_MAX_SIZE];

	hex_encode(pin->digest, thumbprint_size(pin->kind), digits);
	change_remark(change, "CLIENT_CERT_THUMBPRINT still allows %s%.*s%s.",
		      pin->kind == THUMBPRINT_SPKI ? "spki:" : "",
		      (int)(2 * thumbprint_size(pin->kind)), digits,
		      denied ? "; the deny wins" : "");
}

/* Note what the entry, which allows the target, does now.  Pins of the settings
 * are remarked. */
static bool
note_entry(struct client *c, const struct entry *entry, void *context)
{
	struct outcome *outcome = context;
	const struct entry **place = &outcome->allows;

	if (entry->line == 0)
		remark_setting(outcome->change, &entry->pin,
			       outcome->denies != NULL);
	if (entry->trust != NULL && !match_is_named(c, entry))
		return false;
	if (!is_current(entry, c->now))
		place = &outcome->ended;
	else if (entry->trust != NULL)
		place = &outcome->perhaps;
	if (*place == NULL || (*place)->line == 0)
		*place = entry;
	return false;
}

/* Set what is known of the certificate. */
static bool
set_client(struct client *c, const struct target *target)
{
	const struct thumbprint *pin = &target->main;

	if (target->der.len > 0)
		return client_read(c, buffer_span(&target->der));
	if (target->is_certificate || pin->kind == THUMBPRINT_SHA1)
		c->sha1 = target->is_certificate ? target->sha1 : *pin;
	if (target->is_certificate || pin->kind == THUMBPRINT_SHA256)
		c->sha256 = target->is_certificate ? target->sha256 : *pin;
	if (target->is_certificate || pin->kind == THUMBPRINT_SPKI)
		c->spki = target->is_certificate ? target->spki : *pin;
	return true;
}

static void
find_outcome(struct change *change, const struct list *list,
	     struct outcome *outcome)
{
	const struct target *target = &change->target;
	struct buffer common, alternative;
	struct client c = {
		.settings = &change->settings,
		.list = list,
		.now = (int64_t)time(NULL),
		.common_name = { .text = &common },
		.alternative_name = { .text = &alternative },
	};

	buffer_init(&common, CERTIFICATE_NAME_MAX);
	buffer_init(&alternative, CERTIFICATE_NAME_MAX);
	outcome->change = change;
	outcome->known =
		target->main.kind != THUMBPRINT_NONE && set_client(&c, target);
	outcome->expired = target->not_after != 0 &&
			   target->not_after < c.now &&
			   !change->settings.ignore_dates;
	outcome->has_authorities = list->n_authorities > 0 && !c.has_content;
	if (outcome->known) {
		outcome->denies = match_deny(&c);
		match_each(&c, note_entry, outcome);
		/* One of a CA may deny what only the certificate says. */
		outcome->known = outcome->denies != NULL || c.has_content ||
				 list->n_denials == 0;
	}
	/* The store, which is not looked at here, may allow or deny it. */
	outcome->known &=
		outcome->denies != NULL || change->settings.store == NULL;
	/* The list's terms win over CLIENT_CERT_THUMBPRINT. */
	if (outcome->allows != NULL && outcome->allows->line == 0 &&
	    outcome->ended != NULL && outcome->ended->trust == NULL)
		outcome->allows = NULL;
	client_free(&c);
	buffer_free(&common);
	buffer_free(&alternative);
}

static bool
is_allowed(const struct outcome *outcome)
{
	return outcome->known && outcome->allows != NULL &&
	       outcome->denies == NULL && !outcome->expired;
}

static void
report_line(const struct change *change, const char *what, unsigned line,
	    struct span text)
{
	if (change->there > 0 ||
	    change->command->option[OPTION_DRY_RUN] == NULL) {
		print("%s: line %u of ", what, line);
		print_text(span_of(change->edit.file.path));
		print(": ");
		print_text(text);
		print("\n");
	}
	print_json_open(NULL, '{');
	print_json_string("what", span_of(what));
	print_json_number("line", line);
	print_json_string("entry", text);
	print_json_close('}');
}

static void
report_changes(const struct change *change)
{
	const struct edit *edit = &change->edit;

	if (change->there > 0) {
		report_line(change, "already there", change->there,
			    change->there_text);
		return;
	}
	for (size_t i = 0; i < edit->n_changes; i++) {
		const struct edit_change *c = &edit->changes[i];
		if (c->what == NULL)
			continue;
		if (c->text != NULL)
			report_line(change, c->what, c->line, span_of(c->text));
		else
			report_line(
				change, c->what, c->old_line,
				span_trim(lines_begin(edit_old_text(edit, c))));
	}
}

/* As what names the entry in a sentence. */
static const char *
name_entry(const struct entry *entry, char text[32])
{
	if (entry->line == 0)
		return "CLIENT_CERT_THUMBPRINT";
	(void)snprintf(text, 32, "line %u", entry->line);
	return text;
}

/* Add a sentence: what the handler will do with the certificate. */
static void
remark_verdict(struct change *change, const struct outcome *outcome)
{
	const char *of = change->target.der.len > 0 ? "The certificate is"
						    : "By this pin it is";
	const struct entry *allows =
		outcome->allows != NULL ? outcome->allows : outcome->perhaps;
	bool reports =
		settings_report_only(&change->settings, (int64_t)time(NULL));
	char name[32];

	if (!outcome->known)
		change_remark(change, "The verdict on its clients is unknown "
				      "(fix: certgate explain FILE).");
	else if (outcome->denies != NULL)
		change_remark(change, "%s rejected: %s denies it.", of,
			      name_entry(outcome->denies, name));
	else if (outcome->expired)
		change_remark(change, "%s rejected: it has expired.", of);
	else if (allows != NULL)
		change_remark(change, "%s %s: %s allows it%s.", of,
			      allows == outcome->allows ? "still accepted"
							: "perhaps accepted",
			      name_entry(allows, name),
			      allows == outcome->allows
				      ? ""
				      : " if its chain is valid");
	else if (reports)
		change_remark(change,
			      "%s still accepted: "
			      "CERTGATE_REPORT_ONLY_UNTIL allows it.",
			      of);
	else if (outcome->ended != NULL)
		change_remark(change, "%s rejected: %s is not valid today.", of,
			      name_entry(outcome->ended, name));
	else
		change_remark(change, "%s rejected: no entry matches%s.", of,
			      outcome->has_authorities
				      ? ", unless one of a CA does (fix: give "
					"the file of the certificate)"
				      : "");
}

static enum exit_code
report(const struct change *change, const struct outcome *outcome, bool written)
{
	enum exit_code code = EXIT_DONE;

	print_json_open(NULL, '{');
	print_json_string("file", span_of(change->edit.file.path));
	print_json_bool("written", written && change->there == 0);
	print_json_open("changes", '[');
	report_changes(change);
	print_json_close(']');
	print_json_open("remarks", '[');
	for (size_t i = 0; i < change->n_remarks; i++) {
		print("%s\n", change->remarks[i]);
		print_json_string(NULL, span_of(change->remarks[i]));
	}
	print_json_close(']');
	if (outcome->known)
		print_json_string("verdict",
				  span_of(outcome->accepts ? "allow" : "deny"));
	else
		print_json_null("verdict");
	if (written && change->fleet != NULL)
		code = fleet_edit_wait(change->fleet);
	print_json_close('}');
	if (written && !outcome->fault.set && change->fleet == NULL)
		print("Running handlers load the list within two seconds.\n");
	return code;
}

static void
print_marked(const char *mark, struct span line)
{
	if (line.ptr == NULL)
		return;
	print("%s", mark);
	print_text(line);
	print("\n");
}

/* A unified difference without context. */
static void
print_difference(const struct edit *edit)
{
	print("--- ");
	print_text(span_of(edit->file.path));
	print("\n+++ ");
	print_text(span_of(edit->file.path));
	print("\n");
	for (size_t i = 0; i < edit->n_changes; i++) {
		const struct edit_change *c = &edit->changes[i];
		struct span old = edit_old_text(edit, c);
		print("@@ -%u%s +%u%s @@\n", c->old_line,
		      old.ptr != NULL ? "" : ",0", c->line,
		      c->text != NULL ? "" : ",0");
		print_marked("-", old);
		print_marked("+", span_of(c->text));
	}
}

/* It may have been misnamed; the handler may not be able
 * to read one that is made. */
void
change_report_new(const struct edit *edit, bool made)
{
	struct error e = { 0 };
	struct stat s;

	if (edit->exists || (made && fstat(edit->file.fd, &s) != 0))
		return;
	error_where(&e, edit->file.path);
	if (!made) {
		error_set(&e, "there is no such list: it would be made");
	} else {
		char user[ACCOUNT_NAME_SIZE], group[ACCOUNT_NAME_SIZE];
		account_user_name(s.st_uid, user);
		account_group_name(s.st_gid, group);
		error_set(&e,
			  "there was no such list: it is made, of user %s and "
			  "group %s, mode %04o; can the handler read it: "
			  "certgate check --as USER",
			  user, group, s.st_mode & 07777U);
	}
	print_error(&e);
}

/* Build the new list.  False, and printed, if it is not to be written.  The
 * fault of a list that was invalid before has the lines of the old one. */
static bool
build(struct change *change, bool force, struct outcome *outcome)
{
	const struct settings *settings = &change->settings;
	const struct edit *edit = &change->edit;
	struct list list = { 0 };
	struct error e = { 0 };

	/* Handlers use the list before; this change would end that. */
	if (!force && edit->exists && !lines_any(buffer_span(&edit->before))) {
		error_where(&e, edit->file.path);
		error_set(&e, "the list is empty: it stays as it is (fix: "
			      "restore it, or begin it with a comment line)");
		print_error(&e);
		return false;
	}
	if (edit_build(&change->edit, settings->pins, settings->n_pins, &list,
		       &e)) {
		find_outcome(change, &list, outcome);
		/* No line with a pin says that one of a CA denies it. */
		if (change->says_verdict ||
		    (outcome->denies != NULL && outcome->denies->trust != NULL))
			remark_verdict(change, outcome);
		outcome->accepts = is_allowed(outcome);
		list_free(&list);
		return true;
	}
	bool was_valid = edit_check_before(&change->edit, &outcome->fault);
	if (force && !was_valid)
		return true;
	print_error(was_valid ? &e : &outcome->fault);
	print_problem("the list stays as it is: %s",
		      was_valid ? "with this change it would be invalid"
				: "it is invalid (fix: correct the errors "
				  "that certgate check prints)");
	return false;
}

enum exit_code
change_finish(struct change *change, bool force)
{
	bool look = change->command->option[OPTION_DRY_RUN] != NULL;
	bool written = !look && (change->there == 0 || change->fleet != NULL);
	struct outcome outcome = { 0 };
	struct error e = { 0 };

	if (!build(change, force, &outcome))
		return EXIT_NO;
	if (written && !fleet_edit_commit(change->fleet, &change->edit,
					  change->there > 0, &e)) {
		print_error(&e);
		return EXIT_SYSTEM;
	}
	if (look && change->there == 0)
		print_difference(&change->edit);
	enum exit_code code = report(change, &outcome, written);
	change_report_new(&change->edit, written);
	if (!outcome.fault.set)
		return code;
	print_error(&outcome.fault);
	print_problem("running handlers use the last good list, without this "
		      "entry, until line %u is fixed (see certgate status); "
		      "a handler that starts rejects every client",
		      outcome.fault.line);
	return EXIT_NO;
}
