/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "admin/loads.h"
#include "admin/print.h"
#include "base/hex.h"

/* Return the load of the site, which is made if there is none; NULL: no name of
 * a site, or too many. */
static struct load *
find(struct loads *loads, struct span site)
{
	for (size_t i = 0; i < loads->n; i++)
		if (span_equal(span_of(loads->load[i].site), site))
			return &loads->load[i];
	if (loads->n == LOADS_MAX || (site.len > 0 && !request_is_site(site)))
		return NULL;
	struct load *load = &loads->load[loads->n++];
	*load = (struct load){ .site = "" };
	span_write(site, load->site, sizeof(load->site));
	return load;
}

static void
set_digest(struct load *load, struct span digits)
{
	bool known = digits.len == LOADS_DIGEST_SIZE - 1 &&
		     hex_length(digits) == digits.len;

	span_write(known ? digits : SPAN(""), load->digest,
		   sizeof(load->digest));
}

/* "3: 5 entries, sha256 3ce9…", as host/configuration.c writes it behind
 * "list " */
static bool
take_load(struct load *load, struct span text)
{
	const struct span mark = SPAN(", sha256 ");
	struct load made = *load;
	struct span word;

	if (!span_next(&text, ":", &word) ||
	    !span_number(word, 0, UINT32_MAX, &made.number[LOAD_REVISION]) ||
	    !span_next_word(&text, " ", &word) ||
	    !span_number(word, 0, UINT32_MAX, &made.number[LOAD_ENTRIES]) ||
	    !span_starts(text, SPAN("entr")))
		return false;
	const char *at = memmem(text.ptr, text.len, mark.ptr, mark.len);
	size_t skip =
		at == NULL ? text.len : (size_t)(at - text.ptr) + mark.len;
	set_digest(&made, span_after(text, skip));
	made.number[LOAD_FAILED] = 0;
	*load = made;
	return true;
}

void
loads_add(struct loads *loads, int64_t time, struct span note)
{
	const struct span site_mark = SPAN("site "),
			  list_mark = SPAN(CONFIGURATION_NOTE_LIST),
			  failed_mark = SPAN(CONFIGURATION_NOTE_FAILED);
	struct span site = { 0 };

	if (span_starts(note, site_mark)) {
		note = span_after(note, site_mark.len);
		(void)span_next(&note, ":", &site);
		note = span_skip_blanks(note);
	}
	bool failed = note.len > 0 && span_contains(note, failed_mark);
	if (!failed && !span_starts(note, list_mark))
		return;
	struct load *load = find(loads, site);
	if (load == NULL)
		return;
	if (failed)
		load->number[LOAD_FAILED] = 1;
	else if (take_load(load, span_after(note, list_mark.len)))
		load->number[LOAD_TIME] = (uint64_t)time;
}

void
loads_keep(struct loads *loads, const struct sites *sites, const char *main)
{
	size_t n = 0;

	for (size_t i = 0; i < loads->n; i++) {
		const struct load *load = &loads->load[i];
		bool known = strcmp(load->site, main) == 0;
		for (size_t j = 0; j < sites->n; j++)
			known |= strcmp(load->site, sites->site[j]->name) == 0;
		if (known)
			loads->load[n++] = *load;
	}
	loads->n = n;
}

/* "load SITE TIME REVISION ENTRIES FAILED DIGEST"; no name, no digest: '.' */
void
loads_write(const struct loads *loads, struct buffer *text)
{
	for (size_t i = 0; i < loads->n; i++) {
		const struct load *load = &loads->load[i];
		buffer_add(text, SPAN("load "));
		buffer_add(text,
			   span_of(load->site[0] == '\0' ? "." : load->site));
		for (size_t j = 0; j < LOAD_NUMBERS; j++) {
			buffer_add_byte(text, ' ');
			buffer_add_number(text, load->number[j]);
		}
		buffer_add_byte(text, ' ');
		buffer_add(
			text,
			span_of(load->digest[0] == '\0' ? "." : load->digest));
		buffer_add_byte(text, '\n');
	}
}

void
loads_take(struct loads *loads, struct span line)
{
	struct span site, word;
	uint64_t number[LOAD_NUMBERS];

	if (!span_next(&line, " ", &site))
		return;
	for (size_t i = 0; i < LOAD_NUMBERS; i++)
		if (!span_next(&line, " ", &word) ||
		    !span_number(word, 0, INT64_MAX, &number[i]))
			return;
	if (span_equal(site, SPAN(".")))
		site.len = 0;
	struct load *load = find(loads, site);
	if (load == NULL)
		return;
	memcpy(load->number, number, sizeof(number));
	set_digest(load, line);
}

static const struct gauge {
	const char *name, *help;
	enum load_number number;
} gauges[] = {
	{ "list_entries", "Entries of the list in force.", LOAD_ENTRIES },
	{ "list_revision",
	  "Number of the list in force, from the start of the handler.",
	  LOAD_REVISION },
	{ "list_loaded_timestamp_seconds",
	  "When the list in force was loaded, in Unix time.", LOAD_TIME },
	{ "configuration_stale",
	  "1 if the last load failed and an older configuration is in force.",
	  LOAD_FAILED },
};

void
loads_print(const struct loads *loads)
{
	for (size_t i = 0; i < sizeof(gauges) / sizeof(*gauges); i++) {
		print_family(gauges[i].name, "gauge", gauges[i].help);
		for (size_t j = 0; j < loads->n; j++)
			print("certgate_%s{site=\"%s\"} %" PRIu64 "\n",
			      gauges[i].name, loads->load[j].site,
			      loads->load[j].number[gauges[i].number]);
	}
	print_family("list_info", "gauge",
		     "1; digest: of the SHA-256 of the list file in force.");
	for (size_t i = 0; i < loads->n; i++)
		print("certgate_list_info{site=\"%s\",digest=\"%s\"} 1\n",
		      loads->load[i].site, loads->load[i].digest);
}
