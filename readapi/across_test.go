package readapi_test

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/readapi"
)

// across asks a question of the catalogue with scope=platform.
func across(t *testing.T, w *world, name string, fill any) (edge.Answer, error) {
	t.Helper()
	for _, e := range readapi.Catalog {
		if e.Name == name {
			body, _ := json.Marshal(fill)
			s := everywhere
			s.Reason = "audit of March"
			return e.Call(t.Context(), w.source, func(dst any) error { return json.Unmarshal(body, dst) }, edge.Request{Scope: s, Across: true})
		}
	}
	t.Fatalf("no query named %s", name)
	return edge.Answer{}, nil
}

func (w *world) alter(statements ...string) {
	w.t.Helper()
	for _, s := range statements {
		if _, err := w.db.Exec(w.t.Context(), s); err != nil {
			w.t.Fatal(err)
		}
	}
}

func (w *world) records(statement string) (n int) {
	w.t.Helper()
	err := w.db.QueryRow(w.t.Context(), "select count(*) from reeve.data_access_log where statement = $1 and reason = 'audit of March'", statement).Scan(&n)
	if err != nil {
		w.t.Fatal(err)
	}
	return n
}

// questions are of each sort: about tables of tenants, about none of them, about
// something that is not there, and about what no table knows.
var questions = []struct {
	name string
	fill map[string]any
	err  error
}{
	{"tenants", nil, nil},
	{"projections", nil, nil},
	{"tenant", map[string]any{"tenant": nadie}, domain.ErrTenantNotFound},
	{"resolveFlag", map[string]any{"flag": "nonesuch"}, flag.ErrNotFound},
	{"nodeAccess", map[string]any{"node": north, "principal": "eve", "permission": domain.TenantRead}, nil},
}

// The record of a look across all tenants is there, and on disk, before its answer:
// nothing here waits for the recorder that writes behind the reads.
func TestALookAcrossIsRecordedBeforeItIsAnswered(t *testing.T) {
	w := estate(t)
	w.alter(`create function reeve.on_disk() returns trigger language plpgsql as
		$$ begin if current_setting('synchronous_commit') <> 'on' then raise 'not durable'; end if; return new; end $$`,
		"create trigger on_disk before insert on reeve.data_access_log for each row execute function reeve.on_disk()",
		"grant execute on function reeve.on_disk() to reeve_audit")
	for _, q := range questions {
		if _, err := across(t, w, q.name, q.fill); !errors.Is(err, q.err) {
			t.Errorf("%s: %v, want %v", q.name, err, q.err)
		}
		if n := w.records(q.name); n != 1 {
			t.Errorf("%s: %d records", q.name, n)
		}
	}
}

func TestALookAcrossThatCannotBeRecordedIsRefused(t *testing.T) {
	w := estate(t)
	w.alter("revoke insert on reeve.data_access_log from reeve_audit")
	for _, q := range questions {
		answer, err := across(t, w, q.name, q.fill)
		if !errors.Is(err, readapi.ErrUnrecorded) || answer.Body != nil || edge.OutcomeOf(err).Status != 503 {
			t.Errorf("%s: %+v, %v", q.name, answer, err)
		}
	}
	if _, err := seenBy(w, northScope, readapi.TenantsBy{}); err != nil {
		t.Errorf("a look at one's own: %v", err)
	}
	w.alter("grant insert on reeve.data_access_log to reeve_audit")
	if _, err := across(t, w, "tenants", nil); err != nil || w.records("tenants") != 1 {
		t.Errorf("afterwards: %v", err)
	}
}
