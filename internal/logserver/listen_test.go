package logserver

import (
	"context"
	"crypto/x509"
	"net"
	"testing"

	"google.golang.org/grpc/peer"
)

// Where clients are told to come back to, by what is listened on and what the
// certificate is good for. They all came by 192.0.2.9.
func TestAdvertised(t *testing.T) {
	names := func(names ...string) *x509.Certificate {
		leaf := &x509.Certificate{}
		for _, n := range names {
			if ip := net.ParseIP(n); ip != nil {
				leaf.IPAddresses = append(leaf.IPAddresses, ip)
				continue
			}
			leaf.DNSNames = append(leaf.DNSNames, n)
		}
		return leaf
	}
	here, lan, any := net.IPv4(127, 0, 0, 1), net.IPv4(192, 0, 2, 7), net.IPv4zero
	for name, c := range map[string]struct {
		addr string
		ip   net.IP
		cert *x509.Certificate
		host string // in the URL
		seen string // in the gossip
	}{
		"plain":                     {"127.0.0.1:1", here, nil, "127.0.0.1", "127.0.0.1"},
		"plain, by name":            {"localhost:1", here, nil, "127.0.0.1", "127.0.0.1"},
		"plain, everywhere":         {":1", any, nil, "127.0.0.1", "192.0.2.9"},
		"the name asked for":        {"localhost:1", here, names("localhost", "127.0.0.1"), "localhost", "localhost"},
		"the address":               {"192.0.2.7:1", lan, names("log.example", "192.0.2.7"), "192.0.2.7", "192.0.2.7"},
		"a name for the address":    {"192.0.2.7:1", lan, names("localhost", "*.example", "log.example"), "log.example", "log.example"},
		"a name for everywhere":     {"0.0.0.0:1", any, names("localhost", "127.0.0.1", "log.example"), "log.example", "log.example"},
		"addresses for everywhere":  {":1", any, names("127.0.0.1", "192.0.2.9"), "127.0.0.1", "192.0.2.9"},
		"this machine's everywhere": {":1", any, names("localhost"), "localhost", "192.0.2.9"},
	} {
		a := advertise(Options{Addr: c.addr}, &net.TCPAddr{IP: c.ip, Port: 1}, c.cert)
		ctx := peer.NewContext(context.Background(), &peer.Peer{LocalAddr: &net.TCPAddr{IP: net.IPv4(192, 0, 2, 9)}})
		if a.host != c.host || a.seenBy(ctx) != c.seen || a.port != 1 {
			t.Errorf("%s: %+v, seen %s", name, a, a.seenBy(ctx))
		}
	}
}
