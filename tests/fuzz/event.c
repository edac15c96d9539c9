/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * The body of an event: certgate accepts what a second parser accepts, with the
 * same values, and json-c parses all of it.  The second parser is as plain as
 * possible: it decodes everything, and compares each name with each other.
 */
#include "config.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "protocol/event.h"
#include "targets.h"

enum { TEXT_MAX = 262144, REPLACEMENT = 0xfffd };

struct node {
	char kind; /* the first byte of the value */
	struct span name, text; /* decoded; of a number or word: as it is */
	struct node *first, *last, *next; /* in an array or an object */
};

static struct {
	const char *at; /* ended by NUL */
	char decoded[TEXT_MAX], *end;
	struct node nodes[JSON_MAX_VALUES];
	size_t n, depth;
	uint32_t high; /* half a pair of surrogates; 0: none */
	bool half, duplicate;
} second;

/* RFC 3629 4, but for NUL. */
static bool
is_utf8(const unsigned char *at)
{
	enum { ROWS = 9 };
	static const unsigned char rows[ROWS][5] = {
		/* first byte from, to; second from, to; length */
		{ 0x01, 0x7f, 0x00, 0xff, 1 }, { 0xc2, 0xdf, 0x80, 0xbf, 2 },
		{ 0xe0, 0xe0, 0xa0, 0xbf, 3 }, { 0xe1, 0xec, 0x80, 0xbf, 3 },
		{ 0xed, 0xed, 0x80, 0x9f, 3 }, { 0xee, 0xef, 0x80, 0xbf, 3 },
		{ 0xf0, 0xf0, 0x90, 0xbf, 4 }, { 0xf1, 0xf3, 0x80, 0xbf, 4 },
		{ 0xf4, 0xf4, 0x80, 0x8f, 4 },
	};

	while (*at != '\0') {
		size_t i = 0;
		while (i < ROWS && (at[0] < rows[i][0] || at[0] > rows[i][1] ||
				    at[1] < rows[i][2] || at[1] > rows[i][3]))
			i++;
		if (i == ROWS)
			return false;
		for (size_t k = 2; k < rows[i][4]; k++)
			if (at[k] < 0x80 || at[k] > 0xbf)
				return false;
		at += rows[i][4];
	}
	return true;
}

static void
put(uint32_t c)
{
	size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	for (size_t i = n; i-- > 1; c >>= 6)
		second.end[i] = (char)(0x80 | (c & 0x3f));
	second.end[0] = (char)(n == 1 ? c : (0xf00U >> n | c));
	second.end += n;
}

/* Half a pair is the replacement character. */
static void
put_half(void)
{
	if (second.high != 0)
		put(REPLACEMENT);
	second.half |= second.high != 0;
	second.high = 0;
}

static void
put_unit(uint32_t unit)
{
	bool low = unit >= 0xdc00 && unit <= 0xdfff;

	if (low && second.high != 0) {
		put((second.high - 0xd800) * 0x400 + (unit - 0xdc00) + 0x10000);
		second.high = 0;
		return;
	}
	put_half();
	if (low || (unit >= 0xd800 && unit <= 0xdbff)) {
		second.high = unit;
		if (low)
			put_half();
	} else {
		put(unit);
	}
}

static bool
escape(void)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char digits[5] = { 0 }, c = *second.at++;
	const char *found = c == '\0' ? NULL : strchr(from, c);

	if (found != NULL) {
		put_unit((uint32_t)to[found - from]);
		return true;
	}
	if (c != 'u')
		return false;
	for (size_t i = 0; i < 4; i++, second.at++) {
		if (!isxdigit((unsigned char)*second.at))
			return false;
		digits[i] = *second.at;
	}
	put_unit((uint32_t)strtoul(digits, NULL, 16));
	return true;
}

