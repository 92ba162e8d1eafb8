package flag_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	. "github.com/reeve-platform/reeve/domain/flag"
)

// A remembered answer is one that was given while something was the newest of all.
type remembered struct {
	k Key
	Question
	want wanted
	err  error
}

// What was answered live is answered as of then for ever, by the book that answered
// it and by one that is fed the same log anew: 5,000 changes, and a question after
// each of them.
func TestWhatWasAnsweredIsAnsweredAsOfThen(t *testing.T) {
	const changes = 5000
	w := rapid.Custom(func(t *rapid.T) *world {
		w := &world{T: t, book: NewBook(), now: at}
		w.grow()
		return w
	}).Example(1)
	rng := rand.New(rand.NewPCG(5, 6))
	var answers []remembered
	rapid.Custom(func(t *rapid.T) int {
		w.T = t
		for range changes {
			w.step()
			q := Question{Node: worldNodes[rng.IntN(len(worldNodes))], User: domain.UserID(worldNodes[rng.IntN(len(worldNodes))]), At: w.now,
				Context: &Context{Key: []string{"ann", "bob", ""}[rng.IntN(3)], Attributes: map[string]any{"region": []string{"eu", "us"}[rng.IntN(2)]}}}
			k := worldFlags[rng.IntN(len(worldFlags))]
			got, err := asked(w.book, k, q)
			q.Position = w.book.Position()
			answers = append(answers, remembered{k, q, got, err})
		}
		return 0
	}).Example(2)
	again := NewBook()
	for _, r := range w.log {
		if err := again.Apply(r); err != nil {
			t.Fatal(err)
		}
	}
	values := map[string]int{}
	for _, a := range answers {
		values[a.want.Value+string(a.want.Cause)]++
		for name, b := range map[string]*Book{"the same book": w.book, "a book fed anew": again} {
			if got, err := asked(b, a.k, a.Question); got != a.want || !errors.Is(err, a.err) {
				t.Fatalf("%s says of %s as of %d: %+v, %v; it was %+v, %v", name, a.k, a.Position, got, err, a.want, a.err)
			}
		}
	}
	if len(answers) < changes || len(values) < 10 {
		t.Errorf("%d answers, of these sorts: %v", len(answers), values)
	}
}

// Between two turns nothing turns.
func TestTurnsMissNothing(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{T: t, book: NewBook(), now: at}
		w.grow()
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			w.step()
		}
		k, node := rapid.SampledFrom(worldFlags).Draw(t, "flag"), rapid.SampledFrom(worldNodes[:6]).Draw(t, "node")
		q := Question{Node: node, User: domain.UserID(rapid.SampledFrom(worldNodes).Draw(t, "user")), At: w.now, Context: &Context{Key: "ann", Attributes: map[string]any{"region": "eu"}}}
		turns, err := w.book.Turns(k, node, q.User)
		if err != nil {
			t.Fatal(err)
		}
		var last wanted
		for _, r := range w.log {
			q.Position = r.Position
			got, _ := asked(w.book, k, q)
			if got != last && !slices.ContainsFunc(turns, func(t Turn) bool { return t.Position == r.Position }) {
				t.Fatalf("%s at %s turned from %+v to %+v by %+v, which is no turn", k, node, last, got, r.Event)
			}
			last = got
		}
	})
}

// At every minute the last flip before tells what the flag comes to then, and no two
// neighbours are the same.
func TestFlipsAreTheAnswersAtEveryInstant(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{T: t, book: NewBook(), now: at}
		w.grow()
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			w.step()
		}
		k := rapid.SampledFrom(worldFlags).Draw(t, "flag")
		q := Question{Node: rapid.SampledFrom(worldNodes[:6]).Draw(t, "node"), User: domain.UserID(worldNodes[6]), Context: &Context{Key: "ann"}}
		end := w.now.Add(90 * time.Minute)
		flips := flipsOf(t, w.book, k, q, time.Time{}, end)
		for i, now := 0, at; now.Before(end); now = now.Add(time.Minute) {
			for i < len(flips) && !flips[i].At.After(now) {
				i++
			}
			q.At, q.Position = now, w.book.Last(now)
			want, err := asked(w.book, k, q)
			if q.Position == 0 {
				want, err = wanted{}, ErrNodeNotFound
			}
			var got wanted
			if i > 0 && flips[i-1].Found {
				a := flips[i-1].Answer
				got = wanted{string(a.Value), a.Variant, a.Rule, a.Bucket, a.Reason, a.Cause, a.Level, a.Decider(), 0}
			}
			got.Bucket, want.Bucket, want.Position = 0, 0, 0
			if found := i > 0 && flips[i-1].Found; got != want || found != (err == nil) {
				t.Fatalf("%s at %v: %+v, want %+v, %v", k, now, got, want, err)
			}
		}
		// Whoever goes on from anywhere comes to the same end.
		if len(flips) > 1 {
			mid := flips[len(flips)/2]
			rest := flipsAfter(t, w.book, k, q, mid.Position, mid.At, end)
			if len(rest) != len(flips)-len(flips)/2-1 {
				t.Fatalf("%d of %d flips after %+v", len(rest), len(flips), mid)
			}
		}
	})
}

