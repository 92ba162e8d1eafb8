package main

import (
	"context"
	"fmt"
	"iter"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge/verbs"
	"github.com/reeve-platform/reeve/internal/pgdev/pgtest"
	"github.com/reeve-platform/reeve/projections"
)

// slowly is the log as a projector sees it that is late, by a random time for
// every page.
type slowly struct {
	projections.Log
	most time.Duration
}

func (s slowly) Pages(ctx context.Context, from uint64, max int) iter.Seq2[domain.Page, error] {
	return func(yield func(domain.Page, error) bool) {
		for page, err := range s.Log.Pages(ctx, from, max) {
			select {
			case <-time.After(rand.N(s.most)):
			case <-ctx.Done():
			}
			if !yield(page, err) {
				return
			}
		}
	}
}

// inProcess starts a whole server inside the test, with a log of its own.
func inProcess(t *testing.T, tap func(projections.Log) projections.Log) *server {
	t.Helper()
	c := Config{HTTPAddr: "127.0.0.1:0", AdminAddr: "127.0.0.1:0", LogAddr: "127.0.0.1:0", DataDir: t.TempDir(), DatabaseURL: pgtest.Shared(t)}
	key, err := c.key(true)
	if err != nil {
		t.Fatal(err)
	}
	s, err := startTapped(t.Context(), c, slog.New(slog.DiscardHandler), key, tap)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		s.stop()
		if err := s.wait(); err != nil {
			t.Error(err)
		}
	})
	return s
}

// A read that names the position of a write never answers with what was before
// it, however late the projector is; a read that does not, sometimes does, which
// shows that the delay bites.
func TestReadYourWritesUnderASlowProjector(t *testing.T) {
	s := inProcess(t, func(l projections.Log) projections.Log { return slowly{l, 300 * time.Millisecond} })
	p := &process{t: t, http: s.HTTPAddr, token: appointed(t, s)}
	var pairs, staleWith, staleWithout atomic.Int64
	var hands sync.WaitGroup
	for h := range 50 {
		hands.Go(func() {
			id := p.send(t.Context(), "POST", "/v1/tenants", uuid.NewString(), fmt.Sprintf(`{"slug":"t-%d","name":"0","kind":"internal"}`, h)).receipt.ID
			for i := range 40 {
				name := fmt.Sprintf("name %d", i+1)
				w := p.send(t.Context(), "PATCH", "/v1/tenants/"+id, "", `{"name":"`+name+`"}`)
				if w.code != http.StatusOK {
					t.Errorf("write: %d %s", w.code, w.body)
					return
				}
				if !strings.Contains(p.read(id, 0), name) {
					staleWithout.Add(1)
				}
				if !strings.Contains(p.read(id, w.receipt.Position), name) {
					staleWith.Add(1)
				}
				pairs.Add(1)
			}
		})
	}
	hands.Wait()
	t.Logf("%d pairs: %d stale with the position, %d without", pairs.Load(), staleWith.Load(), staleWithout.Load())
	if pairs.Load() != 2000 || staleWith.Load() != 0 || staleWithout.Load() == 0 {
		t.Fail()
	}
}

// read gives the body of a tenant, no older than a position; a server that says
// it cannot yet is asked again.
func (p *process) read(id string, least uint64) string {
	for {
		r, err := http.NewRequest("GET", "http://"+p.http+"/v1/tenants/"+id, nil)
		if err != nil {
			return err.Error()
		}
		if least > 0 {
			r.Header.Set("Reeve-Min-Position", strconv.FormatUint(least, 10))
		}
		a := p.do(r)
		if a.code != http.StatusServiceUnavailable {
			return string(a.body)
		}
	}
}

// An operator drops all read models under a running server. It says so, goes on
// taking commands, and a rebuild brings back the very same rows.
func TestDroppedReadModelsComeBack(t *testing.T) {
	s := inProcess(t, plainLog)
	p := &process{t: t, http: s.HTTPAddr, token: appointed(t, s)}
	t.Setenv("REEVE_TOKEN", p.token)
	if err := loadDemo(t.Context(), verbs.Where{Server: "http://" + s.HTTPAddr}, &terminal{out: &lockedBuffer{}, err: &lockedBuffer{}, log: s.log}); err != nil {
		t.Fatal(err)
	}
	if err := caughtUp(t.Context(), s.engine); err != nil {
		t.Fatal(err)
	}
	before, err := s.engine.Checksums(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	db, err := pgx.Connect(t.Context(), s.DatabaseURL)
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close(context.Background())
	if _, err := db.Exec(t.Context(), "drop schema readmodel cascade"); err != nil {
		t.Fatal(err)
	}
	if a := p.send(t.Context(), "GET", "/v1/tenants", "", ""); a.code != http.StatusServiceUnavailable {
		t.Errorf("a read without tables: %d %s", a.code, a.body)
	}
	if a := p.send(t.Context(), "GET", "/readyz", "", ""); a.code != http.StatusServiceUnavailable || !strings.Contains(string(a.body), "tables are missing") {
		t.Errorf("without tables it says it is ready: %d %s", a.code, a.body)
	}
	if err := s.engine.Rebuild(t.Context()); err != nil {
		t.Fatal(err)
	}
	after, err := s.engine.Checksums(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for i := range before {
		if before[i] != after[i] {
			t.Errorf("%+v became %+v", before[i], after[i])
		}
	}
	if a := p.send(t.Context(), "GET", "/v1/tenants", "", ""); a.code != http.StatusOK {
		t.Errorf("a read after the rebuild: %d %s", a.code, a.body)
	}
}
