/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include "emulator/connect_answer.h"
#include "emulator/json_value.h"
#include "emulator/settings.h"

static bool
is_header_value(const char *text)
{
	for (; *text != '\0'; text++) {
		if (g_ascii_iscntrl(*text))
			return false;
	}
	return true;
}

static bool
are_groups(JsonArray *groups)
{
	for (guint i = 0; i < json_array_get_length(groups); i++) {
		if (!settings_is_group_name(
			    json_array_get_string_element(groups, i)))
			return false;
	}
	return true;
}

static bool
read_members(struct connect_answer *answer)
{
	JsonObject *body = answer->body;

	return json_value_optional_string(body, "userId", &answer->user_id) &&
	       json_value_optional_string(body, "subprotocol",
					  &answer->subprotocol) &&
	       json_value_optional_strings(body, "roles", &answer->roles) &&
	       json_value_optional_strings(body, "groups", &answer->groups) &&
	       json_value_optional_object(body, "mqtt", &answer->mqtt) &&
	       (answer->user_id == NULL || is_header_value(answer->user_id)) &&
	       (answer->subprotocol == NULL || *answer->subprotocol != '\0') &&
	       (answer->groups == NULL || are_groups(answer->groups));
}

void
connect_answer_read(struct connect_answer *answer,
		    const struct upstream_answer *upstream)
{
	gsize size = 0;
	const char *text = g_bytes_get_data(upstream->body, &size);

	*answer = (struct connect_answer){ .status = upstream->status };
	if (size > 0)
		answer->body = json_value_parse_object(text, size);
	if (!SOUP_STATUS_IS_SUCCESSFUL(upstream->status)) {
		if (upstream->status < SOUP_STATUS_BAD_REQUEST)
			answer->status = SOUP_STATUS_INTERNAL_SERVER_ERROR;
		if (answer->body != NULL)
			(void)json_value_optional_object(answer->body, "mqtt",
							 &answer->mqtt);
		return;
	}
	answer->is_accepted =
		size == 0 || (answer->body != NULL && read_members(answer));
	if (!answer->is_accepted)
		answer->status = SOUP_STATUS_INTERNAL_SERVER_ERROR;
}

void
connect_answer_clear(struct connect_answer *answer)
{
	g_clear_pointer(&answer->body, json_object_unref);
}
