/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <inttypes.h>
#include <string.h>

#include "admin/chart.h"
#include "admin/html.h"
#include "base/date.h"

enum {
	COLOURS = 6, /* for the most frequent reasons; the others share one */
	SLOT = 10, /* width of a slot in units of the drawing */
	BAR = 8, /* width of a bar in it */
	HEIGHT = 100 /* of a drawing, in units */
};

static const char *const classes[COLOURS + 1] = { "c0", "c1", "c2", "c3",
						  "c4", "c5", "c6" };

struct chart {
	const char *name, *words; /* title; what a slot is */
	const uint64_t (*slot)[REASONS + 1]; /* borrowed */
	size_t n; /* of slots */
	int64_t seconds; /* of a slot */
	uint64_t sum[REASONS + 1];
};

/* The colour of each reason; COLOURS: the shared one. */
struct colours {
	size_t most[REASONS + 1]; /* refusals, most frequent first */
	size_t refusals; /* of these */
	unsigned of[REASONS + 1];
};

static bool
is_refusal(size_t reason)
{
	return reason_status((enum reason)reason) != 0;
}

/* Return true for an accepted client; validations and notifications do not
 * count. */
static bool
is_acceptance(size_t reason)
{
	return !is_refusal(reason) && reason != REASON_VALIDATED &&
	       reason != REASON_NOTIFIED;
}

static uint64_t
sum_of(const uint64_t count[REASONS + 1], bool (*counts)(size_t reason))
{
	uint64_t sum = 0;

	for (size_t i = 0; i <= REASONS; i++)
		sum += counts(i) ? count[i] : 0;
	return sum;
}

static void
add_sums(struct chart *c)
{
	memset(c->sum, 0, sizeof(c->sum));
	for (size_t i = 0; i < c->n; i++)
		for (size_t j = 0; j <= REASONS; j++)
			c->sum[j] += c->slot[i][j];
}

static void
choose_colours(struct colours *colours, const uint64_t sum[REASONS + 1])
{
	for (size_t i = 0; i <= REASONS; i++) {
		size_t at = colours->refusals;
		colours->of[i] = COLOURS;
		if (!is_refusal(i))
			continue;
		for (; at > 0 && sum[colours->most[at - 1]] < sum[i]; at--)
			colours->most[at] = colours->most[at - 1];
		colours->most[at] = i;
		colours->refusals++;
	}
	for (unsigned i = 0; i < COLOURS; i++)
		colours->of[colours->most[i]] = i;
}

/* Add HH:MM. */
static void
add_clock(struct buffer *out, int64_t seconds)
{
	struct date_time t;

	date_from_seconds(seconds, &t);
	html_format(out, "%02d:%02d", t.hour, t.minute);
}

static void
add_bar(struct buffer *out, const char *colour, size_t slot, double from,
	double height)
{
	html_format(out,
		    "<rect class=\"%s\" x=\"%zu\" y=\"%.1f\" width=\"%d\" "
		    "height=\"%.1f\"/>",
		    colour, slot * SLOT + 1, HEIGHT - from - height, BAR,
		    height);
}

/* Add the text that the pointer shows: the time and the numbers of a slot. */
static void
add_title(struct buffer *out, const struct chart *c, size_t slot,
	  const char *what, bool (*counts)(size_t reason), int64_t now)
{
	html_add(out, "<g><title>");
	add_clock(out, now - (int64_t)(c->n - slot) * c->seconds);
	html_add(out, " to ");
	add_clock(out, now - (int64_t)(c->n - slot - 1) * c->seconds);
	html_format(out, ", %s:", what);
	for (size_t i = 0; i <= REASONS; i++)
		if (counts(i) && c->slot[slot][i] > 0)
			html_format(out, "\n%s %" PRIu64,
				    reason_name((enum reason)i),
				    c->slot[slot][i]);
	html_add(out, "</title>");
}

/* Add the bars of a slot; the most frequent reason of the day is at the
 * bottom. */
static void
add_slot(struct buffer *out, const struct chart *c, size_t slot,
	 const struct colours *colours, uint64_t most)
{
	double unit = (double)HEIGHT / (double)most, from = 0;

	for (size_t i = 0; colours != NULL && i < colours->refusals; i++) {
		size_t reason = colours->most[i];
		double height = (double)c->slot[slot][reason] * unit;
		if (height > 0)
			add_bar(out, classes[colours->of[reason]], slot, from,
				height);
		from += height;
	}
	if (colours == NULL)
		add_bar(out, "accepted", slot, 0,
			(double)sum_of(c->slot[slot], is_acceptance) * unit);
}

/* Add a drawing of refusals with their colours; colours NULL: of accepted
 * clients. */
