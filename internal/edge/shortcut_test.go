package edge_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/internal/edge"
)

// mirrored answers with everything that a handler can learn of a request.
func mirrored(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	w.Header().Set("X-Seen", "yes")
	fmt.Fprintf(w, "%s %q %q %q %q %s %q %d %v %v %q %v\n", r.Method, r.RequestURI, r.URL.Path, r.URL.RawPath, r.URL.RawQuery, r.Proto, r.Host, r.ContentLength, r.TransferEncoding, r.Close, body, err != nil)
	for _, name := range slices.Sorted(func(yield func(string) bool) {
		for name := range r.Header {
			if !yield(name) {
				return
			}
		}
	}) {
		fmt.Fprintf(w, "%s: %q\n", name, r.Header[name])
	}
}

// twins serve the same handler, one of them with a shortcut for what is below /fast/.
func twins(t testing.TB, h http.Handler) (plain, fast string) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	serve := func(l net.Listener, serve func(net.Listener) error, shut func(context.Context) error) string {
		go serve(l)
		t.Cleanup(func() { _ = shut(t.Context()) })
		return l.Addr().String()
	}
	one, two := edge.NewServer(h, edge.Pace{}, nil, quiet), edge.NewShortcut(edge.NewServer(h, edge.Pace{}, nil, quiet), quiet, "POST /fast/", "PATCH /fast/")
	return serve(listening(t), one.Serve, one.Shutdown), serve(listening(t), two.Serve, two.Shutdown)
}

func listening(t testing.TB) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// told sends bytes, then nothing more, and reads all answers. What differs from
// one server to the next by its nature is left out.
func told(t testing.TB, addr string, sent []byte) (answers []string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	go func() {
		_, _ = c.Write(sent)
		_ = c.(*net.TCPConn).CloseWrite()
	}()
	in := bufio.NewReader(c)
	for {
		res, err := http.ReadResponse(in, nil)
		if err != nil {
			if errors.Is(err, context.DeadlineExceeded) {
				t.Fatal(err)
			}
			return answers
		}
		body, err := io.ReadAll(res.Body)
		if res.Header.Get("Date") == "" && res.StatusCode == http.StatusOK {
			t.Error("an answer without a date")
		}
		res.Header.Del("Date")
		if res.StatusCode == http.StatusBadRequest { // the connection ends before the client has said all
			return append(answers, res.Status)
		}
		answers = append(answers, fmt.Sprint(res.Proto, " ", res.Status, " ", res.Header, " ", res.ContentLength, " ", res.Close, " ", string(body), " ", err))
	}
}

// Whatever is said, a server with a shortcut answers as one without.
func TestAShortcutAnswersAsTheServerDoes(t *testing.T) {
	plain, fast := twins(t, http.HandlerFunc(mirrored))
	for name, said := range sayings {
		t.Run(name, func(t *testing.T) {
			sent := []byte(strings.Join(said, ""))
			if want, got := told(t, plain, sent), told(t, fast, sent); !slices.Equal(got, want) {
				t.Errorf("%q is answered with\n%q\nby the shortcut, and by the server with\n%q", sent, got, want)
			}
		})
	}
}

// The server says nothing to less than four bytes behind a request, and 400 to more: of
// what is wrong it is enough that nothing comes of it.
func FuzzShortcut(f *testing.F) {
	right := func(answers []string) []string {
		return slices.DeleteFunc(answers, func(a string) bool { return strings.HasPrefix(a, "400 ") })
	}
	plain, fast := twins(f, http.HandlerFunc(mirrored))
	for _, said := range sayings {
		f.Add([]byte(strings.Join(said, "")))
	}
	f.Fuzz(func(t *testing.T, sent []byte) {
		if want, got := right(told(t, plain, sent)), right(told(t, fast, sent)); !slices.Equal(got, want) {
			t.Errorf("%q is answered with\n%q\nby the shortcut, and by the server with\n%q", sent, got, want)
		}
	})
}

