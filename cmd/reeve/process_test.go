package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// binary is the product as a user builds it, built once for all tests.
var binary = sync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "reeve-binary-")
	if err != nil {
		return "", err
	}
	path := filepath.Join(dir, "reeve")
	out, err := exec.Command("go", "build", "-o", path, ".").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w\n%s", err, out)
	}
	return path, nil
})

// A process is a Reeve of its own: the binary, its data and its addresses.
type process struct {
	t    testing.TB
	env  []string
	args []string
	http string
	log  string

	token string // of the administrator, once appointed
	cmd   *exec.Cmd
	said  *lockedBuffer
	gone  chan error
}

// newProcess prepares, but does not start, a process with free ports.
func newProcess(t testing.TB, dir string, env []string, args ...string) *process {
	p := &process{t: t, args: args, http: freePort(t), log: freePort(t)}
	p.env = append(append(os.Environ(), "REEVE_DATA_DIR="+dir, "REEVE_HTTP_ADDR="+p.http, "REEVE_ADMIN_ADDR=127.0.0.1:0", "REEVE_LOG_ADDR="+p.log,
		"REEVE_SERVER=http://"+p.http, "REEVE_CREDENTIALS="+filepath.Join(dir, "credentials.json"), "REEVE_TOKEN="), env...)
	t.Cleanup(p.kill)
	return p
}

func freePort(t testing.TB) string {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// start runs the binary and waits until it is ready.
func (p *process) start() {
	p.t.Helper()
	path, err := binary()
	if err != nil {
		p.t.Fatal(err)
	}
	p.launch(path)
	p.await()
	if p.args[0] == "dev" {
		p.mint()
	}
}

func (p *process) launch(path string) {
	p.t.Helper()
	p.said, p.gone = &lockedBuffer{}, make(chan error, 1)
	p.cmd = exec.Command(path, p.args...)
	p.cmd.Env, p.cmd.Stdout, p.cmd.Stderr = p.env, p.said, p.said
	if err := p.cmd.Start(); err != nil {
		p.t.Fatal(err)
	}
	gone, cmd := p.gone, p.cmd
	go func() { gone <- cmd.Wait() }()
}

func (p *process) await() {
	p.t.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); {
		select {
		case err := <-p.gone:
			p.t.Fatalf("ended before it was ready: %v\n%s", err, p.said)
		case <-time.After(20 * time.Millisecond):
		}
		if r, err := http.Get("http://" + p.http + "/readyz"); err == nil {
			r.Body.Close()
			if r.StatusCode == http.StatusOK {
				return
			}
		}
	}
	p.t.Fatalf("not ready after a minute\n%s", p.said)
}

// kill ends the process as a power switch would.
func (p *process) kill() {
	if p.cmd == nil {
		return
	}
	_ = p.cmd.Process.Kill()
	<-p.gone
	p.cmd = nil
}

// interrupt ends it as Ctrl-C would and reports how it ended.
func (p *process) interrupt() error {
	_ = p.cmd.Process.Signal(syscall.SIGINT)
	err := <-p.gone
	p.cmd = nil
	return err
}

// verb runs a command-line verb against the process and returns its output.
func (p *process) verb(args ...string) []byte {
	p.t.Helper()
	path, err := binary()
	if err != nil {
		p.t.Fatal(err)
	}
	cmd := exec.Command(path, args...)
	cmd.Env = p.env
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		p.t.Fatalf("reeve %v: %v\n%s", args, err, stderr.Bytes())
	}
	return out
}

// An answer is what a request came to; code 0 means that nobody knows.
type answer struct {
	code    int
	receipt domain.Receipt
	body    []byte
}

func (p *process) send(ctx context.Context, method, path, key, body string) answer {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, method, "http://"+p.http+path, bytes.NewReader([]byte(body)))
	if err != nil {
		return answer{}
	}
	r.Header.Set("Content-Type", "application/json")
	if key != "" {
		r.Header.Set("Idempotency-Key", key)
	}
	return p.do(r)
}

func (p *process) do(r *http.Request) answer {
	r.Header.Set("Authorization", "Bearer "+p.token)
	res, err := http.DefaultClient.Do(r)
	if err != nil {
		return answer{}
	}
	defer res.Body.Close()
	a := answer{code: res.StatusCode}
	if a.body, err = io.ReadAll(res.Body); err != nil {
		return answer{}
	}
	_ = json.Unmarshal(a.body, &a.receipt)
	return a
}

// lockedBuffer collects what a process says from two pipes.
type lockedBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lockedBuffer) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lockedBuffer) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

// hears waits until the process has said something.
func (p *process) hears(t testing.TB, what string) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); time.Now().Before(deadline); {
		if strings.Contains(p.said.String(), what) {
			return
		}
		select {
		case err := <-p.gone:
			t.Fatalf("ended: %v\n%s", err, p.said)
		case <-time.After(20 * time.Millisecond):
		}
	}
	t.Fatalf("never said %q\n%s", what, p.said)
}

// head is the head of the log as /readyz tells it.
func (p *process) head(t testing.TB) uint64 {
	t.Helper()
	var ready struct{ Projections []struct{ Head uint64 } }
	if err := json.Unmarshal(p.send(t.Context(), "GET", "/readyz", "", "").body, &ready); err != nil || len(ready.Projections) == 0 {
		t.Fatal("no head in /readyz", err)
	}
	return ready.Projections[0].Head
}
