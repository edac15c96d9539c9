/* SPDX-License-Identifier: ISC
 * Copyright The certgate authors */
#include "config.h"

#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#include "host/account.h"
#include "host/settings_file.h"

#define IN_HOME "certgate/certgate.conf"

const char settings_file_shown[] = "~/" IN_HOME;
const char settings_file_fix[] =
	"restore or create the file, or name it in CERTGATE_CONFIG, as "
	"with-settings.cgi does";

/* suEXEC removes HOME and CERTGATE_CONFIG from the environment. */
const char *
settings_file(void)
{
	static char path[PATH_MAX];
	char home[PATH_MAX];

	if (!account_home(geteuid(), home, sizeof(home)))
		return NULL;
	int n = snprintf(path, sizeof(path), "%s/" IN_HOME, home);
	return n > 0 && (size_t)n < sizeof(path) ? path : NULL;
}
