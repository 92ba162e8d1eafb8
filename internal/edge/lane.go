package edge

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"
)

// A Lane serves the requests of a server that come more often than all the others
// together, with less ado. Most of what net/http does for a request is to find out
// again what the last one of the same connection has said already: clients send the
// same header fields each time. A lane has net/http read a header once, and knows it
// when it comes again, byte by byte. Whatever is not small, plain and for the paths of
// the lane is left to the server, and so is the connection from then on.
type Lane struct {
	server *http.Server
	config *tls.Config // nil for plaintext
	start  []byte      // of requests that are for the lane
	log    *slog.Logger

	mu      sync.Mutex
	open    map[net.Conn]struct{}
	leaving atomic.Bool
	running sync.WaitGroup
}

// NewLane has POST requests below path, which ends with a slash, served by a lane
// beside s, at the pace of s. Their handlers see neither the trailers of a request nor
// that a client has hung up, and what they answer is sent when they return.
func NewLane(s *http.Server, path string, log *slog.Logger) *Lane {
	l := &Lane{server: s, config: s.TLSConfig, start: []byte("POST " + path), log: log, open: map[net.Conn]struct{}{}}
	s.ConnContext = func(ctx context.Context, c net.Conn) context.Context {
		if left, ok := c.(*leftover); ok && left.secure != nil {
			return context.WithValue(ctx, secureKey{}, left.secure)
		}
		return ctx
	}
	next := s.Handler
	s.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if secure, ok := r.Context().Value(secureKey{}).(*tls.ConnectionState); ok {
			r.TLS = secure
		}
		next.ServeHTTP(w, r)
	})
	return l
}

// secureKey is where the context of a connection has what TLS has agreed on, because
// net/http looks for that at connections of its own only.
type secureKey struct{}

// Serve serves what comes in at listener until the server is shut, over TLS if the
// server has a config for that. The error is that of [http.Server.Serve].
func (l *Lane) Serve(listener net.Listener) error {
	f := &fork{Listener: listener, lane: l, rest: make(chan net.Conn), failed: make(chan error), done: make(chan struct{})}
	go f.run()
	return l.server.Serve(f)
}

// Shutdown is [http.Server.Shutdown], of the lane too.
func (l *Lane) Shutdown(ctx context.Context) error {
	l.leaving.Store(true)
	err := l.server.Shutdown(ctx)
	l.each(func(c net.Conn) { _ = c.SetReadDeadline(time.Unix(1, 0)) }) // whoever waits, waits no longer
	ended := make(chan struct{})
	go func() { defer close(ended); l.running.Wait() }()
	select {
	case <-ended:
		return err
	case <-ctx.Done():
		l.each(func(c net.Conn) { _ = c.Close() })
		return errors.Join(err, ctx.Err())
	}
}

func (l *Lane) each(do func(net.Conn)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for c := range l.open {
		do(c)
	}
}

func (l *Lane) enter(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.open[c] = struct{}{}
	l.running.Add(1)
}

func (l *Lane) leave(c net.Conn) {
	l.mu.Lock()
	defer l.mu.Unlock()
	delete(l.open, c)
	l.running.Done()
}

// A fork is the listener of a server beside its lane.
type fork struct {
	net.Listener
	lane   *Lane
	rest   chan net.Conn // that the lane has left
	failed chan error    // of accepting
	done   chan struct{}
	once   sync.Once
}

// Accept waits for a connection that is not the lane's.
func (f *fork) Accept() (net.Conn, error) {
	select {
	case c := <-f.rest:
		return c, nil
	case err := <-f.failed:
		return nil, err
	case <-f.done:
		return nil, net.ErrClosed
	}
}

// Close stops listening.
func (f *fork) Close() error {
	f.once.Do(func() { close(f.done) })
	return f.Listener.Close()
}

// run accepts until the listener closes. How long to wait after an error is the
// server's to know.
func (f *fork) run() {
	for {
		c, err := f.Listener.Accept()
		if err == nil {
			f.lane.enter(c)
			go f.take(c)
			continue
		}
		select {
		case f.failed <- err:
		case <-f.done:
			return
		}
	}
}

// take serves a connection as long as what comes is for the lane.
func (f *fork) take(raw net.Conn) {
	defer f.lane.leave(raw)
	c, secure, err := f.lane.secure(raw)
	if err != nil {
		f.lane.log.Debug("TLS handshake", "from", raw.RemoteAddr(), "error", err)
		_ = raw.Close()
		return
	}
	if secure != nil && secure.NegotiatedProtocol == "h2" {
		f.leave(c)
		return
	}
	t := &track{lane: f.lane, conn: c, secure: secure, in: bufio.NewReaderSize(c, trackSize), header: http.Header{}}
	if t.run() {
		_ = c.Close()
		return
	}
	_ = c.SetDeadline(time.Time{})
	read, _ := t.in.Peek(t.in.Buffered())
	f.leave(&leftover{Conn: c, read: bytes.Clone(read), secure: secure})
}

// leave leaves a connection to the server.
func (f *fork) leave(c net.Conn) {
	select {
	case f.rest <- c:
	case <-f.done:
		_ = c.Close()
	}
}

// secure speaks TLS, if the server does.
func (l *Lane) secure(raw net.Conn) (net.Conn, *tls.ConnectionState, error) {
	if l.config == nil {
		return raw, nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), l.server.ReadHeaderTimeout)
	defer cancel()
	c := tls.Server(raw, l.config)
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, nil, err
	}
	state := c.ConnectionState()
	return c, &state, nil
}

// A leftover connection gives again what was read of it.
type leftover struct {
	net.Conn
	read   []byte
	secure *tls.ConnectionState
}

// Read reads what was read before, then what comes.
func (l *leftover) Read(b []byte) (int, error) {
	if len(l.read) > 0 {
		n := copy(b, l.read)
		l.read = l.read[n:]
		return n, nil
	}
	return l.Conn.Read(b)
}

// CloseWrite tells the other side that nothing more comes.
func (l *leftover) CloseWrite() error {
	if half, ok := l.Conn.(interface{ CloseWrite() error }); ok {
		return half.CloseWrite()
	}
	return nil
}
