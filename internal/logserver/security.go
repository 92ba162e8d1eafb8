package logserver

import (
	"crypto/x509"
	"fmt"

	"google.golang.org/grpc"

	"github.com/reeve-platform/reeve/internal/renewal"
)

// headerBytes bounds what a call may say about itself.
const headerBytes = 64 << 10

// Security is the part of Options that says who may reach the log and do what.
// Its zero value is a log for this machine: loopback, plaintext, no users.
type Security struct {
	// CertFile and KeyFile, always both, are PEM files and make the port speak
	// TLS, on any address. They are read again when they change.
	CertFile, KeyFile string
	// UsersFile turns authentication and ACLs on; see User. It needs TLS. It is
	// read again when it changes.
	UsersFile string
	// Anonymous lets callers without credentials do what ACLs give to $all.
	Anonymous bool
	// Insecure allows plaintext on an address that is not loopback: everybody
	// who reaches it can read and write everything.
	Insecure bool
	// AppendOnly keeps every stream whole that is not a system stream: nobody can
	// delete it or give it metadata by which events expire, except those whose
	// names begin with one of Truncatable.
	AppendOnly  bool
	Truncatable []string
}

func (s Security) lasting() *lasting {
	if !s.AppendOnly {
		return nil
	}
	return &lasting{except: s.Truncatable}
}

// keys are the files behind the options, read and watched.
type keys struct {
	certificate *renewal.Certificate // nil without TLS
	verifier    *verifier            // nil without users
	users       *renewal.File
}

// openKeys reads whatever the options name. It looks at each file before it
// reads it, so that no change is missed.
func openKeys(o Options) (k keys, err error) {
	if err := o.check(); err != nil {
		return k, err
	}
	if o.CertFile != "" {
		if k.certificate, err = renewal.Open(o.CertFile, o.KeyFile); err != nil {
			return k, err
		}
	}
	if o.UsersFile != "" {
		k.users = renewal.Watch(o.UsersFile)
		if k.verifier, err = newVerifier(o.UsersFile); err != nil {
			return k, fmt.Errorf("the users file: %w", err)
		}
	}
	return k, nil
}

// leaf is the certificate, nil without TLS.
func (k keys) leaf() *x509.Certificate {
	if k.certificate == nil {
		return nil
	}
	return k.certificate.Leaf()
}

func (k keys) gate(j *journal, o Options) *gate {
	if k.verifier == nil {
		return nil
	}
	return &gate{log: j, verifier: k.verifier, anonymous: o.Anonymous}
}

// interceptors stand before every call when there is a gate.
func (g *gate) interceptors() []grpc.ServerOption {
	if g == nil {
		return nil
	}
	return []grpc.ServerOption{
		grpc.ChainUnaryInterceptor(g.unary),
		grpc.ChainStreamInterceptor(g.stream),
		grpc.MaxHeaderListSize(headerBytes),
	}
}
