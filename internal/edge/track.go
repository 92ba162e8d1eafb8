package edge

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"runtime/debug"
	"slices"
	"strconv"
	"strings"
	"time"

	"golang.org/x/net/http/httpguts"
)

const (
	// trackSize is how many bytes a request may have to be served on a track.
	trackSize = 8 << 10
	// trackKept is how many bytes of an answer a track keeps room for.
	trackKept = 64 << 10
)

// A track is one connection of a [Lane], and the [http.ResponseWriter] of one request
// after the other.
type track struct {
	lane   *Lane
	conn   net.Conn
	secure *tls.ConnectionState
	in     *bufio.Reader
	due    time.Time // the deadline for reading

	like     *http.Request // the last one that net/http has read here
	head     []byte        // its header fields; empty if its length cannot be told from them
	from, to int           // where in head the length stands
	body     letter

	header http.Header // of the answer
	status int         // 0 as long as nobody has said
	text   []byte      // the body of the answer
	out    []byte
}

// A letter is a body that has arrived.
type letter struct{ bytes.Reader }

// Close does nothing.
func (*letter) Close() error { return nil }

// run serves requests until one comes that is not for the lane. It reports whether the
// connection is at its end.
func (t *track) run() (ended bool) {
	defer func() {
		if p := recover(); p != nil {
			ended = true
			if err, ok := p.(error); !ok || !errors.Is(err, http.ErrAbortHandler) {
				t.lane.log.Error("panic in serving", "panic", p, "stack", string(debug.Stack()))
			}
		}
	}()
	ctx, cancel := context.WithCancel(context.WithValue(context.Background(), http.LocalAddrContextKey, t.conn.LocalAddr()))
	defer cancel()
	for patience := t.lane.server.ReadHeaderTimeout; ; patience = t.lane.server.IdleTimeout {
		r, size, err := t.await(ctx, patience)
		if err != nil {
			return true
		}
		if r == nil {
			return false
		}
		t.lane.server.Handler.ServeHTTP(t, r)
		if !t.answer() {
			return true
		}
		_, _ = t.in.Discard(size) // of what is there
	}
}

// await waits for a whole request, which has size bytes. It is nil if what comes is not
// for the lane; then nothing of it is taken.
func (t *track) await(ctx context.Context, patience time.Duration) (r *http.Request, size int, err error) {
	t.putOff(patience)
	for size = 1; ; {
		if t.lane.leaving.Load() {
			return nil, 0, http.ErrServerClosed
		}
		if _, err := t.in.Peek(size); err != nil {
			return nil, 0, err
		}
		got, _ := t.in.Peek(t.in.Buffered())
		if n := min(len(got), len(t.lane.start)); !bytes.Equal(got[:n], t.lane.start[:n]) {
			return nil, 0, nil
		}
		size = len(got) + 1
		if end := bytes.Index(got, []byte("\r\n\r\n")) + 4; end >= 4 {
			if r = t.read(ctx, got[:end]); r == nil {
				return nil, 0, nil
			}
			if size = end + int(r.ContentLength); size <= len(got) {
				t.body.Reset(got[end:size])
				return r, size, nil
			}
		} else if bytes.Contains(got, []byte("\n\n")) {
			return nil, 0, nil
		}
		if size > t.in.Size() {
			return nil, 0, nil
		}
		t.due = time.Now().Add(t.lane.server.ReadHeaderTimeout) // which is enough for so little
		_ = t.conn.SetReadDeadline(t.due)
	}
}

// putOff gives the client so long to ask, and then to take the answer: up to a tenth
// less, because it costs more to say so each time.
func (t *track) putOff(patience time.Duration) {
	now, answer := time.Now(), t.lane.server.WriteTimeout
	if t.due.Sub(now) > patience-min(patience, answer)/10 {
		return
	}
	t.due = now.Add(patience)
	_ = t.conn.SetReadDeadline(t.due) // failures show in what is read and written
	_ = t.conn.SetWriteDeadline(now.Add(answer))
}

// read reads the head of a request. It is nil if the request is not for the lane.
func (t *track) read(ctx context.Context, head []byte) *http.Request {
	line, fields, _ := bytes.Cut(head, []byte("\n"))
	length, again := t.again(fields)
	path, plain := pathOf(line)
	if !again || !plain {
		if t.like = t.learn(ctx, head, fields); t.like == nil {
			return nil
		}
		again, length = false, int(t.like.ContentLength)
	}
	r := new(http.Request)
	*r = *t.like
	if again && string(path) != t.like.RequestURI {
		r.RequestURI = string(path)
		r.URL = &url.URL{Path: r.RequestURI}
	}
	r.ContentLength, r.Body = int64(length), &t.body
	return r
}

