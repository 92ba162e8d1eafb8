package edge

import (
	"cmp"
	"crypto/tls"
	"log/slog"
	"net/http"
	"time"
)

// Pace is how long clients may take. Zero values stand for the usual.
type Pace struct {
	Header time.Duration // until the TLS handshake, and the header, are complete; 5 s
	Answer time.Duration // from the header until the whole answer is taken; 60 s
	Idle   time.Duration // between two requests; 60 s
}

const (
	// maxHeader is in bytes; net/http adds 4 KiB of its own.
	maxHeader = 16 << 10
	// maxStreams of one connection of HTTP/2 are open at once.
	maxStreams = 100
	// silence is how long a connection of HTTP/2 may take nothing, or not answer
	// a ping, until it is given up.
	silence = 15 * time.Second
)

// NewServer serves h to clients that keep pace; the others are cut off. Bodies
// are timed by whoever serves them, see [Options] and [Hardened]: a deadline for
// reading that outlived the body would look like a client that hangs up. It speaks
// HTTP/2, too: with a config over TLS, and without one to whoever begins with it
// (RFC 9113 section 3.3), as clients of gRPC do.
func NewServer(h http.Handler, p Pace, config *tls.Config, log *slog.Logger) *http.Server {
	var speaks http.Protocols
	speaks.SetHTTP1(true)
	speaks.SetHTTP2(true)
	speaks.SetUnencryptedHTTP2(config == nil)
	return &http.Server{
		Handler: h, Protocols: &speaks, TLSConfig: config, ErrorLog: slog.NewLogLogger(log.Handler(), slog.LevelDebug),
		ReadHeaderTimeout: cmp.Or(p.Header, 5*time.Second), WriteTimeout: cmp.Or(p.Answer, time.Minute), IdleTimeout: cmp.Or(p.Idle, time.Minute),
		MaxHeaderBytes: maxHeader,
		HTTP2: &http.HTTP2Config{MaxConcurrentStreams: maxStreams, MaxReceiveBufferPerConnection: 1 << 20, MaxReceiveBufferPerStream: 256 << 10,
			SendPingTimeout: 2 * silence, PingTimeout: silence, WriteByteTimeout: silence},
	}
}
