/* SPDX-License-Identifier: ISC */
/* Copyright The certgate authors */
/* authority: a CA and a certificate that it issued, both valid from 2024-01-01
 * to 2044-01-01, as text. */
#ifndef CERTGATE_TESTS_AUTHORITY_H
#define CERTGATE_TESTS_AUTHORITY_H

#define AUTHORITY                                                              \
	"-----BEGIN CERTIFICATE-----\n"                                        \
	"MIIBmDCCAT6gAwIBAgICEAEwCgYIKoZIzj0EAwIwMzEVMBMGA1UECgwMRXhhbXBs\n"   \
	"ZSBUZXN0MRowGAYDVQQDDBFFeGFtcGxlIERldmljZSBDQTAeFw0yNDAxMDEwMDAw\n"   \
	"MDBaFw00NDAxMDEwMDAwMDBaMDMxFTATBgNVBAoMDEV4YW1wbGUgVGVzdDEaMBgG\n"   \
	"A1UEAwwRRXhhbXBsZSBEZXZpY2UgQ0EwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNC\n"   \
	"AATxn0QOvxyv2juQQriaXHeo84Ss+7vyVVlx0GviT7Gq9N87xnb+fw0HvOxDp/J3\n"   \
	"qRFI/FYYbLzu4NZG1IKdgkP0o0IwQDAPBgNVHRMBAf8EBTADAQH/MA4GA1UdDwEB\n"   \
	"/wQEAwIBBjAdBgNVHQ4EFgQU66EZutZAnM386aFqvr9KpsDno6swCgYIKoZIzj0E\n"   \
	"AwIDSAAwRQIhAKTUi6ggOg1GBt3PUg3pq/2x/0ri2cu+4d1IHy5m4dPKAiBQaZih\n"   \
	"PC2h0gwaPOgYniSis8IO8NBp23etgfVK2MN+Zg==\n"                           \
	"-----END CERTIFICATE-----\n"

#define ISSUED                                                                 \
	"-----BEGIN CERTIFICATE-----\n"                                        \
	"MIIB3jCCAYWgAwIBAgICEAIwCgYIKoZIzj0EAwIwMzEVMBMGA1UECgwMRXhhbXBs\n"   \
	"ZSBUZXN0MRowGAYDVQQDDBFFeGFtcGxlIERldmljZSBDQTAeFw0yNDAxMDEwMDAw\n"   \
	"MDBaFw00NDAxMDEwMDAwMDBaMCwxFTATBgNVBAoMDEV4YW1wbGUgVGVzdDETMBEG\n"   \
	"A1UEAwwKZGV2aWNlLTAwMTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABOiCvCw+\n"   \
	"DZMRtq0HF24g2ztXQuwWcAUFuIaFWyODjZ+Lqxwd/boP1751nEt10cBaTEIA4JsU\n"   \
	"IeLRJuhVLL/n4xSjgY8wgYwwCQYDVR0TBAIwADALBgNVHQ8EBAMCB4AwEwYDVR0l\n"   \
	"BAwwCgYIKwYBBQUHAwIwHQYDVR0RBBYwFIISZGV2aWNlLTAwMS5leGFtcGxlMB0G\n"   \
	"A1UdDgQWBBQ6msnGPwYWE306Q/ZTgCGcIxArFTAfBgNVHSMEGDAWgBTroRm61kCc\n"   \
	"zfzpoWq+v0qmwOejqzAKBggqhkjOPQQDAgNHADBEAiAUrNz9375Hbz+hPpdWCISC\n"   \
	"0y9eVrrYosBqrM0wEFAdyAIgZ0Syb/GfjAGDS5+NSAu8UvojuQ8Su49ccZOuZxhw\n"   \
	"8mE=\n"                                                               \
	"-----END CERTIFICATE-----\n"

#endif
