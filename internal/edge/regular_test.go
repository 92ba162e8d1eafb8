package edge_test

import (
	"bufio"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reeve-platform/reeve/internal/edge"
)

const asked = "POST /fast/a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\nhi"

// paced has a client talk to a shortcut, in a time of its own.
func paced(t *testing.T, p edge.Pace, h http.HandlerFunc, talk func(t *testing.T, c net.Conn, in *bufio.Reader)) {
	t.Helper()
	synctest.Test(t, func(t *testing.T) {
		quiet, g := slog.New(slog.DiscardHandler), newGateway()
		shortcut, served := edge.NewShortcut(edge.NewServer(h, p, nil, quiet), quiet, "POST /fast/"), make(chan error, 1)
		go func() { served <- shortcut.Serve(g) }()
		c := g.dial(t, "192.0.2.1:1")
		defer func() {
			c.Close()
			if err := shortcut.Shutdown(t.Context()); err != nil {
				t.Error(err)
			}
			<-served
		}()
		talk(t, c, bufio.NewReader(c))
	})
}

// Slow clients hold what they are told: no more than that.
func TestMuchIsHeldOnce(t *testing.T) {
	much := make([]byte, 16<<20)
	h := func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(much) }
	paced(t, edge.Pace{}, h, func(t *testing.T, c net.Conn, in *bufio.Reader) {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, _ = io.WriteString(c, asked)
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			t.Fatal(err)
		}
		n, err := io.Copy(io.Discard, res.Body)
		runtime.ReadMemStats(&after)
		if took := after.TotalAlloc - before.TotalAlloc; n != int64(len(much)) || took > uint64(n)*3/2 {
			t.Errorf("%d bytes took %d %v", n, took, err)
		}
	})
}

// A latch is a listener that accepts one connection, at the moment when it is closed.
type latch struct {
	net.Listener
	last chan net.Conn
	shut chan struct{}
}

func (l latch) Accept() (net.Conn, error) {
	<-l.shut
	if c, more := <-l.last; more {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (l latch) Close() error {
	close(l.shut)
	return nil
}

// Who comes when the door closes does not keep it open by saying nothing.
func TestNobodyEntersAShutShortcut(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		near, far := net.Pipe()
		defer near.Close()
		l, quiet := latch{last: make(chan net.Conn, 1), shut: make(chan struct{})}, slog.New(slog.DiscardHandler)
		l.last <- far
		close(l.last)
		shortcut := edge.NewShortcut(edge.NewServer(http.NotFoundHandler(), edge.Pace{}, &tls.Config{}, quiet), quiet, "POST /fast/")
		go shortcut.Serve(l)
		synctest.Wait()
		since := time.Now()
		if err := shortcut.Shutdown(t.Context()); err != nil {
			t.Error(err)
		}
		if !refused(near) || time.Since(since) > 0 {
			t.Errorf("waited for %v", time.Since(since))
		}
	})
}

// replied is what the next answer says.
func replied(in *bufio.Reader) (string, error) {
	res, err := http.ReadResponse(in, nil)
	if err != nil {
		return "", err
	}
	b, err := io.ReadAll(res.Body)
	return string(b), err
}

// However long a client was silent before it asks, there is all the time to answer.
func TestSilenceTakesNothingFromTheAnswer(t *testing.T) {
	h := func(w http.ResponseWriter, _ *http.Request) {
		time.Sleep(30 * time.Second)
		fmt.Fprint(w, "here")
	}
	for _, idle := range []time.Duration{time.Minute, time.Hour} {
		paced(t, edge.Pace{Idle: idle}, h, func(t *testing.T, c net.Conn, in *bufio.Reader) {
			for range 3 {
				_, _ = io.WriteString(c, asked)
				if said, err := replied(in); said != "here" {
					t.Fatalf("idle for %v: %q %v", idle, said, err)
				}
				time.Sleep(idle * 4 / 5)
			}
		})
	}
}

// A client that may be silent for less than it may take to say who it is, is not.
func TestShortSilences(t *testing.T) {
	h := func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "here") }
	paced(t, edge.Pace{Header: time.Minute, Idle: time.Second}, h, func(t *testing.T, c net.Conn, in *bufio.Reader) {
		_, _ = io.WriteString(c, asked)
		_, _ = replied(in)
		since := time.Now()
		if said, err := replied(in); said != "" || time.Since(since) > time.Second {
			t.Errorf("%q %v after %v", said, err, time.Since(since))
		}
	})
}

// How long a body may take to arrive, and what is said to who takes longer, is told by
// whoever serves it.
func TestABodyTakesItsTime(t *testing.T) {
	h := edge.Hardened(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := edge.ReadBody(r.Body, 100)
		fmt.Fprint(w, err)
	}), 10*time.Second)
	for took, want := range map[time.Duration]string{0: "<nil>", 8 * time.Second: "<nil>", time.Minute: edge.ErrRequestTimeout.Error()} {
		paced(t, edge.Pace{}, h.ServeHTTP, func(t *testing.T, c net.Conn, in *bufio.Reader) {
			_, _ = io.WriteString(c, "POST /fast/a HTTP/1.1\r\nHost: h\r\nContent-Length: 2\r\n\r\n{")
			rest := time.AfterFunc(took, func() { _, _ = io.WriteString(c, "}") })
			defer rest.Stop()
			if said, err := replied(in); said != want {
				t.Errorf("in %v: %q %v", took, said, err)
			}
		})
	}
}
