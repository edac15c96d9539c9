/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* targets: those that have a file of their own. */
#ifndef CERTGATE_TESTS_FUZZ_TARGETS_H
#define CERTGATE_TESTS_FUZZ_TARGETS_H

#include "base/span.h"

/* The body of a connect event: certgate accepts what a second parser accepts,
 * with the same values. */
void target_event(struct span input);

/* A certificate, PEM or DER: whatever certgate believes of it is what a full
 * parse by OpenSSL says; else certgate refuses it. */
void target_comparison(struct span input);

/* Files of CAs and CRLs: PEM, or the DER of a CA and of a CRL. */
void target_trust(struct span input);

#endif
