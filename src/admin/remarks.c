/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
#include "config.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "admin/remarks.h"

void
remarks_add(struct remarks *remarks, const char *format, ...)
{
	char **longer =
		reallocarray(remarks->remark, remarks->n + 1, sizeof(*longer));
	va_list arguments;

	if (longer == NULL)
		return;
	remarks->remark = longer;
	va_start(arguments, format);
	if (vasprintf(&longer[remarks->n], format, arguments) >= 0)
		remarks->n++;
	va_end(arguments);
}

void
remarks_free(struct remarks *remarks)
{
	for (size_t i = 0; i < remarks->n; i++)
		free(remarks->remark[i]);
	free(remarks->remark);
	*remarks = (struct remarks){ 0 };
}
