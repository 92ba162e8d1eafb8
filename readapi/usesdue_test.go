package readapi_test

import (
	"context"
	"log/slog"
	"maps"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/readapi"
)

// Nodes whose history cannot be read do not keep others from being recorded.
func TestBrokenNodesHoldUpNoOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := map[domain.NodeID]bool{}
		u := &readapi.Uses{Every: time.Hour, Logger: slog.New(slog.DiscardHandler), Record: func(_ context.Context, use flag.Use) error {
			if strings.HasPrefix(string(use.Node), "broken") {
				return domain.ErrUnreadableEvent
			}
			told[use.Node] = true
			return nil
		}}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); u.Run(ctx) }()
		for n := range 5 {
			u.Note(domain.NodeID("broken"+string('a'+rune(n))), "colour", time.Now())
		}
		for n := range 20 {
			u.Note(domain.NodeID('a'+rune(n)), "colour", time.Now())
		}
		time.Sleep(10 * time.Minute)
		stop()
		<-done
		if len(told) != 20 {
			t.Errorf("%d of 20 others are recorded after ten minutes", len(told))
		}
	})
}

// A server ends in little time, whatever the log does. What records goes on when its
// context ends, as that of the server does.
func TestALastRecordTakesLittleTime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		u := &readapi.Uses{Every: time.Hour, Logger: slog.New(slog.DiscardHandler), Record: func(context.Context, flag.Use) error {
			time.Sleep(100 * time.Millisecond)
			return nil
		}}
		for n := range 1000 {
			u.Note(domain.NodeID(time.Duration(n).String()), "", time.Now())
		}
		began := time.Now()
		_ = u.Flush()
		if took := time.Since(began); took > 4*time.Second {
			t.Errorf("it took %v", took)
		}
	})
}

// Places that nobody evaluates at any more make room for new ones.
func TestPlacesOfThePastMakeRoom(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := map[domain.NodeID]int{}
		u := &readapi.Uses{Every: time.Hour, Logger: slog.New(slog.DiscardHandler), Record: func(_ context.Context, use flag.Use) error {
			told[use.Node]++
			return nil
		}}
		for n := range 1 << 16 {
			u.Note(domain.NodeID(time.Duration(n).String()), "", time.Now())
		}
		for range 66 {
			if err := u.Flush(); err != nil {
				t.Fatal(err)
			}
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); u.Run(ctx) }()
		time.Sleep(24 * time.Hour)
		for range 3 {
			u.Note("new", "", time.Now())
			time.Sleep(time.Minute)
		}
		stop()
		<-done
		if told["new"] == 0 {
			t.Errorf("%d places are told of, and a day later no other can be: %d evaluations are lost", len(told), u.Lost())
		}
	})
}

// Everybody's turn comes, also where it comes often.
func TestNobodyIsPassedOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := map[domain.NodeID]int{}
		u := &readapi.Uses{Every: time.Minute, Logger: slog.New(slog.DiscardHandler), Record: func(_ context.Context, use flag.Use) error {
			told[use.Node]++
			return nil
		}}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); u.Run(ctx) }()
		for range 10 {
			for n := range 6000 {
				u.Note(domain.NodeID(time.Duration(n).String()), "", time.Now())
			}
			time.Sleep(time.Minute)
		}
		stop()
		<-done
		if len(told) != 6000 {
			t.Errorf("within ten minutes %d of 6000 are recorded at all", len(told))
		}
	})
}

// What others depend on is in use.
func TestWhatOthersDependOnIsInUse(t *testing.T) {
	w := painted(t)
	now := time.Now().UTC().Truncate(time.Millisecond)
	w.tell(flag.Stream("base"), flag.Defined{Flag: "base", Definition: flag.Definition{Type: flag.Boolean, Default: raw("true"), Off: raw("false"), Mode: "replace"}}, flag.Activated{Flag: "base"})
	w.tell(flag.Stream("colour"), flag.PrerequisitesSet{Flag: "colour", Prerequisites: []flag.Prerequisite{{Flag: "base", Value: raw("true")}}})
	w.tell(flag.UsageStream(domain.NodeID(north)), flag.Evaluated{Node: domain.NodeID(north), Flag: "colour", Count: 1, First: noon.Add(-90 * 24 * time.Hour), Last: now})
	all := stale(w, readapi.FlagsBy{Stale: true})
	if why, there := all["base"]; there {
		t.Errorf("colour, which is evaluated, depends on it: %s (noon is %v ago)", why, now.Sub(noon))
	}
}

// What was recorded before a start is not due because of it, and what was not is at once,
// also while it takes somebody a while to find out which is which.
func TestAStartRecordsNothingAnew(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began, asked := time.Now(), 0
		told := map[flag.Key]time.Duration{}
		u := &readapi.Uses{Every: time.Hour, Logger: slog.New(slog.DiscardHandler)}
		u.Record = func(_ context.Context, use flag.Use) error {
			told[use.Flag] = time.Since(began).Round(time.Minute)
			return nil
		}
		u.Known = func(_ context.Context, since time.Time) ([]readapi.Used, error) {
			if asked++; asked < 5 {
				return nil, domain.ErrLogUnavailable
			}
			return []readapi.Used{{Node: "north", Flag: "colour", At: since.Add(10 * time.Minute)}, {Node: "north", Flag: "plain", At: since.Add(20 * time.Minute)}}, nil
		}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); u.Run(ctx) }()
		u.Note("north", "colour", time.Now())
		u.Note("north", "new", time.Now())
		time.Sleep(5 * time.Minute)
		u.Note("north", "plain", time.Now())
		time.Sleep(time.Hour)
		stop()
		<-done
		if want := map[flag.Key]time.Duration{"new": 0, "colour": 10 * time.Minute, "plain": 20 * time.Minute}; !maps.Equal(told, want) {
			t.Errorf("recorded after %v, want %v", told, want)
		}
	})
}

// If nobody comes to know what was recorded, it is recorded.
func TestAStartWhereNothingIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		told := 0
		u := &readapi.Uses{Every: time.Hour, Logger: slog.New(slog.DiscardHandler), Record: func(context.Context, flag.Use) error { told++; return nil },
			Known: func(context.Context, time.Time) ([]readapi.Used, error) { return nil, domain.ErrLogUnavailable }}
		ctx, stop := context.WithCancel(t.Context())
		done := make(chan struct{})
		go func() { defer close(done); u.Run(ctx) }()
		u.Note("north", "colour", time.Now())
		time.Sleep(2 * time.Minute)
		stop()
		<-done
		if told != 1 {
			t.Errorf("recorded %d times", told)
		}
	})
}