func flipsOf(t interface{ Fatal(...any) }, b *Book, k Key, q Question, from, to time.Time) []Flip {
	return flipsAfter(t, b, k, q, b.Last(from), from, to)
}

func flipsAfter(t interface{ Fatal(...any) }, b *Book, k Key, q Question, after uint64, from, to time.Time) (flips []Flip) {
	h, err := b.History(k, q)
	if err != nil {
		t.Fatal(err)
	}
	for f, err := range h.Flips(after, from, to) {
		if err != nil {
			t.Fatal(err)
		}
		if f.Turned == ByFact || f.Turned == ByTime {
			flips = append(flips, f)
		}
	}
	return flips
}

// Flips of many kinds, each with the fact or the instant that it came by, and nothing
// for what changed nothing.
func TestATimelineNamesItsCauses(t *testing.T) {
	b, log, now := NewBook(), chronicle{}, at
	happen := func(e domain.Event) uint64 {
		now = now.Add(time.Minute)
		r := log.add(e, now)
		if err := b.Apply(r); err != nil {
			t.Fatal(err)
		}
		return r.Position
	}
	holding, partner := nodeNumber(1), nodeNumber(2)
	happen(hung{domain.PlatformID, domain.PlatformLevel, ""})
	happen(stands{domain.PlatformID, domain.Usable})
	for _, n := range []domain.NodeID{holding, partner} {
		happen(hung{n, domain.IntegratorLevel, domain.PlatformID})
		happen(stands{n, domain.Usable})
	}
	happen(hung{acme, domain.TenantLevel, holding})
	happen(stands{acme, domain.Usable})
	number := func(n int) Definition {
		return Definition{Type: Number, Default: json.RawMessage(fmt.Sprint(n)), Off: json.RawMessage("0"), Mode: cascade.Replace}
	}
	happen(Defined{Flag: "other", Definition: number(1)})
	happen(Activated{Flag: "other"})
	happen(SegmentDefined{Segment: "crew"})
	happen(Overridden{nodeNumber(9), domain.TenantLevel, holding, "price", Setting{Value: json.RawMessage("7")}, nil}) // somebody else's
	say := func(node domain.NodeID, level domain.Level, s Setting) uint64 {
		return happen(Overridden{node, level, "", "price", s, nil})
	}
	value := func(n int) json.RawMessage { return json.RawMessage(fmt.Sprint(n)) }
	type flip struct {
		position uint64
		value    string
		turned   Turned
	}
	var want []flip
	expect := func(position uint64, value string, turned Turned) { want = append(want, flip{position, value, turned}) }

	expect(happen(Defined{Flag: "price", Definition: number(2)}), "0", ByFact)
	expect(happen(Activated{Flag: "price"}), "2", ByFact)
	expect(say(domain.PlatformID, domain.PlatformLevel, Setting{Value: value(3)}), "3", ByFact)
	happen(Updated{Flag: "price", After: number(9)}) // nobody hears the default
	say(partner, domain.IntegratorLevel, Setting{Value: value(4)})
	expect(happen(hung{acme, domain.TenantLevel, partner}), "4", ByFact)
	until := now.Add(10 * time.Minute)
	from := now.Add(5 * time.Minute)
	p := say(acme, domain.TenantLevel, Setting{Value: value(5), ValidFrom: &from, ValidUntil: &until})
	now = now.Add(time.Hour)
	expect(p, "5", ByTime)
	expect(p, "4", ByTime)
	expect(happen(Locked{Node: domain.PlatformID, Flag: "price"}), "3", ByFact)
	expect(happen(stands{partner, domain.Barred}), "0", ByFact)
	expect(happen(stands{partner, domain.Usable}), "3", ByFact)
	happen(PrerequisitesSet{Flag: "price", Prerequisites: []Prerequisite{{Flag: "other", Value: value(1)}}})
	expect(happen(Killed{Flag: "other", From: StatusActive}), "0", ByFact)
	expect(happen(Revived{Flag: "other", To: StatusActive}), "3", ByFact)
	begin, over := now.Add(5*time.Minute), now.Add(10*time.Minute)
	p = happen(Overridden{acme, domain.TenantLevel, partner, "other", Setting{Value: value(2), ValidFrom: &begin, ValidUntil: &over}, nil})
	now = now.Add(time.Hour)
	expect(p, "0", ByTime)
	expect(p, "3", ByTime)
	say(domain.PlatformID, domain.PlatformLevel, Setting{Value: value(3), Rules: []Rule{{Name: "crew", When: []Condition{{Segment: "crew"}}, Serving: Serving{Value: value(6)}}}, Locked: true})
	expect(happen(SegmentUpdated{Segment: "crew", After: Membership{Included: []string{"ann"}}}), "6", ByFact)

	var got []flip
	for _, f := range flipsOf(t, b, "price", Question{Node: acme, Context: &Context{Key: "ann"}}, time.Time{}, now.Add(time.Hour)) {
		got = append(got, flip{f.Position, string(f.Answer.Value), f.Turned})
	}
	if !slices.Equal(got, want) {
		t.Errorf("\n got %v\nwant %v", got, want)
	}
}

