package edge

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// A Shortcut serves those requests of a server that come more often than all the others
// together, with less ado. Much of what net/http does for a request is to find out once
// more what the one before has said already: clients send the same header fields each
// time. A shortcut has net/http read them once, and knows them again when they come, byte
// by byte. Whatever is not small, plain and for its paths is left to the server, and so
// is the connection from then on.
type Shortcut struct {
	server *http.Server
	config *tls.Config // nil for plaintext
	starts [][]byte    // of requests that are for the shortcut
	log    *slog.Logger

	mu      sync.Mutex
	open    map[net.Conn]struct{}
	leaving atomic.Bool
	running sync.WaitGroup
}

// NewShortcut has requests with a body that start with one of starts, such as "POST /v1/",
// served by a shortcut beside the server, by the server's handler and at its pace. A
// request lasts until it is answered, also when its client has hung up, and what is
// answered is sent when the handler returns. The header of a request must not be changed.
func NewShortcut(server *http.Server, log *slog.Logger, starts ...string) *Shortcut {
	s := &Shortcut{server: server, config: server.TLSConfig.Clone(), log: log, open: map[net.Conn]struct{}{}}
	for _, start := range starts {
		s.starts = append(s.starts, []byte(start))
	}
	return s
}

// meant reports whether what comes is for the shortcut, as far as it has come.
func (s *Shortcut) meant(got []byte) bool {
	return slices.ContainsFunc(s.starts, func(start []byte) bool {
		n := min(len(got), len(start))
		return bytes.Equal(got[:n], start[:n])
	})
}

// Serve serves what comes in at listener until the server is shut, over TLS if the
// server has a config for that. The error is that of [http.Server.Serve].
func (s *Shortcut) Serve(listener net.Listener) error {
	f := &fork{Listener: listener, shortcut: s, rest: make(chan net.Conn), failed: make(chan error), done: make(chan struct{})}
	go f.run()
	return s.server.Serve(f)
}

// Shutdown is [http.Server.Shutdown], of the shortcut too.
func (s *Shortcut) Shutdown(ctx context.Context) error {
	s.leaving.Store(true)
	s.each(func(c net.Conn) { _ = c.SetReadDeadline(time.Unix(1, 0)) }) // whoever waits, waits no longer
	err := s.server.Shutdown(ctx)
	ended := make(chan struct{})
	go func() { defer close(ended); s.running.Wait() }()
	select {
	case <-ended:
		return err
	case <-ctx.Done():
		s.each(func(c net.Conn) { _ = c.Close() })
		return errors.Join(err, ctx.Err())
	}
}

func (s *Shortcut) each(do func(net.Conn)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.open {
		do(c)
	}
}

// enter lets a connection in, unless all are leaving: then nobody waits for it any more.
func (s *Shortcut) enter(c net.Conn) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.leaving.Load() {
		return false
	}
	s.open[c] = struct{}{}
	s.running.Add(1)
	return true
}

func (s *Shortcut) leave(c net.Conn) {
	s.mu.Lock()
	defer s.mu.Unlock()
	delete(s.open, c)
	s.running.Done()
}

// A fork is the listener of a server beside its shortcut.
type fork struct {
	net.Listener
	shortcut *Shortcut
	rest     chan net.Conn // that the shortcut has left
	failed   chan error    // of accepting
	done     chan struct{}
	once     sync.Once
}

// Accept waits for a connection that is not the shortcut's.
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
		switch {
		case err == nil && f.shortcut.enter(c):
			go f.take(c)
			continue
		case err == nil:
			_ = c.Close()
			continue
		}
		select {
		case f.failed <- err:
		case <-f.done:
			return
		}
	}
}

// take serves a connection as long as what comes is for the shortcut.
func (f *fork) take(raw net.Conn) {
	defer f.shortcut.leave(raw)
	defer f.shortcut.survive(raw)
	c, secure, err := f.shortcut.secure(raw)
	if err != nil {
		f.shortcut.log.Debug("TLS handshake", "from", raw.RemoteAddr(), "error", err)
		if plain, ok := errors.AsType[tls.RecordHeaderError](err); ok && plain.Conn != nil && plain.RecordHeader[0] >= 'A' { // a method, and no record of TLS
			_, _ = io.WriteString(plain.Conn, "HTTP/1.0 400 Bad Request\r\n\r\nClient sent an HTTP request to an HTTPS server.\n")
		}
		_ = raw.Close()
		return
	}
	if secure != nil && secure.NegotiatedProtocol == "h2" {
		f.leave(c)
		return
	}
	g := &regular{shortcut: f.shortcut, conn: c, secure: secure, in: bufio.NewReaderSize(c, plainSize), header: http.Header{}}
	if g.run() {
		_ = c.Close()
		return
	}
	_ = c.SetDeadline(time.Time{})
	left := &leftover{Conn: c, read: g.rest()}
	if secure == nil {
		f.leave(left)
		return
	}
	f.leave(secureLeftover{left, secure})
}

// survive ends a connection that ends in panic, and nothing else.
func (s *Shortcut) survive(c net.Conn) {
	p := recover()
	if p == nil {
		return
	}
	_ = c.Close()
	if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
		s.log.Error("panic in serving", "panic", p, "stack", string(debug.Stack()))
	}
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
func (s *Shortcut) secure(raw net.Conn) (net.Conn, *tls.ConnectionState, error) {
	if s.config == nil {
		return raw, nil, nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), s.server.ReadHeaderTimeout)
	defer cancel()
	c := tls.Server(raw, s.config)
	if err := c.HandshakeContext(ctx); err != nil {
		return nil, nil, err
	}
	state := c.ConnectionState()
	return c, &state, nil
}

// A leftover connection gives again what was read of it.
type leftover struct {
	net.Conn
	read []byte
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

// A secureLeftover tells net/http, which does not see it otherwise, what TLS has agreed on.
type secureLeftover struct {
	*leftover
	state *tls.ConnectionState
}

// ConnectionState is that of TLS.
func (l secureLeftover) ConnectionState() tls.ConnectionState { return *l.state }
