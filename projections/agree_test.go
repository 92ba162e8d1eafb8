package projections_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/projections/projectionstest"
)

func TestTenantsAgree(t *testing.T) {
	events := story(created(tenant.Activated{Tenant: north}, tenant.Suspended{Tenant: north, Cause: tenant.Policy}),
		in(domain.TenantStream(south), tenant.Created{Tenant: south, Integrator: acme, Profile: tenant.Profile{Slug: "south", Name: "S\t\\uth\n"}}))
	projectionstest.Agree(t, events, projections.Tenants, projections.AuditLog)
}

func TestWorldAgrees(t *testing.T) {
	projectionstest.Agree(t, traffic(1, 400, 37), world...)
}

func TestNothingAgrees(t *testing.T) {
	projectionstest.Agree(t, nil, world...)
}

func TestARowReadsBackAsItWasWritten(t *testing.T) {
	log := projectionstest.NewHistory(at(1, moved{`a\b"{,}`, "x", 5}, moved{`a\b"{,}`, "y", 6}, moved{`a\b"{,}`, "z", 90})...)
	db := projectionstest.Open(t)
	e := projectionstest.Start(t, db, log, world, projections.Options{})
	projectionstest.Await(t, e, log)
	var got parcel
	if err := db.QueryRow(t.Context(), "select * from readmodel.parcels").Scan(&got.ID, &got.Place, &got.Moves, &got.Total, &got.Last,
		&got.Signed, &got.Seen, &got.Notes, &got.Heavy, &got.Grams); err != nil {
		t.Fatal(err)
	}
	want := rows(parcels, at(1, moved{`a\b"{,}`, "x", 5}, moved{`a\b"{,}`, "y", 6}, moved{`a\b"{,}`, "z", 90}))
	if diff := cmp.Diff(want[0], got); diff != "" {
		t.Errorf("row (-folded +stored):\n%s", diff)
	}
}

func TestAnyTextSurvives(t *testing.T) {
	db := projectionstest.Open(t)
	log := projectionstest.NewHistory()
	e := projectionstest.Start(t, db, log, []projections.Projection{parcels}, projections.Options{})
	projectionstest.Await(t, e, log)
	n := 0
	rapid.Check(t, func(t *rapid.T) {
		n++
		name := rapid.StringMatching(`[^\x00]+`).Draw(t, "name")
		log.Append(at(n, moved{name, name, 1})...)
		projectionstest.Await(t, e, log)
		var stored string
		var seen []string
		if err := db.QueryRow(t.Context(), "select place, seen from readmodel.parcels where id = $1", name).Scan(&stored, &seen); err != nil {
			t.Fatal(err)
		}
		if stored != name || seen[len(seen)-1] != name+`",\{}` {
			t.Fatalf("stored %q and %q", stored, seen)
		}
	})
}
