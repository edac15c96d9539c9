#!/bin/bash
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
#
# Functions that src does without: those that write without a length, parse
# without an error, start a shell, or jump.
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

banned='strcpy strcat sprintf vsprintf gets strtok strncpy strncat
	atoi atol atof alloca system popen tmpnam
	scanf fscanf sscanf vscanf vfscanf vsscanf
	setjmp sigsetjmp longjmp siglongjmp'

# The words of a file that are code: no comments, strings or characters.
words_of_code()
{
	awk '
	{
		line = $0
		out = ""
		while (line != "") {
			two = substr(line, 1, 2)
			one = substr(line, 1, 1)
			if (comment) {
				end = index(line, "*/")
				if (end == 0)
					break
				comment = 0
				line = substr(line, end + 2)
			} else if (two == "/*") {
				comment = 1
				out = out " "
				line = substr(line, 3)
			} else if (two == "//") {
				break
			} else if (match(line, /^"([^"\\]|\\.)*"/) ||
			    match(line, /^\047([^\047\\]|\\.)*\047/)) {
				out = out " "
				line = substr(line, RLENGTH + 1)
			} else {
				out = out one
				line = substr(line, 2)
			}
		}
		if (out ~ /^[ \t]*#[ \t]*include/)
			next
		n = split(out, word, /[^A-Za-z0-9_]+/)
		for (i = 1; i <= n; i++)
			if (word[i] != "")
				print FNR, word[i]
	}' "$1"
}

look()
{
	while IFS= read -r file; do
		words_of_code "$srcdir/src/$file" |
			awk -v file="$file" -v banned="$banned" '
			BEGIN {
				n = split(banned, name)
				for (i = 1; i <= n; i++)
					bad[name[i]] = 1
			}
			$2 in bad { print file ":" $1 ": " $2 }'
	done <<<"$files"
}

echo 1..2

files=$(cd "$srcdir/src" && find . -name '*.[ch]' -printf '%P\n' | sort)

report 'there are files' "$([ -n "$files" ] || echo "none in $srcdir/src")"
report 'src names no banned function' "$(look)"

exit "$failed"
