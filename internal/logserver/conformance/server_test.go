package conformance

import (
	"bufio"
	"context"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/internal/logserver"
)

const (
	elsewhere = "REEVE_CONFORMANCE_URL"        // the server to look at instead of the embedded one
	childDir  = "REEVE_CONFORMANCE_SERVER_DIR" // makes this binary a server of a directory
	longRun   = "REEVE_SOAK"                   // tests take the time that reality takes
)

var (
	target string                     // connection string of the server that is looked at
	run    = uuid.NewString()[:8]     // in the names of all streams of this run
	serial int                        // and a number for each test
	long   = os.Getenv(longRun) != "" // the long profile
)

func TestMain(m *testing.M) {
	if dir := os.Getenv(childDir); dir != "" {
		os.Exit(child(dir))
	}
	if target = os.Getenv(elsewhere); target != "" {
		if err := leaveOut(); err != nil {
			panic(err)
		}
		os.Exit(m.Run())
	}
	os.Exit(embedded(m))
}

func embedded(m *testing.M) int {
	dir, err := os.MkdirTemp("", "reeve-conformance-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir)
	s, err := logserver.Open(logserver.Options{Dir: dir, Addr: "127.0.0.1:0"})
	if err != nil {
		panic(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	target = s.URL()
	code := m.Run()
	if err := s.Close(); err != nil {
		panic(err)
	}
	if err := <-served; err != nil {
		panic(err)
	}
	return code
}

// own starts an embedded server with options of the test's own.
func own(t *testing.T, o logserver.Options) *world {
	t.Helper()
	embeddedOnly(t)
	o.Dir, o.Addr = t.TempDir(), "127.0.0.1:0"
	s, err := logserver.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	served := make(chan error, 1)
	go func() { served <- s.Serve() }()
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		if err := <-served; err != nil {
			t.Error(err)
		}
	})
	return visit(t, s.URL(), time.Minute)
}

func child(dir string) int {
	s, err := logserver.Open(logserver.Options{Dir: dir, Addr: "127.0.0.1:0"})
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	fmt.Println(s.URL())
	go func() { // the parent holds the other end
		_, _ = bufio.NewReader(os.Stdin).ReadByte()
		_ = s.Close()
	}()
	if err := s.Serve(); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return 0
}

// apart starts an embedded server in a process of its own, so that its memory
// can be told from the clients'. It returns the process's id.
func apart(t *testing.T, patience time.Duration) (*world, int) {
	t.Helper()
	embeddedOnly(t)
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(cancel)
	cmd := exec.CommandContext(ctx, os.Args[0])
	cmd.Env = append(os.Environ(), childDir+"="+t.TempDir())
	cmd.Stderr = os.Stderr
	if _, err := cmd.StdinPipe(); err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cancel(); _ = cmd.Wait() })
	url, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	return visit(t, strings.TrimSpace(url), patience), cmd.Process.Pid
}
