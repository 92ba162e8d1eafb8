package readapi_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/readapi"
)

// recorded are the records somebody may see, oldest first.
func recorded(t *testing.T, w *world, s domain.Scope, q readapi.DataAccessBy) []readapi.Access {
	t.Helper()
	w.source.Settle()
	q.Sort = "at"
	list, err := seenBy(w, s, q)
	if err != nil {
		t.Fatal(err)
	}
	return list.Items
}

func TestEveryReadLeavesARecord(t *testing.T) {
	w := estate(t)
	w.scope = domain.Scope{Actor: domain.Actor{ID: "eve", Type: "service", OnBehalfOf: "ada"}, Paths: acmeScope.Paths, Reason: "month's end"}
	if _, err := call(t, w, "tenants", 0, map[string]any{}); err != nil {
		t.Fatal(err)
	}
	all := recorded(t, w, everywhere, readapi.DataAccessBy{Actor: "eve"})
	if len(all) != 1 {
		t.Fatalf("%d records", len(all))
	}
	got := all[0]
	if got.Microseconds <= 0 || time.Since(got.At) > time.Minute || got.Failed {
		t.Errorf("%+v", got)
	}
	want := readapi.Access{ID: got.ID, At: got.At, Microseconds: got.Microseconds, ActorID: "eve", ActorType: "service", OnBehalfOf: "ada",
		Statement: "tenants", Tables: []string{"nodes", "tenants"}, Scope: acmeScope.Paths, Rows: 2, Reason: "month's end"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatIsNoTenantsLeavesNoRecord(t *testing.T) {
	w := estate(t)
	before := len(recorded(t, w, everywhere, readapi.DataAccessBy{Statement: "test"}))
	if _, err := seenBy(w, everywhere, readapi.Projections{}); err != nil {
		t.Fatal(err)
	}
	if after := recorded(t, w, everywhere, readapi.DataAccessBy{Statement: "test"}); len(after) != before+1 { // the look at the records
		t.Errorf("%d records, then %d", before, len(after))
	}
}

func TestARefusedReadIsRecordedAsFailed(t *testing.T) {
	w := estate(t)
	if _, err := seenBy(w, northScope, readapi.TenantsBy{Q: "a\x00b"}); !errors.Is(err, domain.ErrText) {
		t.Fatal(err)
	}
	if all := recorded(t, w, everywhere, readapi.DataAccessBy{Actor: "eve"}); len(all) != 1 || !all[0].Failed {
		t.Errorf("%+v", all)
	}
}

func TestWhoSeesWhichRecords(t *testing.T) {
	w := estate(t)
	for name, s := range map[string]domain.Scope{"north": northScope, "south": southScope, "acme": acmeScope, "bolt": boltScope, "all": everywhere, "two": bound(northScope.Paths[0], southScope.Paths[0])} {
		s.Actor.ID = name
		if _, err := seenBy(w, s, readapi.TenantsBy{}); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []struct {
		scope domain.Scope
		want  []string
	}{{northScope, []string{"north"}}, {boltScope, []string{"bolt"}}, {acmeScope, []string{"acme", "north", "south", "two"}}, {everywhere, []string{"acme", "all", "bolt", "north", "south", "two"}}} {
		var who []string
		for _, a := range recorded(t, w, c.scope, readapi.DataAccessBy{Table: "tenants"}) {
			who = append(who, a.ActorID)
		}
		slices.Sort(who)
		if diff := cmp.Diff(c.want, who); diff != "" {
			t.Errorf("%v: %s", c.scope.Paths, diff)
		}
	}
}

func TestManyReadsAreRecordedAndOldRecordsForgotten(t *testing.T) {
	w := estate(t)
	const n = 1200
	for range n {
		if _, err := seenBy(w, northScope, readapi.TenantByID{Tenant: north}); err != nil {
			t.Fatal(err)
		}
	}
	w.source.Settle()
	var count int
	if err := w.db.QueryRow(t.Context(), "select count(*) from reeve.data_access_log").Scan(&count); err != nil || count != n {
		t.Errorf("%d records, %v", count, err)
	}
	if gone, err := readapi.ForgetAccess(t.Context(), w.db, time.Now().Add(-time.Hour)); err != nil || gone != 0 {
		t.Errorf("young: %d, %v", gone, err)
	}
	if gone, err := readapi.ForgetAccess(t.Context(), w.db, time.Now().Add(time.Hour)); err != nil || gone != n {
		t.Errorf("old: %d, %v", gone, err)
	}
}

func TestARecordThatTheDatabaseWouldNotTakeHoldsUpNoOther(t *testing.T) {
	w := estate(t)
	odd := bound(northScope.Paths...)
	odd.Actor.ID, odd.Reason = "e\x00ve", "be\xffcause"
	if _, err := seenBy(w, odd, readapi.TenantsBy{}); err != nil {
		t.Fatal(err)
	}
	if all := recorded(t, w, everywhere, readapi.DataAccessBy{Table: "tenants"}); len(all) != 1 || all[0].ActorID != "e\uFFFDve" {
		t.Errorf("%+v", all)
	}
}

// Whoever cannot record still answers, and says what is lost.
func TestReadsGoOnWhileNothingCanBeRecorded(t *testing.T) {
	w := estate(t)
	if _, err := w.db.Exec(t.Context(), "alter table reeve.data_access_log rename to elsewhere"); err != nil {
		t.Fatal(err)
	}
	for range 100 {
		if _, err := seenBy(w, northScope, readapi.TenantByID{Tenant: north}); err != nil {
			t.Fatal(err)
		}
	}
	w.source.Settle()
	if _, err := w.db.Exec(t.Context(), "alter table reeve.elsewhere rename to data_access_log"); err != nil {
		t.Fatal(err)
	}
	if all := recorded(t, w, northScope, readapi.DataAccessBy{Page: readapi.Page{Limit: 200}}); len(all) != 100 {
		t.Errorf("%d records once it can be written again", len(all))
	}
}
