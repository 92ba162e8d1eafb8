package main

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/google/uuid"
	"golang.org/x/sync/errgroup"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/claim"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/quota"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/eventstore"
)

// A chapter is what one append writes: a stream from its beginning.
type chapter struct {
	stream domain.StreamID
	owner  domain.Owner
	facts  []domain.Event
}

// perTenant is how many events one tenant's life, limits and overrides come to.
const perTenant = 50

var (
	began = time.Date(2025, 1, 6, 8, 0, 0, 0, time.UTC)
	keys  = []flag.Key{"checkout-v2", "dark-mode", "audit-export", "bulk-import", "sso"}
)

// relate writes about n events of an estate into the log: integrators, flags, and
// tenants with quotas and overrides, as commands would have recorded them. It
// returns the position of the last one.
func relate(ctx context.Context, store *eventstore.Store, n, writers int) (uint64, error) {
	random := rand.NewChaCha8([32]byte{'e', 's', 't', 'a', 't', 'e'})
	tenants := max(1, n/perTenant)
	integrators := make([]domain.IntegratorID, max(1, tenants/200))
	for i := range integrators {
		integrators[i] = domain.IntegratorID(version4(random))
	}
	if err := recordAll(ctx, store, 1, func(yield func([]chapter) bool) {
		yield(flags())
		for i, id := range integrators {
			yield(partner(i, id))
		}
	}); err != nil {
		return 0, err
	}
	if err := recordAll(ctx, store, writers, func(yield func([]chapter) bool) {
		for i := range tenants {
			id := domain.TenantID(version4(random))
			if !yield(lifeOf(i, domain.Owner{Integrator: integrators[i%len(integrators)], Tenant: id})) {
				return
			}
		}
	}); err != nil {
		return 0, err
	}
	return store.Head(ctx)
}

func version4(random *rand.ChaCha8) string {
	return uuid.Must(uuid.NewRandomFromReader(random)).String()
}

// recordAll appends lists of chapters, each list in order and several at a time.
func recordAll(ctx context.Context, store *eventstore.Store, writers int, lists func(yield func([]chapter) bool)) error {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(writers)
	lists(func(list []chapter) bool {
		g.Go(func() error {
			for _, c := range list {
				if err := c.record(ctx, store); err != nil {
					return err
				}
			}
			return nil
		})
		return ctx.Err() == nil
	})
	return g.Wait()
}

func (c chapter) record(ctx context.Context, store *eventstore.Store) error {
	command := uuid.NewSHA1(uuid.NameSpaceURL, []byte(c.stream)).String()
	meta := domain.Meta{
		CommandID: command, CorrelationID: command, Actor: domain.Actor{ID: "ann@example.com", Type: "user"},
		TenantID: c.owner.Tenant, IntegratorID: c.owner.Integrator, SourceIP: "192.0.2.17", UserAgent: "reeve-cli/1.0", At: began,
	}
	proposed := make([]domain.Proposed, len(c.facts))
	for i, f := range c.facts {
		proposed[i] = domain.Proposed{ID: domain.EventID(string(c.stream), command, i), Event: f}
	}
	_, err := store.Append(ctx, c.stream, 0, meta, proposed)
	return err
}

func flags() (all []chapter) {
	for _, k := range keys {
		d := flag.Definition{Type: flag.Boolean, Default: json.RawMessage("false"), Off: json.RawMessage("false"), Mode: "replace",
			Variants: map[string]json.RawMessage{"on": json.RawMessage("true"), "off": json.RawMessage("false")}, Owner: "platform team"}
		all = append(all, chapter{flag.Stream(k), domain.Owner{}, []domain.Event{flag.Defined{Flag: k, Definition: d}, flag.Activated{Flag: k, From: flag.StatusDraft}}})
	}
	return all
}

func partner(i int, id domain.IntegratorID) []chapter {
	p := integrator.Profile{Kind: integrator.Partner, BusinessName: fmt.Sprintf("Partner %d", i), Contacts: contacts(i), OnboardingDate: began}
	stream := integrator.Stream(id)
	return []chapter{
		claimed(integrator.NameClaim, i, stream, domain.Owner{Integrator: id}),
		{stream, domain.Owner{Integrator: id}, []domain.Event{integrator.Registered{Integrator: id, Profile: p}, integrator.Activated{Integrator: id}}},
	}
}

func claimed(kind string, i int, holder domain.StreamID, o domain.Owner) chapter {
	return chapter{claim.Stream(kind, fmt.Sprintf("%064x", i)), o, []domain.Event{claim.Reserved{Kind: kind, Holder: holder, Command: domain.EventID(string(holder), "create", 0)}, claim.Confirmed{Holder: holder}}}
}

func contacts(i int) []domain.Contact {
	return []domain.Contact{
		{Name: "Ann Admin", Email: fmt.Sprintf("ann%d@example.com", i), Role: domain.AdminContact},
		{Name: "Bill Billing", Email: fmt.Sprintf("bill%d@example.com", i), Phone: "+49 30 901820", Role: domain.BillingContact},
	}
}

// lifeOf is the 50 events of the i-th tenant.
func lifeOf(i int, o domain.Owner) []chapter {
	return []chapter{
		claimed(tenant.SlugClaim, i, tenant.Stream(o.Tenant), o),
		{tenant.Stream(o.Tenant), o, years(i, o)},
		{quota.Stream(o.Tenant), o, limits(o.Tenant)},
		{domain.StreamID("nodeflags-" + o.Tenant), o, overrides(i, o)},
	}
}

// years are a creation, twelve new profiles, and a suspension that ends.
func years(i int, o domain.Owner) []domain.Event {
	id := o.Tenant
	p := tenant.Profile{Slug: fmt.Sprintf("shop-%d", i), Name: "Shop in its first year", Kind: tenant.Merchant, Contacts: contacts(i)}
	facts := []domain.Event{tenant.Created{Tenant: id, Integrator: o.Integrator, Profile: p}, tenant.Activated{Tenant: id}}
	for year := range 12 {
		before := p
		p.Name = fmt.Sprintf("Shop %d in year %d", i, year+2)
		facts = append(facts, tenant.ProfileUpdated{Tenant: id, Before: before, After: p})
	}
	return append(facts, tenant.Suspended{Tenant: id, Cause: tenant.Billing, Note: "invoice is late"}, tenant.Reactivated{Tenant: id, Cause: tenant.Billing})
}

// limits are two quotas that grow eight times.
func limits(id domain.TenantID) (facts []domain.Event) {
	for _, m := range []quota.Meter{quota.APICalls, quota.Users} {
		var before *quota.Quota
		for n := range 8 {
			after := quota.Quota{Limit: int64(1000 << n), Period: quota.None, Enforcement: quota.Hard, Warn: []int{80, 95}}
			facts = append(facts, quota.Changed{Tenant: id, Meter: m, Before: before, After: after})
			before = &after
		}
	}
	return facts
}

// overrides are two flags that are switched eight times.
func overrides(i int, o domain.Owner) (facts []domain.Event) {
	for k := range 2 {
		var before *flag.Setting
		for n := range 8 {
			after := flag.Setting{Value: json.RawMessage("true"), Variant: "on"}
			if n%2 == 1 {
				after = flag.Setting{Value: json.RawMessage("false"), Variant: "off"}
			}
			facts = append(facts, flag.Overridden{Node: domain.NodeID(o.Tenant), Level: domain.TenantLevel, Parent: domain.NodeID(o.Integrator),
				Flag: keys[(i+k)%len(keys)], Setting: after, Before: before})
			before = &after
		}
	}
	return facts
}
