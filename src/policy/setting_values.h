/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* setting_values: from the text of one setting to its value in settings. */
#ifndef CERTGATE_POLICY_SETTING_VALUES_H
#define CERTGATE_POLICY_SETTING_VALUES_H

#include "policy/settings.h"

/* A function for each row of the table of settings; value is not empty. */
typedef bool setting_function(struct settings *s, struct span value,
			      struct error *e);

setting_function setting_thumbprints, setting_list, setting_keys,
	setting_keys_file, setting_connection, setting_signature,
	setting_origins, setting_hubs, setting_code, setting_code_file,
	setting_remote_user, setting_missing, setting_missing_user,
	setting_require_content, setting_check_dates, setting_user_id,
	setting_security_level, setting_report_only, setting_log,
	setting_log_format;

#endif
