/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* chain_recall: what CAs and CRLs say of a certificate of which the log alone
 * is left. */
#ifndef CERTGATE_PROTOCOL_CHAIN_RECALL_H
#define CERTGATE_PROTOCOL_CHAIN_RECALL_H

#include <stdint.h>

#include "base/span.h"
#include "protocol/chain_trust.h"

enum chain_recall {
	CHAIN_RECALL_FOREIGN = 0, /* none of the CAs is the issuer */
	CHAIN_RECALL_BROKEN, /* the CA has expired, is revoked, or no CA above
			      * is valid */
	CHAIN_RECALL_REVOKED,
	CHAIN_RECALL_NO_CRL, /* one is needed, and none is current */
	CHAIN_RECALL_GOOD
};

/* Return what the CAs and CRLs say at the time now of a certificate: issuer and
 * serial are as the log writes them, perhaps cut (...).  Signatures, purposes
 * and path lengths are not looked at. */
enum chain_recall chain_recall(const struct chain_trust *trust,
			       struct span issuer, struct span serial,
			       int64_t now);

#endif
