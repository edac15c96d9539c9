/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* exit_code: how both programs end. */
#ifndef CERTGATE_HOST_EXIT_CODE_H
#define CERTGATE_HOST_EXIT_CODE_H

enum exit_code {
	EXIT_DONE = 0, /* yes, or done */
	EXIT_NO = 1,
	EXIT_MISUSED = 2,
	EXIT_SYSTEM = 3
};

#endif
