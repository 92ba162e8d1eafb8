package logserver_test

import (
	"crypto/tls"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/reeve-platform/reeve/internal/logserver"
	"github.com/reeve-platform/reeve/internal/renewal/renewaltest"
)

func TestPlainHTTPOverTLS(t *testing.T) {
	f := fortify(t, nil)
	f.append("open", esdb.Any{}, event(1))
	https := &http.Client{Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: f.pool}, ForceAttemptHTTP2: true}}
	get := func(path, user, secret string) (int, string) {
		r, err := http.NewRequestWithContext(f.ctx, http.MethodGet, "https://"+f.server.Addr()+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if user != "" {
			r.SetBasicAuth(user, secret)
		}
		answer, err := https.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer answer.Body.Close()
		text, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		return answer.StatusCode, string(text)
	}
	if code, _ := get("/health/live", "", ""); code != http.StatusNoContent {
		t.Errorf("alive: %d", code)
	}
	for user, want := range map[string]int{"": 401, "ann": 401, "op": 200, "root": 200} {
		code, text := get("/stats", user, password(user))
		var s struct{ Head, Appends uint64 }
		if code != want || code == 200 && (json.Unmarshal([]byte(text), &s) != nil || s.Head != 1 || s.Appends != 1) {
			t.Errorf("%s sees %d %s", user, code, text)
		}
	}
	if code, _ := get("/stats", "root", "guess"); code != 401 {
		t.Errorf("a wrong password sees %d", code)
	}
}

func TestRenewedCertificate(t *testing.T) {
	f := fortify(t, nil)
	f.append("open", esdb.Any{}, event(1)) // opens a connection, which is to stay
	f.pool = renewaltest.Certify(t, filepath.Dir(f.ca), "renewed.example")
	f.until("the new certificate is shown", func() bool {
		c, err := tls.Dial("tcp", f.server.Addr(), &tls.Config{RootCAs: f.pool, ServerName: "renewed.example", NextProtos: []string{"h2"}})
		if err != nil {
			return false
		}
		defer c.Close()
		return c.ConnectionState().NegotiatedProtocol == "h2"
	})
	if _, err := tls.Dial("tcp", f.server.Addr(), &tls.Config{InsecureSkipVerify: true, MaxVersion: tls.VersionTLS11}); err == nil { //nolint:gosec // it is to fail
		t.Error("TLS 1.1 is spoken")
	}
	f.append("open", esdb.Any{}, event(2))
}

func TestRefusedSecurity(t *testing.T) {
	dir := t.TempDir()
	renewaltest.Certify(t, dir, "localhost")
	cert, key, users := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem"), filepath.Join(dir, "users")
	write(t, users, userLine("ann", ""))
	missing := filepath.Join(dir, "missing")
	cases := map[string]logserver.Options{
		"certificate alone":     {Security: logserver.Security{CertFile: cert}},
		"key alone":             {Security: logserver.Security{KeyFile: key}},
		"users without TLS":     {Security: logserver.Security{UsersFile: users}},
		"nobody known":          {Security: logserver.Security{CertFile: cert, KeyFile: key, Anonymous: true}},
		"insecure with TLS":     {Security: logserver.Security{CertFile: cert, KeyFile: key, Insecure: true}},
		"no certificate there":  {Security: logserver.Security{CertFile: missing, KeyFile: key}},
		"key for certificate":   {Security: logserver.Security{CertFile: key, KeyFile: key}},
		"no users there":        {Security: logserver.Security{CertFile: cert, KeyFile: key, UsersFile: missing}},
		"users that are a key":  {Security: logserver.Security{CertFile: cert, KeyFile: key, UsersFile: key}},
		"every address, plain":  {Addr: ":0"},
		"not loopback, plain":   {Addr: "0.0.0.0:0"},
		"not loopback, plain 6": {Addr: "[::]:0"},
	}
	for name, o := range cases {
		o.Dir = filepath.Join(dir, "log")
		if o.Addr == "" {
			o.Addr = "127.0.0.1:0"
		}
		s, err := logserver.Open(o)
		if err == nil {
			t.Errorf("%s is served", name)
			_ = s.Close()
			continue
		}
		if strings.Contains(err.Error(), "$2a$") || strings.Contains(err.Error(), "PRIVATE") {
			t.Errorf("%s: the error says too much: %v", name, err)
		}
	}
	if _, err := os.Stat(filepath.Join(dir, "log")); err == nil {
		t.Error("the log was opened before the options were read")
	}
}

// Insecure is the word for plaintext on every address; clients are then told
// the address by which they came.
func TestInsecureByName(t *testing.T) {
	w := &world{T: t, ctx: t.Context(), server: serveWith(t, logserver.Options{
		Dir: t.TempDir(), Addr: "0.0.0.0:0", Security: logserver.Security{Insecure: true}})}
	w.client = connect(t, strings.Replace(w.server.URL(), "esdb://", "esdb+discover://", 1))
	w.append("s", esdb.Any{}, event(1))
}