// A hall of mirrors: whatever the connection is, a handler learns the same of it.
func TestAShortcutOverTLS(t *testing.T) {
	like := httptest.NewTLSServer(nil)
	like.Close()
	config := &tls.Config{Certificates: like.TLS.Certificates, NextProtos: []string{"h2", "http/1.1"}}
	quiet := slog.New(slog.DiscardHandler)
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		local, _ := r.Context().Value(http.LocalAddrContextKey).(net.Addr)
		fmt.Fprint(w, r.Proto, " ", r.TLS != nil && r.TLS.HandshakeComplete, " ", local != nil, " ", strings.HasPrefix(r.RemoteAddr, "127.0.0.1:"))
	})
	shortcut, l := edge.NewShortcut(edge.NewServer(handler, edge.Pace{}, config, quiet), quiet, "POST /fast/", "PATCH /fast/"), listening(t)
	go shortcut.Serve(l)
	t.Cleanup(func() { _ = shortcut.Shutdown(t.Context()) })
	pool := x509.NewCertPool()
	pool.AddCert(like.Certificate())
	for _, proto := range []string{"HTTP/1.1", "HTTP/2.0"} {
		transport := &http.Transport{TLSClientConfig: &tls.Config{RootCAs: pool}, ForceAttemptHTTP2: proto == "HTTP/2.0"}
		t.Cleanup(transport.CloseIdleConnections)
		for _, path := range []string{"/fast/a", "/fast/a", "/slow", "/fast/a"} {
			res, err := (&http.Client{Transport: transport}).Post("https://"+l.Addr().String()+path, "text/plain", strings.NewReader("x"))
			if err != nil {
				t.Fatal(err)
			}
			if text, _ := io.ReadAll(res.Body); string(text) != proto+" true true true" {
				t.Errorf("%s over %s: %s", path, proto, text)
			}
			res.Body.Close()
		}
	}
}

// HTTP/2 that begins without TLS is the server's.
func TestAShortcutLeavesHTTP2(t *testing.T) {
	_, fast := twins(t, http.HandlerFunc(mirrored))
	transport := &http.Transport{Protocols: new(http.Protocols)}
	transport.Protocols.SetUnencryptedHTTP2(true)
	t.Cleanup(transport.CloseIdleConnections)
	res, err := (&http.Client{Transport: transport}).Post("http://"+fast+"/fast/a", "text/plain", strings.NewReader("x"))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	if res.Proto != "HTTP/2.0" || res.StatusCode != 200 {
		t.Error(res.Proto, res.Status)
	}
}

// Answers of all sorts reach the client as those of the server do.
func TestAShortcutWritesWhatTheServerDoes(t *testing.T) {
	for name, h := range map[string]http.HandlerFunc{
		"nothing":       func(http.ResponseWriter, *http.Request) {},
		"no content":    func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204) },
		"not modified":  func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("ETag", `"x"`); w.WriteHeader(304) },
		"an odd status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(299); fmt.Fprint(w, "x") },
		"a status twice": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(400)
			w.WriteHeader(500)
			fmt.Fprint(w, "x")
		},
		"in parts": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "a"); fmt.Fprint(w, "b") },
		"a type of its own": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "x/y")
			fmt.Fprint(w, "<html>")
		},
		"a type to be guessed": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "<html>") },
		"no type at all": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = nil
			fmt.Fprint(w, "<html>")
		},
		"an encoding": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Encoding", "x")
			fmt.Fprint(w, "<html>")
		},
		"a field over lines": func(w http.ResponseWriter, _ *http.Request) { w.Header().Set("X", "a\r\nY: b"); fmt.Fprint(w, "x") },
		"a field too late": func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(201)
			w.Header().Set("X", "late")
			fmt.Fprint(w, "x")
		},
		"a field taken back too late": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", "y")
			fmt.Fprint(w, "x")
			w.Header().Del("X")
		},
		"not modified, with a type": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "x/y")
			w.WriteHeader(304)
			fmt.Fprint(w, "x")
		},
		"no content, but a body": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204); fmt.Fprint(w, "x") },
		"a wrong name": func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["X Y: z\r\nZ"] = []string{"a"}
			fmt.Fprint(w, "x")
		},
		"several fields": func(w http.ResponseWriter, _ *http.Request) { w.Header()["X"] = []string{"a", "b"}; fmt.Fprint(w, "x") },
		"the end": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Connection", "close")
			fmt.Fprint(w, "x")
		},
		"a length": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1")
			fmt.Fprint(w, "x")
		},
		"much": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "200000")
			fmt.Fprint(w, strings.Repeat("x", 200000))
		},
		"a body that is unread": func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "x") },
	} {
		t.Run(name, func(t *testing.T) {
			plain, fast := twins(t, h)
			sent := []byte(strings.Repeat("POST /fast/a HTTP/1.1\r\nHost: h\r\nContent-Length: 1\r\n\r\n1", 3))
			if want, got := told(t, plain, sent), told(t, fast, sent); !slices.Equal(got, want) {
				t.Errorf("the shortcut answers\n%.999q\nand the server\n%.999q", got, want)
			}
		})
	}
}

