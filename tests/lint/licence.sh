#!/bin/bash
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
#
# Every source file says under which licence it stands, in its first lines.
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

# The files of the tree, without what is made from them.
tree()
{
	if [ -e .git ]; then
		git -c core.quotePath=false ls-files \
			--cached --others --exclude-standard
	else
		find . \( -path ./build -o -path ./build-aux -o -path ./m4 \
			-o -path ./_build -o -path ./_inst \
			-o -name autom4te.cache -o -name __pycache__ \) -prune \
			-o -type f ! -path ./config.h -printf '%P\n'
	fi | grep -Ex '(.*/)?([^/]*\.(c|h|py|sh|am|ac)|bootstrap)' | sort
}

look()
{
	while IFS= read -r file; do
		# What is no longer there is still in git's index.
		[ -f "$file" ] || continue
		head -n 3 "$file" |
			grep -q 'SPDX-License-Identifier: ISC\>' || echo "$file"
	done <<<"$files"
}

echo 1..2

cd "$srcdir" || exit 1
files=$(tree)

report 'there are files' "$([ -n "$files" ] || echo "none in $srcdir")"
report 'every source file has its licence line' "$(look)"

exit "$failed"
