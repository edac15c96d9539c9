#!/bin/bash
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
#
# Do the checks of this directory find anything?  Each runs on a copy of the
# tree, where it must pass, and then on copies with one fault each, where the
# point that the fault is meant for must fail.
set -u

here=$(cd "$(dirname "$0")" && pwd)
srcdir=$(cd "${srcdir:-$here/../..}" && pwd)
build=${BUILD_DIR:-$srcdir/build}
count=0
failed=0

work=$(mktemp -d) || exit 1
trap 'rm -rf "$work"' EXIT
clean=$work/clean
tree=$work/tree

# result STATUS TEXT OUTPUT: OUTPUT is shown if STATUS is not 0.
result()
{
	count=$((count + 1))
	if [ "$1" -eq 0 ]; then
		echo "ok $count - $2"
	else
		echo "not ok $count - $2"
		printf '%s\n' "$3" | sed 's/^/# /'
		failed=1
	fi
}

run()
{
	srcdir=$tree BUILD_DIR=$tree/build bash "$tree/tests/lint/$1" 2>&1
}

fresh()
{
	rm -rf "$tree"
	cp -r "$clean" "$tree"
}

# passes CHECK: the check has nothing to say about the copy as it is.
passes()
{
	local output

	fresh
	output=$(run "$1")
	if grep -q '^1\.\.0 # SKIP' <<<"$output"; then
		count=$((count + 1))
		echo "ok $count - $1 # SKIP ${output#*# SKIP }"
		return
	fi
	grep -q '^ok' <<<"$output" && ! grep -q '^not ok' <<<"$output"
	result $? "$1 passes on the copy" "$output"
}