// A handler that breaks off ends its connection and nothing else.
func TestAShortcutSurvivesPanics(t *testing.T) {
	_, fast := twins(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/fast/abort":
			panic(http.ErrAbortHandler)
		case "/fast/panic":
			panic("at the disco")
		}
		fmt.Fprint(w, "here")
	}))
	for _, path := range []string{"abort", "panic"} {
		sent := fmt.Sprintf("POST /fast/a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\nPOST /fast/%s HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\nPOST /fast/a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n", path)
		if got := told(t, fast, []byte(sent)); len(got) != 1 {
			t.Errorf("%s: %q", path, got)
		}
	}
}

// Nor does a handshake.
func TestAShortcutSurvivesPanicsOfTLS(t *testing.T) {
	like := httptest.NewTLSServer(nil)
	like.Close()
	quiet, l, first := slog.New(slog.DiscardHandler), listening(t), make(chan struct{}, 1)
	first <- struct{}{}
	config := &tls.Config{Certificates: like.TLS.Certificates, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		select {
		case <-first:
			panic("at the disco")
		default:
			return nil, nil
		}
	}}
	shortcut := edge.NewShortcut(edge.NewServer(http.HandlerFunc(mirrored), edge.Pace{}, config, quiet), quiet, "POST /fast/")
	go shortcut.Serve(l)
	t.Cleanup(func() { _ = shortcut.Shutdown(t.Context()) })
	pool := x509.NewCertPool()
	pool.AddCert(like.Certificate())
	for _, well := range []bool{false, true} {
		c, err := tls.Dial("tcp", l.Addr().String(), &tls.Config{RootCAs: pool})
		if (err == nil) != well {
			t.Error(err)
		}
		if err == nil {
			c.Close()
		}
	}
}

// A shut shortcut answers what it has begun, and says that this was the last.
func TestAShortcutIsShut(t *testing.T) {
	under, on := make(chan struct{}), make(chan struct{})
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/fast/wait" {
			close(under)
			<-on
		}
		fmt.Fprint(w, "here")
	})
	quiet := slog.New(slog.DiscardHandler)
	shortcut, l := edge.NewShortcut(edge.NewServer(h, edge.Pace{}, nil, quiet), quiet, "POST /fast/", "PATCH /fast/"), listening(t)
	served := make(chan error, 1)
	go func() { served <- shortcut.Serve(l) }()
	dial := func(say string) net.Conn {
		c, err := net.Dial("tcp", l.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		_ = c.SetDeadline(time.Now().Add(20 * time.Second))
		if _, err := io.WriteString(c, say); err != nil {
			t.Fatal(err)
		}
		return c
	}
	ask := "POST /fast/%s HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
	idle, silent, busy := dial(fmt.Sprintf(ask, "a")), dial(""), dial(fmt.Sprintf(ask, "wait"))
	if _, err := http.ReadResponse(bufio.NewReader(idle), nil); err != nil {
		t.Fatal(err)
	}
	<-under
	shut := make(chan error, 1)
	go func() { shut <- shortcut.Shutdown(t.Context()) }()
	for _, c := range []net.Conn{idle, silent} { // while one is still under way
		if rest, err := io.ReadAll(c); err != nil || strings.Contains(string(rest), "HTTP") {
			t.Errorf("%q %v", rest, err)
		}
	}
	close(on)
	res, err := http.ReadResponse(bufio.NewReader(busy), nil)
	if err != nil || !res.Close {
		t.Error("what was under way:", res, err)
	}
	if err := <-shut; err != nil {
		t.Error(err)
	}
	if err := <-served; !errors.Is(err, http.ErrServerClosed) {
		t.Error(err)
	}
}

