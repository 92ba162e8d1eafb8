package logserver

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"slices"

	"github.com/reeve-platform/reeve/internal/renewal"
)

// check refuses what contradicts itself or would send secrets in the clear.
func (o Options) check() error {
	switch {
	case (o.CertFile == "") != (o.KeyFile == ""):
		return errors.New("logserver: a certificate and its key go together")
	case o.UsersFile != "" && o.CertFile == "":
		return errors.New("logserver: users need TLS: clients do not send credentials without it")
	case o.Anonymous && o.UsersFile == "":
		return errors.New("logserver: anonymous callers can be admitted only where there are users")
	case o.Insecure && o.CertFile != "":
		return errors.New("logserver: a server with a certificate is not insecure")
	case slices.Contains(o.Truncatable, ""):
		return errors.New("logserver: an empty prefix would make every stream truncatable")
	}
	return nil
}

// listen opens the port. Without TLS its address must be loopback, unless the
// options say that everybody may read and write what passes.
func listen(o Options, c *renewal.Certificate) (net.Listener, *net.TCPAddr, error) {
	if c == nil && !o.Insecure {
		if err := mustBeLoopback(o.Addr); err != nil {
			return nil, nil, err
		}
	}
	listener, err := net.Listen("tcp", o.Addr)
	if err != nil {
		return nil, nil, fmt.Errorf("listening for log clients: %w", err)
	}
	bound, ok := listener.Addr().(*net.TCPAddr)
	if !ok {
		return nil, nil, fmt.Errorf("listening for log clients: %s is not TCP", o.Addr)
	}
	if c != nil {
		listener = tls.NewListener(listener, configOf(c))
	}
	return listener, bound, nil
}

// mustBeLoopback resolves the host before anything is bound.
func mustBeLoopback(addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return fmt.Errorf("the log's address: %w", err)
	}
	if host == "" {
		return fmt.Errorf("%w: %q names every interface", ErrNotLoopback, addr)
	}
	ips, err := net.DefaultResolver.LookupIPAddr(context.Background(), host)
	if err != nil {
		return fmt.Errorf("the log's address: %w", err)
	}
	for _, ip := range ips {
		if !ip.IP.IsLoopback() {
			return fmt.Errorf("%w: %s", ErrNotLoopback, addr)
		}
	}
	return nil
}

// An advertised address is where clients are told to find the server.
type advertised struct {
	host     string
	port     uint32
	anywhere bool // the host is only one of many, so better the one that was used
}

// advertise finds a host that clients can reach, and with TLS verify.
func advertise(o Options, bound *net.TCPAddr, leaf *x509.Certificate) advertised {
	a := advertised{host: bound.IP.String(), port: uint32(bound.Port)}
	if bound.IP.IsUnspecified() {
		a.host, a.anywhere = "127.0.0.1", true
	}
	if leaf == nil {
		return a
	}
	asked, _, _ := net.SplitHostPort(o.Addr) // was listened on
	if a.anywhere {
		asked = ""
	}
	if host, ok := nameIn(leaf, asked, a); ok {
		return advertised{host: host, port: a.port}
	}
	if leaf.VerifyHostname(a.host) != nil && leaf.VerifyHostname("localhost") == nil {
		a.host = "localhost"
	}
	return a
}
