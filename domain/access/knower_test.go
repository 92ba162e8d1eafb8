package access_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/internal/testkit"
)

// rearmed is a client that proves itself by something new, as another noun tells
// of it.
type rearmed struct {
	who    string
	before time.Time
	by     string
}

func (e rearmed) Rearms() (string, time.Time) { return e.who, e.before }
func (e rearmed) doer() string                { return e.by }

// behind is the nodes that stand behind somebody, by what has happened so far.
func (n naive) behind(who string) []domain.NodeID {
	if level, home := n.place(domain.NodeID(who)); level != "" {
		return []domain.NodeID{home}
	}
	var nodes []domain.NodeID
	for _, e := range n {
		if e, ok := e.(registered); ok && e.who == who && e.what != 0 {
			nodes = []domain.NodeID{e.at}
		}
	}
	for node, until := range n.knowers(who) {
		if testkit.Now.Before(until) {
			nodes = append(nodes, node)
		}
	}
	return nodes
}

// knowers is whose people know what a client proves itself by, and until when that
// is worth something.
func (n naive) knowers(who string) map[domain.NodeID]time.Time {
	always, now := time.UnixMilli(math.MaxInt64/2), map[domain.NodeID]time.Time{}
	there := false
	for i, e := range n {
		var more []domain.NodeID
		switch e := e.(type) {
		case registered:
			if e.who != who {
				continue
			}
			if there = e.what != 0; there {
				now, more = map[domain.NodeID]time.Time{}, n[:i].behind(e.by)
			}
		case rearmed:
			if e.who != who || !there {
				continue
			}
			more = n[:i].behind(e.by)
			for node, until := range now {
				if e.before.Before(until) {
					now[node] = e.before
				}
			}
		}
		for _, node := range more {
			now[node] = always
		}
	}
	return now
}

// elsewhere reports whether one of those belongs to no node above a client.
func (n naive) elsewhere(who string, at domain.NodeID, when time.Time) bool {
	for node, until := range n.knowers(who) {
		if when.Before(until) && !slices.Contains(n.line(at), node) {
			return true
		}
	}
	return false
}

// What an integrator has made, or been told, at a tenant is worth nothing there once
// the tenant has gone to another one. What belongs to the tenant goes with it.
func TestATenantLeavesBehindWhatItsIntegratorHolds(t *testing.T) {
	read := domain.PermissionsOf(domain.TenantRead)
	moved := hung{acme, domain.TenantLevel, sued, domain.Usable}
	made := func(who, by string) domain.Event { return registered{who, acme, read, by} }
	at := func(node domain.NodeID, who string) domain.Event { return registered{who, node, read, ""} }
	soon := testkit.Now.Add(time.Hour)
	lost := &Halt{HeldElsewhere, nord}
	for name, c := range map[string]struct {
		past    []domain.Event
		when    time.Time // an hour and a minute from now if zero
		against *Halt
	}{
		"made by the integrator's user":                       {[]domain.Event{made(client, string(ann)), moved}, time.Time{}, lost},
		"before the tenant goes":                              {[]domain.Event{made(client, string(ann))}, time.Time{}, nil},
		"when it has come back":                               {[]domain.Event{made(client, string(ann)), moved, tree[1]}, time.Time{}, nil},
		"made by the integrator's client":                     {[]domain.Event{at(nord, agent), made(client, agent), moved}, time.Time{}, lost},
		"made by what the integrator has made at the tenant":  {[]domain.Event{made(agent, string(ann)), made(client, agent), moved}, time.Time{}, lost},
		"even if that was disabled":                           {[]domain.Event{made(agent, string(ann)), registered{agent, acme, 0, string(bob)}, made(client, agent), moved}, time.Time{}, lost},
		"made by the tenant's user":                           {[]domain.Event{made(client, string(bob)), moved}, time.Time{}, nil},
		"made by the tenant's client":                         {[]domain.Event{made(agent, string(bob)), made(client, agent), moved}, time.Time{}, nil},
		"made by the platform's user":                         {[]domain.Event{user(cleo, domain.PlatformID), made(client, string(cleo)), moved}, time.Time{}, nil},
		"made by the platform's client":                       {[]domain.Event{at(domain.PlatformID, agent), made(client, agent), moved}, time.Time{}, nil},
		"made by the system":                                  {[]domain.Event{made(client, "bootstrap"), moved}, time.Time{}, nil},
		"made by the new integrator":                          {[]domain.Event{moved, at(sued, agent), made(client, agent)}, time.Time{}, nil},
		"the tenant's, told the integrator anew":              {[]domain.Event{made(client, string(bob)), rearmed{client, soon, string(ann)}, moved}, time.Time{}, lost},
		"the integrator's, told the tenant anew":              {[]domain.Event{made(client, string(ann)), rearmed{client, soon, string(bob)}, moved}, time.Time{}, nil},
		"while the old secret counts":                         {[]domain.Event{made(client, string(ann)), rearmed{client, soon, string(bob)}, moved}, soon.Add(-1), lost},
		"told the tenant anew after the move":                 {[]domain.Event{made(client, string(ann)), moved, rearmed{client, soon, string(bob)}}, time.Time{}, nil},
		"told the integrator and the tenant":                  {[]domain.Event{made(client, string(bob)), rearmed{client, soon, string(ann)}, rearmed{client, soon, string(bob)}, moved}, time.Time{}, nil},
		"made by what the integrator knew once":               {[]domain.Event{made(agent, string(ann)), rearmed{agent, testkit.Now, string(bob)}, made(client, agent), moved}, time.Time{}, nil},
		"made by what the integrator has known until lately":  {[]domain.Event{made(agent, string(ann)), rearmed{agent, soon, string(bob)}, made(client, agent), moved}, time.Time{}, lost},
		"told anew by what the integrator made at the tenant": {[]domain.Event{made(client, string(bob)), made(agent, string(ann)), rearmed{client, soon, agent}, moved}, time.Time{}, lost},
	} {
		t.Run(name, func(t *testing.T) {
			when, want := c.when, Allowed
			if when.IsZero() {
				when = soon.Add(time.Minute)
			}
			if c.against != nil {
				want = Unseen
			}
			f := grown(c.past...)
			x := f.Explain(client, read, acme, when)
			if got := f.Decide(client, read, acme, when); got != want || x.Verdict != want {
				t.Errorf("%s, explained as %s, want %s", got, x.Verdict, want)
			}
			if len(x.Grounds) != 1 {
				t.Fatalf("grounds: %+v", x.Grounds)
			}
			if diff := cmp.Diff(c.against, x.Grounds[0].Against); diff != "" {
				t.Error(diff)
			}
			if got := f.HeldElsewhere(client, when); got != (c.against != nil) {
				t.Errorf("held elsewhere: %v", got)
			}
			if got := len(f.Scope(client, read, when)); got != 0 == (c.against != nil) {
				t.Errorf("%d nodes in scope", got)
			}
		})
	}
}

// Whoever works for the integrator that a tenant has left may do nothing there by
// any role, and those who belong to the tenant may do what they could.
func TestATenantLeavesItsIntegratorsPeopleBehind(t *testing.T) {
	f := grown(grant(nord, ann, viewerRef), grant(acme, ann, clerkRef), grant(acme, bob, viewerRef), hung{acme, domain.TenantLevel, sued, domain.Usable})
	for who, want := range map[domain.UserID]Verdict{ann: Unseen, bob: Allowed} {
		if got := f.Decide(string(who), domain.PermissionsOf(domain.TenantRead), acme, testkit.Now); got != want {
			t.Errorf("%s: %s, want %s", who, got, want)
		}
	}
}
