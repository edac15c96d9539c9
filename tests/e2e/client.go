// SPDX-License-Identifier: ISC
// Copyright The certgate authors

// One client for each certificate, over gorilla/websocket; see README.md.
package main

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	handshakes = 16               // at a time
	patience   = 30 * time.Second // for one handshake
	lineMax    = 1 << 21          // bytes of a line read
)

var (
	url         = flag.String("url", "", "what to connect to")
	ca          = flag.String("ca", "", "file with the server's authority")
	subprotocol = flag.String("subprotocol", "", "offered, between commas")
)

type line map[string]interface{}

var (
	output  = json.NewEncoder(os.Stdout)
	writing sync.Mutex
)

func say(is, client string, more line) {
	writing.Lock()
	defer writing.Unlock()
	all := line{"is": is, "client": client}
	for name, value := range more {
		all[name] = value
	}
	if output.Encode(all) != nil {
		os.Exit(3)
	}
}

func misused(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(2)
}

func dialer() *websocket.Dialer {
	config := &tls.Config{}
	if *ca != "" {
		pem, err := os.ReadFile(*ca)
		if err != nil {
			misused(err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(pem) {
			misused(errors.New(*ca + " has no certificate"))
		}
	}
	found := &websocket.Dialer{
		Proxy:            http.ProxyFromEnvironment,
		HandshakeTimeout: patience,
		TLSClientConfig:  config,
	}
	if *subprotocol != "" {
		found.Subprotocols = strings.Split(*subprotocol, ",")
	}
	return found
}

// with is the dialer with the certificate and key in file; "-" has none.
func with(plain *websocket.Dialer, file string) *websocket.Dialer {
	if file == "-" {
		return plain
	}
	certificate, err := tls.LoadX509KeyPair(file, file)
	if err != nil {
		misused(err)
	}
	found := *plain
	found.TLSClientConfig = plain.TLSClientConfig.Clone()
	found.TLSClientConfig.Certificates = []tls.Certificate{certificate}
	return &found
}

// dial connects one client and says how that went; nil if it was not accepted.
func dial(dialer *websocket.Dialer, client string) *websocket.Conn {
	connection, answer, err := dialer.Dial(*url, nil)
	if err == nil {
		say("connected", client, line{
			"subprotocol": connection.Subprotocol()})
		return connection
	}
	if answer == nil {
		say("failed", client, line{"text": err.Error()})
		return nil
	}
	body, _ := io.ReadAll(answer.Body)
	say("refused", client, line{
		"status": answer.StatusCode, "body": string(body)})
	return nil
}

// listen says what comes until the connection ends.
func listen(connection *websocket.Conn, client string) {
	for {
		_, data, err := connection.ReadMessage()
		if err == nil {
			say("message", client, line{"data": string(data)})
			continue
		}
		var closed *websocket.CloseError
		if errors.As(err, &closed) {
			say("closed", client, line{
				"code": closed.Code, "reason": closed.Text})
		} else {
			say("closed", client, line{"reason": err.Error()})
		}
		connection.Close()
		return
	}
}

// obey sends each line read over all connections.
func obey(connections map[string]*websocket.Conn) {
	input := bufio.NewScanner(os.Stdin)
	input.Buffer(nil, lineMax)
	for input.Scan() {
		var read struct{ Is, Data string }
		err := json.Unmarshal(input.Bytes(), &read)
		if err == nil && read.Is != "text" {
			err = errors.New("expected text")
		}
		if err != nil {
			misused(err)
		}
		for client, connection := range connections {
			err = connection.WriteMessage(websocket.TextMessage,
				[]byte(read.Data))
			say("done", client, line{"did": read.Is, "success": err == nil})
		}
	}
	bye := websocket.FormatCloseMessage(websocket.CloseNormalClosure, "")
	for _, connection := range connections {
		// It may be gone already.
		_ = connection.WriteControl(websocket.CloseMessage, bye,
			time.Now().Add(patience))
	}
}

func main() {
	flag.Parse()
	if *url == "" || flag.NArg() == 0 {
		misused(errors.New("expected -url and a certificate, or -"))
	}
	plain := dialer()
	connections := map[string]*websocket.Conn{}
	var dialing, listening sync.WaitGroup
	var adding sync.Mutex
	free := make(chan bool, handshakes)
	for _, file := range flag.Args() {
		own, name := with(plain, file), filepath.Base(file)
		name = strings.TrimSuffix(name, filepath.Ext(name))
		free <- true
		dialing.Add(1)
		go func() {
			defer dialing.Done()
			connection := dial(own, name)
			<-free
			if connection == nil {
				return
			}
			adding.Lock()
			connections[name] = connection
			adding.Unlock()
			listening.Add(1)
			go func() {
				defer listening.Done()
				listen(connection, name)
			}()
		}()
	}
	dialing.Wait()
	if len(connections) > 0 {
		go obey(connections)
		listening.Wait()
	}
	if len(connections) < flag.NArg() {
		os.Exit(1)
	}
}
