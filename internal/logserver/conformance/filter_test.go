package conformance

import (
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

func byStream(prefixes ...string) *esdb.SubscriptionFilter {
	return &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Prefixes: prefixes}
}

func byStreamLike(regex string) *esdb.SubscriptionFilter {
	return &esdb.SubscriptionFilter{Type: esdb.StreamFilterType, Regex: regex}
}

func byType(prefixes ...string) *esdb.SubscriptionFilter {
	return &esdb.SubscriptionFilter{Type: esdb.EventFilterType, Prefixes: prefixes}
}

func TestFiltersChooseByStreamAndByType(t *testing.T) {
	w := start(t)
	from := w.anchor()
	w.append(w.name("a"), esdb.Any{}, events(0, 2)...)
	w.describe(w.name("a"), func(m *esdb.StreamMetadata) { m.SetMaxCount(1) })
	w.append(w.name("b"), esdb.Any{}, event(0))
	end := w.name("end")
	w.append(end, esdb.Any{}, esdb.EventData{EventID: id(9), EventType: "$metaphor"})
	cases := []struct {
		name   string
		filter *esdb.SubscriptionFilter
		want   []string
	}{
		{"none", nil, []string{"a/0", "a/1", "$$a/0", "b/0", "end/0"}},
		{"streams by prefixes", byStream(w.name("b"), "$$"), []string{"$$a/0", "b/0"}},
		{"streams by expression, anywhere in the name", byStreamLike("a" + w.tag), []string{"a/0", "a/1", "$$a/0"}},
		{"streams by expression, anchored", byStreamLike("^a" + w.tag), []string{"a/0", "a/1"}},
		{"streams by alternatives", byStreamLike("^(b|end)" + w.tag), []string{"b/0", "end/0"}},
		{"types by prefix", byType("$meta"), []string{"$$a/0", "end/0"}},
		{"types by expression", &esdb.SubscriptionFilter{Type: esdb.EventFilterType, Regex: "ounte"}, []string{"a/0", "a/1", "b/0"}},
		{"without system events", esdb.ExcludeSystemEventsFilter(), []string{"a/0", "a/1", "b/0"}},
		{"case matters", byType("counted"), nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := w.within(t)
			var got []string
			for _, s := range w.hear(w.followAll(esdb.SubscribeToAllOptions{From: from, Filter: c.filter}), "caught up") {
				if strings.Contains(s, "/") {
					got = append(got, s)
				}
			}
			w.same("", c.want, got)
		})
	}
}

func TestFilteredSubscriptionGoesLive(t *testing.T) {
	w := start(t)
	sub := w.followAll(esdb.SubscribeToAllOptions{From: esdb.End{}, Filter: byStream(w.name("a"))})
	w.hear(sub, "caught up")
	w.append(w.name("b"), esdb.Any{}, events(0, 3)...)
	w.append(w.name("a"), esdb.Any{}, events(0, 2)...)
	w.same("", []string{"a/0", "a/1"}, w.hear(sub, "a/1"))
}

func TestNoCheckpointsWithoutAFilter(t *testing.T) {
	w := start(t)
	from := w.anchor()
	sub := w.followAll(esdb.SubscribeToAllOptions{From: from, MaxSearchWindow: 1, CheckpointInterval: 1})
	w.append(w.name("s"), esdb.Any{}, events(0, 100)...)
	for _, s := range w.hear(sub, "s/99") {
		if s == "checkpoint" {
			t.Fatal("a checkpoint")
		}
	}
}

// checkpoints receives them until one is at or behind a position, and holds them
// to growing. Every event must match the filter, if any does.
func (w *world) checkpoints(sub *esdb.Subscription, until esdb.Position) (all []uint64) {
	w.Helper()
	var last uint64
	for {
		e := sub.Recv()
		switch {
		case e.SubscriptionDropped != nil:
			w.Fatal(e.SubscriptionDropped.Error)
		case e.EventAppeared != nil:
			if p := e.EventAppeared.OriginalEvent().Position.Commit; p < last {
				w.Errorf("an event at %d behind the checkpoint %d", p, last)
			}
		case e.CheckPointReached != nil:
			p := e.CheckPointReached.Commit
			if p <= last || e.CheckPointReached.Prepare > p {
				w.Errorf("checkpoint %+v follows %d", e.CheckPointReached, last)
			}
			last = p
			all = append(all, p)
			if p >= until.Commit {
				return all
			}
		}
	}
}

// They are paced by the events considered, chosen or not, and say how far the
// server has looked: never beyond what there is.
func TestCheckpointsArePacedByWhatIsConsidered(t *testing.T) {
	const total = 300
	cases := []struct {
		name             string
		window, interval int
	}{{"each ten", 10, 1}, {"each twenty", 10, 2}, {"each two", 1, 2}, {"by default", 0, 0}}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := start(t)
			from := w.anchor()
			last := at(w.append(w.name("s"), esdb.Any{}, events(0, total)...))
			sub := w.followAll(esdb.SubscribeToAllOptions{From: from, Filter: byStream("none" + w.tag), MaxSearchWindow: c.window, CheckpointInterval: c.interval})
			all := w.checkpoints(sub, last)
			pace := max(c.window*c.interval, 1)
			if c.window == 0 {
				pace = 32
			}
			if len(all) < total/pace || len(all) > 2*total/pace+2 || all[0] <= from.Commit { // somebody else may write, too
				t.Errorf("%d checkpoints from %d, want one for each %d of %d events", len(all), all[0], pace, total)
			}
			end := w.anchor()
			if all[len(all)-1] >= end.Commit {
				t.Errorf("checkpoint %d is beyond the end, %d", all[len(all)-1], end.Commit)
			}
		})
	}
}

