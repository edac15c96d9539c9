/* SPDX-License-Identifier: ISC
 * Copyright The certgate authors
 *
 * settings_file: which file has the settings if CERTGATE_CONFIG names none: the
 * installed one, and for a static program one in the user's home folder. */
#ifndef CERTGATE_HOST_SETTINGS_FILE_H
#define CERTGATE_HOST_SETTINGS_FILE_H

/* In words: the path, for the help, and what to do if the file is missing. */
extern const char settings_file_shown[];
extern const char settings_file_fix[];

/* Return the path; NULL: the user has no home folder in /etc/passwd.  Valid for
 * the life of the process. */
const char *settings_file(void);

#endif