// planted is a book in which a flag came to something else once among many events
// that changed nothing.
func planted(t *testing.T, events, at0 int, change func(i int) domain.Event) (*Book, chronicle) {
	b, log := NewBook(), chronicle{}
	now := at
	add := func(e domain.Event) {
		now = now.Add(time.Second)
		if err := b.Apply(log.add(e, now)); err != nil {
			t.Fatal(err)
		}
	}
	for _, e := range []domain.Event{
		hung{domain.PlatformID, domain.PlatformLevel, ""}, stands{domain.PlatformID, domain.Usable},
		hung{acme, domain.TenantLevel, domain.PlatformID}, stands{acme, domain.Usable},
		Defined{Flag: "a", Definition: Definition{Type: Number, Default: json.RawMessage("1"), Off: json.RawMessage("0"), Mode: cascade.Replace}}, Activated{Flag: "a"},
	} {
		add(e)
	}
	for i := range events {
		if i == at0 {
			add(Overridden{domain.PlatformID, domain.PlatformLevel, "", "a", Setting{Value: json.RawMessage("2")}, nil})
			continue
		}
		add(change(i))
	}
	return b, log
}

// A change among a hundred thousand events is found by asking twenty times at most,
// whether those events are about the flag and the place or about others.
func TestBisectFindsAPlantedChange(t *testing.T) {
	const events = 100_000
	for name, change := range map[string]func(int) domain.Event{
		"all about the flag": func(i int) domain.Event {
			return Updated{Flag: "a", After: Definition{Type: Number, Default: json.RawMessage("1"), Off: json.RawMessage("0"), Mode: cascade.Replace, Description: fmt.Sprint(i)}}
		},
		"about others":   func(i int) domain.Event { return hung{nodeNumber(i%1000 + 5), domain.TenantLevel, domain.PlatformID} },
		"about the node": func(i int) domain.Event { return stands{acme, domain.Usable} },
	} {
		for _, where := range []int{0, 77_777, events - 1} {
			t.Run(fmt.Sprint(name, " at ", where), func(t *testing.T) {
				b, log := planted(t, events, where, change)
				h, err := b.History("a", Question{Node: acme})
				if err != nil {
					t.Fatal(err)
				}
				want := log[6+where].Position
				before, then, err := h.Bisect(log[5].Position, b.Position(), nil)
				if err != nil || then.Position != want || then.Turned != ByFact || then.Node != domain.PlatformID || string(then.Answer.Value) != "2" || string(before.Answer.Value) != "1" || before.Position >= want {
					t.Fatalf("%+v, then %+v, %v; want %d", before, then, err, want)
				}
				if h.Evaluations > 20 {
					t.Errorf("%d evaluations", h.Evaluations)
				}
			})
		}
	}
}

