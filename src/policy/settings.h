/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/*
 * settings: the values of the settings file and the environment, typed.
 *
 * The environment takes precedence.  One table has the names.  If any setting
 * is invalid (unknown, empty, out of range), all settings are invalid, and
 * every client is rejected.
 */
#ifndef CERTGATE_POLICY_SETTINGS_H
#define CERTGATE_POLICY_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/error.h"
#include "base/span.h"
#include "policy/access_keys.h"
#include "policy/entry.h"
#include "policy/thumbprint.h"

enum {
	SETTINGS_TEXT_MAX = 1048576, /* bytes of the settings file */
	SETTINGS_SECRET_MAX = 65536, /* bytes of a secret's file */
	SETTINGS_CODE_MAX = 1024, /* bytes of CERTGATE_CODE */
	SETTINGS_SECURITY_LEVEL = 2, /* 112 bits: RSA 2048, SHA-256 */
	SETTINGS_REPORT_ONLY_DAYS = 31 /* beyond the day of the load */
};

/* Lines of a settings file that a message asks for. */
#define SETTINGS_ORIGINS_LINE "CERTGATE_ORIGINS=NAME.webpubsub.azure.com"
#define SETTINGS_KEYS_LINE "CERTGATE_ACCESS_KEYS=PRIMARY,SECONDARY"

enum signature_policy {
	SIGNATURE_AUTO = 0, /* required as soon as a key is configured */
	SIGNATURE_REQUIRED,
	SIGNATURE_OFF
};

enum log_target {
	LOG_TARGET_DEFAULT = 0,
	LOG_TARGET_STDERR,
	LOG_TARGET_SYSLOG,
	LOG_TARGET_JOURNAL,
	LOG_TARGET_FILE
};
enum log_format { LOG_FORMAT_TEXT = 0, LOG_FORMAT_JSON };

enum setting_switch { SETTING_OFF = 0, SETTING_ON };

/* Owns everything in it. */
struct settings {
	struct thumbprint *pins; /* of CLIENT_CERT_THUMBPRINT */
	size_t n_pins;
	char *list; /* absolute path; NULL: no list file */
	char *store; /* absolute path; NULL: no store */
	char *store_owner; /* a user that is trusted with it; NULL: none */
	unsigned store_max_age; /* seconds without contact; 0: any */
	struct access_keys keys;
	char *keys_file; /* absolute path; NULL: none */
	enum signature_policy signature;
	char **origins; /* ended by NULL; NULL: any */
	bool has_origins; /* they were set, perhaps to any */
	char **hubs; /* ended by NULL; NULL: any */
	char *code; /* NULL: none is asked for */
	char *code_file; /* absolute path; NULL: none */
	char *remote_user; /* "*": any; NULL: none is asked for */
	/* A client without a certificate is accepted. */
	enum setting_switch missing_allowed;
	char *missing_user;
	enum setting_switch require_content;
	enum setting_switch ignore_dates;
	unsigned security_level; /* OpenSSL's, for chains */
	enum user_source user_id;
	enum log_target log_target;
	char *log_file; /* absolute path; with LOG_TARGET_FILE */
	enum log_format log_format;
	char **crl_urls; /* ended by NULL; NULL: those of the CAs */
	int64_t report_only_until; /* the last UTC second; 0: not set */
	unsigned report_only_line; /* where; 0: in the environment */
	unsigned report_only_column;
	bool has_secret; /* in the text of the file itself */
	struct warnings warnings;
};

/*
 * Fill settings, all zero before, from text (the file called name; absent:
 * there is none) and the environment (ended by NULL; NULL: none).  False with
 * e, which names the setting or the line, and nothing to free, if anything is
 * wrong.
 * The files that keys_file and code_file name are not read here.
 */
bool settings_read(struct settings *settings, struct span text,
		   const char *name, char *const *environment, struct error *e)
	__attribute__((warn_unused_result));

/* As settings_read.  With report (NULL: none), report all that is wrong, keep
 * the settings that load, and leave e clear; settings_free() in any case. */
bool settings_report(struct settings *settings, struct span text,
		     const char *name, char *const *environment,
		     struct report *report, struct error *e)
	__attribute__((warn_unused_result));

/* Read the target and the format of the log from invalid settings, as far as
 * these two are valid.  Nothing else is set. */
void settings_read_log(struct settings *settings, struct span text,
		       const char *name, char *const *environment);

/* Add the keys in the text of keys_file. */
bool settings_add_keys(struct settings *settings, struct span text,
		       struct error *e) __attribute__((warn_unused_result));

/* Take the secret in the text of code_file, without its line end. */
bool settings_set_code(struct settings *settings, struct span text,
		       struct error *e) __attribute__((warn_unused_result));

/* False with e if, at the time now, a date is further ahead than it may be;
 * name as above. */
bool settings_check_time(const struct settings *settings, const char *name,
			 int64_t now, struct error *e)
	__attribute__((warn_unused_result));

/* True if at the time now a rejected client is accepted and reported.  A date
 * that is too far ahead reports nothing: an error refuses. */
bool settings_report_only(const struct settings *settings, int64_t now);

void settings_free(struct settings *settings);

/* Some way to get a key was configured. */
bool settings_has_keys(const struct settings *settings);

/* True if events without a good signature are refused. */
bool settings_want_signature(const struct settings *settings);

/* True if value (ended by NULL; NULL: any) has name, without case. */
bool settings_names(char *const *value, struct span name);

/* A row of the table of settings. */
struct setting {
	const char *name;
	const char *expected; /* what a value looks like */
	const char *standard; /* the default, in words */
	bool secret; /* not shown: it may be a key, or have a password */
	const char *const *choices; /* words, ended by NULL; NULL: read */
	bool (*read)(void *field, struct span value, struct error *e);
	size_t offset; /* of the field; 0: all settings */
};

enum { SETTINGS_MAX = 24 /* settings */ };

/* Return the i-th setting in the order of the manual; NULL behind the last. */
const struct setting *settings_help(size_t i);

/* Return the name of a setting for a message; an unknown one is cut to 12
 * characters, for it may be a secret.  Borrowed until the next call. */
const char *settings_shown_name(struct span name);

/* A value as it was written, and where. */
struct setting_given {
	struct span value; /* absent: not given; borrowed */
	unsigned line; /* in the file; 0: in the environment */
	unsigned column; /* in that line */
};

/* Fill given, all zero before, in the order of settings_help().  False with e
 * if a line, a name or the text as a whole is invalid; with report (NULL:
 * none), report it and read the rest. */
bool settings_given(struct setting_given given[SETTINGS_MAX], struct span text,
		    const char *name, char *const *environment,
		    struct report *report, struct error *e)
	__attribute__((warn_unused_result));

/* True if value is one of the i-th setting. */
bool settings_accepts(size_t i, struct span value);

#endif
