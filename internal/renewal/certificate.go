package renewal

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"
)

// A Certificate is the pair of files by which a server proves who it is. It can
// be renewed while serving; connections that are open keep the old one.
type Certificate struct {
	certFile, keyFile string
	files             [2]*File
	pair              atomic.Pointer[tls.Certificate]
}

// Open reads both PEM files.
func Open(certFile, keyFile string) (*Certificate, error) {
	c := &Certificate{certFile: certFile, keyFile: keyFile, files: [2]*File{Watch(certFile), Watch(keyFile)}}
	return c, c.read()
}

func (c *Certificate) read() error {
	pair, err := tls.LoadX509KeyPair(c.certFile, c.keyFile)
	if err != nil {
		return fmt.Errorf("the TLS certificate and key: %w", err)
	}
	c.pair.Store(&pair)
	return nil
}

// Renew reads the files again if one of them has changed. It keeps the old pair
// when the new one is wrong or only half there yet. Only one caller may do this.
func (c *Certificate) Renew(log *slog.Logger) {
	cert, key := c.files[0].Changed(), c.files[1].Changed()
	if !cert && !key {
		return
	}
	if err := c.read(); err != nil {
		log.Error("the certificate cannot be read; the old one stays in use", "error", err)
		return
	}
	log.Info("certificate read again", "expires", c.Leaf().NotAfter)
}

// Follow renews until ctx ends.
func (c *Certificate) Follow(ctx context.Context, log *slog.Logger) {
	tick := time.NewTicker(Every)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			c.Renew(log)
		case <-ctx.Done():
			return
		}
	}
}

// Leaf is the certificate itself, without those that vouch for it.
func (c *Certificate) Leaf() *x509.Certificate { return c.pair.Load().Leaf }

// Config shows whatever certificate is there at the time. Clients that offer
// several of the protocols get the first of them.
func (c *Certificate) Config(protocols ...string) *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: protocols,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) {
			return c.pair.Load(), nil
		},
	}
}
