package flag_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	. "github.com/reeve-platform/reeve/domain/flag"
)

// reread is a book of a log up to some event.
func reread(t interface{ Fatal(...any) }, log chronicle) *Book {
	b := NewBook()
	for _, r := range log {
		if err := b.Apply(r); err != nil {
			t.Fatal(err)
		}
	}
	return b
}

func eventsOf(log chronicle) (facts []domain.Event) {
	for _, r := range log {
		facts = append(facts, r.Event)
	}
	return facts
}

// aNextStep draws a history and what happens next in it.
func aNextStep(t *rapid.T) (w *world, before *Book, facts []domain.Event) {
	w = &world{T: t, book: NewBook(), now: at}
	w.grow()
	for range rapid.IntRange(0, 40).Draw(t, "steps") {
		w.step()
	}
	n := len(w.log)
	for range rapid.IntRange(1, 3).Draw(t, "facts") {
		w.step()
	}
	return w, reread(t, w.log[:n]), eventsOf(w.log[n:])
}

// found is what a flag comes to for one node or user.
func found(b *Book, k Key, n domain.NodeID, at time.Time) (w wanted, there bool) {
	q := Question{Node: n, At: at, Context: &Context{}}
	if b.Level(n) == domain.UserLevel {
		home, ok := b.Home(domain.UserID(n), 0)
		if !ok {
			return w, false
		}
		q.Node, q.User, q.Context = home, domain.UserID(n), &Context{Key: string(n), User: domain.UserID(n)}
	}
	w, err := asked(b, k, q)
	return w, err == nil
}

func TestAnEffectIsWhatHappens(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, before, facts := aNextStep(t)
		effect, err := before.Effect(context.Background(), domain.Meta{At: w.now}, facts...)
		if err != nil {
			t.Fatal(err)
		}
		for _, n := range worldNodes {
			for _, k := range worldFlags {
				for minute := range 90 {
					at := w.now.Add(time.Duration(minute) * time.Minute)
					was, wasThere := found(before, k, n, at)
					is, isThere := found(w.book, k, n, at)
					i := slices.IndexFunc(effect.Shifts, func(s Shift) bool {
						return s.Flag == k && s.Node == n && !at.Before(s.From) && (s.Until.IsZero() || at.Before(s.Until))
					})
					same := was.Variant == is.Variant && wasThere == isThere && (!isThere || cascade.Same(json.RawMessage(was.Value), json.RawMessage(is.Value)))
					if same != (i < 0) {
						t.Fatalf("%s at %s goes from %+v to %+v at %v: %+v", k, n, was, is, at, effect.Shifts)
					}
					if same {
						continue
					}
					s := effect.Shifts[i]
					if (s.Before != nil) != wasThere || (s.After != nil) != isThere || s.After != nil && string(s.After.Value) != is.Value || s.Before != nil && string(s.Before.Value) != was.Value {
						t.Fatalf("%s at %s goes from %+v to %+v at %v: %+v", k, n, was, is, at, s)
					}
				}
			}
		}
	})
}

func TestADraftIsTheBookThatWouldBe(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w, before, facts := aNextStep(t)
		draft := before.Draft(domain.Meta{At: w.now}, facts...)
		other := &world{T: t, log: slices.Clone(w.log), book: before, now: w.now}
		for range rapid.IntRange(0, 10).Draw(t, "meanwhile") {
			other.step() // of which the draft must not hear
		}
		for _, n := range worldNodes {
			for _, k := range worldFlags {
				want, there := found(w.book, k, n, w.now)
				got, also := found(draft, k, n, w.now)
				want.Position, got.Position = 0, 0 // facts of a draft have none of their own
				if got != want || there != also {
					t.Fatalf("%s at %s: %+v, %v; want %+v, %v", k, n, got, also, want, there)
				}
			}
		}
	})
}

func TestADraftOfANodeThatSaysMuch(t *testing.T) {
	var log chronicle
	b := NewBook()
	happen := func(e domain.Event) {
		if err := b.Apply(log.add(e, at)); err != nil {
			t.Fatal(err)
		}
	}
	happen(stands{domain.PlatformID, domain.Usable})
	value := func(n int) json.RawMessage { return json.RawMessage(fmt.Sprint(n)) }
	key := func(n int) Key { return Key(fmt.Sprintf("flag-%d", n)) }
	say := func(k Key, v int) domain.Event {
		return Overridden(Saying{domain.PlatformID, domain.PlatformLevel, "", k, Setting{Value: value(v)}, nil})
	}
	for n := range 200 {
		happen(Defined{Flag: key(n), Definition: Definition{Type: Number, Default: value(0), Off: value(0), Mode: cascade.Replace}})
		happen(Activated{Flag: key(n)})
		happen(say(key(n), 1))
	}
	draft := b.Draft(domain.Meta{At: at}, say(key(7), 2))
	happen(say(key(7), 3))
	happen(say(key(8), 3))
	for k, want := range map[Key][2]string{key(7): {"3", "2"}, key(8): {"3", "1"}, key(9): {"1", "1"}} {
		now, _ := found(b, k, domain.PlatformID, at)
		then, _ := found(draft, k, domain.PlatformID, at)
		if got := [2]string{now.Value, then.Value}; got != want {
			t.Errorf("%s: %v, want %v", k, got, want)
		}
	}
}

