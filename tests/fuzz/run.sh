#!/bin/sh
# SPDX-License-Identifier: ISC
# Copyright The certgate authors
# Each target over its corpus, without a fuzzer.
exec "${BUILD_DIR:?run by make check}/tests/fuzz/fuzz" \
	"${srcdir:?}/tests/fuzz/corpus"
