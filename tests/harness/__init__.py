# SPDX-License-Identifier: ISC
# Copyright The certgate authors
"""What the tests of whole programs share."""