func TestWhoIsShadowed(t *testing.T) {
	var log chronicle
	b := NewBook()
	happen := func(e domain.Event) {
		if err := b.Apply(log.add(e, at)); err != nil {
			t.Fatal(err)
		}
	}
	integrator, tenant, other := nodeNumber(0), nodeNumber(1), nodeNumber(2)
	happen(stands{domain.PlatformID, domain.Usable})
	for _, n := range []hung{{integrator, domain.IntegratorLevel, domain.PlatformID}, {tenant, domain.TenantLevel, integrator}, {other, domain.TenantLevel, integrator}} {
		happen(n)
		happen(stands{n.node, domain.Usable})
	}
	happen(Defined{Flag: "a", Definition: Definition{Type: Boolean, Default: json.RawMessage("false"), Off: json.RawMessage("false"), Mode: cascade.Replace}})
	happen(Activated{Flag: "a"})
	yes := Setting{Value: json.RawMessage("true")}
	happen(Overridden(Saying{integrator, domain.IntegratorLevel, domain.PlatformID, "a", Setting{Value: json.RawMessage("false")}, nil}))
	happen(Overridden(Saying{tenant, domain.TenantLevel, integrator, "a", yes, nil}))
	e, err := b.Effect(context.Background(), domain.Meta{At: at}, Locked{Node: integrator, Flag: "a"})
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Shifts) != 1 || e.Shifts[0].Node != tenant || e.Shifts[0].Owner.Integrator != domain.IntegratorID(integrator) || string(e.Shifts[0].After.Value) != "false" || e.Shifts[0].After.Cause != ByLock {
		t.Errorf("%+v", e.Shifts)
	}
	if len(e.Shadowed) != 1 || e.Shadowed[0].Node != tenant || e.Shadowed[0].By != domain.IntegratorLevel || e.Shadowed[0].Ruling != cascade.LockedOut {
		t.Errorf("%+v", e.Shadowed)
	}
	soon := at.Add(time.Hour)
	later := yes
	later.ValidFrom = &soon
	e, err = b.Effect(context.Background(), domain.Meta{At: at}, Overridden(Saying{other, domain.TenantLevel, integrator, "a", later, nil}))
	if err != nil || len(e.Shifts) != 1 || !e.Shifts[0].From.Equal(soon) || e.Targeted {
		t.Errorf("%+v, %v", e, err)
	}
	some := Setting{Split: &Split{Shares: []Share{{Serving: Serving{Value: json.RawMessage("true")}, Weight: 50_000}}}}
	if e, err = b.Effect(context.Background(), domain.Meta{At: at}, Overridden(Saying{other, domain.TenantLevel, integrator, "a", some, nil})); err != nil || !e.Targeted {
		t.Errorf("%+v, %v", e, err)
	}
}

