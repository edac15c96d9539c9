#!/bin/bash
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
#
# The shell scripts: shellcheck has nothing to say, or at least they parse.
set -u

here=$(cd "$(dirname "$0")" && pwd)
srcdir=$(cd "${srcdir:-$here/../..}" && pwd)
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

# The scripts of the tree, without what is made from it.
scripts()
{
	if [ -e .git ]; then
		git -c core.quotePath=false ls-files \
			--cached --others --exclude-standard
	else
		find . \( -path ./build -o -path ./build-aux -o -path ./m4 \
			-o -path ./_build -o -path ./_inst \
			-o -name autom4te.cache \) -prune \
			-o -type f -printf '%P\n'
	fi | grep -Ex '.*[.]sh|bootstrap|[.]ci/run' | sort
}

look()
{
	while IFS= read -r file; do
		# What is no longer there is still in git's index.
		[ -f "$file" ] || continue
		if command -v shellcheck >/dev/null; then
			shellcheck --format=gcc -- "$file" 2>&1 ||
				echo "$file: shellcheck complains"
		else
			bash -n -- "$file" 2>&1 || echo "$file does not parse"
		fi
	done <<<"$files"
}

echo 1..2

cd "$srcdir" || exit 1
files=$(scripts)

report 'there are scripts' "$([ -n "$files" ] || echo "none in $srcdir")"
report 'the scripts are clean' "$(look)"

exit "$failed"
