package conformance

import (
	"context"
	"crypto/tls"
	"encoding/base64"
	"net"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// address is host:port of the server.
func (w *world) address() string {
	if w.conf.Address == "" && len(w.conf.GossipSeeds) > 0 {
		return w.conf.GossipSeeds[0].String()
	}
	return w.conf.Address
}

// conn speaks to the server without the official client.
func (w *world) conn() *grpc.ClientConn {
	w.Helper()
	options := []grpc.DialOption{grpc.WithTransportCredentials(insecure.NewCredentials())}
	if !w.conf.DisableTLS {
		options = []grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(w.tls())), grpc.WithPerRPCCredentials(login{w.conf})}
	}
	conn, err := grpc.NewClient(w.address(), append(options, grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(32<<20)))...)
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = conn.Close() })
	return conn
}

func (w *world) tls() *tls.Config {
	return &tls.Config{RootCAs: w.conf.RootCAs, InsecureSkipVerify: w.conf.SkipCertificateVerification, NextProtos: []string{"h2"}}
}

// dial opens a bare connection.
func (w *world) dial() net.Conn {
	w.Helper()
	dial := (&net.Dialer{}).DialContext
	if !w.conf.DisableTLS {
		dial = (&tls.Dialer{Config: w.tls()}).DialContext
	}
	conn, err := dial(w.ctx, "tcp", w.address())
	if err != nil {
		w.Fatal(err)
	}
	w.Cleanup(func() { _ = conn.Close() })
	return conn
}

// A login sends the credentials of the connection string.
type login struct{ *esdb.Configuration }

func (l login) RequireTransportSecurity() bool { return true }
func (l login) GetRequestMetadata(context.Context, ...string) (map[string]string, error) {
	if l.Username == "" {
		return nil, nil
	}
	return map[string]string{"authorization": "Basic " + base64.StdEncoding.EncodeToString([]byte(l.Username+":"+l.Password))}, nil
}

func (w *world) stub() streams.StreamsClient { return streams.NewStreamsClient(w.conn()) }