// What somebody else has named to end, or to begin, is a change of its own.
func TestAnEffectHasAllItsChanges(t *testing.T) {
	var log chronicle
	b := NewBook()
	happen := func(e domain.Event) {
		if err := b.Apply(log.add(e, at)); err != nil {
			t.Fatal(err)
		}
	}
	for _, n := range []hung{{domain.PlatformID, domain.PlatformLevel, ""}, {nodeNumber(0), domain.IntegratorLevel, domain.PlatformID}} {
		happen(n)
		happen(stands{n.node, domain.Usable})
	}
	for _, k := range []Key{"a", "b"} {
		happen(Defined{Flag: k, Definition: Definition{Type: Number, Default: json.RawMessage("3"), Off: json.RawMessage("0"), Mode: cascade.Replace}})
		happen(Activated{Flag: k})
	}
	say := func(n domain.NodeID, l domain.Level, k Key, s Setting) domain.Event {
		return Overridden(Saying{n, l, domain.PlatformID, k, s, nil})
	}
	tell := func(facts ...domain.Event) Effect {
		e, err := b.Effect(context.Background(), domain.Meta{At: at}, facts...)
		if err != nil {
			t.Fatal(err)
		}
		return e
	}
	soon := at.Add(time.Hour)
	happen(say(nodeNumber(0), domain.IntegratorLevel, "a", Setting{Value: json.RawMessage("3")}))
	change := say(nodeNumber(0), domain.IntegratorLevel, "a", Setting{Value: json.RawMessage("2"), ValidUntil: &soon})
	first := tell(change)
	happen(say(domain.PlatformID, domain.PlatformLevel, "a", Setting{Value: json.RawMessage("1")}))
	second := tell(change)
	if len(first.Shifts) != 1 || !first.Shifts[0].Until.Equal(soon) || len(second.Shifts) != 2 || !second.Shifts[1].From.Equal(soon) || first.Digest() == second.Digest() {
		t.Errorf("%+v\n%+v", first.Shifts, second.Shifts)
	}
	happen(say(domain.PlatformID, domain.PlatformLevel, "a", Setting{Value: json.RawMessage("1"), Split: &Split{Shares: []Share{{Serving: Serving{Value: json.RawMessage("2")}, Weight: 50_000}}}}))
	happen(PrerequisitesSet{Flag: "b", Prerequisites: []Prerequisite{{Flag: "a", Value: json.RawMessage("2")}}})
	if e := tell(Killed{Flag: "b", From: StatusActive}); !e.Targeted {
		t.Errorf("whether b is on depends on who asks, by a: %+v", e)
	}
	ended, stop := context.WithCancel(context.Background())
	stop()
	if _, err := b.Effect(ended, domain.Meta{At: at}, change); !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func TestADigestTellsEffectsApart(t *testing.T) {
	b, tenants := largeBook(t, 100)
	position := b.Position()
	digest := func(m domain.Meta, facts ...domain.Event) string {
		e, err := b.Effect(context.Background(), m, facts...)
		if err != nil {
			t.Fatal(err)
		}
		if len(e.Shifts) != 201 { // the platform, 100 integrators and 100 tenants
			t.Fatalf("%d shifts", len(e.Shifts))
		}
		return e.Digest()
	}
	happen := func(e domain.Event) {
		position++
		if err := b.Apply(domain.Recorded{Stream: "tenant-of-a-test", Event: e, Position: position, Meta: domain.Meta{At: at}}); err != nil {
			t.Fatal(err)
		}
	}
	kill := Killed{Flag: "flag-000", From: StatusActive} // which the platform switches on
	first := digest(domain.Meta{At: at}, kill)
	if later := digest(domain.Meta{At: at.Add(time.Second)}, kill); later != first {
		t.Error("a second later it is another")
	}
	off := Setting{Value: json.RawMessage("false"), Variant: "off"}
	happen(Overridden{tenants[3], domain.TenantLevel, "", "flag-001", off, nil})
	if other := digest(domain.Meta{At: at}, kill); other != first {
		t.Error("another flag makes a difference")
	}
	happen(Overridden{tenants[3], domain.TenantLevel, "", "flag-000", Setting{Value: json.RawMessage("true")}, nil})
	if other := digest(domain.Meta{At: at}, kill); other != first {
		t.Error("who says the same makes a difference")
	}
	for name, s := range map[string]Setting{
		"a value that ends": {Value: json.RawMessage("false"), ValidUntil: new(at.Add(time.Hour))},
		"a share":           {Value: json.RawMessage("true"), Split: &Split{Shares: []Share{{Serving: Serving{Value: json.RawMessage("false")}, Weight: 10_000}}}},
	} {
		happen(Overridden{tenants[3], domain.TenantLevel, "", "flag-000", s, nil})
		e, err := b.Effect(context.Background(), domain.Meta{At: at}, kill)
		if err != nil || e.Digest() == first {
			t.Errorf("%s makes no difference: %v", name, err)
		}
	}
}

// What is listed is bounded, and what it stands for is not.
func TestALargeEffect(t *testing.T) {
	b, _ := largeBook(t, 500)
	var end []domain.Event // twenty flags that the platform switches on
	for n := range 20 {
		end = append(end, Killed{Flag: Key(fmt.Sprintf("flag-%03d", 10*n)), From: StatusActive})
	}
	ctx, m := context.Background(), domain.Meta{At: at}
	e, err := b.Effect(ctx, m, end...)
	if err != nil {
		t.Fatal(err)
	}
	if len(e.Shifts) != Listed || e.Total.Changes != 20*601 || e.Affected != (Affected{Flags: 20, Integrators: 100, Tenants: 500}) {
		t.Errorf("%d shifts of %+v, %+v", len(e.Shifts), e.Total, e.Affected)
	}
	n, last := 0, Shift{}
	for s, err := range b.If(m, end...).Each(ctx) {
		if err != nil {
			t.Fatal(err)
		}
		if n < Listed && s.Place != e.Shifts[n].Place {
			t.Fatalf("the %dth is %+v, listed is %+v", n, s, e.Shifts[n])
		}
		n, last = n+1, s
	}
	if n != e.Total.Changes || last.Level != domain.TenantLevel {
		t.Errorf("%d of %+v, the last %+v", n, e.Total, last)
	}
	mine := func(p *Place) bool { return p.Node == last.Node }
	own, err := b.If(m, end...).Effect(ctx, mine)
	if err != nil || own.Total.Changes != len(own.Shifts) || len(own.Shifts) != 20 || own.Affected.Tenants != 1 || own.Digest() != e.Digest() {
		t.Errorf("who sees %s sees %+v: %v", last.Node, own, err)
	}
	count := 0
	for s, err := range b.If(m, end...).At(ctx, []Place{e.Shifts[0].Place, last.Place, {Node: "none"}}, func(p *Place) bool { return p.Flag == last.Flag }) {
		if count++; err != nil || s.Place != last.Place && s.Node != domain.PlatformID {
			t.Errorf("%+v, %v", s, err)
		}
	}
	if count != 2 {
		t.Errorf("%d shifts of one flag at two nodes", count)
	}
	then := b.If(m, end...)
	position := e.Position + 1
	if err := b.Apply(domain.Recorded{Stream: "nodeflags-x", Position: position, Event: Overridden{last.Node, domain.TenantLevel, "", last.Flag, Setting{Value: last.After.Value}, nil}}); err != nil {
		t.Fatal(err)
	}
	if other, err := b.Effect(ctx, m, end...); err != nil || other.Digest() == e.Digest() || other.Total.Changes != n-1 {
		t.Errorf("without the last it is the same, %+v: %v", other.Total, err)
	}
	texts := b.If(m, end...).Since(ctx, then, func(*Place) bool { return true }, 20)
	if len(texts) != 1 || !strings.Contains(texts[0], string(last.Node)) || !strings.Contains(texts[0], "now it is no change") {
		t.Errorf("%q", texts)
	}
	if texts = then.Since(ctx, b.If(m, end...), mine, 20); len(texts) != 1 || !strings.Contains(texts[0], "no change was shown") {
		t.Errorf("the other way round %q", texts)
	}
	if texts = then.Since(ctx, b.If(m), func(*Place) bool { return true }, 20); len(texts) != 20 {
		t.Errorf("%d differences to nothing", len(texts))
	}
}

// Whichever rule tells somebody apart makes a difference, wherever it is said, and no
// other does.
func TestADigestMindsRules(t *testing.T) {
	var log chronicle
	b := NewBook()
	happen := func(e domain.Event) {
		if err := b.Apply(log.add(e, at)); err != nil {
			t.Fatal(err)
		}
	}
	one, mine, sibling := nodeNumber(0), nodeNumber(1), nodeNumber(2)
	for _, n := range []hung{{domain.PlatformID, domain.PlatformLevel, ""}, {one, domain.IntegratorLevel, domain.PlatformID}, {mine, domain.TenantLevel, one}, {sibling, domain.TenantLevel, one}} {
		happen(n)
		happen(stands{n.node, domain.Usable})
	}
	for _, k := range []Key{"a", "b", "c"} {
		happen(Defined{Flag: k, Definition: Definition{Type: Number, Default: json.RawMessage("5"), Off: json.RawMessage("0")}})
		happen(Activated{Flag: k})
	}
	happen(PrerequisitesSet{Flag: "b", Prerequisites: []Prerequisite{{Flag: "a", Value: json.RawMessage("5")}}})
	share := Setting{Value: json.RawMessage("5"), Split: &Split{Shares: []Share{{Serving: Serving{Value: json.RawMessage("5")}, Weight: 10}}}}
	digest := func() string {
		e, err := b.Effect(context.Background(), domain.Meta{At: at}, stands{one, domain.Barred}, stands{one, domain.Usable})
		if err != nil {
			t.Fatal(err)
		}
		return e.Digest()
	}
	level := map[domain.NodeID]domain.Level{domain.PlatformID: domain.PlatformLevel, one: domain.IntegratorLevel, mine: domain.TenantLevel, sibling: domain.TenantLevel}
	known := digest()
	for _, n := range []domain.NodeID{domain.PlatformID, one, mine, sibling, mine} {
		for _, k := range []Key{"a", "b"} {
			happen(Overridden(Saying{n, level[n], "", k, share, nil}))
			if now := digest(); now == known {
				t.Errorf("what %s says of %s makes no difference", n, k)
			} else {
				known = now
			}
			if digest() != known {
				t.Error("looked at twice it is another")
			}
		}
	}
	other := nodeNumber(5)
	happen(hung{other, domain.IntegratorLevel, domain.PlatformID})
	happen(Overridden(Saying{other, domain.IntegratorLevel, domain.PlatformID, "a", share, nil}))
	if digest() != known {
		t.Error("what is said elsewhere makes a difference")
	}
}
