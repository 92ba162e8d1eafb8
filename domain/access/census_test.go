package access_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/access"
)

// credited says that a client or a key may do something at a node, or nothing any more.
type credited struct {
	who  string
	at   domain.NodeID
	what domain.Permissions
}

func (e credited) Empowers() (string, domain.NodeID, domain.Permissions) { return e.who, e.at, e.what }

type movedIn struct{ user, home domain.NodeID }

func (e movedIn) Placed() (domain.NodeID, domain.Level, domain.NodeID) {
	return e.user, domain.UserLevel, e.home
}

func TestACensus(t *testing.T) {
	c, position, reads := NewCensus(), uint64(0), domain.PermissionsOf(domain.TenantRead)
	tell := func(stream domain.StreamID, e domain.Event) {
		position++
		for range 2 { // what is told again counts once
			if err := c.Apply(domain.Recorded{Stream: stream, Event: e, Position: position}); err != nil {
				t.Fatal(err)
			}
		}
	}
	type counts struct{ clients, keys, users int }
	for i, step := range []struct {
		stream domain.StreamID
		event  domain.Event
		acme   counts
	}{
		{"client-1", credited{"1", acme, reads}, counts{1, 0, 0}},
		{"client-2", credited{"2", acme, reads}, counts{2, 0, 0}},
		{"client-3", credited{"3", nord, reads}, counts{2, 0, 0}},
		{"client-2", credited{"2", acme, reads | domain.PermissionsOf(domain.FlagRead)}, counts{2, 0, 0}},
		{"apikey-4", credited{"4", acme, reads}, counts{2, 1, 0}},
		{"client-1", credited{"1", acme, 0}, counts{1, 1, 0}},
		{"client-1", credited{"1", acme, 0}, counts{1, 1, 0}},
		{"apikey-4", credited{"4", acme, 0}, counts{1, 0, 0}},
		{"user-5", movedIn{"5", acme}, counts{1, 0, 1}},
		{"user-6", movedIn{"6", nord}, counts{1, 0, 1}},
		{"tenant-7", nil, counts{1, 0, 1}},
	} {
		tell(step.stream, step.event)
		got := counts{c.Count(domain.Clients, acme), c.Count(domain.APIKeys, acme), c.Count(domain.Users, acme)}
		if diff := cmp.Diff(step.acme, got, cmp.AllowUnexported(counts{})); diff != "" {
			t.Errorf("step %d: %s", i+1, diff)
		}
	}
	if c.Count(domain.Clients, nord) != 1 || c.Count(domain.Users, nord) != 1 {
		t.Error("at the other node")
	}
}
