package security_test

import (
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/security"
	"github.com/reeve-platform/reeve/internal/testkit"
)

const (
	node  domain.NodeID = "11111111-1111-4111-8111-111111111111"
	above domain.NodeID = "22222222-2222-4222-8222-222222222222"
)

// placed is the node where it hangs.
type placed struct{}

func (placed) Placed() (domain.NodeID, domain.Level, domain.NodeID) {
	return node, domain.TenantLevel, above
}

var seen = Observed{
	Kind: PermissionDenied, Node: node, Principal: "33333333-3333-4333-8333-333333333333", PrincipalType: "service", Source: "192.0.2.1",
	Operation: "POST /v1/tenants/{tenant}/suspend", Count: 3, First: testkit.Now.Add(-time.Second), Last: testkit.Now,
}

func TestObserve(t *testing.T) {
	changed := func(f func(*Observe)) Observe {
		c := Observe(seen)
		f(&c)
		return c
	}
	anonymous := changed(func(c *Observe) { c.Principal, c.PrincipalType = "", "" })
	for name, c := range map[string]struct {
		past []domain.Event
		cmd  Observe
		want testkit.Expectation
	}{
		"is recorded as it was seen":     {nil, Observe(seen), testkit.Records(seen)},
		"by nobody that is known":        {nil, anonymous, testkit.Records(Observed(anonymous))},
		"again is another fact":          {[]domain.Event{seen}, Observe(seen), testkit.Records(seen)},
		"of no kind":                     {nil, changed(func(c *Observe) { c.Kind = "" }), testkit.Fails(ErrObservation)},
		"of a kind that nobody knows":    {nil, changed(func(c *Observe) { c.Kind = "odd" }), testkit.Fails(ErrObservation)},
		"nowhere":                        {nil, changed(func(c *Observe) { c.Node = "" }), testkit.Fails(ErrObservation)},
		"of no operation":                {nil, changed(func(c *Observe) { c.Operation = "" }), testkit.Fails(ErrObservation)},
		"never":                          {nil, changed(func(c *Observe) { c.Count = 0 }), testkit.Fails(ErrObservation)},
		"at no time":                     {nil, changed(func(c *Observe) { c.First = time.Time{} }), testkit.Fails(ErrObservation)},
		"that ended before it had begun": {nil, changed(func(c *Observe) { c.Last = c.First.Add(-1) }), testkit.Fails(ErrObservation)},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(testkit.Given(c.past...), c.cmd).Meets(t, c.want) })
	}
}

func TestEveryKindIsRecorded(t *testing.T) {
	for _, k := range []Kind{LoginFailed, TokenRejected, PermissionDenied, CrossTenantDenied, AccessSuspended, RateLimited, BootstrapRefused} {
		c := Observe(seen)
		c.Kind = k
		testkit.When(testkit.Given(), c).Then(t, Observed(c))
	}
}

func TestItBelongsToTheNode(t *testing.T) {
	w := domain.Fold(Watch{}, placed{}, seen)
	if w.Owner() != (domain.Owner{Integrator: domain.IntegratorID(above), Tenant: domain.TenantID(node)}) {
		t.Error(w.Owner())
	}
	if c := Observe(seen); c.Stream() != "security-"+domain.StreamID(node) || !Watches(c.Stream()) || Watches("tenant-x") || len(c.Reads(w)) != 2 {
		t.Error(c.Stream(), c.Reads(w))
	}
}

func TestTwoRecordsInOne(t *testing.T) {
	later := Observe(seen)
	later.Count, later.First, later.Last, later.Source = 2, seen.Last, seen.Last.Add(time.Second), "192.0.2.9"
	want := seen
	want.Count, want.Last, want.Source = 5, later.Last, later.Source
	if got := Observe(seen).And(later); got != Observe(want) {
		t.Error(got)
	}
	if got := later.And(Observe(seen)); got != Observe(want) {
		t.Error(got)
	}
	among := Observe(seen).Among()
	if among.Operation != Others || among.Principal+among.PrincipalType+among.Source != "" || among.Count != 3 || among.Kind != seen.Kind {
		t.Error(among)
	}
}

func TestStoredEventsStayReadable(t *testing.T) { testkit.Golden(t, Events, seen) }
