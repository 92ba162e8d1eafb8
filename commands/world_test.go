package commands_test

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/events"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/eventstore"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/logserver"
)

var (
	nameKey = []byte("0123456789abcdef0123456789abcdef")
	nobody  = func(context.Context, domain.IntegratorID) ([]domain.TenantID, error) { return nil, nil }
)

// realLog serves a log of its own for one test.
func realLog(t testing.TB) *eventstore.Store {
	t.Helper()
	log, err := logserver.Open(logserver.Options{Dir: t.TempDir(), Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = log.Serve() }()
	t.Cleanup(func() { _ = log.Close(); <-done })
	store, err := eventstore.Open(log.URL(), events.Registry, eventstore.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	return store
}

// ledger opens the command side on a log and establishes the platform.
func ledger(t testing.TB, log commands.Log) *commands.Ledger {
	t.Helper()
	l := commands.NewLedger(log, commands.Options{NameKey: nameKey, Survey: nobody})
	if err := commands.Establish(t.Context(), l); err != nil {
		t.Fatal(err)
	}
	return l
}

// A spy counts what goes to the log, and can lose answers: the append happens,
// and nobody hears of it.
type spy struct {
	commands.Log
	reads, appends atomic.Int64
	lose           atomic.Int64 // so many answers of appends
}

func (s *spy) Read(ctx context.Context, stream domain.StreamID, from uint64) ([]domain.Recorded, error) {
	s.reads.Add(1)
	return s.Log.Read(ctx, stream, from)
}

func (s *spy) Append(ctx context.Context, stream domain.StreamID, next uint64, m domain.Meta, facts []domain.Proposed) (domain.Receipt, error) {
	s.appends.Add(1)
	r, err := s.Log.Append(ctx, stream, next, m, facts)
	if s.lose.Add(-1) >= 0 && err == nil {
		return domain.Receipt{}, domain.ErrOutcomeUnknown
	}
	return r, err
}

// under is a request under an idempotency key.
func under(key string, body string) edge.Request {
	r := plainly()
	r.Keyed, r.Meta.CommandID, r.Meta.Fingerprint = true, key, body
	return r
}

// plainly is a request without one.
func plainly() edge.Request {
	return edge.Request{Meta: domain.Meta{CommandID: uuid.NewString(), Actor: domain.Actor{ID: "tester", Type: "user"}}}
}

// give runs a command through its catalogue entry, as every surface does.
func give[C any](t testing.TB, l *commands.Ledger, name string, cmd C, r edge.Request) (domain.Receipt, error) {
	t.Helper()
	for _, e := range commands.Catalog {
		if e.Name == name {
			answer, err := e.Call(t.Context(), l, func(dst any) error { *dst.(*C) = cmd; return nil }, r)
			receipt, _ := answer.Body.(domain.Receipt)
			return receipt, err
		}
	}
	t.Fatalf("no command %s", name)
	return domain.Receipt{}, nil
}

func newTenant(t testing.TB, l *commands.Ledger, slug string) domain.TenantID {
	t.Helper()
	r, err := give(t, l, "createTenant", tenant.Create{Slug: slug, Name: slug, Kind: tenant.Organisation}, plainly())
	if err != nil {
		t.Fatal(err)
	}
	return domain.TenantID(r.ID)
}

func rename(id domain.TenantID, name string) tenant.UpdateProfile {
	return tenant.UpdateProfile{Tenant: id, Name: &name}
}

// crowd runs f n times at once and waits.
func crowd(n int, f func(i int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}
