package readapi_test

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"
	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/readapi"
)

// crowd is many tenants, some of the same name and moment.
func crowd(t testing.TB, n int) *world {
	w := open(t).platform().integrator(acme, integrator.Holding, "Acme")
	for i := range n {
		id := domain.TenantID(fmt.Sprintf("00000000-0000-4000-8000-%012x", (i*7919)%9973))
		w.join(id, fmt.Sprintf("t%03d", i), fmt.Sprintf("Name %d", i%5))
	}
	w.tell(domain.IntegratorStream(acme), integrator.ProfileUpdated{Integrator: acme, After: integrator.Profile{Kind: integrator.Holding, BusinessName: "Acme"}})
	return w
}

func (w *world) join(id domain.TenantID, slug, name string) {
	w.last++
	w.log.Append(domain.Recorded{
		Event:  tenant.Created{Tenant: id, Integrator: acme, Profile: tenant.Profile{Slug: slug, Name: name, Kind: tenant.Internal}},
		Stream: domain.TenantStream(id), Position: w.last, ID: uuid.NewSHA1(uuid.Nil, []byte(id)), Type: "tenant.Created", Data: []byte("{}"), Meta: domain.Meta{At: noon},
	})
}

func TestPagesPutTogetherAreTheList(t *testing.T) {
	const n = 60
	w := crowd(t, n)
	rapid.Check(t, func(rt *rapid.T) {
		sort := rapid.SampledFrom([]string{"createdAt", "-createdAt", "name", "-name", "slug", "-slug", "updatedAt"}).Draw(rt, "sort")
		limit := rapid.IntRange(1, 70).Draw(rt, "limit")
		whole := slugs(ask(w, readapi.TenantsBy{Page: readapi.Page{Limit: 200}, Sort: sort}))
		var pieced []string
		for after := ""; ; {
			list := ask(w, readapi.TenantsBy{Page: readapi.Page{Limit: limit, After: after}, Sort: sort})
			pieced = append(pieced, slugs(list)...)
			if after = list.Next; after == "" {
				break
			}
		}
		if len(whole) != n || !slices.Equal(whole, pieced) {
			rt.Fatal(cmp.Diff(whole, pieced))
		}
	})
}

func TestRowsThatComeMeanwhileHideNoOthers(t *testing.T) {
	w := crowd(t, 10)
	first := ask(w, readapi.TenantsBy{Page: readapi.Page{Limit: 5}, Sort: "slug"})
	w.join("ffffffff-ffff-4fff-8fff-ffffffffffff", "a-newcomer", "New")
	w.tenant(north, acme, "z-newcomer")
	rest := ask(w, readapi.TenantsBy{Page: readapi.Page{Limit: 100, After: first.Next}, Sort: "slug"})
	if diff := cmp.Diff([]string{"t005", "t006", "t007", "t008", "t009", "z-newcomer"}, slugs(rest)); diff != "" {
		t.Error(diff)
	}
}

func TestACursorIsOnlyGoodForItsOwnQuestion(t *testing.T) {
	w := crowd(t, 5)
	next := ask(w, readapi.TenantsBy{Page: readapi.Page{Limit: 2}}).Next
	for _, q := range []readapi.TenantsBy{
		{Page: readapi.Page{After: next}, Sort: "-createdAt"},
		{Page: readapi.Page{After: next}, Kind: "internal"},
		{Page: readapi.Page{After: next[:len(next)-2]}},
		{Page: readapi.Page{After: "x" + next}},
		{Page: readapi.Page{After: "no cursor"}},
		{Page: readapi.Page{After: base64.RawURLEncoding.EncodeToString([]byte("12345678{}"))}},
	} {
		if _, err := try(w, q); !errors.Is(err, readapi.ErrCursor) || domain.KindOf(err) != domain.Invalid {
			t.Errorf("%+v: %v", q, err)
		}
	}
	if list := ask(w, readapi.TenantsBy{Page: readapi.Page{After: next, Limit: 200}}); len(list.Items) != 3 {
		t.Errorf("another limit is fine: %v", slugs(list))
	}
	if _, err := try(w, readapi.AuditBy{Page: readapi.Page{After: next}}); !errors.Is(err, readapi.ErrCursor) {
		t.Errorf("audit with a tenant's cursor: %v", err)
	}
}
