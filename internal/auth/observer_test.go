package auth_test

import (
	"context"
	"fmt"
	"log/slog"
	"net/netip"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/security"
	"github.com/reeve-platform/reeve/internal/auth"
	"github.com/reeve-platform/reeve/internal/edge"
)

// A post is an observer of a platform with an integrator, a tenant and two users,
// and a clock that moves when it is told to.
type post struct {
	*auth.Observer
	t       *testing.T
	now     time.Time
	down    error
	records []security.Observe
}

const owner domain.UserID = "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa"

func newPost(t *testing.T) *post {
	p := &post{t: t, now: noon}
	p.Observer = &auth.Observer{
		Directory: auth.NewDirectory(), Model: access.NewModel(), Logger: slog.New(slog.DiscardHandler), Now: func() time.Time { return p.now },
		Record: func(_ context.Context, o security.Observe) error {
			if p.down == nil {
				p.records = append(p.records, o)
			}
			return p.down
		},
	}
	for i, e := range []placed{
		{domain.PlatformID, domain.PlatformLevel, ""}, {acme, domain.IntegratorLevel, domain.PlatformID}, {north, domain.TenantLevel, acme},
		{domain.NodeID(ann), domain.UserLevel, north}, {domain.NodeID(owner), domain.UserLevel, domain.PlatformID},
	} {
		p.place(uint64(i+1), e)
	}
	return p
}

func (p *post) place(position uint64, e placed) {
	p.t.Helper()
	for _, m := range []auth.Model{p.Directory, p.Model} {
		if err := m.Apply(domain.Recorded{Event: e, Position: position}); err != nil {
			p.t.Fatal(err)
		}
	}
}

// later moves the clock and lets the observer beat.
func (p *post) later(d time.Duration) []security.Observe {
	p.now, p.records = p.now.Add(d), nil
	_ = p.Beat(p.t.Context())
	return p.records
}

// denied is that somebody of the tenant may not do something there.
func denied(operation string) edge.Refusal {
	return edge.Refusal{Err: edge.ErrForbidden, Actor: domain.Actor{ID: string(billing), Type: auth.Service}, Home: north, Node: north,
		Source: netip.MustParseAddr("192.0.2.1"), Operation: operation}
}

func counted(records []security.Observe) (n int) {
	for _, r := range records {
		n += r.Count
	}
	return n
}

func TestARefusalIsRecordedAtOnceAndTheNextOnesTogether(t *testing.T) {
	p := newPost(t)
	p.Refused(denied("op"))
	first := security.Observe{Kind: security.PermissionDenied, Node: north, Principal: string(billing), PrincipalType: auth.Service, Source: "192.0.2.1", Operation: "op", Count: 1, First: noon, Last: noon}
	if got := p.later(200 * time.Millisecond); len(got) != 1 || got[0] != first {
		t.Fatal(got)
	}
	for range 10_000 {
		p.Refused(denied("op"))
	}
	if got := p.later(999 * time.Millisecond); len(got) != 0 {
		t.Error("twice within a second:", got)
	}
	if got := p.later(time.Millisecond); len(got) != 1 || got[0].Count != 10_000 {
		t.Error(got)
	}
	if got := p.later(time.Hour); len(got) != 0 {
		t.Error("of nothing:", got)
	}
}

func TestAFloodIsAFewRecords(t *testing.T) {
	p := newPost(t)
	var all []security.Observe
	for i := range 10_000 {
		f := denied("op")
		f.Actor, f.Home, f.Node, f.Source = domain.Actor{}, "", "", netip.AddrFrom4([4]byte{10, 0, byte(i >> 8), byte(i)})
		p.Refused(f)
		if i%100 == 99 {
			all = append(all, p.later(100*time.Millisecond)...)
		}
	}
	p.records = nil
	if err := p.Flush(); err != nil {
		t.Fatal(err)
	}
	if all = append(all, p.records...); counted(all) != 10_000 || len(all) > 10+1+auth.MostTallies {
		t.Errorf("%d refusals in %d records", counted(all), len(all))
	}
}

func TestWhoIsToldApart(t *testing.T) {
	p := newPost(t)
	far := denied("op")
	far.Source = netip.MustParseAddr("198.51.100.7") // the same principal elsewhere
	anyone := edge.Refusal{Err: edge.ErrUnauthenticated, Operation: "op", Source: netip.MustParseAddr("2001:db8::1")}
	near := anyone
	near.Source = netip.MustParseAddr("2001:db8::2") // the same subscriber
	for _, f := range []edge.Refusal{denied("op"), far, denied("other"), anyone, near} {
		p.Refused(f)
	}
	_ = p.Flush()
	got := map[string]int{}
	for _, r := range p.records {
		got[string(r.Kind)+" "+r.Operation+" "+string(r.Node)] = r.Count
	}
	want := map[string]int{"permission-denied op " + string(north): 2, "permission-denied other " + string(north): 1, "token-rejected op platform": 2}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Error(got)
	}
}

