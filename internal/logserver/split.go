package logserver

import (
	"errors"
	"net"
	"net/http"
	"sync"
	"time"
)

// prefaceWait is how long a new connection may take to say what it speaks.
const prefaceWait = 10 * time.Second

// acceptPause keeps a process out of file descriptors from spinning.
const acceptPause = 10 * time.Millisecond

// A splitter gives the one port two languages: connections that open with the
// HTTP/2 preface (RFC 9113 section 3.4) go to gRPC, the others to plain HTTP,
// where load balancers and vendor tools ask GET /health/live.
type splitter struct {
	net.Listener
	rpc, plain chan net.Conn
	done       chan struct{}
	closing    sync.Once
	closed     error
}

func newSplitter(l net.Listener) *splitter {
	return &splitter{Listener: l, rpc: make(chan net.Conn), plain: make(chan net.Conn), done: make(chan struct{})}
}

// run accepts until the listener closes.
func (s *splitter) run() {
	for {
		conn, err := s.Listener.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err == nil:
			go s.sort(conn)
		default:
			time.Sleep(acceptPause)
		}
	}
}

// sort looks at the first byte, which in HTTP/2 is the P of "PRI"; of the
// methods served in plain HTTP none starts with it.
func (s *splitter) sort(conn net.Conn) {
	first := make([]byte, 1)
	_ = conn.SetReadDeadline(time.Now().Add(prefaceWait)) // a failure shows in Read
	if _, err := conn.Read(first); err != nil {
		_ = conn.Close()
		return
	}
	_ = conn.SetReadDeadline(time.Time{})
	to := s.plain
	if first[0] == 'P' {
		to = s.rpc
	}
	select {
	case to <- &peeked{Conn: conn, first: first}:
	case <-s.done:
		_ = conn.Close()
	}
}

// Close also ends the two sides. Each of their servers closes what it listens
// on, so this is called several times.
func (s *splitter) Close() error {
	s.closing.Do(func() {
		close(s.done)
		s.closed = s.Listener.Close()
	})
	return s.closed
}

// A peeked connection gives back the byte that was looked at.
type peeked struct {
	net.Conn
	first []byte
}

func (p *peeked) Read(b []byte) (int, error) {
	if len(p.first) > 0 && len(b) > 0 {
		n := copy(b, p.first)
		p.first = p.first[n:]
		return n, nil
	}
	return p.Conn.Read(b)
}

// A side is one of the two languages, as a listener.
type side struct {
	*splitter
	conns chan net.Conn
}

func (s side) Accept() (net.Conn, error) {
	select {
	case c := <-s.conns:
		return c, nil
	case <-s.done:
		return nil, net.ErrClosed
	}
}

// newPlain answers GET /health/live, 204 while the log is served and 503 when it
// is not any more, and GET /stats.
func newPlain(alive func() bool, stats http.HandlerFunc) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /health/live", func(w http.ResponseWriter, _ *http.Request) {
		if !alive() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	})
	mux.HandleFunc("GET /stats", stats)
	return &http.Server{Handler: mux, ReadHeaderTimeout: prefaceWait, IdleTimeout: pingIdle}
}
