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

/* suEXEC removes HOME and CERTGATE_CONFIG from the environment.  The path is
 * that of the first call: the user may change. */
const char *
settings_file(void)
{
	static char path[PATH_MAX];
	char home[PATH_MAX - sizeof("/" IN_HOME)];

	if (path[0] == '\0' && account_home(geteuid(), home, sizeof(home)))
		(void)snprintf(path, sizeof(path), "%s/" IN_HOME, home);
	return path[0] == '\0' ? NULL : path;
}
