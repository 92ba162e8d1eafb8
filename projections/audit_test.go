package projections_test

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/claim"
	"github.com/reeve-platform/reeve/domain/quota"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/projections"
)

func TestQuotas(t *testing.T) {
	stream := domain.QuotaStream(north)
	changed := func(m quota.Meter, limit int64) domain.Event {
		return quota.Changed{Tenant: north, Meter: m, After: quota.Quota{Limit: limit, Period: quota.Month, Enforcement: quota.Soft, Warn: []int{80, 95}}}
	}
	row := func(m quota.Meter, limit int64, revision int) projections.Quota {
		return projections.Quota{
			Key: string(north) + "/" + string(m), Owner: string(north), TenantID: north, Meter: m, Limit: limit, Period: quota.Month, Enforcement: quota.Soft, Warn: []int32{80, 95},
			Revision: int64(revision), Position: int64(revision + 1), UpdatedAt: minute(revision + 1),
		}
	}
	tell(t, projections.Quotas, []given[projections.Quota]{
		{"the last change counts", story(in(stream, changed("users", 5), changed("users", 7))), []projections.Quota{row("users", 7, 1)}},
		{"each meter has its own row", story(in(stream, changed("users", 5), changed("rps", 9))), []projections.Quota{row("rps", 9, 1), row("users", 5, 0)}},
	})
}

func TestReservations(t *testing.T) {
	fact := domain.EventID("x", "y", 0)
	reserved := claim.Reserved{Kind: tenant.SlugClaim, Holder: "tenant-x", Command: fact}
	row := func(state claim.Status, position int64) []projections.Reservation {
		return []projections.Reservation{{Stream: "uniq-tenant-slug-ab", Kind: tenant.SlugClaim, Holder: "tenant-x", State: state, Since: minute(1), Position: position}}
	}
	tell(t, projections.Reservations, []given[projections.Reservation]{
		{"reserved", story(in("uniq-tenant-slug-ab", reserved)), row(claim.StatusReserved, 1)},
		{"confirmed", story(in("uniq-tenant-slug-ab", reserved, claim.Confirmed{Holder: "tenant-x"})), row(claim.StatusConfirmed, 2)},
		{"released is free", story(in("uniq-tenant-slug-ab", reserved, claim.Released{Holder: "tenant-x"})), nil},
		{"a chosen id is no reservation", story(in("cmd-ab", claim.IdentifierChosen{ID: uuid.Nil})), nil},
	})
}

func TestAuditLogHasEveryEvent(t *testing.T) {
	log := story(created(tenant.Activated{Tenant: north}), in("tenant-of-somebody", nil))
	log[2].Data, log[2].Type, log[2].Meta = json.RawMessage("\xff\x00"), "Odd\x00", domain.Meta{Reason: "a\x00b"}
	got := rows(projections.AuditLog, log)
	type said struct{ Type, Reason, Before, After string }
	var short []said
	for _, r := range got {
		short = append(short, said{r.Type, r.Reason, string(r.Before), string(r.After)})
	}
	profile, _ := json.Marshal(northProfile)
	want := []said{
		{"tenant.Created", "", "null", string(profile)},
		{"tenant.Activated", "", `"created"`, `"active"`},
		{"Odd\uFFFD", "a\uFFFDb", "null", "null"},
	}
	if diff := cmp.Diff(want, short); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if string(got[2].Data) != `"/wA="` {
		t.Errorf("data that is no JSON became %s", got[2].Data)
	}
}
