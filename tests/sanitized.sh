#!/bin/bash
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
# Unit tests, case tables and spoilt streams again, in a second build: by clang,
# whose every warning is an error there, with the address and undefined
# behaviour sanitizers.  The build stays in the folder sanitized until make clean.
set -euo pipefail
: "${srcdir:?run by make check}" "${BUILD_DIR:?}" "${MAKE:=make}"
: "${UNIT_TESTS=}"

count=0 failed=0
# Runs a command; its output is shown if it fails.
try() {
	local name=$1
	shift
	count=$((count + 1))
	if "$@" >"$BUILD_DIR/sanitized/output" 2>&1 </dev/null; then
		echo "ok $count - $name"
	else
		failed=1
		echo "not ok $count - $name"
		grep -v '^ok ' "$BUILD_DIR/sanitized/output" | tail -n 60 |
			sed 's/^/# /'
		return 1
	fi
}

# shellcheck disable=SC2317 # try calls it
build() {
	cd "$BUILD_DIR/sanitized"
	# What a make above this one said is not for this one.
	unset MAKEFLAGS MFLAGS MAKELEVEL
	[ -e Makefile ] || "$source/configure" --enable-sanitizers \
		--enable-werror CC=clang CPPFLAGS= CFLAGS='-O1 -g' LDFLAGS=
	# shellcheck disable=SC2086
	"$MAKE" -j2 certgate certgate.fcgi tests/doors/inprocess \
		tests/fuzz/fuzz $UNIT_TESTS
}

mkdir -p "$BUILD_DIR/sanitized"
source=$srcdir
if [ -e "$srcdir/config.status" ]; then
	# A source that is configured itself cannot be configured elsewhere.
	source=$BUILD_DIR/sanitized/source
	"$MAKE" -s -C "$BUILD_DIR" distdir distdir=sanitized/source \
		>/dev/null
fi
# Leaks count: every test ends with what it made freed.
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0
export UBSAN_OPTIONS=print_stacktrace=1
if try "builds with clang, sanitizers and no warning" build; then
	for test in $UNIT_TESTS; do
		try "$test" "$BUILD_DIR/sanitized/$test" || :
	done
	try tests/fuzz/run.sh "$BUILD_DIR/sanitized/tests/fuzz/fuzz" \
		"$srcdir/tests/fuzz/corpus" || :
	try tests/doors/test_inprocess.py env \
		BUILD_DIR="$BUILD_DIR/sanitized" \
		"$srcdir/tests/doors/test_inprocess.py" || :
	try tests/transport/test_fuzz.py env \
		BUILD_DIR="$BUILD_DIR/sanitized" \
		"$srcdir/tests/transport/test_fuzz.py" || :
	for test in check edit pending show; do
		try "tests/admin/test_$test.py" env \
			BUILD_DIR="$BUILD_DIR/sanitized" \
			"$srcdir/tests/admin/test_$test.py" || :
	done
	if [ -e "$BUILD_DIR/certgate-emulator" ]; then
		try tests/emulator/test_disconnect.py env \
			COMMAND="$BUILD_DIR/sanitized/certgate" \
			"$srcdir/tests/emulator/test_disconnect.py" || :
	fi
fi
echo "1..$count"
exit "$failed"
