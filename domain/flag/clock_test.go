package flag_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/flag"
)

func TestTheClockOfABook(t *testing.T) {
	b, log := NewBook(), chronicle{}
	if p := b.Last(at); p != 0 {
		t.Fatalf("position %d of an empty log", p)
	}
	rng, now := rand.New(rand.NewPCG(3, 4)), at
	for range 1000 {
		now = now.Add(time.Duration(rng.IntN(5)-1) * time.Millisecond) // clocks of several servers
		if err := b.Apply(log.add(hung{acme, domain.TenantLevel, ""}, now)); err != nil {
			t.Fatal(err)
		}
	}
	for range 500 {
		when := at.Add(time.Duration(rng.IntN(2000)-100) * time.Millisecond)
		want, latest := uint64(0), time.Time{}
		for _, r := range log {
			if r.Meta.At.After(latest) {
				latest = r.Meta.At
			}
			if latest.After(when) {
				break
			}
			want = r.Position
		}
		if got := b.Last(when); got != want {
			t.Fatalf("at %v it was %d, want %d", when, got, want)
		}
		if want != 0 && b.When(want).After(when) {
			t.Fatalf("%d was at %v, after %v", want, b.When(want), when)
		}
	}
}

// dated is a book to which events have happened at some times.
func dated(t interface{ Fatal(...any) }, times ...time.Time) (*Book, chronicle) {
	b, log := NewBook(), chronicle{}
	for _, when := range times {
		if err := b.Apply(log.add(hung{acme, domain.TenantLevel, ""}, when)); err != nil {
			t.Fatal(err)
		}
	}
	return b, log
}

// An event whose time is wrong by far does not hold the clock, and does not change
// when others were.
func TestAnEventThatIsWrongByYears(t *testing.T) {
	const hour, day, years = time.Hour, 24 * time.Hour, 24 * time.Hour * 10_000
	for name, c := range map[string]struct {
		events, when []time.Duration // that they are dated, and that they count as having been, after the beginning
	}{
		"none":                              {[]time.Duration{0, hour, 2 * hour}, []time.Duration{0, hour, 2 * hour}},
		"a day ahead, which may be skew":    {[]time.Duration{0, day, hour}, []time.Duration{0, day, day}},
		"a pause":                           {[]time.Duration{0, years, years + hour}, []time.Duration{0, years, years + hour}},
		"ahead, and nothing after it":       {[]time.Duration{0, years}, []time.Duration{0, years}},
		"ahead":                             {[]time.Duration{0, years, hour, 2 * hour}, []time.Duration{0, hour, hour, 2 * hour}},
		"ahead, and a pause":                {[]time.Duration{0, years, 30 * day, 31 * day}, []time.Duration{0, 30 * day, 30 * day, 31 * day}},
		"ahead, the first of all":           {[]time.Duration{years, hour, 2 * hour}, []time.Duration{hour, hour, 2 * hour}},
		"two ahead":                         {[]time.Duration{0, years, years, hour, 2 * hour}, []time.Duration{0, 2 * hour, 2 * hour, 2 * hour, 2 * hour}},
		"two ahead, and one that says so":   {[]time.Duration{0, years, years, hour}, []time.Duration{0, years, years, years}},
		"one ahead again and again":         {[]time.Duration{0, years, hour, years, 2 * hour}, []time.Duration{0, hour, hour, 2 * hour, 2 * hour}},
		"two ahead, doubted not in a row":   {[]time.Duration{0, years, years, hour, years, 2 * hour}, []time.Duration{0, years, years, years, years, years}},
		"far behind":                        {[]time.Duration{0, hour, -years, 2 * hour}, []time.Duration{0, hour, hour, 2 * hour}},
		"two far behind":                    {[]time.Duration{0, hour, 2 * hour, -years, -years, 3 * hour}, []time.Duration{0, hour, 2 * hour, 2 * hour, 2 * hour, 3 * hour}},
		"ahead, and then one that's behind": {[]time.Duration{0, hour, years, -years, 2 * hour, 3 * hour}, []time.Duration{0, hour, 2 * hour, 2 * hour, 2 * hour, 3 * hour}},
	} {
		t.Run(name, func(t *testing.T) {
			var times []time.Time
			for _, d := range c.events {
				times = append(times, at.Add(d))
			}
			b, log := dated(t, times...)
			for i, r := range log {
				if got, want := b.When(r.Position), at.Add(c.when[i]); !got.Equal(want) {
					t.Errorf("number %d was at %v, want %v", i, got, want)
				}
				want := r.Position
				for j := i; j < len(log) && c.when[j] == c.when[i]; j++ {
					want = log[j].Position
				}
				if got := b.Last(at.Add(c.when[i])); got != want {
					t.Errorf("at the time of number %d it was %d, want %d", i, got, want)
				}
			}
		})
	}
}

// However many events are wrong, as many that are right put the clock right.
func TestTheClockStandsStillForAWhile(t *testing.T) {
	for _, wrong := range []int{1, 63, 255, 256, 257} {
		var times []time.Time
		for n := range 300 + 2*wrong {
			when := at.Add(time.Duration(n) * time.Second)
			if 300 <= n && n < 300+wrong {
				when = when.AddDate(50, 0, 0)
			}
			times = append(times, when)
		}
		b, log := dated(t, times...)
		for n, r := range log {
			got := b.Last(times[n])
			switch {
			case n < 300 && got != r.Position:
				t.Fatalf("%d wrong: number %d is not the last at its own time, but %d", wrong, n, got)
			case n == len(log)-1 && got != r.Position:
				t.Fatalf("%d wrong: the clock stands still", wrong)
			}
		}
	}
}

func TestBothWaysOfAClockAgree(t *testing.T) {
	steps := rapid.SampledFrom([]time.Duration{0, 0, time.Second, time.Second, -time.Second, time.Hour, 30 * time.Hour, -30 * time.Hour, 9000 * time.Hour, -9000 * time.Hour})
	rapid.Check(t, func(t *rapid.T) {
		now, times := at, []time.Time{}
		for range rapid.IntRange(1, 600).Draw(t, "events") {
			d := steps.Draw(t, "step")
			times = append(times, now.Add(d))
			if rapid.Bool().Draw(t, "for good") {
				now = now.Add(d)
			}
		}
		b, log := dated(t, times...)
		was := time.Time{}
		for _, r := range log {
			when := b.When(r.Position)
			if when.Before(was) {
				t.Fatalf("%d was before what it follows", r.Position)
			}
			was = when
			if last := b.Last(when); last < r.Position || !b.When(last).Equal(when) {
				t.Fatalf("%d was at %v, and the last then was %d", r.Position, when, last)
			}
			if last := b.Last(when.Add(-time.Millisecond)); last >= r.Position {
				t.Fatalf("%d was at %v, and before that already", r.Position, when)
			}
			if between := b.When(r.Position + 1); !between.Equal(when) {
				t.Fatalf("%v between %d, which was at %v, and the next", between, r.Position, when)
			}
		}
		position := uint64(0)
		for d := -20_000 * time.Hour; d < 20_000*time.Hour; d += 777 * time.Hour {
			last := b.Last(at.Add(d))
			if last < position || b.When(last).After(at.Add(d)) {
				t.Fatalf("the last at %v was %d", at.Add(d), last)
			}
			position = last
		}
	})
}
