#!/bin/bash
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
# Unit tests, case tables and spoilt streams again, in a second build: by clang,
# whose every warning is an error there, with the address and undefined
# behaviour sanitizers.  The build stays in the folder sanitized until make clean.
set -euo pipefail
: "${srcdir:?run by make check}" "${BUILD_DIR:?}" "${MAKE:=make}"
: "${UNIT_TESTS=}"

together=4 # programs
count=0 failed=0
# Runs a command; its output is shown if it fails.
try() {
	local name=$1 output
	shift
	if output=$("$@" 2>&1 </dev/null); then
		echo "ok - $name"
	else
		echo "not ok - $name"
		grep -v '^ok ' <<<"$output" | tail -n 60 | sed 's/^/# /'
		return 1
	fi
}

# The same beside others; finish waits for all.
begin() {
	while [ "$(jobs -pr | wc -l)" -ge "$together" ]; do
		wait -n || :
	done
	count=$((count + 1))
	try "$@" >"$results/$count" &
}

finish() {
	wait
	cat "$results"/*
	! grep -q '^not ok' "$results"/* || failed=1
}

# shellcheck disable=SC2317 # try calls it
build() {
	cd "$BUILD_DIR/sanitized"
	# What a make above this one said is not for this one.
	unset MAKEFLAGS MFLAGS MAKELEVEL
	[ -e Makefile ] || "$source/configure" --enable-sanitizers \
		--enable-werror CC=clang CPPFLAGS= CFLAGS='-O1 -g1' LDFLAGS=
	# shellcheck disable=SC2086
	"$MAKE" -j2 certgate certgate.fcgi tests/doors/inprocess \
		tests/fuzz/fuzz $UNIT_TESTS
}

results=$BUILD_DIR/sanitized/results
rm -rf "$results"
mkdir -p "$results"
source=$srcdir
if [ -e "$srcdir/config.status" ]; then
	# A source that is configured itself cannot be configured elsewhere.
	source=$BUILD_DIR/sanitized/source
	"$MAKE" -s -C "$BUILD_DIR" distdir distdir=sanitized/source \
		>/dev/null
fi
# Leaks count: a test ends with what it made freed.
export ASAN_OPTIONS=detect_leaks=1:abort_on_error=0
export UBSAN_OPTIONS=print_stacktrace=1
if try "builds with clang, sanitizers and no warning" build; then
	for test in check edit pending show; do
		# Half of the time of a start goes into the search for leaks;
		# what a command that ends leaks is counted in one of them.
		leaks=0
		[ "$test" != check ] || leaks=1
		begin "tests/admin/test_$test.py" env \
			BUILD_DIR="$BUILD_DIR/sanitized" \
			ASAN_OPTIONS="$ASAN_OPTIONS:detect_leaks=$leaks" \
			"$srcdir/tests/admin/test_$test.py"
	done
	if [ -e "$BUILD_DIR/certgate-emulator" ]; then
		begin tests/emulator/test_disconnect.py env \
			COMMAND="$BUILD_DIR/sanitized/certgate" \
			"$srcdir/tests/emulator/test_disconnect.py"
	fi
	for test in doors/test_bodies doors/test_inprocess doors/test_list \
		doors/test_parameters doors/test_settings \
		transport/test_fuzz; do
		begin "tests/$test.py" env BUILD_DIR="$BUILD_DIR/sanitized" \
			"$srcdir/tests/$test.py"
	done
	begin tests/fuzz/run.sh "$BUILD_DIR/sanitized/tests/fuzz/fuzz" \
		"$srcdir/tests/fuzz/corpus"
	for test in $UNIT_TESTS; do
		begin "$test" "$BUILD_DIR/sanitized/$test"
	done
	finish
else
	failed=1
fi
echo "1..$((count + 1))"
exit "$failed"
