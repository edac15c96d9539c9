/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * sender: is it our Web PubSub resource that posts?
 *
 * Looks at headers only.  What it proves has limits: the signature covers the
 * connection id alone, and an origin is a claim.
 */
#ifndef CERTGATE_POLICY_SENDER_H
#define CERTGATE_POLICY_SENDER_H

#include <stdbool.h>

#include "base/span.h"
#include "policy/reason.h"
#include "policy/settings.h"
#include "protocol/request.h"

struct sender {
	/* The one origin that is agreed to, for WebHook-Allowed-Origin; "*" if
	 * any is.  Borrowed from the settings. */
	struct span origin;
	bool verified; /* the event is signed with one of the keys */
};

/*
 * Return true if the sender may be answered.  A validation (OPTIONS) needs the
 * code and the origin, an event also hub, remote user and signature.  Otherwise
 * *reason is that of the first check that fails, in this order.
 */
bool sender_check(const struct settings *settings,
		  const struct request *request, bool validation,
		  struct sender *sender, enum reason *reason)
	__attribute__((warn_unused_result));

#endif
