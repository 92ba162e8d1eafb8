package main

import (
	"bytes"
	"context"
	"io"
	"log/slog"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/security"
	"github.com/reeve-platform/reeve/internal/logserver"
	"github.com/reeve-platform/reeve/internal/pgdev/pgtest"
	"github.com/reeve-platform/reeve/internal/testkit"
)

// Each file is held with a server of its own.
func TestConversations(t *testing.T) {
	files, err := filepath.Glob("testdata/conversations/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txt"), func(t *testing.T) {
			w := newWorld(t)
			testkit.Converse(t, w.party(), file, map[string]string{
				"me":     w.me,
				"direct": string(domain.DirectIntegrator),
				"deep":   strings.Repeat("[", 40) + strings.Repeat("]", 40),
				"huge":   strings.Repeat("x", 1<<20),
			})
		})
	}
}

// A world is a server that really runs, with a log and a database of its own.
type world struct {
	*server
	url   string
	token string // of the administrator
	me    string // id of that one
}

func newWorld(t *testing.T) *world {
	t.Helper()
	w := unappointed(t)
	w.token, w.me = appointedAs(t, w.server)
	t.Setenv("REEVE_TOKEN", w.token)
	return w
}

// unappointed is a world that has no administrator yet.
func unappointed(t *testing.T) *world {
	t.Helper()
	any := "127.0.0.1:0"
	c := Config{HTTPAddr: any, AdminAddr: any, LogAddr: any, DataDir: t.TempDir(), DatabaseURL: pgtest.Shared(t)}
	c.Streams = 1000
	s, err := start(context.WithoutCancel(t.Context()), c, slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelError})), bytes.Repeat([]byte{7}, 32))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stop()
		if err := s.wait(); err != nil {
			t.Error(err)
		}
		sound(t, c.DataDir)
	})
	w := &world{server: s, url: "http://" + s.HTTPAddr}
	t.Setenv("REEVE_SERVER", w.url)
	return w
}

// sound verifies the log that a test has left: it is whole, and no stream of ours
// has metadata that lets it forget.
func sound(t *testing.T, dataDir string) {
	t.Helper()
	v, err := logserver.Verify(context.Background(), filepath.Join(dataDir, "log"), nil)
	if err != nil || v.Found > 0 || len(v.Warnings) > 0 {
		t.Errorf("the log: %v %v %v", v.Findings, v.Warnings, err)
	}
}

func (w *world) party() testkit.Server {
	return testkit.Server{URL: w.url, Token: w.token, Run: w.command, Facts: w.facts}
}

// command runs a command line as a shell would.
func (w *world) command(args []string) (exit int, out, other string) {
	var o, e bytes.Buffer
	ctx, cancel := context.WithCancel(w.ctx)
	defer cancel()
	exit = run(ctx, &terminal{in: strings.NewReader(""), out: &o, err: &e, log: slog.New(slog.NewTextHandler(io.Discard, nil))}, args)
	return exit, o.String(), e.String()
}

// facts counts what is in the log, but for the ids that were chosen for keyed
// creates: whether a slug is still free is found out only after that. That something
// was refused is no work of who was refused.
func (w *world) facts(t testing.TB) (n int) {
	t.Helper()
	for e, err := range w.store.Dump(t.Context(), 0, math.MaxInt64) {
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(e.Stream, "cmd-") && !security.Watches(domain.StreamID(e.Stream)) {
			n++
		}
	}
	return n
}

// Whoever pipes answers on must not get remarks among them.
func TestAFailedCommandLineAnswersNothing(t *testing.T) {
	for _, args := range [][]string{{"tenant"}, {"tenant", "get", "--colour"}, {"tenant", "get", "acme", "--server", "127.0.0.1:1", "--timeout", "1ms"}} {
		w := &world{server: &server{ctx: t.Context()}}
		if exit, out, other := w.command(args); exit == 0 || out != "" || other == "" {
			t.Errorf("%v: exit %d, %q, %q", args, exit, out, other)
		}
	}
}
