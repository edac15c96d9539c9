#!/bin/bash
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
#
# The core is a function of what it is given: its objects call nothing that
# opens, reads, waits, prints, asks for the time or ends the process.
set -u

here=$(cd "$(dirname "$0")" && pwd)
srcdir=$(cd "${srcdir:-$here/../..}" && pwd)
build=${BUILD_DIR:-$srcdir/build}
core=$build/libcore.a
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

banned='open openat read write fopen fread fwrite stat fstat
	socket connect send recv accept poll select
	time clock_gettime gettimeofday localtime gmtime
	getenv secure_getenv environ
	printf fprintf puts putchar perror
	exit _exit abort syslog'

echo 1..2

expected=$(cd "$srcdir/src" && find base protocol policy handler.c \
	-name '*.c' -printf '%f\n' | sed 's/c$/o/' | sort)
members=$(ar t "$core" 2>&1 | sort)
report 'libcore.a is base, protocol, policy and handler' \
	"$(diff <(echo "$expected") <(echo "$members") | sed -n '/^[<>]/p')"

# A call may go by another name: read@GLIBC_2.2.5, __read_chk (fortified),
# fopen64, __open64_2, __environ.
report 'libcore.a names no banned function' \
	"$(nm -A -u "$core" 2>&1 | awk -v banned="$banned" '
		BEGIN {
			n = split(banned, name)
			for (i = 1; i <= n; i++)
				bad[name[i]] = 1
		}
		{ symbol = $NF }
		$(NF - 1) !~ /^[Uvw]$/ { print; next }
		{
			sub(/@.*/, "", symbol)
			plain = symbol
			if (plain ~ /^__/) {
				sub(/^__/, "", plain)
				sub(/(_chk|_2)$/, "", plain)
			}
			short = plain
			sub(/64$/, "", short)
			if (symbol in bad || plain in bad || short in bad) {
				member = $1
				sub(/:$/, "", member)
				sub(/.*:/, "", member)
				print member " needs " symbol
			}
		}')"

exit "$failed"
