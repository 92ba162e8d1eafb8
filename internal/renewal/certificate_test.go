package renewal_test

import (
	"bytes"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/internal/renewal"
	"github.com/reeve-platform/reeve/internal/renewal/renewaltest"
)

func TestACertificateIsRenewedWhenItIsWhole(t *testing.T) {
	dir := t.TempDir()
	renewaltest.Certify(t, dir, "one.example")
	cert, key := filepath.Join(dir, "cert.pem"), filepath.Join(dir, "key.pem")
	c, err := renewal.Open(cert, key)
	if err != nil {
		t.Fatal(err)
	}
	var said bytes.Buffer
	log := slog.New(slog.NewTextHandler(&said, nil))
	expect := func(host, saying string) {
		t.Helper()
		c.Renew(log)
		shown, err := c.Config("h2").GetCertificate(nil)
		if err != nil || shown.Leaf.DNSNames[0] != host || c.Leaf().DNSNames[0] != host || !strings.Contains(said.String(), saying) || (saying == "") != (said.Len() == 0) {
			t.Error(host, shown.Leaf.DNSNames, said.String())
		}
		said.Reset()
	}
	expect("one.example", "")
	old, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	renewaltest.Certify(t, dir, "two.example")
	whole, err := os.ReadFile(key)
	if err != nil {
		t.Fatal(err)
	}
	renewaltest.Replace(t, key, old) // the key of another
	expect("one.example", "the old one stays in use")
	expect("one.example", "") // it is said once
	renewaltest.Replace(t, key, whole)
	expect("two.example", "read again")
	if err := os.Remove(cert); err != nil {
		t.Fatal(err)
	}
	expect("two.example", "the old one stays in use")
	if _, err := renewal.Open(cert, key); err == nil {
		t.Error("a missing certificate was opened")
	}
}