static bool
string(struct span *text)
{
	char *begin = second.end;

	if (*second.at++ != '"')
		return false;
	second.half = false;
	while (*second.at != '"') {
		char c = *second.at;
		if (c != '\\')
			put_half();
		if (c >= '\0' && c < ' ')
			return false;
		second.at++;
		if (c != '\\')
			*second.end++ = c;
		else if (!escape())
			return false;
	}
	put_half();
	second.at++;
	*text = (struct span){ begin, (size_t)(second.end - begin) };
	return true;
}

/* The number that text is, by its parts; 0 bytes if it is none. */
static size_t
number_length(const char *text)
{
	const char *at = text + (*text == '-');
	size_t n = strspn(at, "0123456789");

	if (n == 0 || (n > 1 && *at == '0'))
		return 0;
	at += n;
	if (*at == '.') {
		n = strspn(at + 1, "0123456789");
		at += n + 1;
	}
	if (n > 0 && (*at == 'e' || *at == 'E')) {
		at += 1 + (at[1] == '+' || at[1] == '-');
		n = strspn(at, "0123456789");
		at += n;
	}
	return n == 0 ? 0 : (size_t)(at - text);
}

static size_t
word_length(const char *text)
{
	return strncmp(text, "true", 4) == 0 || strncmp(text, "null", 4) == 0
		       ? 4
	       : strncmp(text, "false", 5) == 0 ? 5
						: number_length(text);
}

static void
blanks(void)
{
	second.at += strspn(second.at, " \t\r\n");
}

static struct node *value(void);

static bool
element(struct node *node)
{
	struct span name = { 0 };

	blanks();
	if (node->kind == '{') {
		if (!string(&name) || second.half ||
		    memchr(name.ptr, '\0', name.len) != NULL)
			return false;
		for (struct node *o = node->first; o != NULL; o = o->next)
			second.duplicate |= span_equal(o->name, name);
		blanks();
		if (*second.at++ != ':')
			return false;
		blanks();
	}
	struct node *child = value();
	if (child == NULL)
		return false;
	child->name = name;
	*(node->first == NULL ? &node->first : &node->last->next) = child;
	node->last = child;
	blanks();
	return true;
}

static struct node *
value(void)
{
	if (second.n == JSON_MAX_VALUES)
		return NULL;
	struct node *node = &second.nodes[second.n++];
	*node = (struct node){ .kind = *second.at };
	if (node->kind == '"')
		return string(&node->text) ? node : NULL;
	if (node->kind != '{' && node->kind != '[') {
		node->text = (struct span){ second.at, word_length(second.at) };
		second.at += node->text.len;
		return node->text.len > 0 ? node : NULL;
	}
	char close = node->kind == '{' ? '}' : ']';
	if (second.depth++ == JSON_MAX_DEPTH)
		return NULL;
	second.at++;
	blanks();
	if (*second.at != close) {
		if (!element(node))
			return NULL;
		while (*second.at == ',') {
			second.at++;
			if (!element(node))
				return NULL;
		}
		if (*second.at != close)
			return NULL;
	}
	second.at++;
	second.depth--;
	return node;
}

/* The outermost object, or NULL. */
static const struct node *
parse(const char *text, size_t n)
{
	second.at = text;
	second.end = second.decoded;
	second.n = second.depth = second.high = 0;
	second.duplicate = false;
	if (strlen(text) != n || !is_utf8((const unsigned char *)text))
		return NULL;
	blanks();
	const struct node *tree = value();
	blanks();
	return tree == NULL || tree->kind != '{' || *second.at != '\0' ? NULL
								       : tree;
}

static const struct node *
member(const struct node *node, const char *name)
{
	if (node == NULL || node->kind != '{')
		return NULL;
	node = node->first;
	while (node != NULL && !span_equal(node->name, span_of(name)))
		node = node->next;
	return node;
}

static bool
is_string(const struct node *node)
{
	return node != NULL && node->kind == '"';
}

