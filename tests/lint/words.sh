#!/bin/bash
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
#
# What no file of the tree says: where somebody's home is, from which machine
# packages come, and that something is still to be done.  The patterns here are
# written so that they do not find themselves.
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

made='aclocal[.]m4|configure~?|config[.](h([.]in~?)?|log|status)|stamp-h1'
made+='|Makefile([.]in)?|.*[.][oa]'

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
			-o -type f -printf '%P\n' |
			grep -Evx "$made"
	fi | sort
}

# find_in_tree PATTERN: FILE:LINE:TEXT of each line that has it
find_in_tree()
{
	while IFS= read -r file; do
		# What is no longer there is still in git's index.
		[ -f "$file" ] || continue
		grep -HInE -e "$1" -- "$file"
	done <<<"$files"
}

# Somebody's directory, and the hosts of Debian, Ubuntu, Alpine, Fedora,
# Python, Perl, Node.js, Rust, Ruby and Go packages.
homes='(^|[^A-Za-z0-9_.])/(root/|home/[A-Za-z0-9_])|/Users/[A-Za-z0-9_]'
hosts='(deb|security|ftp|snapshot|archive)[.][a-z.]*debian[.]org'
hosts+='|[a-z]+[.]ubuntu[.]com|[a-z-]+[.]alpinelinux[.]org'
hosts+='|[a-z]+[.]fedoraproject[.]org|pypi[.]org|pythonhosted[.]org'
hosts+='|cpan[.]org|npmjs[.](org|com)|crates[.]io|rubygems[.]org'
hosts+='|proxy[.]golang[.]org|anaconda[.]org'
later='\<(TOD[O]|FIXM[E]|XX[X])\>'

echo 1..4

cd "$srcdir" || exit 1
files=$(tree)

report 'there are files' "$([ -n "$files" ] || echo "none in $srcdir")"
report 'no path of a home or of one machine' "$(find_in_tree "$homes")"
report 'no name of a package host' "$(find_in_tree "$hosts")"
report 'nothing is left for later' "$(find_in_tree "$later")"

exit "$failed"
