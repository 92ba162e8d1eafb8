package main

import (
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
)

// helpers are baseline servers. Each is a process of its own, as the product is:
// this program, started once more.
var helpers = map[string]func() error{"http": serveBytes, "null": serveNothing, "parrot": serveParrot, "ofrep": serveUnguarded}

// helperBody and helperAddr tell a helper what to answer and where.
const (
	helperBody = "REEVE_BENCH_BODY"
	helperAddr = "REEVE_BENCH_ADDR"
)

// startHelper starts a baseline server and waits until it accepts connections.
func startHelper(name, body string) (*process, string, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, "", err
	}
	address, _, err := twoPorts()
	if err != nil {
		return nil, "", err
	}
	p, err := spawn([]string{helperBody + "=" + body, helperAddr + "=" + address}, self, "-helper", name)
	if err != nil {
		return nil, "", err
	}
	if err = p.until(func() bool { return accepts(address) }); err != nil {
		p.stop()
	}
	return p, address, err
}

func accepts(address string) bool {
	conn, err := net.Dial("tcp", address) //nolint:noctx // loopback refuses or accepts at once
	return err == nil && conn.Close() == nil
}

// serveBytes is bare net/http: it reads the request and answers fixed bytes.
func serveBytes() error {
	body := []byte(os.Getenv(helperBody))
	return http.ListenAndServe(os.Getenv(helperAddr), http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { //nolint:gosec // a baseline without timeouts is the faster one
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(body)
	}))
}

// A void takes appends and keeps nothing: what the protocol alone costs.
type void struct {
	streams.UnimplementedStreamsServer
	head atomic.Uint64
}

// Append answers as if the events were stored.
func (v *void) Append(call streams.Streams_AppendServer) error {
	for {
		if _, err := call.Recv(); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
	}
	at := v.head.Add(1)
	return call.SendAndClose(&streams.AppendResp{Result: &streams.AppendResp_Success_{Success: &streams.AppendResp_Success{
		CurrentRevisionOption: &streams.AppendResp_Success_CurrentRevision{CurrentRevision: at},
		PositionOption:        &streams.AppendResp_Success_Position{Position: &streams.AppendResp_Position{CommitPosition: at, PreparePosition: at}},
	}}})
}

func serveNothing() error {
	listener, err := net.Listen("tcp", os.Getenv(helperAddr))
	if err != nil {
		return fmt.Errorf("null server: %w", err)
	}
	rpc := grpc.NewServer()
	streams.RegisterStreamsServer(rpc, &void{})
	return rpc.Serve(listener)
}

// esdbURL is the address of a log as the official client wants it.
func esdbURL(address string) string { return "esdb://" + address + "?tls=false" }
