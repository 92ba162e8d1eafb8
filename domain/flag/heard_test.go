package flag

import (
	"maps"
	"testing"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// A settled tenant is in use.
type settled struct{ node domain.NodeID }

func (e settled) Placed() (domain.NodeID, domain.Level, domain.NodeID) {
	return e.node, domain.TenantLevel, domain.PlatformID
}

func (e settled) Stands() (domain.NodeID, domain.Standing) { return e.node, domain.Usable }

// The users of a place are looked through once, however many flags are asked about, and
// only as they were at the position.
func TestUsersOfAPlaceAreLookedThroughOnce(t *testing.T) {
	b, at := NewBook(), uint64(0)
	tell := func(s domain.StreamID, e domain.Event) {
		at++
		_ = b.Apply(domain.Recorded{Stream: s, Event: e, Position: at})
	}
	home := domain.NodeID(uuid.NewString())
	tell(domain.StreamID("tenant-"+home), settled{home})
	d := Definition{Type: Boolean, Default: []byte("true"), Off: []byte("false"), Mode: "replace"}
	for _, k := range []Key{"one", "two", "three"} {
		tell(Stream(k), Defined{k, d})
		tell(Stream(k), Activated{Flag: k, From: StatusDraft})
	}
	user := func(k Key) {
		e := Overridden{Node: domain.NodeID(uuid.NewString()), Level: domain.UserLevel, Parent: home, Flag: k, Setting: Setting{Value: []byte("true")}}
		tell(domain.StreamID("nodeflags-"+e.Node), e)
	}
	user("one")
	user("two")
	then := at
	user("three")
	v, err := b.Look(Question{Node: home, Position: then})
	if err != nil {
		t.Fatal(err)
	}
	got := map[Key]Variance{}
	v.AllFixed(func(k Key, _ Answer, why Variance) {
		_, alone, err := v.Fixed(k)
		if got[k] = why; len(got) == 1 && (alone != why || err != nil) {
			t.Errorf("%s alone: %q, %v", k, alone, err)
		}
		b.homes.get(idOf(home)).guests.Store(nil) // whoever looked again would find nobody
	})
	if want := map[Key]Variance{"one": ByUsers, "two": ByUsers, "three": ""}; !maps.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