# finds CHECK TEXT FAULT ARGUMENT...: with the fault, the point of the check
# that has TEXT in it fails.
finds()
{
	local check=$1 text=$2 output
	local what="$check: ${*:3}"

	what=${what//$'\n'/ }
	what=${what:0:76}
	shift 2
	fresh
	"$@"
	output=$(run "$check")
	if grep -q '^1\.\.0 # SKIP' <<<"$output"; then
		count=$((count + 1))
		echo "ok $count - $what # SKIP ${output#*# SKIP }"
		return
	fi
	grep -q "^not ok [0-9]* - .*$text" <<<"$output"
	result $? "$what" "$output"
}

# The faults.

# append FILE LINE...
append()
{
	printf '%s\n' "${@:2}" >>"$tree/$1"
}

# drop FILE PATTERN: lines with the pattern
drop()
{
	sed -i "/$2/d" "$tree/$1"
}

# long_function FILE LINES, from name to brace
long_function()
{
	{
		printf 'void\nlong_one(void)\n{\n'
		yes '	;' | head -n $(($2 - 3))
		printf '}\n'
	} >>"$tree/$1"
}

# long_file FILE LINES
long_file()
{
	yes '' | head -n "$2" >>"$tree/$1"
}

# call FUNCTION: from a member of the archive
call()
{
	printf 'void %s(void);\nvoid x(void);\nvoid x(void)\n{\n\t%s();\n}\n' \
		"$1" "$1" >"$work/hex.c"
	gcc -w -fno-builtin -c -o "$work/hex.o" "$work/hex.c" &&
		ar r "$tree/build/libcore.a" "$work/hex.o" 2>/dev/null
}

# without_member OBJECT
without_member()
{
	ar d "$tree/build/libcore.a" "$1"
}

mkdir -p "$clean/build" "$clean/tests" || exit 1
cp -r "$srcdir/src" "$clean/" || exit 1
cp -r "$srcdir/tests/lint" "$clean/tests/" || exit 1
cp "$srcdir/.clang-format" "$srcdir/bootstrap" "$clean/"
cp -r "$srcdir/.ci" "$clean/"
cp "$build/config.h" "$build/libcore.a" "$clean/build/"
chmod -R u+w "$clean"

for check in layers purity headers banned sizes format licence words shell; do
	passes "$check.sh"
done

finds layers.sh 'belongs to a layer' append src/util/../other.c ''
lower='its own layer or a lower one'
finds layers.sh "$lower" append src/base/hex.c '#include "protocol/digest.h"'
finds layers.sh "$lower" append src/protocol/pem.c '# include "policy/list.h"'
finds layers.sh "$lower" append src/policy/list.c '#include "handler.h"'
finds layers.sh "$lower" append src/handler.c '#include "host/log.h"'
finds layers.sh "$lower" append src/host/log.c '#include "fcgi/main.c"'
spelled='is spelled from src'
finds layers.sh "$spelled" append src/base/hex.c '#include "../handler.h"'
finds layers.sh "$spelled" append src/base/hex.c '#include <handler.h>'
finds layers.sh "$spelled" append src/base/hex.c '#include "span.h"'
finds layers.sh "$spelled" append src/base/hex.c '#include NAME'
finds layers.sh 'no header includes itself' \
	append src/base/span.h '#include "base/buffer.h"'
finds layers.sh 'no header includes itself' \
	append src/base/span.h '#include "base/span.h"'
finds layers.sh 'json-c is known' \
	append src/protocol/json_text.c '#include <json-c/json.h>'
finds layers.sh 'OpenSSL is known' \
	append src/handler.c '#include <openssl/evp.h>'
finds layers.sh 'libfcgi is known' append src/host/serve.c '#include <fcgiapp.h>'
finds layers.sh 'libfcgi is known' \
	append src/host/fastcgi.c '#include <fcgi_stdio.h>'

for name in open read time getenv printf _exit syslog \
	__open64_2 fopen64 __fprintf_chk __environ; do
	finds purity.sh 'no banned function' call "$name"
done
finds purity.sh 'is base, protocol' without_member handler.o

finds headers.sh 'compiles alone' append src/base/hex.h 'struct buffer loose;'
finds headers.sh 'has a guard' drop src/base/hex.h '#define CERTGATE_'
finds headers.sh 'has a guard' append src/base/hex.h '#define AFTER 1'

for name in strcpy strcat sprintf vsprintf gets strtok strncpy strncat atoi \
	atol atof alloca system popen tmpnam scanf sscanf fscanf setjmp; do
	finds banned.sh 'no banned function' append src/base/hex.c \
		"char c = '\"'; /* \" */ int i = $name (\"\");"
done

finds sizes.sh 'no file' long_file src/base/hex.c 350
finds sizes.sh 'no function' long_function src/base/hex.c 61

finds format.sh 'formatted' append src/base/hex.c 'int  loose ;'
finds format.sh 'formatted' append tests/lint/loose.c 'int  loose ;'

for name in src/base/hex.c src/base/hex.h tests/lint/sizes.sh bootstrap; do
	finds licence.sh 'has its licence line' drop "$name" SPDX
done
for name in one.py Makefile.am configure.ac; do
	finds licence.sh 'has its licence line' append "$name" ''
done

for name in root home/someone; do
	finds words.sh 'no path of a home' append one.txt "see /$name/notes"
done
for name in deb.debian archive.ubuntu pypi files.pythonhosted; do
	case $name in
	*.ubuntu) name=$name.com ;;
	*) name=$name.org ;;
	esac
	finds words.sh 'no name of a package host' append one.txt "https://$name/"
done
for name in TO+DO FIX+ME X+XX; do
	finds words.sh 'left for later' append one.txt "/* ${name/+/} */"
done

for name in one.sh bootstrap .ci/run; do
	finds shell.sh 'clean' append "$name" 'if'
done
if command -v shellcheck >/dev/null; then
	# shellcheck disable=SC2016 # the fault is to be written as it is
	finds shell.sh 'clean' append one.sh '#!/bin/sh' 'rm $1'
fi

echo "1..$count"
exit "$failed"
