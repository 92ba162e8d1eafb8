package flag_test

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/flag"
)

// A watch that stands is right: the facts would still change just the same.
func TestAWatchStandsForItsEffect(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, before, facts := aNextStep(t)
		m := domain.Meta{At: w.now}
		watch := before.Watch(m, facts...)
		defer watch.End()
		first, err := watch.Effect(context.Background(), nil)
		if err != nil {
			t.Fatal(err)
		}
		n := len(w.log)
		other := &world{T: t, log: slices.Clone(w.log), book: before, now: w.now}
		for range rapid.IntRange(1, 4).Draw(t, "meanwhile") {
			for range rapid.IntRange(0, 2).Draw(t, "at once") {
				other.step()
			}
			if !watch.Stands() {
				return
			}
			then, err := before.Effect(context.Background(), m, facts...)
			if err != nil || then.Digest() != first.Digest() {
				t.Fatalf("%+v would change %+v, and %+v behind %+v: %v", facts, first, then, eventsOf(other.log[n:]), err)
			}
			if again, err := watch.Effect(context.Background(), nil); err != nil || again.Position != first.Position || again.Digest() != first.Digest() {
				t.Fatalf("looked at again it is %+v, and was %+v: %v", again, first, err)
			}
		}
	})
}

// What is about other flags, or about other places, is of no matter.
func TestWhatAWatchMinds(t *testing.T) {
	one, two := nodeNumber(0), nodeNumber(1)
	mine, theirs, user := nodeNumber(2), nodeNumber(3), nodeNumber(4)
	say := func(n domain.NodeID, l domain.Level, parent domain.NodeID, k Key) domain.Event {
		return Overridden(Saying{n, l, parent, k, Setting{Value: json.RawMessage("1")}, nil})
	}
	begin := func() (*Book, func(domain.Event)) {
		var log chronicle
		b := NewBook()
		happen := func(e domain.Event) {
			if err := b.Apply(log.add(e, at)); err != nil {
				t.Fatal(err)
			}
		}
		for _, n := range []hung{
			{domain.PlatformID, domain.PlatformLevel, ""}, {one, domain.IntegratorLevel, domain.PlatformID}, {two, domain.IntegratorLevel, domain.PlatformID},
			{mine, domain.TenantLevel, one}, {theirs, domain.TenantLevel, two},
		} {
			happen(n)
			happen(stands{n.node, domain.Usable})
		}
		for _, k := range []Key{"a", "b", "c"} {
			happen(Defined{Flag: k, Definition: Definition{Type: Number, Default: json.RawMessage("5"), Off: json.RawMessage("0")}})
			happen(Activated{Flag: k})
		}
		happen(PrerequisitesSet{Flag: "b", Prerequisites: []Prerequisite{{Flag: "a", Value: json.RawMessage("5")}}})
		return b, happen
	}
	atMine, everywhere := say(mine, domain.TenantLevel, one, "a"), domain.Event(Killed{Flag: "a", From: StatusActive})
	for name, c := range map[string]struct {
		facts, meanwhile domain.Event
		stands           bool
	}{
		"nothing of it":                {atMine, requires{mine, 1, false}, true},
		"another flag there":           {atMine, say(mine, domain.TenantLevel, one, "c"), true},
		"the flag elsewhere":           {atMine, say(theirs, domain.TenantLevel, two, "a"), true},
		"the flag there":               {atMine, say(mine, domain.TenantLevel, one, "a"), false},
		"the flag above":               {atMine, say(one, domain.IntegratorLevel, domain.PlatformID, "a"), false},
		"a flag that depends on it":    {atMine, say(mine, domain.TenantLevel, one, "b"), false},
		"another that comes to depend": {atMine, PrerequisitesSet{Flag: "c", Prerequisites: []Prerequisite{{Flag: "a", Value: json.RawMessage("5")}}}, false},
		"another definition":           {atMine, Killed{Flag: "c", From: StatusActive}, true},
		"its definition":               {atMine, Killed{Flag: "a", From: StatusActive}, false},
		"who is above":                 {atMine, stands{one, domain.Barred}, false},
		"who is elsewhere":             {atMine, stands{two, domain.Barred}, true},
		"a tenant that comes":          {atMine, hung{user, domain.TenantLevel, two}, true},
		"of a kill, anybody":           {everywhere, say(theirs, domain.TenantLevel, two, "a"), false},
		"and another flag, nobody":     {everywhere, say(theirs, domain.TenantLevel, two, "c"), true},
		"but who comes to be known":    {everywhere, say(user, domain.UserLevel, theirs, "c"), false},
		"a tenant goes, the flag here": {hung{theirs, domain.TenantLevel, one}, say(one, domain.IntegratorLevel, domain.PlatformID, "c"), false},
		"and where it was":             {hung{theirs, domain.TenantLevel, one}, say(two, domain.IntegratorLevel, domain.PlatformID, "c"), false},
		"and another's":                {hung{theirs, domain.TenantLevel, one}, say(mine, domain.TenantLevel, one, "c"), true},
	} {
		b, happen := begin()
		w := b.Watch(domain.Meta{At: at}, c.facts)
		happen(c.meanwhile)
		for range 2 {
			if w.Stands() != c.stands {
				t.Errorf("%s: it stands: %v", name, !c.stands)
			}
		}
		w.End()
	}
	b, _ := begin()
	w := b.Watch(domain.Meta{At: at}, atMine)
	defer w.End()
	if err := b.Apply(domain.Recorded{Stream: "flag-c", Position: 1000, Err: domain.ErrUnreadableEvent}); err != nil || w.Stands() {
		t.Errorf("behind what cannot be read: %v", err)
	}
}
