package readapi_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/readapi"
)

// loader is a DB for what runs outside a query.
type loader struct{ w *world }

func (l loader) Query(ctx context.Context, sql string, args ...any) (pgx.Rows, error) {
	return l.w.db.Query(ctx, sql, args...)
}

func TestAnAnswerSaysWhereItIsTrue(t *testing.T) {
	w := estate(t)
	answer, err := call(t, w, "tenant", w.last, map[string]any{"tenant": north})
	if err != nil || answer.Position != w.last {
		t.Errorf("position %d, %v; want %d", answer.Position, err, w.last)
	}
}

func TestAPositionBeyondTheHeadIsRefusedAtOnce(t *testing.T) {
	w := estate(t)
	began := time.Now()
	_, err := call(t, w, "tenant", w.last+1, map[string]any{"tenant": north})
	if !errors.Is(err, readapi.ErrBeyondHead) || domain.KindOf(err) != domain.Malformed || time.Since(began) > time.Second {
		t.Errorf("%v after %s", err, time.Since(began))
	}
}

// behind is a source whose log goes on further than its tables have read.
func behind(t *testing.T, w *world, head uint64) *readapi.Source {
	s, err := readapi.Open(t.Context(), w.db.Config().ConnString(), func(context.Context) (uint64, error) { return head, nil }, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(s.Close)
	s.Patience = 100 * time.Millisecond
	return s
}

func TestALaggingTableIsNotReadStale(t *testing.T) {
	w := estate(t)
	s := behind(t, w, 1000)
	_, err := s.Read(t.Context(), readapi.View{Scope: everywhere, Least: w.last + 1, Tables: []string{"tenants"}}, func(context.Context, readapi.DB) error {
		t.Error("asked anyway")
		return nil
	})
	if !errors.Is(err, readapi.ErrLagging) || domain.KindOf(err) != domain.Unavailable {
		t.Errorf("err = %v", err)
	}
}

func TestAReadWaitsForItsPosition(t *testing.T) {
	w := estate(t)
	s := behind(t, w, 1000)
	s.Patience = 20 * time.Second
	least := w.last + 1
	read := make(chan error, 1)
	go func() {
		_, err := s.Read(t.Context(), readapi.View{Scope: everywhere, Least: least, Tables: []string{"tenants"}}, func(ctx context.Context, db readapi.DB) error {
			got, err := readapi.TenantByID{Tenant: north}.Run(ctx, db)
			if err == nil && got.Status != tenant.StatusSuspended {
				err = errors.New("stale: " + string(got.Status))
			}
			return err
		})
		read <- err
	}()
	w.tell(domain.TenantStream(north), tenant.Suspended{Tenant: north, Cause: tenant.Billing})
	if err := <-read; err != nil {
		t.Error(err)
	}
}

func TestATableThatIsNotKnownHasReadNothing(t *testing.T) {
	w := estate(t)
	s := behind(t, w, 1000)
	if _, err := s.Read(t.Context(), readapi.View{Scope: everywhere, Least: 1, Tables: []string{"tenants", "nonesuch"}}, nil); !errors.Is(err, readapi.ErrLagging) {
		t.Errorf("err = %v", err)
	}
}

func TestTheSourceCanOnlyRead(t *testing.T) {
	w := estate(t)
	for _, sql := range []string{"delete from readmodel.tenants returning 1", "update reeve.cursors set position = 0 returning 1", "create table readmodel.x ()"} {
		_, err := w.source.Read(t.Context(), readapi.View{Scope: everywhere}, func(ctx context.Context, db readapi.DB) error {
			rows, err := db.Query(ctx, sql)
			if err == nil {
				rows.Close()
				err = rows.Err()
			}
			return err
		})
		if err == nil {
			t.Errorf("%s: allowed", sql)
		}
	}
	ask(w, readapi.TenantByID{Tenant: north}) // the connections still work
}

func TestWithoutTablesReadersAreToldToComeBack(t *testing.T) {
	w := estate(t)
	if _, err := w.db.Exec(t.Context(), "drop table readmodel.quotas"); err != nil {
		t.Fatal(err)
	}
	refuses(w, readapi.QuotaOf{Tenant: north, Meter: "users"}, readapi.ErrNoTable)
}

func TestAnUnreachableDatabaseIsUnavailable(t *testing.T) {
	s, err := readapi.Open(t.Context(), "postgres://nobody@127.0.0.1:1/none?sslmode=disable", nil, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	_, err = s.Read(t.Context(), readapi.View{Scope: everywhere}, func(context.Context, readapi.DB) error { return nil })
	if !errors.Is(err, readapi.ErrNoDatabase) {
		t.Errorf("err = %v", err)
	}
}

// Tables that may be another log's are not looked at, and are as soon as they are known.
func TestTablesAreNotReadBeforeTheyAreKnown(t *testing.T) {
	w := estate(t)
	s := behind(t, w, w.last)
	unknown, asked := errors.New("not known yet"), 0
	s.Ready = func() error { return unknown }
	look := func(context.Context, readapi.DB) error { asked++; return nil }
	for _, tables := range [][]string{{"tenants"}, nil} {
		if _, err := s.Read(t.Context(), readapi.View{Scope: everywhere, Least: w.last, Tables: tables}, look); !errors.Is(err, unknown) || asked > 0 {
			t.Errorf("%v: asked %d times, %v", tables, asked, err)
		}
	}
	s.Ready = func() error { return nil }
	if _, err := s.Read(t.Context(), readapi.View{Scope: everywhere, Least: w.last, Tables: []string{"tenants"}}, look); err != nil || asked != 1 {
		t.Errorf("asked %d times, %v", asked, err)
	}
}
