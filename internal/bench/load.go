package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

// closed runs workers that do one thing after the other for a time and returns
// how many they did per second. An error ends all of them.
func closed(ctx context.Context, p plan, worker func(ctx context.Context, n int) (step func() error, done func(), err error)) (float64, error) {
	g, ctx := errgroup.WithContext(ctx)
	var count atomic.Int64
	ready, start := make(chan struct{}, p.workers), make(chan struct{})
	for n := range p.workers {
		g.Go(func() error {
			step, done, err := worker(ctx, n)
			if err != nil {
				return err
			}
			defer done()
			ready <- struct{}{}
			select {
			case <-start:
			case <-ctx.Done():
				return ctx.Err()
			}
			return repeat(ctx, p.span, step, &count)
		})
	}
	for range p.workers {
		select {
		case <-ready:
		case <-ctx.Done():
			return 0, g.Wait()
		}
	}
	began := time.Now()
	close(start)
	err := g.Wait()
	return float64(count.Load()) / time.Since(began).Seconds(), err
}

func repeat(ctx context.Context, span time.Duration, step func() error, count *atomic.Int64) error {
	for end := time.Now().Add(span); time.Now().Before(end); {
		if err := step(); err != nil {
			return err
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
		count.Add(1)
	}
	return nil
}

// A wire is one kept-alive HTTP/1.1 connection that costs the client as little
// as possible, because client and server share the machine. It understands what
// the servers here answer: a Content-Length and no trailers.
type wire struct {
	conn  net.Conn
	in    *bufio.Reader
	out   []byte
	body  []byte
	token string // sent with each request, if there is one
}

func dial(ctx context.Context, address string) (*wire, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return nil, err
	}
	return &wire{conn: conn, in: bufio.NewReaderSize(conn, 32<<10)}, nil
}

// answerTime is how long an answer may take before the benchmark has failed.
const answerTime = 20 * time.Second

// send makes a request and returns status and body, which is valid until the
// next one.
func (w *wire) send(method, path string, body []byte) (status int, answer []byte, err error) {
	w.out = append(w.out[:0], method+" "+path+" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"...)
	if w.token != "" {
		w.out = append(append(append(w.out, "Authorization: Bearer "...), w.token...), "\r\n"...)
	}
	w.out = append(w.out, "Content-Length: "...)
	w.out = strconv.AppendInt(w.out, int64(len(body)), 10)
	w.out = append(append(w.out, "\r\n\r\n"...), body...)
	_ = w.conn.SetDeadline(time.Now().Add(answerTime))
	if _, err := w.conn.Write(w.out); err != nil {
		return 0, nil, err
	}
	return w.receive()
}

func (w *wire) receive() (status int, body []byte, err error) {
	line, err := w.in.ReadSlice('\n')
	if err != nil || len(line) < 12 {
		return 0, nil, fmt.Errorf("no answer: %q, %w", line, err)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, err
	}
	length, chunked := -1, false
	for len(line) > 2 {
		if line, err = w.in.ReadSlice('\n'); err != nil {
			return 0, nil, err
		}
		if name, value, _ := bytes.Cut(line, []byte(": ")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, nil, err
			}
		} else if bytes.EqualFold(name, []byte("Transfer-Encoding")) {
			chunked = true
		}
	}
	if chunked {
		w.body, err = w.chunks(w.body[:0])
		return status, w.body, err
	}
	if length < 0 {
		return 0, nil, fmt.Errorf("an answer of status %d has no length", status)
	}
	w.body = append(w.body[:0], make([]byte, length)...)
	_, err = io.ReadFull(w.in, w.body)
	return status, w.body, err
}

// chunks reads a body of which the server did not know the length (RFC 9112 section
// 7.1).
func (w *wire) chunks(body []byte) ([]byte, error) {
	for {
		line, err := w.in.ReadSlice('\n')
		if err != nil {
			return body, err
		}
		size, err := strconv.ParseUint(string(bytes.TrimSpace(line)), 16, 31)
		if err != nil {
			return body, err
		}
		at := len(body)
		body = append(body, make([]byte, size)...)
		if _, err := io.ReadFull(w.in, body[at:]); err != nil {
			return body, err
		}
		if _, err := w.in.Discard(2); err != nil || size == 0 {
			return body, err
		}
	}
}

// must is send for requests that have to succeed.
func (w *wire) must(method, path string, body []byte) ([]byte, error) {
	status, answer, err := w.send(method, path, body)
	if err == nil && status/100 != 2 {
		err = fmt.Errorf("%s %s: %d %s", method, path, status, answer)
	}
	return answer, err
}