// Whoever waits for something rare learns while living, too, how far the log is.
func TestCheckpointsComeWhileNothingMatches(t *testing.T) {
	w := start(t)
	w.anchor()
	sub := w.followAll(esdb.SubscribeToAllOptions{From: esdb.End{}, Filter: byStream("none" + w.tag), MaxSearchWindow: 10, CheckpointInterval: 1})
	w.hear(sub, "caught up")
	for n := range 4 {
		r := w.append(w.name("s"), esdb.Any{}, events(100*n, 20)...)
		all := w.checkpoints(sub, esdb.Position{Commit: r.CommitPosition - 10})
		if all[len(all)-1] > r.CommitPosition {
			t.Errorf("checkpoint %d is beyond %d", all[len(all)-1], r.CommitPosition)
		}
	}
}

// Who goes on from a checkpoint misses nothing and gets nothing again.
func TestSubscriptionGoesOnFromACheckpoint(t *testing.T) {
	w := start(t)
	from := w.anchor()
	for n := range 50 {
		w.append(w.name("a"), esdb.Any{}, event(n))
		w.append(w.name("noise"), esdb.Any{}, events(100*n, 9)...)
	}
	next := uint64(0)
	for p, rounds := from, 0; next < 50; rounds++ {
		if rounds > 200 {
			t.Fatal("no progress")
		}
		sub := w.followAll(esdb.SubscribeToAllOptions{From: p, Filter: byStream(w.name("a")), MaxSearchWindow: 25, CheckpointInterval: 1})
		for e := sub.Recv(); ; e = sub.Recv() {
			if e.SubscriptionDropped != nil {
				t.Fatal(e.SubscriptionDropped.Error)
			}
			if e.EventAppeared != nil {
				if n := e.EventAppeared.OriginalEvent().EventNumber; n != next {
					t.Fatalf("got %d, want %d", n, next)
				}
				next++
			}
			if e.CheckPointReached != nil {
				p = *e.CheckPointReached
				break
			}
		}
		_ = sub.Close()
	}
}

func TestMultiplierOfZeroIsRefused(t *testing.T) {
	w := start(t)
	_, err := w.receive(request("", func(o *readOptions) { ofAll(o); subscribed(o); filtered(o, "x", 0) }))
	if c := status.Code(err); c != codes.Unknown && c != codes.InvalidArgument {
		t.Error(err)
	}
}

// RE2 knows no look-ahead. What it does not know is refused, not misunderstood.
func TestExpressionThatIsNotRE2IsRefused(t *testing.T) {
	w := start(t)
	for _, regex := range []string{"(?!x)", "(", `\1`} {
		_, err := w.receive(request("", func(o *readOptions) { ofAll(o); subscribed(o); filtered(o, regex, 1) }))
		w.wantStatus(err, codes.InvalidArgument)
	}
}

// Expressions that take a backtracking engine for ever take this one no time.
func TestCatastrophicExpression(t *testing.T) {
	w := start(t)
	from := w.anchor()
	name := w.name(strings.Repeat("a", 400) + "!")
	for n := range 50 {
		w.append(name, esdb.Any{}, event(n))
	}
	last := w.append(w.name("end"), esdb.Any{}, event(0))
	for _, regex := range []string{`^(a+)+$`, `^(a|aa)+$`, `^(.*a){25}$`} {
		sub := w.followAll(esdb.SubscribeToAllOptions{From: from, Filter: byStreamLike(regex), MaxSearchWindow: 1, CheckpointInterval: 1})
		w.checkpoints(sub, at(last))
	}
}

// Older clients leave the window to the server, which takes 32 events.
func TestWindowIsTheServersOwn(t *testing.T) {
	w := start(t)
	from := w.anchor()
	w.append(w.name("s"), esdb.Any{}, events(0, 200)...)
	call, err := w.stub().Read(w.ctx, request("", func(o *readOptions) {
		ofAllFrom(o, from.Commit, from.Prepare)
		subscribed(o)
		filtered(o, "None"+w.tag, 1)
		o.GetFilter().Window = &streams.ReadReq_Options_FilterOptions_Count{Count: &shared.Empty{}}
	}))
	w.must(err)
	checkpoints := 0
	for {
		m, err := call.Recv()
		w.must(err)
		if m.GetCheckpoint() != nil {
			checkpoints++
		}
		if m.GetCaughtUp() != nil {
			break
		}
	}
	if checkpoints < 200/32 {
		t.Errorf("%d checkpoints for 200 events", checkpoints)
	}
}

func TestFiltersThatSayNothingAreRefused(t *testing.T) {
	w := start(t)
	type options = streams.ReadReq_Options_FilterOptions
	type expression = streams.ReadReq_Options_FilterOptions_Expression
	for name, change := range map[string]func(*options){
		"no window":      func(o *options) { o.Window = nil },
		"window of zero": func(o *options) { o.Window = &streams.ReadReq_Options_FilterOptions_Max{} },
		"no subject":     func(o *options) { o.Filter = nil },
		"no expression": func(o *options) {
			o.Filter = &streams.ReadReq_Options_FilterOptions_EventType{EventType: &expression{}}
		},
		"two expressions": func(o *options) {
			o.Filter = &streams.ReadReq_Options_FilterOptions_EventType{EventType: &expression{Regex: "x", Prefix: []string{"x"}}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := w.within(t)
			_, err := w.receive(request("", func(o *readOptions) { ofAll(o); subscribed(o); filtered(o, "x", 1); change(o.GetFilter()) }))
			w.wantStatus(err, codes.InvalidArgument)
		})
	}
}
