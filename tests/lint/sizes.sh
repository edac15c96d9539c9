#!/bin/bash
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
#
# No file of src over 350 lines, no function over 60: from the line of its name
# to the brace that closes it.  format.sh sees to it that functions look as
# expected here.
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

# FILE LINES of each file
files()
{
	find "$srcdir/src" -name '*.[ch]' -printf '%P\n' | sort |
		while IFS= read -r file; do
			echo "$file $(wc -l <"$srcdir/src/$file")"
		done
}

# FILE:LINE NAME LINES of each function
functions()
{
	find "$srcdir/src" -name '*.[ch]' -printf '%P\n' | sort |
		while IFS= read -r file; do
			awk -v file="$file" '
			/^[A-Za-z_][A-Za-z0-9_]*\(/ {
				name = $0
				sub(/\(.*/, "", name)
				first = FNR
			}
			!body && /;[ \t]*$/ { name = "" }
			/^\{/ && name != "" { body = 1 }
			/^\}/ && body {
				print file ":" first, name, FNR - first + 1
				body = 0
				name = ""
			}' "$srcdir/src/$file"
		done
}

echo 1..3

all_files=$(files)
all_functions=$(functions)

report 'there are files, and functions in them' \
	"$([ -n "$all_files" ] && [ -n "$all_functions" ] ||
		echo "none in $srcdir/src")"
report 'no file is over 350 lines' \
	"$(awk '$2 > 350 { print $1 ": " $2 " lines" }' <<<"$all_files")"
report 'no function is over 60 lines' \
	"$(awk '$3 > 60 { print $1 ": " $2 ": " $3 " lines" }' \
		<<<"$all_functions")"

exit "$failed"
