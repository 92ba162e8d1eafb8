package edge_test

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/internal/edge"
)

// A booth is a server whose clients are slow. It tells of every connection that
// has ended.
type booth struct {
	addr  string
	ended chan struct{}
}

func newBooth(t *testing.T, p edge.Pace, config *tls.Config, h http.HandlerFunc) *booth {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	b := &booth{l.Addr().String(), make(chan struct{}, 1000)}
	srv := edge.NewServer(h, p, config, slog.New(slog.DiscardHandler))
	srv.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateClosed {
			b.ended <- struct{}{}
		}
	}
	if config != nil {
		go srv.ServeTLS(l, "", "")
	} else {
		go srv.Serve(l)
	}
	t.Cleanup(func() { srv.Close() })
	return b
}

// dial opens so many connections, says something on each, and keeps them open.
func (b *booth) dial(t *testing.T, n int, say string) {
	t.Helper()
	for range n {
		if _, err := io.WriteString(b.open(t), say); err != nil {
			t.Fatal(err)
		}
	}
}

func (b *booth) open(t *testing.T) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", b.addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// until waits for so many connections to be given up.
func (b *booth) until(t *testing.T, n int) {
	t.Helper()
	patience := time.After(20 * time.Second)
	for i := range n {
		select {
		case <-b.ended:
		case <-patience:
			t.Fatalf("of %d connections %d were given up", n, i)
		}
	}
}

const crowd = 100

func TestSlowClientsAreCutOff(t *testing.T) {
	certificate := httptest.NewTLSServer(nil)
	certificate.Close()
	soon := 50 * time.Millisecond
	read := edge.Hardened(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }), soon)
	ignore := edge.Hardened(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}), soon)
	flood := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for b := make([]byte, 1<<20); ; {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
	})
	for name, c := range map[string]struct {
		pace   edge.Pace
		config *tls.Config
		serve  http.Handler
		say    string
	}{
		"in silence":                    {edge.Pace{Header: soon}, nil, read, ""},
		"in the middle of the header":   {edge.Pace{Header: soon}, nil, read, "GET / HTTP/1.1\r\nHost: localhost\r\nX-A"},
		"in a body that is read":        {edge.Pace{}, nil, read, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n12"},
		"in a chunk that is read":       {edge.Pace{}, nil, read, "POST / HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n12"},
		"in a body that nobody reads":   {edge.Pace{}, nil, ignore, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 9\r\n\r\n12"},
		"in taking the answer":          {edge.Pace{Answer: soon}, nil, flood, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		"between two requests":          {edge.Pace{Idle: soon}, nil, read, "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"},
		"in the handshake":              {edge.Pace{Header: soon}, certificate.TLS, read, "\x16\x03\x01"},
		"with a header without end":     {edge.Pace{}, nil, read, "GET / HTTP/1.1\r\nHost: localhost\r\n" + strings.Repeat("X-A: 0123456789\r\n", 1300)},
		"with a line of one header":     {edge.Pace{}, nil, read, "GET / HTTP/1.1\r\nHost: localhost\r\nX-A: " + strings.Repeat("a", 21<<10)},
		"with a preface of HTTP/2 only": {edge.Pace{Header: soon}, nil, read, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			b := newBooth(t, c.pace, c.config, c.serve.ServeHTTP)
			b.dial(t, crowd, c.say)
			b.until(t, crowd)
		})
	}
}

// While clients dawdle, the others are served.
func TestSlowClientsAreInNobodysWay(t *testing.T) {
	b := newBooth(t, edge.Pace{}, nil, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "here") })
	b.dial(t, crowd, "GET / HTTP/1.1\r\nHost: localhost\r\n")
	res, err := http.Get("http://" + b.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if text, err := io.ReadAll(res.Body); err != nil || string(text) != "here" {
		t.Error(string(text), err)
	}
}

func TestTLSIsModern(t *testing.T) {
	like := httptest.NewTLSServer(nil)
	like.Close()
	config := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: like.TLS.Certificates}
	b := newBooth(t, edge.Pace{}, config, func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, r.Proto) })
	pool := x509.NewCertPool()
	pool.AddCert(like.Certificate())
	for name, c := range map[string]struct {
		client *tls.Config
		proto  string // "" if refused
	}{
		"TLS 1.1":           {&tls.Config{MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, ""},
		"TLS 1.2":           {&tls.Config{MaxVersion: tls.VersionTLS12}, "HTTP/2.0"},
		"TLS 1.3":           {&tls.Config{MinVersion: tls.VersionTLS13}, "HTTP/2.0"},
		"no forward secret": {&tls.Config{MaxVersion: tls.VersionTLS12, CipherSuites: []uint16{tls.TLS_RSA_WITH_AES_128_GCM_SHA256}}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			c.client.RootCAs, c.client.ServerName = pool, "example.com"
			client := http.Client{Transport: &http.Transport{TLSClientConfig: c.client, ForceAttemptHTTP2: true}}
			defer client.CloseIdleConnections()
			res, err := client.Get("https://" + b.addr)
			if err != nil {
				if c.proto != "" {
					t.Error(err)
				}
				return
			}
			defer res.Body.Close()
			if text, _ := io.ReadAll(res.Body); string(text) != c.proto {
				t.Errorf("%s, not %q", text, c.proto)
			}
		})
	}
}
