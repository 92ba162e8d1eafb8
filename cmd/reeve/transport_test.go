package main

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/pgdev/pgtest"
	"github.com/reeve-platform/reeve/internal/renewal/renewaltest"
)

// What a server must not be started with is named, and no password is repeated.
func TestUnsafeSettingsAreRefusedByTheirKey(t *testing.T) {
	dir := t.TempDir()
	renewaltest.Certify(t, dir, "localhost")
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	for name, c := range map[string]struct {
		key string // that is named
		set map[string]string
	}{
		"plaintext for everybody":        {"REEVE_HTTP_ADDR", map[string]string{"REEVE_HTTP_ADDR": "0.0.0.0:0"}},
		"a port beyond the last":         {"REEVE_HTTP_ADDR", map[string]string{"REEVE_HTTP_ADDR": "0.0.0.0:65536", "REEVE_TRUSTED_PROXIES": "10.0.0.0/8"}},
		"figures for everybody":          {"REEVE_ADMIN_ADDR", map[string]string{"REEVE_ADMIN_ADDR": "0.0.0.0:0", "REEVE_TLS_CERT": cert, "REEVE_TLS_KEY": key}},
		"a certificate alone":            {"REEVE_TLS_KEY", map[string]string{"REEVE_TLS_CERT": cert}},
		"a key alone":                    {"REEVE_TLS_CERT", map[string]string{"REEVE_TLS_KEY": key}},
		"no certificate":                 {"REEVE_TLS_CERT", map[string]string{"REEVE_TLS_CERT": key, "REEVE_TLS_KEY": key}},
		"a proxy by name":                {"REEVE_TRUSTED_PROXIES", map[string]string{"REEVE_TRUSTED_PROXIES": "proxy.example"}},
		"no rate":                        {"REEVE_RATE_PRINCIPAL", map[string]string{"REEVE_RATE_PRINCIPAL": "fast"}},
		"a rate of nothing":              {"REEVE_RATE_TENANT", map[string]string{"REEVE_RATE_TENANT": "0/s"}},
		"half a rate":                    {"REEVE_RATE_ANONYMOUS", map[string]string{"REEVE_RATE_ANONYMOUS": "3/s burst"}},
		"a negative number":              {"REEVE_CONCURRENT", map[string]string{"REEVE_CONCURRENT": "-1"}},
		"connections below zero":         {"REEVE_CONNECTIONS", map[string]string{"REEVE_CONNECTIONS": "-1"}},
		"a password the log never hears": {"REEVE_LOG_URL", map[string]string{"REEVE_LOG_URL": "esdb://ann:hunter2@log.internal:2113?tls=false"}},
		"one of several logs":            {"REEVE_LOG_URL", map[string]string{"REEVE_LOG_URL": "esdb://ann:hunter2@127.0.0.1:2113,log.internal:2113?tls=false"}},
		"a database in plaintext":        {"REEVE_DATABASE_URL", map[string]string{"REEVE_DATABASE_URL": "postgres://ann:hunter2@db.internal/reeve?sslmode=disable"}},
		"one of several databases":       {"REEVE_DATABASE_URL", map[string]string{"REEVE_DATABASE_URL": "postgres://ann:hunter2@127.0.0.1,db.internal/reeve?sslmode=disable"}},
		"no login that reads":            {"REEVE_READER_DATABASE_URL", map[string]string{"REEVE_READER_DATABASE_URL": ""}},
		"no address of one that reads":   {"REEVE_READER_DATABASE_URL", map[string]string{"REEVE_READER_DATABASE_URL": "::hunter2"}},
		"reads in plaintext":             {"REEVE_READER_DATABASE_URL", map[string]string{"REEVE_READER_DATABASE_URL": "postgres://bob:hunter2@db.internal/reeve?sslmode=disable"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("REEVE_DATA_DIR", t.TempDir())
			t.Setenv("REEVE_DATABASE_URL", "postgres://ann:hunter2@127.0.0.1:1/reeve")
			t.Setenv("REEVE_READER_DATABASE_URL", "postgres://bob:hunter2@127.0.0.1:1/reeve")
			for key, value := range c.set {
				t.Setenv(key, value)
			}
			var said bytes.Buffer
			term := quiet(nil)
			term.err = &said
			code := run(t.Context(), term, []string{"serve"})
			if code != exitUsage || !strings.Contains(said.String(), c.key) || strings.Contains(said.String(), "hunter2") {
				t.Errorf("exit %d: %s", code, said.String())
			}
		})
	}
}

