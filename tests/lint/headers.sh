#!/bin/bash
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
#
# Every header of src compiles alone, and has its guard.
set -u

here=$(cd "$(dirname "$0")" && pwd)
srcdir=$(cd "${srcdir:-$here/../..}" && pwd)
build=${BUILD_DIR:-$srcdir/build}
count=0
failed=0

# report TEXT FINDINGS: fails if there are findings.
report()
{
	count=$((count + 1))
	if [ -z "$2" ]; then
		echo "ok $count - $1"
	else
		echo "not ok $count - $1"
		printf '%s\n' "$2" | sed 's/^/# /'
		failed=1
	fi
}

compile_each()
{
	while IFS= read -r header; do
		gcc -std=gnu11 -fsyntax-only -x c "-I$srcdir/src" "-I$build" \
			"$srcdir/src/$header" 2>&1 ||
			echo "$header does not compile alone"
	done <<<"$headers"
}

# The first two directives are the guard's, the last closes it.
look_at_guards()
{
	while IFS= read -r header; do
		guard=CERTGATE_$(tr 'a-z/.' 'A-Z__' <<<"$header")
		directives=$(grep '^[[:space:]]*#' "$srcdir/src/$header")
		if [ "$(head -n 2 <<<"$directives")" != \
			"#ifndef $guard"$'\n'"#define $guard" ] ||
			[ "$(tail -n 1 <<<"$directives")" != '#endif' ]; then
			echo "$header has no guard $guard"
		fi
	done <<<"$headers"
}

echo 1..3

headers=$(cd "$srcdir/src" && find . -name '*.h' -printf '%P\n' | sort)

report 'there are headers' \
	"$([ -n "$headers" ] || echo "none in $srcdir/src")"
report 'every header compiles alone' "$(compile_each)"
report 'every header has a guard named after its path' "$(look_at_guards)"

exit "$failed"