static void
check_certificates(const struct event *event, const struct node *tree)
{
	const struct node *list = member(tree, "clientCertificates");
	const struct node *first = list == NULL ? NULL : list->first;
	const struct node *label = member(first, "thumbprint");
	const struct node *content = member(first, "content");
	enum presented expected = PRESENTED_UNREADABLE;
	size_t n = 0;

	for (const struct node *o = first; o != NULL; o = o->next)
		n++;
	if (list == NULL || list->kind == 'n' || (list->kind == '[' && n == 0))
		expected = PRESENTED_NONE;
	else if (list->kind == '[' && n > EVENT_MAX_CERTIFICATES)
		expected = PRESENTED_TOO_MANY;
	else if (list->kind == '[' && is_string(label) &&
		 (content == NULL || content->kind == 'n' ||
		  is_string(content)))
		expected = PRESENTED_ONE;
	assert(event->presented == expected);
	if (expected != PRESENTED_ONE)
		return;
	assert(span_equal(event->thumbprint, label->text));
	assert((event->content.ptr != NULL) == is_string(content));
	assert(!is_string(content) ||
	       span_equal(event->content, content->text));
}

static void
check_mqtt(const struct event *event, const struct node *tree)
{
	const struct node *mqtt = member(tree, "mqtt");
	const struct node *version = member(mqtt, "protocolVersion");
	char text[32] = "";

	if (version != NULL && strchr("-0123456789", version->kind) != NULL &&
	    version->text.len < sizeof(text) &&
	    strspn(version->text.ptr, "-0123456789") >= version->text.len)
		memcpy(text, version->text.ptr, version->text.len);
	assert(event->mqtt == (mqtt != NULL && mqtt->kind == '{'));
	assert(!event->mqtt || (version != NULL && version->text.len > 31) ||
	       event->mqtt_version == strtoll(text, NULL, 10));
}

static void
check_rest(struct event *event, const struct node *tree)
{
	const struct node *offers = member(tree, "subprotocols");
	const struct node *query = member(tree, "query");
	bool found = false;
	struct span text;

	if (offers != NULL && offers->kind == '[')
		for (const struct node *o = offers->first; o != NULL;
		     o = o->next) {
			found |= is_string(o) && span_equal(o->text, SPAN("a"));
			assert(!is_string(o) || event_offers(event, o->text));
		}
	assert(event_offers(event, SPAN("a")) == found);
	assert(!event_query(event, "?", &text) || member(query, "?") != NULL);
	if (query == NULL || query->kind != '{')
		return;
	for (const struct node *o = query->first; o != NULL; o = o->next) {
		char *name = span_copy(o->name);
		assert(name != NULL);
		bool one = o->kind == '[' && is_string(o->first) &&
			   o->first->next == NULL;
		assert(event_query(event, name, &text) == one);
		assert(!one || span_equal(text, o->first->text));
		free(name);
	}
}

static void
check_library(struct span input)
{
	struct json_tokener *tokener = json_tokener_new_ex(JSON_MAX_DEPTH + 1);

	assert(tokener != NULL);
	struct json_object *tree =
		json_tokener_parse_ex(tokener, input.ptr, (int)input.len);
	assert(json_object_is_type(tree, json_type_object));
	json_object_put(tree);
	json_tokener_free(tokener);
}

void
target_event(struct span input)
{
	static char text[TEXT_MAX + 4]; /* is_utf8 looks at 3 more */
	struct event event;

	if (input.len > TEXT_MAX)
		return;
	memset(text + input.len, 0, 4);
	if (input.len > 0)
		memcpy(text, input.ptr, input.len);
	const struct node *tree = parse(text, input.len);
	enum event_result expected = tree == NULL	? EVENT_MALFORMED
				     : second.duplicate ? EVENT_DUPLICATE_MEMBER
							: EVENT_READ;
	enum event_result result = event_read(&event, input);
	assert(result == expected);
	if (result == EVENT_READ) {
		check_certificates(&event, tree);
		check_mqtt(&event, tree);
		check_rest(&event, tree);
		check_library(input);
	} else {
		assert(event.presented == PRESENTED_UNREADABLE);
	}
	event_free(&event);
}
