package edge

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

const (
	// plainSize is how many bytes a request may have to be served on a shortcut.
	plainSize = 8 << 10
	// plainKept is how many bytes of an answer room is kept for.
	plainKept = 64 << 10
)

// A regular is a client of a [Shortcut] on one connection, who says the same each time.
// It is the [http.ResponseWriter] of one request after the other.
type regular struct {
	shortcut *Shortcut
	conn     net.Conn
	secure   *tls.ConnectionState
	in       *bufio.Reader
	due, end time.Time // the deadlines for reading and for writing

	like     *http.Request // the last one that net/http has read here
	head     []byte        // its header fields; empty if its length cannot be told from them
	from, to int           // where in head the length stands
	body     letter

	header http.Header // of the answer
	said   http.Header // what it was when the status was said; nil if it is the same
	status int         // 0 as long as nobody has said
	text   []byte      // the body of the answer
	out    []byte
}

// A letter is a body that has arrived.
type letter struct{ bytes.Reader }

// Close does nothing.
func (*letter) Close() error { return nil }

// run serves requests until one comes that is not for the shortcut. It reports whether the
// connection is at its end.
func (g *regular) run() (ended bool) {
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), http.LocalAddrContextKey, g.conn.LocalAddr()))
	defer cancel()
	for patience := g.shortcut.server.ReadHeaderTimeout; ; patience = g.shortcut.server.IdleTimeout {
		r, size, err := g.await(ctx, patience)
		if err != nil {
			return true
		}
		if r == nil {
			return false
		}
		g.shortcut.server.Handler.ServeHTTP(g, r)
		if !g.answer() {
			return true
		}
		g.body.Reset(nil)         // which is of this request alone
		_, _ = g.in.Discard(size) // of what is there
	}
}

// rest is what was read and not served. Of two line ends too many behind a POST net/http
// makes nothing (RFC 9112 section 2.2), if it has read that itself.
func (g *regular) rest() []byte {
	rest, _ := g.in.Peek(g.in.Buffered())
	for n := 0; g.like != nil && g.like.Method == http.MethodPost && n < 4 && len(rest) > 0 && (rest[0] == '\r' || rest[0] == '\n'); n++ {
		rest = rest[1:]
	}
	return bytes.Clone(rest)
}

// await waits for a whole request, which has size bytes. It is nil if what comes is not
// for the shortcut; then nothing of it is taken.
func (g *regular) await(ctx context.Context, patience time.Duration) (r *http.Request, size int, err error) {
	g.putOff(patience)
	begun := false
	for size = 1; ; {
		if g.shortcut.leaving.Load() {
			return nil, 0, http.ErrServerClosed
		}
		_, err := g.in.Peek(size)
		switch {
		case errors.Is(err, io.EOF) && g.in.Buffered() > 0, errors.Is(err, os.ErrDeadlineExceeded) && r != nil:
			return nil, 0, nil // what to make of half a request is the server's to know
		case err != nil:
			return nil, 0, err
		}
		got, _ := g.in.Peek(g.in.Buffered())
		if !g.shortcut.meant(got) {
			return nil, 0, nil
		}
		end, plain := headIn(got)
		if size = len(got) + 1; end > 0 {
			if r = g.read(ctx, got[:end]); r == nil {
				return nil, 0, nil
			}
			if size = end + int(r.ContentLength); size <= len(got) {
				g.body.Reset(got[end:size])
				g.allow()
				return r, size, nil
			}
		}
		if !plain || size > g.in.Size() {
			return nil, 0, nil
		}
		if !begun {
			begun, g.due = true, time.Now().Add(g.shortcut.server.ReadHeaderTimeout) // which is enough for so little
			_ = g.conn.SetReadDeadline(g.due)
		}
	}
}

// headIn finds the end of the head of a request, 0 if it has not come yet. It is not
// plain if a line ends in another way than by the book, RFC 9112 section 2.2.
func headIn(got []byte) (end int, plain bool) {
	for at := 0; ; {
		n := bytes.IndexByte(got[at:], '\n')
		switch {
		case n < 0:
			return 0, true
		case n == 0 || got[at+n-1] != '\r':
			return 0, false
		case n == 1:
			return at + 2, true
		}
		at += n + 1
	}
}

// putOff gives the client so long to ask.
func (g *regular) putOff(patience time.Duration) {
	if due, other := later(g.due, patience); other {
		g.due = due
		_ = g.conn.SetReadDeadline(due) // failures show in what is read
	}
}