func TestBisectFindsWhatTimeTurned(t *testing.T) {
	b, log := NewBook(), chronicle{}
	now := at
	add := func(e domain.Event) uint64 {
		now = now.Add(time.Minute)
		r := log.add(e, now)
		if err := b.Apply(r); err != nil {
			t.Fatal(err)
		}
		return r.Position
	}
	for _, e := range ground {
		add(e)
	}
	begin, over := now.Add(10*time.Minute), now.Add(20*time.Minute)
	add(Defined{Flag: "a", Definition: Definition{Type: Number, Default: json.RawMessage("1"), Off: json.RawMessage("0"), Mode: cascade.Replace}})
	good := add(Activated{Flag: "a"})
	said := add(Overridden{domain.PlatformID, domain.PlatformLevel, "", "a", Setting{Value: json.RawMessage("2"), ValidFrom: &begin, ValidUntil: &over}, nil})
	now = begin
	mid := add(stands{acme, domain.Usable})
	now = now.Add(time.Hour)
	bad := add(stands{acme, domain.Usable})
	open := func() *History {
		h, err := b.History("a", Question{Node: acme})
		if err != nil {
			t.Fatal(err)
		}
		return h
	}
	before, then, err := open().Bisect(good, mid, nil)
	if err != nil || then.Turned != ByTime || !then.At.Equal(begin) || then.Position != said || string(before.Answer.Value) != "1" || string(then.Answer.Value) != "2" {
		t.Errorf("%+v, then %+v, %v", before, then, err)
	}
	before, then, err = open().Bisect(mid, bad, []byte("2.0"))
	if err != nil || then.Turned != ByTime || !then.At.Equal(over) || then.Position != mid || string(then.Answer.Value) != "1" {
		t.Errorf("%+v, then %+v, %v", before, then, err)
	}
	for name, c := range map[string]struct {
		good, bad uint64
		wants     []byte
	}{
		"the same at both":       {good, bad, nil},
		"the wrong way round":    {mid, good, nil},
		"does not hold at first": {good, mid, []byte("2")},
		"one position":           {mid, mid, nil},
		"nothing was there":      {0, 1, nil},
	} {
		if _, _, err := open().Bisect(c.good, c.bad, c.wants); !errors.Is(err, ErrNoFlip) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if before, then, err := open().Bisect(0, bad, nil); err != nil || before.Found || !then.Found {
		t.Errorf("from nothing: %+v, then %+v, %v", before, then, err)
	}
	if _, err := b.History("nonesuch", Question{Node: acme}); !errors.Is(err, ErrNotFound) {
		t.Error(err)
	}
}

// The span around an instant is what the flag comes to there, until when.
func TestTheSpanOfAView(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := &world{T: t, book: NewBook(), now: at}
		w.grow()
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			w.step()
		}
		k := rapid.SampledFrom(worldFlags).Draw(t, "flag")
		q := Question{Node: worldNodes[4], Context: &Context{Key: "ann"}, At: w.now.Add(time.Duration(rapid.IntRange(-60, 60).Draw(t, "at")) * time.Minute)}
		v, err := w.book.Look(q)
		if err != nil {
			t.Fatal(err)
		}
		_, s, position, err := v.Span(k)
		want, wantErr := v.Evaluate(k)
		if !errors.Is(err, wantErr) || string(s.Evaluation.Value) != string(want.Value) || s.Evaluation.Cause != want.Cause || err == nil && position != want.Position {
			t.Fatalf("%+v of %d, %v; want %+v, %v", s, position, err, want, wantErr)
		}
		for _, end := range []time.Time{s.From, s.Until.Add(-1)} {
			if end.Year() > 1 && err == nil {
				q.At = end
				if got, _ := asked(w.book, k, q); got.Value != string(want.Value) || got.Cause != want.Cause {
					t.Fatalf("%+v at %v, the end of %+v", got, end, s)
				}
			}
		}
	})
}
