package flag_test

import (
	"testing"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/flag"
)

// requires is what a node says of approvals, as far as the book listens.
type requires struct {
	node      domain.NodeID
	approvals int
	below     bool
}

func (e requires) Requires() (domain.NodeID, int, bool) { return e.node, e.approvals, e.below }

func TestApprovals(t *testing.T) {
	user := hung{ann, domain.UserLevel, acme}
	for name, c := range map[string]struct {
		rules                         []requires
		platform, partner, acme, user int
	}{
		"none":                  {nil, 0, 0, 0, 0},
		"the platform's own":    {[]requires{{domain.PlatformID, 2, false}}, 2, 0, 0, 0},
		"and below it":          {[]requires{{domain.PlatformID, 2, true}}, 2, 2, 2, 2},
		"an integrator's own":   {[]requires{{partner, 1, false}}, 0, 1, 0, 0},
		"and its tenants'":      {[]requires{{partner, 1, true}}, 0, 1, 1, 1},
		"a tenant's":            {[]requires{{acme, 3, false}}, 0, 0, 3, 3},
		"the most":              {[]requires{{partner, 1, true}, {acme, 3, false}}, 0, 1, 3, 3},
		"whoever is above them": {[]requires{{partner, 4, true}, {acme, 3, false}}, 0, 4, 4, 4},
		"not any more":          {[]requires{{partner, 1, true}, {partner, 0, false}}, 0, 0, 0, 0},
	} {
		b := NewBook()
		events := append(append([]domain.Event{}, tree...), user)
		for _, r := range c.rules {
			events = append(events, r)
		}
		for i, e := range events {
			if err := b.Apply(domain.Recorded{Event: e, Stream: "approvals-x", Position: uint64(i + 1)}); err != nil {
				t.Fatal(err)
			}
		}
		for node, want := range map[domain.NodeID]int{domain.PlatformID: c.platform, partner: c.partner, acme: c.acme, ann: c.user, "none": 0} {
			if got := b.Approvals(node); got != want {
				t.Errorf("%s: %s asks for %d, want %d", name, node, got, want)
			}
		}
	}
}

// Where what a node asks for cannot be read, nobody gets away with less than before, nor
// with nothing, there and below.
func TestApprovalsThatCannotBeRead(t *testing.T) {
	for name, c := range map[string]struct {
		before []domain.Event
		want   int
	}{
		"nothing before": {nil, 1},
		"two before":     {[]domain.Event{requires{acme, 2, false}}, 2},
		"none any more":  {[]domain.Event{requires{acme, 2, true}, requires{acme, 0, false}}, 1},
	} {
		b, at := NewBook(), uint64(0)
		tell := func(s domain.StreamID, e domain.Event, err error) {
			at++
			_ = b.Apply(domain.Recorded{Stream: s, Event: e, Position: at, Err: err})
		}
		for _, e := range append(tree[:len(tree):len(tree)], hung{ann, domain.UserLevel, acme}) {
			tell("tenant-x", e, nil)
		}
		for _, e := range c.before {
			tell("approvals-x", e, nil)
		}
		tell(domain.StreamID("approvals-"+acme), nil, domain.ErrUnreadableEvent)
		if here, below := b.Approvals(acme), b.Approvals(ann); here != c.want || below != c.want || b.Approvals(partner) != 0 {
			t.Errorf("%s: %d there and %d below, want %d", name, here, below, c.want)
		}
	}
}