// allow gives the handler and the client as long as an answer may take, from now on.
func (g *regular) allow() {
	if end, other := later(g.end, g.shortcut.server.WriteTimeout); other {
		g.end = end
		_ = g.conn.SetWriteDeadline(end) // failures show in what is written
	}
}

// later is the deadline that is so far away, unless the old one is up to a tenth less:
// it costs more to say so each time.
func later(old time.Time, away time.Duration) (deadline time.Time, other bool) {
	now := time.Now()
	left := old.Sub(now)
	return now.Add(away), left > away || left < away-away/10
}

// read reads the head of a request. It is nil if the request is not for the shortcut.
func (g *regular) read(ctx context.Context, head []byte) *http.Request {
	line, fields, _ := bytes.Cut(head, []byte("\n"))
	length, again := g.again(fields)
	method, line, _ := bytes.Cut(line, []byte(" "))
	path, plain := pathIn(line)
	if !again || !plain || string(method) != g.like.Method {
		if g.like = g.learn(ctx, head, fields); g.like == nil {
			return nil
		}
		again, length = false, int(g.like.ContentLength)
	}
	r := new(http.Request)
	*r = *g.like
	r.Body = &g.body
	if again && string(path) != g.like.RequestURI {
		r.RequestURI = string(path)
		r.URL = &url.URL{Path: r.RequestURI}
	}
	if again && int64(length) != g.like.ContentLength {
		r.ContentLength, r.Header = int64(length), maps.Clone(g.like.Header)
		r.Header["Content-Length"] = []string{strconv.Itoa(length)}
	}
	return r
}

// pathIn is what a request line asks for behind its method, where that is a path without
// anything that means something else in a URL.
func pathIn(line []byte) (path []byte, plain bool) {
	path, ok := bytes.CutSuffix(line, []byte(" HTTP/1.1\r"))
	return path, ok && !bytes.ContainsFunc(path, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '-' || c > '9') && c != '_' && c != '~'
	})
}

// again reports whether header fields are those of the last request but for the length
// of the body.
func (g *regular) again(fields []byte) (length int, ok bool) {
	tail := len(g.head) - g.to
	if len(g.head) == 0 || len(fields) <= g.from+tail || !bytes.HasPrefix(fields, g.head[:g.from]) || !bytes.HasSuffix(fields, g.head[g.to:]) {
		return 0, false
	}
	digits := fields[g.from : len(fields)-tail]
	for _, d := range digits {
		if d < '0' || d > '9' || length > plainSize || digits[0] == '0' && len(digits) > 1 {
			return 0, false
		}
		length = 10*length + int(d-'0')
	}
	return length, true
}

// learn has net/http read the head of a request. It is nil if the request is not for
// the shortcut: what a server refuses, or does more for than to read a body of a known
// length, is left to the server.
func (g *regular) learn(ctx context.Context, head, fields []byte) *http.Request {
	g.head = g.head[:0]
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil || r.Proto != "HTTP/1.1" || r.Close || len(r.TransferEncoding) > 0 || len(r.Trailer) > 0 || r.ContentLength > plainSize || !httpguts.ValidHostHeader(r.Host) {
		return nil
	}
	for name, values := range r.Header {
		if name == "Connection" && !slices.Equal(values, keepAlive) || name == "Expect" || name == "Upgrade" || !httpguts.ValidHeaderFieldName(name) || slices.ContainsFunc(values, invalid) {
			return nil
		}
	}
	if _, _, hosts := field(fields, "Host"); hosts != 1 {
		return nil
	}
	if from, to, n := field(fields, "Content-Length"); n == 1 && from < to {
		g.from, g.to, g.head = from, to, append(g.head, fields...)
	}
	r.RemoteAddr, r.TLS = g.conn.RemoteAddr().String(), g.secure
	return r.WithContext(ctx)
}

// keepAlive is what is meant anyway.
var keepAlive = []string{"keep-alive"}

func invalid(value string) bool { return !httpguts.ValidHeaderFieldValue(value) }

// field finds where in header fields the value of the last one of a name stands, and
// how many there are. None is found among fields that go over several lines.
func field(fields []byte, name string) (from, to, n int) {
	at := 0
	for line := range bytes.Lines(fields) {
		before, value, _ := bytes.Cut(line, []byte(":"))
		if line[0] == ' ' || line[0] == '\t' {
			return 0, 0, 0
		}
		if strings.EqualFold(string(before), name) {
			n++
			value = bytes.TrimLeft(value, " \t")
			to = at + len(line)
			from = to - len(value)
			to -= len(value) - len(bytes.TrimRight(value, " \t\r\n"))
		}
		at += len(line)
	}
	return from, to, n
}
