/* SPDX-License-Identifier: ISC
 * Copyright The certgate authors */
#include "config.h"

#include "host/settings_file.h"

const char settings_file_shown[] = CERTGATE_CONFIG_DEFAULT;
const char settings_file_fix[] =
	"restore or create the file, or name another one in CERTGATE_CONFIG";

const char *
settings_file(void)
{
	return settings_file_shown;
}
