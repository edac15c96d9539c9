// SPDX-License-Identifier: ISC
// Copyright The certgate authors

// A peer to measure against: net/http on the address of the first argument
// checks each event's signature and answers 204; it parses no body.
package main

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
)

func isSigned(header http.Header) bool {
	mac := hmac.New(sha256.New, []byte("bench-access-key"))
	mac.Write([]byte(header.Get("ce-connectionId")))
	expected := "sha256=" + hex.EncodeToString(mac.Sum(nil))
	for _, found := range strings.Split(header.Get("ce-signature"), ",") {
		if hmac.Equal([]byte(found), []byte(expected)) {
			return true
		}
	}
	return false
}

func answer(w http.ResponseWriter, r *http.Request) {
	if _, err := io.ReadAll(r.Body); err != nil || !isSigned(r.Header) {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	w.WriteHeader(http.StatusNoContent)
}

func main() {
	http.HandleFunc("/", answer)
	log.Fatal(http.ListenAndServe(os.Args[1], nil))
}