// pathOf is what a request line asks for, where that is a path without anything that
// means something else in a URL.
func pathOf(line []byte) (path []byte, plain bool) {
	path, ok := bytes.CutSuffix(bytes.TrimPrefix(line, []byte("POST ")), []byte(" HTTP/1.1\r"))
	return path, ok && !bytes.ContainsFunc(path, func(c rune) bool {
		return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '-' || c > '9') && c != '_' && c != '~'
	})
}

// again reports whether header fields are those of the last request but for the length
// of the body.
func (t *track) again(fields []byte) (length int, ok bool) {
	tail := len(t.head) - t.to
	if len(t.head) == 0 || len(fields) <= t.from+tail || !bytes.HasPrefix(fields, t.head[:t.from]) || !bytes.HasSuffix(fields, t.head[t.to:]) {
		return 0, false
	}
	digits := fields[t.from : len(fields)-tail]
	for _, c := range digits {
		if c < '0' || c > '9' || length > trackSize {
			return 0, false
		}
		length = 10*length + int(c-'0')
	}
	return length, true
}

// learn has net/http read the head of a request. It is nil if the request is not for
// the lane: what a server refuses, or does more for than to read a body of a known
// length, is left to the server.
func (t *track) learn(ctx context.Context, head, fields []byte) *http.Request {
	t.head = t.head[:0]
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(head)))
	if err != nil || r.Proto != "HTTP/1.1" || r.Close || len(r.TransferEncoding) > 0 || len(r.Trailer) > 0 || r.ContentLength > trackSize || !httpguts.ValidHostHeader(r.Host) {
		return nil
	}
	for name, values := range r.Header {
		if name == "Connection" || name == "Expect" || name == "Upgrade" || !httpguts.ValidHeaderFieldName(name) || slices.ContainsFunc(values, invalid) {
			return nil
		}
	}
	if _, _, hosts := field(fields, "Host"); hosts != 1 {
		return nil
	}
	if from, to, n := field(fields, "Content-Length"); n == 1 && from < to {
		t.from, t.to, t.head = from, to, append(t.head, fields...)
	}
	r.RemoteAddr, r.TLS = t.conn.RemoteAddr().String(), t.secure
	return r.WithContext(ctx)
}

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

// Header is that of the answer.
func (t *track) Header() http.Header { return t.header }

// WriteHeader says what the answer is.
func (t *track) WriteHeader(status int) {
	if t.status == 0 && status >= http.StatusOK {
		t.status = status
	}
}

// Write adds to the answer.
func (t *track) Write(b []byte) (int, error) {
	t.WriteHeader(http.StatusOK)
	t.text = append(t.text, b...)
	return len(b), nil
}

// SetReadDeadline does nothing: the body has arrived.
func (*track) SetReadDeadline(time.Time) error { return nil }

// answer sends the answer, and reports whether another request may come.
func (t *track) answer() (more bool) {
	more = !t.lane.leaving.Load() && t.header.Get("Connection") != "close"
	out := t.head1(more)
	_, err := t.conn.Write(out)
	t.status, t.text, t.out = 0, room(t.text), room(out)
	clear(t.header)
	return more && err == nil
}

// head1 writes what is sent.
func (t *track) head1(more bool) []byte {
	status := cmp.Or(t.status, http.StatusOK)
	out := append(strconv.AppendInt(append(t.out[:0], "HTTP/1.1 "...), int64(status), 10), ' ')
	out = append(append(out, http.StatusText(status)...), "\r\n"...)
	t.header["Content-Length"], t.header["Connection"] = nil, nil
	for name, values := range t.header {
		for _, value := range values {
			out = appendField(out, name, value)
		}
	}
	out = append(time.Now().UTC().AppendFormat(append(out, "Date: "...), http.TimeFormat), "\r\n"...)
	if !more {
		out = append(out, "Connection: close\r\n"...)
	}
	if status == http.StatusNoContent || status == http.StatusNotModified {
		return append(out, "\r\n"...)
	}
	out = strconv.AppendInt(append(out, "Content-Length: "...), int64(len(t.text)), 10)
	return append(append(out, "\r\n\r\n"...), t.text...)
}

func appendField(out []byte, name, value string) []byte {
	if strings.ContainsAny(value, "\r\n") {
		value = strings.NewReplacer("\r", " ", "\n", " ").Replace(value)
	}
	return append(append(append(append(out, name...), ": "...), value...), "\r\n"...)
}

// room keeps room for the next answer, unless that is much.
func room(b []byte) []byte {
	if cap(b) > trackKept {
		return nil
	}
	return b[:0]
}