func TestSafeSettingsAreNotRefused(t *testing.T) {
	dir := t.TempDir()
	renewaltest.Certify(t, dir, "localhost")
	var behind transport
	if err := behind.TrustedProxies.UnmarshalText([]byte("10.0.0.0/8")); err != nil {
		t.Fatal(err)
	}
	tls := transport{TLSCert: filepath.Join(dir, "cert.pem"), TLSKey: filepath.Join(dir, "key.pem")}
	for name, c := range map[string]struct {
		Config
		warned bool
	}{
		"loopback":                       {Config{HTTPAddr: "127.0.0.1:0"}, false},
		"everywhere, with TLS":           {Config{HTTPAddr: ":0", transport: tls}, false},
		"everywhere, behind a proxy":     {Config{HTTPAddr: "0.0.0.0:0", transport: behind}, false},
		"a log here, with a password":    {Config{LogURL: "esdb://ann:hunter2@127.0.0.1:2113?tls=false"}, false},
		"a log elsewhere, with TLS":      {Config{LogURL: "esdb://ann:hunter2@log.internal:2113"}, false},
		"a log elsewhere, in plaintext":  {Config{LogURL: "esdb://log.internal:2113?tls=false"}, true},
		"a log elsewhere, not verified":  {Config{LogURL: "esdb://log.internal:2113?tlsVerifyCert=false"}, true},
		"a database here":                {Config{DatabaseURL: "postgres://ann@localhost/reeve?sslmode=disable"}, false},
		"a database by its socket":       {Config{DatabaseURL: "postgres:///reeve?host=/run/postgresql"}, false},
		"a database with TLS":            {Config{DatabaseURL: "postgres://ann@db.internal/reeve?sslmode=require"}, false},
		"a database that may have TLS":   {Config{DatabaseURL: "postgres://ann@db.internal/reeve"}, true},
		"a database that can do without": {Config{DatabaseURL: "postgres://ann@db.internal/reeve?sslmode=allow"}, true},
		"reads that may have TLS":        {Config{ReaderURL: "postgres://ann@db.internal/reeve"}, true},
	} {
		c.DataDir, c.AdminAddr, c.LogAddr = dir, "127.0.0.1:0", "127.0.0.1:0"
		if c.HTTPAddr == "" {
			c.HTTPAddr = "127.0.0.1:0"
		}
		var said bytes.Buffer
		c.warn(slog.New(slog.NewTextHandler(&said, nil)))
		if err := c.check(); err != nil || (said.Len() > 0) != c.warned || strings.Contains(said.String(), "ann") {
			t.Errorf("%s: %v %s", name, err, said.String())
		}
	}
}

