package logserver

import (
	"crypto/tls"
	"crypto/x509"
	"strings"

	"github.com/reeve-platform/reeve/internal/renewal"
)

// configOf lets callers that speak both languages have HTTP/1.1: those are people
// and probes. Event clients offer HTTP/2 alone.
func configOf(c *renewal.Certificate) *tls.Config { return c.Config("http/1.1", "h2") }

// nameIn is the one host that clients anywhere can both reach and verify: the one
// that was asked for or is bound, if the certificate is good for it, or else the
// first that the certificate was made for.
func nameIn(leaf *x509.Certificate, asked string, bound advertised) (string, bool) {
	if leaf.VerifyHostname(asked) == nil {
		return asked, true
	}
	if !bound.anywhere && leaf.VerifyHostname(bound.host) == nil {
		return bound.host, true
	}
	for _, n := range leaf.DNSNames {
		if n != "localhost" && !strings.Contains(n, "*") {
			return n, true
		}
	}
	return "", false
}
