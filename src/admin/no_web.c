/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* web of a program that was built without libcurl: no answer comes. */
#include "config.h"

#include "admin/web.h"

bool
web_is_loopback(const char *url)
{
	(void)url;
	return false;
}

void
web_exchange(const struct web_request *request, struct web_answer *answer)
{
	(void)request;
	*answer = (struct web_answer){
		.problem = "this build cannot send requests (fix: use the "
			   "packaged certgate)"
	};
}

void
web_free(struct web_answer *answer)
{
	(void)answer;
}

struct span
web_header(const struct web_answer *answer, const char *name, unsigned n)
{
	(void)answer;
	(void)name;
	(void)n;
	return (struct span){ 0 };
}