// reached starts a server that is reached as transport says.
func reached(t *testing.T, how transport) *server {
	t.Helper()
	c := Config{HTTPAddr: "127.0.0.1:0", AdminAddr: "127.0.0.1:0", LogAddr: "127.0.0.1:0", DataDir: t.TempDir(), DatabaseURL: pgtest.Shared(t), transport: how}
	key, err := c.key(true)
	if err != nil {
		t.Fatal(err)
	}
	s, err := start(t.Context(), c, slog.New(slog.DiscardHandler), key)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stop()
		if err := s.wait(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func TestTheAPISpeaksTLS(t *testing.T) {
	dir := t.TempDir()
	pool := renewaltest.Certify(t, dir, "localhost")
	s := reached(t, transport{TLSCert: filepath.Join(dir, "cert.pem"), TLSKey: filepath.Join(dir, "key.pem")})
	client := http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: true}}
	defer client.CloseIdleConnections()
	res, err := client.Get("https://" + s.HTTPAddr + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.StatusCode != 200 || res.ProtoMajor != 2 || res.Header.Get("Strict-Transport-Security") == "" {
		t.Error(res.StatusCode, res.Proto, res.Header)
	}
	plain, err := http.Get("http://" + s.HTTPAddr + "/livez")
	if err != nil {
		t.Fatal(err)
	}
	defer plain.Body.Close()
	if text, _ := io.ReadAll(plain.Body); plain.StatusCode != 400 || !strings.Contains(string(text), "HTTPS") {
		t.Error("plaintext is answered:", plain.StatusCode, string(text))
	}
	admin, err := http.Get("http://" + s.AdminAddr + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer admin.Body.Close()
	if admin.StatusCode != 200 || admin.Header.Get("X-Content-Type-Options") != "nosniff" {
		t.Error(admin.StatusCode, admin.Header)
	}
	renewed := renewaltest.Certify(t, dir, "renewed.example")
	for deadline := time.Now().Add(20 * time.Second); !shows(s.HTTPAddr, "renewed.example", renewed); {
		if time.Now().After(deadline) {
			t.Fatal("the new certificate is never shown")
		}
	}
}

func shows(addr, host string, pool *x509.CertPool) bool {
	c, err := tls.Dial("tcp", addr, &tls.Config{RootCAs: pool, ServerName: host})
	if err != nil {
		return false
	}
	c.Close()
	return true
}

// An address that nobody is known at has used up what it may do on one surface,
// and is kept from the others, too, each in its own words. Health is for everybody.
func TestLimitsHoldOnEverySurface(t *testing.T) {
	s := reached(t, transport{RateAnonymous: edge.Rate{PerSecond: 1.0 / 3600, Burst: 11}})
	for _, step := range []struct {
		line, body string
		status     int
		says       string
	}{
		{"GET /v1/tenants", "", 401, `"code":"unauthenticated"`},
		{"POST /graphql", `{"query":"{__typename}"}`, 401, `"code":"unauthenticated"`},
		{"GET /openapi.json", "", 200, `"openapi"`},
		{"GET /v1/tenants", "", 429, `"code":"rate-limited"`},
		{"POST /graphql", `{"query":"{__typename}"}`, 429, `"code":"rate-limited"`},
		{"POST /ofrep/v1/evaluate/flags/dark", "{}", 429, `{"key":"dark","errorCode":"GENERAL","errorDetails":"too many requests`},
		{"GET /events.json", "", 429, `"code":"rate-limited"`},
		{"GET /livez", "", 200, "alive"},
	} {
		method, path, _ := strings.Cut(step.line, " ")
		r, err := http.NewRequestWithContext(t.Context(), method, "http://"+s.HTTPAddr+path, strings.NewReader(step.body))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Content-Type", "application/json")
		res, err := http.DefaultClient.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		text, _ := io.ReadAll(res.Body)
		res.Body.Close()
		if res.StatusCode != step.status || !strings.Contains(string(text), step.says) || (res.Header.Get("Retry-After") != "") != (step.status == 429) {
			t.Error(step.line, res.StatusCode, string(text), res.Header)
		}
	}
}

// The settings reach both listeners: whoever has all the connections of an address is
// hung up on, until one is closed.
func TestConnectionsAreLimited(t *testing.T) {
	s := reached(t, transport{Connections: 10, ConnectionsAddress: 1})
	for _, addr := range []string{s.HTTPAddr, s.AdminAddr} {
		if c := connected(t, addr); !answered(c) || answered(connected(t, addr)) || !answered(c) {
			t.Errorf("%s: of two connections, the first and it alone must be served", addr)
		}
	}
}

func connected(t *testing.T, addr string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	return c
}

// answered asks for anything, and reports whether an answer comes.
func answered(c net.Conn) bool {
	if _, err := io.WriteString(c, "GET /nothing HTTP/1.1\r\nHost: localhost\r\n\r\n"); err != nil {
		return false
	}
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		return false
	}
	defer res.Body.Close()
	_, err = io.Copy(io.Discard, res.Body)
	return err == nil && res.StatusCode == http.StatusNotFound
}
