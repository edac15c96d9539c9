#!/bin/bash
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
#
# Who includes whom: base < protocol < policy < handler < host < fcgi, no
# cycles, and each outside library behind the files that may know it.
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

# only TARGET-PATTERN FILE-PATTERN: includes of the one outside of the other.
only()
{
	awk -v target="$1" -v file="$2" \
		'$2 ~ target && $1 !~ file { print $1 " includes " $2 }' \
		<<<"$includes"
}

echo 1..8
cd "$srcdir/src" || exit 1

files=$(find . -name '*.[ch]' -printf '%P\n' | sort)

# One line for each #include: the file, what it includes, " or < or ?
includes=$(while IFS= read -r file; do
	awk -v file="$file" '
		/^[ \t]*(#|%:)[ \t]*(include|include_next|import)[^a-z_]/ {
			sub(/^[ \t]*(#|%:)[ \t]*[a-z_]+[ \t]*/, "")
			kind = substr($0, 1, 1)
			if (kind !~ /["<]/) {
				print file, $1, "?"
				next
			}
			split(substr($0, 2), part, /[">]/)
			print file, part[1], kind
		}' "$file"
done <<<"$files")

report 'there are files, and includes in them' \
	"$([ -n "$files" ] && [ -n "$includes" ] || echo "none in $srcdir/src")"

report 'every file belongs to a layer' \
	"$(grep -Ev '^((base|protocol|policy|host|fcgi)/[^/]+|handler)\.[ch]$' \
		<<<"$files")"

# With -Isrc, <host/log.h> is the same file as "host/log.h".
report 'what is included is spelled from src, or is an outside header' \
	"$(while read -r file target kind; do
		case $kind$target in
		'"config.h') continue ;;
		\?* | *../* | *./* | *//*) ;;
		\"*) [ -f "$target" ] && continue ;;
		\<*) [ -f "$target" ] || continue ;;
		esac
		echo "$file includes $target"
	done <<<"$includes")"

report 'a file includes its own layer or a lower one' \
	"$(awk '
		function rank(path) {
			sub(/\/.*/, "", path)
			sub(/\.[ch]$/, "", path)
			return (path in layer) ? layer[path] : 0
		}
		BEGIN {
			n = split("base protocol policy handler host fcgi", name, " ")
			for (i = 1; i <= n; i++)
				layer[name[i]] = i
		}
		rank($2) > rank($1) { print $1 " includes " $2 }
	' <<<"$includes")"

# tsort says so on its standard error; a file that includes itself it lets by.
edges=$(awk '$1 ~ /\.h$/ && $2 ~ /\.h$/ { print $1, $2 }' <<<"$includes")
report 'no header includes itself, directly or through others' \
	"$(awk '$1 == $2 { print $1 " includes itself" }' <<<"$edges"
	tsort <<<"$edges" 2>&1 >/dev/null)"

# json-c may be on the include path itself, so that <json.h> finds it too.
report 'json-c is known to protocol/event.c and response.c only' \
	"$(only '^(json-c/|json[a-z_]*[.]h$)' \
		'^protocol/(event|response)[.]c$')"

report 'OpenSSL is known to four files of protocol only' \
	"$(only '^openssl/' \
		'^protocol/(digest|signature|pem|certificate)[.]c$')"

report 'libfcgi is known to host/fastcgi.c only, its stdio to none' \
	"$(only '(^|/)fcgi(app|_stdio|os|misc)?[.]h$' '^host/fastcgi[.]c$'
	only '(^|/)fcgi_stdio[.]h$' '^$')"

exit "$failed"
