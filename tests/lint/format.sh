#!/bin/bash
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
#
# The C code looks as .clang-format says.
set -u

here=$(cd "$(dirname "$0")" && pwd)
srcdir=$(cd "${srcdir:-$here/../..}" && pwd)

if ! command -v clang-format >/dev/null; then
	echo '1..0 # SKIP no clang-format'
	exit 0
fi

echo 1..1

text='src and tests are formatted as .clang-format says'
cd "$srcdir" || exit 1
mapfile -t files < <(find src tests -name '*.[ch]' | sort)

if [ ! -f .clang-format ]; then
	findings='no .clang-format'
elif [ "${#files[@]}" -eq 0 ]; then
	findings='no files'
elif findings=$(clang-format --style=file --dry-run -Werror \
	"${files[@]}" 2>&1); then
	echo "ok 1 - $text"
	exit 0
fi
echo "not ok 1 - $text"
printf '%s\n' "$findings" | sed 's/^/# /'
exit 1
