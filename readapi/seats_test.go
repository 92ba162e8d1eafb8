package readapi_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/readapi"
)

// room is for streams of principals that are named after integrator and node, as in
// "north/acme/ann"; who is named otherwise belongs to the platform.
func room(most int) *readapi.Streams {
	s := readapi.NewStreams(nil, most, nil, nil, nil)
	s.Belongs = func(who string) (node, integrator domain.NodeID) {
		if p := strings.Split(who, "/"); len(p) == 3 {
			return domain.NodeID(p[1]), domain.NodeID(p[0])
		}
		return "", ""
	}
	return s
}

// Streams are open as long as nobody has a better right to their room.
func TestRoomIsShared(t *testing.T) {
	ctx := context.Background()
	for name, c := range map[string]struct {
		before []string // who come first
		comes  string
		loses  []int // one of them; nobody if whoever comes is refused
	}{
		"somebody else":                    {[]string{"n/a/1", "n/a/1", "n/a/1", "n/a/1"}, "s/b/1", []int{3}},
		"another of the integrator":        {[]string{"n/a/1", "n/a/1", "n/a/1", "n/a/1"}, "n/b/1", []int{3}},
		"another of the node":              {[]string{"n/a/1", "n/a/1", "n/a/1", "n/a/1"}, "n/a/2", []int{3}},
		"the same":                         {[]string{"n/a/1", "n/a/1", "n/a/1", "n/a/1"}, "n/a/1", nil},
		"two principals":                   {[]string{"n/a/1", "n/a/1", "s/b/1", "s/b/1"}, "w/c/1", []int{1, 3}},
		"many of one integrator":           {[]string{"s/b/1", "n/a/1", "n/b/1", "n/c/1"}, "s/b/2", []int{1, 2, 3}},
		"many of one node":                 {[]string{"n/b/1", "n/a/1", "n/a/2", "n/a/3"}, "n/b/1", []int{1, 2, 3}},
		"who has as much":                  {[]string{"n/a/1", "n/a/1", "s/b/1", "s/b/1"}, "s/b/1", nil},
		"who has as much, within":          {[]string{"n/a/1", "n/a/1", "s/b/1", "s/b/1"}, "s/b/2", []int{3}},
		"each has one":                     {[]string{"n/a/1", "s/a/1", "w/a/1", "e/a/1"}, "m/a/1", nil},
		"of the platform, each for itself": {[]string{"n/a/1", "n/a/1", "ann", "bob"}, "cy", []int{1}},
		"the largest gives":                {[]string{"n/a/1", "n/b/1", "n/b/1", "ann"}, "bob", []int{2}},
	} {
		s := room(len(c.before))
		held := make([]context.Context, len(c.before))
		for i, who := range c.before {
			var ok bool
			if held[i], _, ok = s.Enter(ctx, who); !ok {
				t.Fatalf("%s: no room for the %dth", name, i)
			}
		}
		_, _, ok := s.Enter(ctx, c.comes)
		var lost []int
		for i := range held {
			if held[i].Err() != nil {
				lost = append(lost, i)
			}
		}
		if ok != (len(c.loses) > 0) || len(lost) != min(len(c.loses), 1) || ok && !slices.Contains(c.loses, lost[0]) {
			t.Errorf("%s: let in: %v, and %v end", name, ok, lost)
		}
	}
}

// However many come and go, there is never more than there is room for, and nobody is
// refused who has less than somebody else.
func TestRoomIsFair(t *testing.T) {
	whose := []string{"n/a/1", "n/a/2", "n/b/1", "s/a/1", "s/c/1", "w/d/1", "ann"}
	rapid.Check(t, func(t *rapid.T) {
		most := rapid.IntRange(1, 8).Draw(t, "most")
		s := room(most)
		type stream struct {
			who   string
			held  context.Context
			leave func()
		}
		var all []stream
		open := func(of func(string) bool) (n int) {
			for _, o := range all {
				if o.held.Err() == nil && of(o.who) {
					n++
				}
			}
			return n
		}
		house := func(who string) string { h, _, _ := strings.Cut(who, "/"); return h }
		for range rapid.IntRange(0, 40).Draw(t, "steps") {
			if len(all) > 0 && rapid.IntRange(0, 3).Draw(t, "goes") == 0 {
				all[rapid.IntRange(0, len(all)-1).Draw(t, "which")].leave() // perhaps for the second time
				continue
			}
			who := rapid.SampledFrom(whose).Draw(t, "who")
			had := open(func(o string) bool { return house(o) == house(who) })
			full := open(func(string) bool { return true }) == most
			held, leave, ok := s.Enter(context.Background(), who)
			if ok {
				all = append(all, stream{who, held, leave})
			}
			if now := open(func(string) bool { return true }); now > most || !full && !ok || full && now != most {
				t.Fatalf("%d of %d are open; let in: %v", now, most, ok)
			}
			for _, o := range whose {
				if has := open(func(p string) bool { return house(p) == house(o) }); !ok && has > had+1 {
					t.Fatalf("%s was refused with %d, and %s has %d", who, had, o, has)
				}
			}
		}
		for _, o := range all {
			o.leave()
		}
		for i := range most {
			if _, _, ok := s.Enter(context.Background(), "n/a/1"); !ok {
				t.Fatalf("all have left, and there is room for %d of %d", i, most)
			}
		}
	})
}
