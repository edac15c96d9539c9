/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* mqtt_publish: PUBLISH packets, and events among them. */
#ifndef CERTGATE_EMULATOR_MQTT_PUBLISH_H
#define CERTGATE_EMULATOR_MQTT_PUBLISH_H

#include <libsoup/soup.h>

#include "emulator/connection.h"
#include "emulator/mqtt_connect.h"

#define MQTT_SERVER_MESSAGES "$webpubsub/server/messages"
#define MQTT_EVENTS "$webpubsub/server/events/"

struct mqtt_publish {
	char *topic;
	guint8 qos;
	guint16 id; /* with QoS 1 */
	struct mqtt_properties properties;
	GBytes *payload;
};

/* MQTT_SUCCESS, or the reason to disconnect.  To be cleared in either case. */
enum mqtt_reason mqtt_publish_read(struct mqtt_publish *publish, guint8 version,
				   guint8 flags, struct mqtt_reader reader);
void mqtt_publish_clear(struct mqtt_publish *publish);

/* The name of the event that a topic stands for, borrowed; NULL if none. */
const char *mqtt_publish_event(const struct mqtt_publish *publish);

const char *mqtt_publish_content_type(const struct mqtt_publish *publish);

/* Return the type that the payload has for clients of other protocols. */
enum message_type mqtt_publish_type(const struct mqtt_publish *publish);

/* Make the packet in which an MQTT client receives message.  id: with QoS 1;
 * 0: QoS 0. */
GByteArray *mqtt_publish_message(guint8 version, const struct message *message,
				 guint16 id);

/* User properties as headers mqtt-NAME; those that cannot be headers are left
 * out.  The caller unrefs them. */
SoupMessageHeaders *mqtt_publish_headers(const struct mqtt_publish *publish);

/* What came of an event, for the client: on the topic .../succeeded or
 * .../failed.  status 0: no answer, and headers and body are NULL. */
GByteArray *mqtt_publish_result(guint8 version, const char *event,
				GBytes *correlation, guint status,
				SoupMessageHeaders *headers, GBytes *body);

#endif
