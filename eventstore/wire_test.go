package eventstore

import (
	"net"
	"sync"
	"testing"
)

// A wire lies between a store and its log and can be held or cut.
type wire struct {
	listener net.Listener
	target   string
	mu       sync.Mutex
	strands  []*strand // every connection there ever was
	hands    sync.WaitGroup
}

// A strand is one connection. While one of its directions is locked, nothing
// goes that way and nobody is told.
type strand struct {
	near, far     net.Conn
	asks, answers sync.RWMutex
}

func newWire(t testing.TB, target string) *wire {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	w := &wire{listener: l, target: target}
	w.hands.Go(w.accept)
	t.Cleanup(func() {
		_ = l.Close()
		w.cut()
		w.hands.Wait()
	})
	return w
}

func (w *wire) url() string { return "esdb://" + w.listener.Addr().String() + "?tls=false" }

func (w *wire) accept() {
	for {
		near, err := w.listener.Accept()
		if err != nil {
			return
		}
		far, err := net.Dial("tcp", w.target)
		if err != nil {
			_ = near.Close()
			continue
		}
		s := &strand{near: near, far: far}
		w.mu.Lock()
		w.strands = append(w.strands, s)
		w.mu.Unlock()
		w.hands.Go(func() { carry(far, near, &s.asks) })
		w.hands.Go(func() { carry(near, far, &s.answers) })
	}
}

func carry(to, from net.Conn, held *sync.RWMutex) {
	defer to.Close()
	defer from.Close()
	piece := make([]byte, 32<<10)
	for {
		n, err := from.Read(piece)
		if err != nil {
			return
		}
		held.RLock()
		_, err = to.Write(piece[:n])
		held.RUnlock()
		if err != nil {
			return
		}
	}
}

// cut ends every connection.
func (w *wire) cut() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, s := range w.strands {
		_, _ = s.near.Close(), s.far.Close()
	}
}

// strand gives the n-th connection, from 0.
func (w *wire) strand(t testing.TB, n int) *strand {
	t.Helper()
	w.mu.Lock()
	defer w.mu.Unlock()
	if n >= len(w.strands) {
		t.Fatalf("there were only %d connections", len(w.strands))
	}
	return w.strands[n]
}

// mute holds back what is asked on every connection, until the returned func is
// called.
func (w *wire) mute() (unmute func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	held := w.strands
	for _, s := range held {
		s.asks.Lock()
	}
	return func() {
		for _, s := range held {
			s.asks.Unlock()
		}
	}
}