func TestWhatIsTooMuchIsCountedAmongOthers(t *testing.T) {
	p := newPost(t)
	for i := range auth.MostTallies + 100 {
		p.Refused(denied(fmt.Sprint("op", i)))
	}
	_ = p.Flush()
	last := p.records[len(p.records)-1]
	if len(p.records) != auth.MostTallies+1 || counted(p.records) != auth.MostTallies+100 || last.Operation != security.Others || last.Count != 100 || last.Principal != "" {
		t.Errorf("%d records of %d, the last is %+v", len(p.records), counted(p.records), last)
	}
}

func TestThereIsABoundOfLanes(t *testing.T) {
	p := newPost(t)
	const more = auth.MostLanes + 50
	for i := range more {
		n := domain.NodeID(uuid.NewString())
		p.place(uint64(100+i), placed{n, domain.TenantLevel, acme})
		f := denied("op")
		f.Node = n
		p.Refused(f)
	}
	if got := p.later(time.Second); len(got) != auth.PerBeat {
		t.Errorf("%d records in a beat", len(got))
	}
	sum := counted(p.records)
	p.records = nil
	_ = p.Flush()
	if sum += counted(p.records); sum != more || len(p.records) > auth.MostLanes+1-auth.PerBeat {
		t.Errorf("%d records of %d", len(p.records), sum)
	}
}

func TestALogThatIsAwayLosesNothing(t *testing.T) {
	p := newPost(t)
	p.down = domain.ErrLogUnavailable
	for range 5 {
		p.Refused(denied("op"))
		p.Refused(denied("other"))
		p.later(time.Second)
	}
	p.down = nil
	got := p.later(time.Second)
	if got = append(got, p.later(time.Second)...); counted(got) != 10 || len(got) != 2 {
		t.Error(got)
	}
}

func TestARecordThatFailsHoldsUpNoOther(t *testing.T) {
	p := newPost(t)
	record := p.Record
	p.Record = func(ctx context.Context, o security.Observe) error {
		if o.Node == north {
			return domain.ErrUnreadableEvent
		}
		return record(ctx, o)
	}
	p.Refused(denied("op"))
	p.Refused(edge.Refusal{Err: edge.ErrUnauthenticated, Operation: "op"})
	if got := p.later(time.Second); len(got) != 1 || got[0].Node != domain.PlatformID {
		t.Error(got)
	}
}

func TestWhereARefusalIsKept(t *testing.T) {
	for name, c := range map[string]struct {
		node, home domain.NodeID
		want       domain.NodeID
	}{
		"at the tenant that was asked about":                {north, domain.PlatformID, north},
		"at the tenant of a user that was asked about":      {domain.NodeID(ann), acme, north},
		"where the caller belongs, of what it may not know": {"", north, north},
		"at an integrator":                                  {"", acme, acme},
		"at the platform for a user of its own":             {domain.NodeID(owner), "", domain.PlatformID},
		"at the platform, of nobody":                        {"", "", domain.PlatformID},
		"at the platform, of a node that is not there":      {south, "", domain.PlatformID},
	} {
		t.Run(name, func(t *testing.T) {
			p, f := newPost(t), denied("op")
			f.Node, f.Home = c.node, c.home
			p.Refused(f)
			if got := p.later(time.Second); len(got) != 1 || got[0].Node != c.want {
				t.Error(got)
			}
		})
	}
}

func TestWhatSortOfRefusalItIs(t *testing.T) {
	for _, c := range []struct {
		want security.Kind
		f    edge.Refusal
	}{
		{security.TokenRejected, edge.Refusal{Err: auth.ErrExpired}},
		{security.PermissionDenied, edge.Refusal{Err: auth.ErrScope}},
		{security.PermissionDenied, edge.Refusal{Err: auth.ErrLinkAbove}},
		{security.CrossTenantDenied, edge.Refusal{Err: domain.ErrTenantNotFound, Hidden: true}},
		{security.AccessSuspended, edge.Refusal{Err: auth.ErrSuspended}},
		{security.AccessSuspended, edge.Refusal{Err: auth.ErrHeldElsewhere}},
		{security.RateLimited, edge.Refusal{Err: edge.ErrRateLimited}},
		{"", edge.Refusal{Err: domain.ErrLogUnavailable}},
	} {
		p, want, f := newPost(t), c.want, c.f
		f.Operation = "op"
		p.Refused(f)
		if got := p.later(time.Second); len(got) > 1 || len(got) == 1 && got[0].Kind != want || len(got) == 0 && want != "" {
			t.Error(want, got)
		}
	}
}
