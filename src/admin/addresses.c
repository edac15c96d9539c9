/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * certgate addresses: from the provider's service tags (Azure IP Ranges and
 * Service Tags, JSON) to a web server's rules that accept the service alone.
 *
 * The file can have any source: an address with its length, written anew, is
 * all that goes into the rules.
 */
#include "config.h"

#include <arpa/inet.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "admin/command.h"
#include "admin/input.h"
#include "admin/print.h"
#include "base/text.h"

enum {
	FILE_MAX = 67108864, /* bytes; 5 MB in 2026 */
	ADDRESSES_MAX = 65536, /* of one tag */
	ADDRESS_SIZE = 50, /* characters of an address with its length */
	DEPTH_MAX = 8, /* nested arrays and objects; the file has 4 */
	/* Shorter ones would include a good part of the internet. */
	SHORTEST_V4 = 8,
	SHORTEST_V6 = 16,
	BITS_V4 = 32,
	BITS_V6 = 128
};

struct tag {
	char (*address)[ADDRESS_SIZE]; /* owned */
	size_t n;
	int64_t change; /* number of changes; 0: unknown */
};

static struct json_object *
parse(struct span text, struct error *e)
{
	struct json_tokener *tokener =
		text.len > INT_MAX ? NULL : json_tokener_new_ex(DEPTH_MAX);
	struct json_object *tree;

	/* Skip the byte order mark, which json-c refuses. */
	if (span_starts(text, SPAN("\xef\xbb\xbf")))
		text = span_after(text, 3);
	if (tokener == NULL) {
		error_set(e, "out of memory, or too large");
		return NULL;
	}
	json_tokener_set_flags(tokener, JSON_TOKENER_STRICT |
						JSON_TOKENER_VALIDATE_UTF8);
	tree = json_tokener_parse_ex(tokener, text.ptr, (int)text.len);
	enum json_tokener_error code = json_tokener_get_error(tokener);
	if (code != json_tokener_success) {
		lines_place(e, text,
			    text.ptr + json_tokener_get_parse_end(tokener));
		error_set(e, "no JSON: %s",
			  code == json_tokener_continue
				  ? "it ends too early"
				  : json_tokener_error_desc(code));
		json_object_put(tree);
		tree = NULL;
	}
	json_tokener_free(tokener);
	return tree;
}

static struct json_object *
member(struct json_object *object, const char *name, enum json_type type)
{
	struct json_object *value = NULL;

	if (!json_object_is_type(object, json_type_object) ||
	    !json_object_object_get_ex(object, name, &value) ||
	    !json_object_is_type(value, type))
		return NULL;
	return value;
}

/* Return true if all bits after the first length bits are zero. */
static bool
is_network(const uint8_t *address, unsigned length, unsigned bits)
{
	for (unsigned i = length; i < bits; i++)
		if ((address[i / 8] & (0x80U >> (i % 8))) != 0)
			return false;
	return true;
}

/* Read ADDRESS/LENGTH and write it anew, so that only that is printed. */
static bool
take_address(struct span text, char out[ADDRESS_SIZE])
{
	char word[INET6_ADDRSTRLEN] = "", written[INET6_ADDRSTRLEN];
	uint8_t address[sizeof(struct in6_addr)];
	struct span rest = text, front;
	uint64_t length;

	span_next(&rest, "/", &front);
	if (front.len >= sizeof(word) ||
	    memchr(front.ptr, '\0', front.len) != NULL)
		return false;
	memcpy(word, front.ptr, front.len);
	bool v6 = strchr(word, ':') != NULL;
	int family = v6 ? AF_INET6 : AF_INET;
	unsigned bits = v6 ? BITS_V6 : BITS_V4;
	if (inet_pton(family, word, address) != 1 || rest.len > 3 ||
	    !span_number(rest, v6 ? SHORTEST_V6 : SHORTEST_V4, bits, &length) ||
	    !is_network(address, (unsigned)length, bits) ||
	    inet_ntop(family, address, written, sizeof(written)) == NULL)
		return false;
	(void)snprintf(out, ADDRESS_SIZE, "%s/%u", written, (unsigned)length);
	return true;
}

static bool
take_addresses(struct tag *tag, struct json_object *list, size_t value,
	       struct error *e)
{
	size_t n = json_object_array_length(list);

	if (n == 0 || n > ADDRESSES_MAX)
		return error_set(e,
				 "values[%zu].properties.addressPrefixes: "
				 "expected 1 to %d addresses",
				 value, ADDRESSES_MAX);
	tag->address = calloc(n, sizeof(*tag->address));
	if (tag->address == NULL)
		return error_set(e, "out of memory");
	for (size_t i = 0; i < n; i++) {
		struct json_object *one = json_object_array_get_idx(list, i);
		struct span text = { 0 };
		if (json_object_is_type(one, json_type_string))
			text = (struct span){
				json_object_get_string(one),
				(size_t)json_object_get_string_len(one)
			};
		if (text.ptr == NULL || !take_address(text, tag->address[i]))
			return error_set(e,
					 "values[%zu].properties."
					 "addressPrefixes[%zu] '%s': expected "
					 "a network, ADDRESS/LENGTH",
					 value, i, error_word(text));
		tag->n++;
	}
	return true;
}