// Who does not come to an end must not keep the shortcut from it.
func TestAShortcutThatIsShutInVain(t *testing.T) {
	under, on := make(chan struct{}), make(chan struct{})
	quiet := slog.New(slog.DiscardHandler)
	shortcut, l := edge.NewShortcut(edge.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { close(under); <-on }), edge.Pace{}, nil, quiet), quiet, "POST /fast/", "PATCH /fast/"), listening(t)
	go shortcut.Serve(l)
	c, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	fmt.Fprint(c, "POST /fast/a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n")
	<-under
	defer close(on)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := shortcut.Shutdown(ctx); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
	if rest, err := io.ReadAll(c); len(rest) > 0 {
		t.Errorf("%q %v", rest, err)
	}
}

func TestSlowClientsOfAShortcutAreCutOff(t *testing.T) {
	soon := 50 * time.Millisecond
	whole := "POST /fast/a HTTP/1.1\r\nHost: h\r\nContent-Length: 0\r\n\r\n"
	for name, c := range map[string]struct {
		pace edge.Pace
		say  string
		size int // of each answer
	}{
		"in silence":             {edge.Pace{Header: soon}, "", 0},
		"in the line":            {edge.Pace{Header: soon}, "POST /fa", 0},
		"in the head":            {edge.Pace{Header: soon}, "POST /fast/a HTTP/1.1\r\nHost: h\r\nX-A", 0},
		"in the body":            {edge.Pace{Header: soon}, "POST /fast/a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n12", 0},
		"in the second body":     {edge.Pace{Header: soon}, whole + "POST /fast/a HTTP/1.1\r\nHost: h\r\nContent-Length: 9\r\n\r\n12", 0},
		"between two":            {edge.Pace{Idle: soon}, whole, 0},
		"between two of another": {edge.Pace{Idle: soon}, whole + "GET / HTTP/1.1\r\nHost: h\r\n\r\n", 0},
		"in taking the answer":   {edge.Pace{Answer: soon}, strings.Repeat(whole, 50), 1 << 20},
	} {
		t.Run(name, func(t *testing.T) {
			h := edge.Hardened(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, c.size)) }), soon)
			conn, ended := watched(t, h, c.pace)
			fmt.Fprint(conn, c.say)
			select {
			case <-ended:
			case <-time.After(20 * time.Second):
				t.Error("the connection is still open")
			}
		})
	}
}

// Who sends a byte now and then gains no time by it.
func TestDripsDoNotHoldAShortcut(t *testing.T) {
	soon := 50 * time.Millisecond
	conn, ended := watched(t, http.HandlerFunc(mirrored), edge.Pace{Header: soon})
	fmt.Fprint(conn, "POST /fast/a HTTP/1.1\r\nX: ")
	tick := time.NewTicker(soon / 5)
	defer tick.Stop()
	for range 1000 {
		select {
		case <-ended:
			return
		case <-tick.C:
			fmt.Fprint(conn, "x")
		}
	}
	t.Error("the connection is still open")
}

// watched connects to a server with a shortcut, which tells when it closes that.
func watched(t *testing.T, h http.Handler, pace edge.Pace) (conn net.Conn, ended chan struct{}) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	ended = make(chan struct{}, 1)
	shortcut, l := edge.NewShortcut(edge.NewServer(h, pace, nil, quiet), quiet, "POST /fast/", "PATCH /fast/"), listening(t)
	go shortcut.Serve(farewell{l, ended})
	t.Cleanup(func() { _ = shortcut.Shutdown(t.Context()) })
	conn, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return conn, ended
}

// A farewell is a listener whose connections say when they are closed.
type farewell struct {
	net.Listener
	ended chan struct{}
}

func (f farewell) Accept() (net.Conn, error) {
	c, err := f.Listener.Accept()
	return parting{c, f.ended}, err
}

type parting struct {
	net.Conn
	ended chan struct{}
}

func (p parting) Close() error {
	select {
	case p.ended <- struct{}{}:
	default:
	}
	return p.Conn.Close()
}