static void
add_drawing(struct buffer *out, const struct chart *c,
	    const struct colours *colours, int64_t now)
{
	bool (*counts)(size_t) = colours != NULL ? is_refusal : is_acceptance;
	const char *what = colours != NULL ? "refused" : "accepted";
	uint64_t most = 0;

	for (size_t i = 0; i < c->n; i++) {
		uint64_t sum = sum_of(c->slot[i], counts);
		most = sum > most ? sum : most;
	}
	html_format(out,
		    "<figure class=\"%s\"><figcaption><span>%s</span>"
		    "<span>%s%" PRIu64 "%s%s</span></figcaption>",
		    what, what, most == 0 ? "" : "up to ", most,
		    most == 0 ? "" : " ", most == 0 ? "" : c->words);
	html_format(out,
		    "<svg viewBox=\"0 0 %zu %d\" preserveAspectRatio=\"none\" "
		    "role=\"img\" aria-label=\"%s, %s: %" PRIu64 "\">",
		    c->n * SLOT, HEIGHT, c->name, what, sum_of(c->sum, counts));
	html_format(out, "<path class=\"grid\" d=\"M0 0H%zuM0 50H%zu\"/>",
		    c->n * SLOT, c->n * SLOT);
	for (size_t i = 0; i < c->n; i++) {
		if (sum_of(c->slot[i], counts) == 0)
			continue;
		add_title(out, c, i, what, counts, now);
		add_slot(out, c, i, colours, most);
		html_add(out, "</g>");
	}
	html_format(out, "<path class=\"axis\" d=\"M0 %dH%zu\"/></svg>", HEIGHT,
		    c->n * SLOT);
	html_add(out, "</figure>");
}

static void
add_chart(struct buffer *out, const struct chart *c,
	  const struct colours *colours, int64_t now)
{
	enum { MARKS = 4 /* parts of the time axis */ };
	int64_t all = (int64_t)c->n * c->seconds;

	html_format(out,
		    "<section class=\"card\"><h2>%s</h2><p class=\"sum\">"
		    "<b>%" PRIu64 "</b> refused, <b>%" PRIu64
		    "</b> accepted</p>",
		    c->name, sum_of(c->sum, is_refusal),
		    sum_of(c->sum, is_acceptance));
	add_drawing(out, c, colours, now);
	add_drawing(out, c, NULL, now);
	html_add(out, "<p class=\"times\">");
	for (int i = 0; i <= MARKS; i++) {
		html_add(out, "<span>");
		add_clock(out, now - all + all * i / MARKS);
		html_add(out, "</span>");
	}
	html_add(out, "</p></section>");
}

static void
add_row(struct buffer *out, size_t reason, const char *colour, uint64_t hour,
	uint64_t day)
{
	html_format(out,
		    "<tr><td><i class=\"key %s\"></i><code>%s</code>"
		    "<span class=\"words\">",
		    colour, reason_name((enum reason)reason));
	html_text(out, span_of(reason_text((enum reason)reason)));
	html_format(out,
		    "</span></td><td class=\"number\">%" PRIu64
		    "</td><td class=\"number\">%" PRIu64 "</td></tr>\n",
		    hour, day);
}

static void
add_reasons(struct buffer *out, const struct chart *hour,
	    const struct chart *day, const struct colours *colours)
{
	html_add(out, "<section class=\"card wide\"><h2>Reasons</h2>"
		      "<table class=\"reasons\"><thead><tr>"
		      "<th>Reason</th>"
		      "<th class=\"number\">Hour</th>"
		      "<th class=\"number\">Day</th></tr></thead><tbody>\n");
	for (size_t i = 0; i < colours->refusals; i++) {
		size_t reason = colours->most[i];
		if (day->sum[reason] > 0)
			add_row(out, reason, classes[colours->of[reason]],
				hour->sum[reason], day->sum[reason]);
	}
	for (size_t i = 0; i < REASONS; i++)
		if (!is_refusal(i) && day->sum[i] > 0)
			add_row(out, i, is_acceptance(i) ? "accepted" : "none",
				hour->sum[i], day->sum[i]);
	html_add(out, "</tbody></table></section>\n");
}

void
chart_add(struct buffer *out, const struct history *h)
{
	struct chart hour = { "Last hour",     "a minute", h->minute,
			      HISTORY_MINUTES, 60,	   { 0 } },
		     day = { "Last day", "in half an hour",
			     h->part,	 HISTORY_PARTS,
			     1800,	 { 0 } };
	struct colours colours = { 0 };
	uint64_t any = 0;

	add_sums(&hour);
	add_sums(&day);
	choose_colours(&colours, day.sum);
	add_chart(out, &hour, &colours, h->now);
	add_chart(out, &day, &colours, h->now);
	for (size_t i = 0; i <= REASONS; i++)
		any += day.sum[i];
	if (any > 0)
		add_reasons(out, &hour, &day, &colours);
}
