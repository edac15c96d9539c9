/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* The floor for plain CGI: reads its input to the end, a constant answer. */
#include "config.h"

#include <unistd.h>

int
main(void)
{
	static const char answer[] = "Status: 204 No Content\r\n\r\n";
	char chunk[16384];

	while (read(STDIN_FILENO, chunk, sizeof(chunk)) > 0)
		;
	return write(STDOUT_FILENO, answer, sizeof(answer) - 1) > 0 ? 0 : 3;
}