static bool
take_tag(struct tag *tag, struct json_object *values, size_t i, struct error *e)
{
	struct json_object *one = json_object_array_get_idx(values, i);
	struct json_object *properties =
		member(one, "properties", json_type_object);
	struct json_object *list =
		member(properties, "addressPrefixes", json_type_array);
	struct json_object *change =
		member(properties, "changeNumber", json_type_int);

	if (list == NULL)
		return error_set(e,
				 "values[%zu]: expected "
				 "properties.addressPrefixes",
				 i);
	if (change != NULL)
		tag->change = json_object_get_int64(change);
	return take_addresses(tag, list, i, e);
}

static bool
find_tag(struct tag *tag, struct json_object *tree, const char *name,
	 struct error *e)
{
	struct json_object *values = member(tree, "values", json_type_array);
	bool found = false;

	if (values == NULL)
		return error_set(e, "expected an object with an array "
				    "\"values\": is it the provider's file "
				    "of service tags?");
	for (size_t i = 0; i < json_object_array_length(values); i++) {
		struct json_object *one = json_object_array_get_idx(values, i);
		struct json_object *word =
			member(one, "name", json_type_string);
		if (word == NULL)
			return error_set(e, "values[%zu]: expected a name", i);
		if (strcmp(json_object_get_string(word), name) != 0)
			continue;
		if (found)
			return error_set(e, "values[%zu]: %s a second time", i,
					 error_word(span_of(name)));
		found = true;
		if (!take_tag(tag, values, i, e))
			return false;
	}
	return found ||
	       error_set(e, "there is no tag %s", error_word(span_of(name)));
}

static bool
read_tag(struct tag *tag, struct span text, const char *name, struct error *e)
{
	struct json_object *tree = parse(text, e);
	/* For the text "null", tree is NULL without an error. */
	bool ok = !e->set && find_tag(tag, tree, name, e);

	json_object_put(tree);
	return ok;
}

static const struct server {
	enum command_option option;
	const char *before, *around, *behind, *after; /* each address */
} servers[] = {
	{ OPTION_APACHE, "<RequireAny>\n", "\tRequire ip ", "\n",
	  "</RequireAny>\n" },
	{ OPTION_NGINX, "", "allow ", ";\n", "deny all;\n" },
	{ OPTION_LIGHTTPD, "", "$HTTP[\"remoteip\"] == \"", "\" {\n} else ",
	  "{\n\turl.access-deny = ( \"\" )\n}\n" },
};

enum { SERVERS = sizeof(servers) / sizeof(servers[0]) };

/* Return the web server of the option; NULL unless there is exactly one. */
static const struct server *
find_server(const struct command *command)
{
	const struct server *found = NULL;

	for (size_t i = 0; i < SERVERS; i++) {
		if (command->option[servers[i].option] == NULL)
			continue;
		if (found != NULL)
			return NULL;
		found = &servers[i];
	}
	return found;
}

static void
print_lines(const struct tag *tag, const struct server *server,
	    const char *name)
{
	print("# %s, %zu addresses, change %lld\n%s", error_word(span_of(name)),
	      tag->n, (long long)tag->change, server->before);
	for (size_t i = 0; i < tag->n; i++)
		print("%s%s%s", server->around, tag->address[i],
		      server->behind);
	print("%s", server->after);
}

enum exit_code
addresses_run(const struct command *command)
{
	const struct server *server = find_server(command);
	const char *name = command->option[OPTION_TAG];
	struct tag tag = { 0 };
	struct error e = { 0 };
	struct buffer text;
	enum exit_code code = EXIT_NO;

	if (server == NULL) {
		print_problem("expected one of --apache, --nginx and "
			      "--lighttpd");
		return EXIT_MISUSED;
	}
	if (name == NULL)
		name = "AzureWebPubSub";
	if (!input_read_large(command->arguments[0],
			      "the provider's file of service tags", FILE_MAX,
			      &text, &e)) {
		print_error(&e);
		code = EXIT_SYSTEM;
	} else if (!read_tag(&tag, buffer_span(&text), name, &e)) {
		error_where(&e, input_name(command->arguments[0]));
		print_error(&e);
	} else {
		print_lines(&tag, server, name);
		code = EXIT_DONE;
	}
	free(tag.address);
	buffer_free(&text);
	return code;
}
