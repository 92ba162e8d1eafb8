package share_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/internal/logserver/share"
)

var (
	dawn     = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	settings = share.Settings{
		Strategy: share.RoundRobin, MaxRetries: 2, Timeout: time.Second, Buffer: 20,
		CheckpointMin: 2, CheckpointMax: 5, CheckpointAfter: time.Second,
	}
)

func id(place int64) (id uuid.UUID) {
	id[0], id[1] = byte(place), byte(place>>8)
	return id
}

func message(place int64) share.Message {
	return share.Message{ID: id(place), Place: place, Bucket: share.Bucket([]byte{byte(place)})}
}

func join(t interface{ Fatal(...any) }, g *share.Group, limit int) *share.Consumer {
	c, err := g.Join(limit)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// filled is a group with some offered events and no consumers.
func filled(s share.Settings, events int64) *share.Group {
	g := share.New(s, -1, 0, dawn)
	for place := range events {
		g.Offer(message(place))
	}
	return g
}

// places are where the deliveries to one consumer stand.
func places(all []share.Delivery, to *share.Consumer) []int64 {
	got := []int64{}
	for _, d := range all {
		if d.To == to {
			got = append(got, d.Place)
		}
	}
	return got
}

func TestStrategies(t *testing.T) {
	cases := []struct {
		strategy      share.Strategy
		first, second []int64
	}{
		{share.RoundRobin, []int64{0, 2, 4}, []int64{1, 3, 5}},
		{share.DispatchToSingle, []int64{0, 1, 2}, []int64{3, 4, 5}},
	}
	for _, c := range cases {
		t.Run(string(c.strategy), func(t *testing.T) {
			s := settings
			s.Strategy = c.strategy
			g := filled(s, 10)
			a, b := join(t, g, 3), join(t, g, 3)
			all := g.Dispatch(dawn, nil)
			if diff := cmp.Diff([][]int64{c.first, c.second}, [][]int64{places(all, a), places(all, b)}); diff != "" {
				t.Error(diff)
			}
			g.Ack(b, dawn, id(c.second[1]))
			if diff := cmp.Diff([]int64{6}, places(g.Dispatch(dawn, nil), b)); diff != "" {
				t.Error("only who answers gets more:", diff)
			}
		})
	}
}

func TestPinned(t *testing.T) {
	s := settings
	s.Strategy, s.Buffer = share.Pinned, 1000
	g := share.New(s, -1, 0, dawn)
	consumers := []*share.Consumer{join(t, g, 1000), join(t, g, 1000), join(t, g, 1000)}
	owner := map[uint32]*share.Consumer{}
	send := func(from int64) (moved int) {
		for place := from; place < from+900; place++ {
			m := message(place)
			m.Bucket = uint32(place % 100)
			g.Offer(m)
		}
		for _, d := range g.Dispatch(dawn, nil) {
			if was := owner[d.Bucket]; was != nil && was != d.To {
				moved++
			}
			owner[d.Bucket] = d.To
			g.Ack(d.To, dawn, d.ID)
		}
		return moved
	}
	if moved := send(0); moved != 0 || len(owner) != 100 {
		t.Errorf("%d of %d events went elsewhere", moved, len(owner))
	}
	for _, c := range consumers {
		if got := c.Figures().Total; got < 100 {
			t.Errorf("a consumer of three got %d of 900", got)
		}
	}
	g.Leave(consumers[0])
	for bucket, c := range owner {
		if c == consumers[0] {
			delete(owner, bucket)
		}
	}
	if moved := send(900); moved != 0 {
		t.Errorf("%d events moved although their consumer stayed", moved)
	}
}

func TestPinnedDoesNotOvertake(t *testing.T) {
	s := settings
	s.Strategy = share.PinnedByCorrelation
	g := filled(s, 0)
	c := join(t, g, 1)
	for place := range int64(3) {
		m := message(place)
		m.Bucket = 7
		g.Offer(m)
	}
	var got []int64
	for range 3 {
		all := g.Dispatch(dawn, nil)
		got = append(got, places(all, c)...)
		g.Ack(c, dawn, all[0].ID)
	}
	if diff := cmp.Diff([]int64{0, 1, 2}, got); diff != "" {
		t.Error(diff)
	}
}

func TestWhatBecomesOfAnEvent(t *testing.T) {
	later := dawn.Add(time.Second)
	cases := []struct {
		name             string
		do               func(*share.Group, *share.Consumer)
		again, parked    int
		settled, retries int64
	}{
		{"acknowledged", func(g *share.Group, c *share.Consumer) { g.Ack(c, later, id(0)) }, 0, 0, 0, 0},
		{"acknowledged twice", func(g *share.Group, c *share.Consumer) { g.Ack(c, later, id(0), id(0)) }, 0, 0, 0, 0},
		{"skipped", func(g *share.Group, c *share.Consumer) { g.Nack(c, share.Skip, "", id(0)) }, 0, 0, 0, 0},
		{"tried again", func(g *share.Group, c *share.Consumer) { g.Nack(c, share.Retry, "", id(0)) }, 1, 0, -1, 1},
		{"left to the group", func(g *share.Group, c *share.Consumer) { g.Nack(c, share.Unknown, "", id(0)) }, 1, 0, -1, 1},
		{"parked", func(g *share.Group, c *share.Consumer) { g.Nack(c, share.Park, "", id(0)) }, 0, 1, -1, 0},
		{"stopped", func(g *share.Group, c *share.Consumer) { g.Nack(c, share.Stop, "", id(0)) }, 0, 0, -1, 0},
		{"not yet late", func(g *share.Group, _ *share.Consumer) { g.Expire(later.Add(-1)) }, 0, 0, -1, 0},
		{"late", func(g *share.Group, _ *share.Consumer) { g.Expire(later) }, 1, 0, -1, 1},
		{"left behind", func(g *share.Group, c *share.Consumer) { g.Leave(c) }, 1, 0, -1, 1},
		{"acknowledged too late", func(g *share.Group, c *share.Consumer) { g.Expire(later); g.Ack(c, later, id(0)) }, 1, 0, -1, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := filled(settings, 1)
			consumer := join(t, g, 1)
			g.Dispatch(dawn, nil)
			c.do(g, consumer)
			place, _ := g.Checkpoint(later)
			load := g.Load()
			if load.Again != c.again || load.Parking != c.parked || place != c.settled {
				t.Errorf("%+v, settled up to %d", load, place)
			}
			other := join(t, g, 1)
			onlyOther := func(c *share.Consumer) int {
				if c == other {
					return 1
				}
				return 0
			}
			for _, d := range g.Dispatch(later, onlyOther) {
				if d.Retries != int(c.retries) {
					t.Errorf("sent again as number %d", d.Retries)
				}
			}
		})
	}
}

func TestTooManyRetriesPark(t *testing.T) {
	g := filled(settings, 1)
	c := join(t, g, 1)
	for n := range settings.MaxRetries + 1 {
		if all := g.Dispatch(dawn, nil); len(all) != 1 || all[0].Retries != n {
			t.Fatalf("round %d: %+v", n, all)
		}
		g.Nack(c, share.Retry, "no", id(0))
	}
	if len(g.Dispatch(dawn, nil)) != 0 || len(g.Parking()) != 1 {
		t.Fatal("not parked")
	}
	if place, _ := g.Checkpoint(dawn); place != -1 {
		t.Error("passed over an event that is not parked yet")
	}
	g.Parked(1)
	if place, _ := g.Checkpoint(dawn); place != 0 || len(g.Parking()) != 0 {
		t.Error("parked, but not settled")
	}
}

func TestSameIDTwice(t *testing.T) {
	g := share.New(settings, -1, 0, dawn)
	g.Offer(share.Message{ID: id(1), Place: 0})
	g.Offer(share.Message{ID: id(1), Place: 1})
	a := join(t, g, 5)
	if got := places(g.Dispatch(dawn, nil), a); len(got) != 1 {
		t.Fatalf("%v with one consumer", got)
	}
	b := join(t, g, 5)
	if diff := cmp.Diff([]int64{1}, places(g.Dispatch(dawn, nil), b)); diff != "" {
		t.Error(diff)
	}
}

func TestNobodyGetsMoreThanItHasSlots(t *testing.T) {
	g := filled(settings, 10)
	join(t, g, 5)
	if got := g.Dispatch(dawn, func(*share.Consumer) int { return 2 }); len(got) != 2 {
		t.Errorf("%d events into two slots", len(got))
	}
}

func TestConsumersAreLimited(t *testing.T) {
	s := settings
	s.MaxConsumers = 1
	g := share.New(s, -1, 0, dawn)
	first := join(t, g, 1)
	if _, err := g.Join(1); err == nil {
		t.Error("a second one came in")
	}
	g.Leave(first)
	join(t, g, 1)
}

func TestCheckpointIsDue(t *testing.T) {
	cases := []struct {
		name    string
		settled int64
		after   time.Duration
		want    bool
	}{
		{"nothing", 0, time.Hour, false},
		{"too few", 1, time.Hour, false},
		{"too soon", 2, time.Second - 1, false},
		{"in time", 2, time.Second, true},
		{"many", 5, 0, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := share.New(settings, -1, 0, dawn)
			for place := range c.settled {
				g.Skip(place, true)
			}
			if _, due := g.Checkpoint(dawn.Add(c.after)); due != c.want {
				t.Errorf("due is %v", due)
			}
		})
	}
}

func TestOwnRecordsCallForNoCheckpoint(t *testing.T) {
	g := share.New(settings, -1, 0, dawn)
	for place := range int64(100) {
		g.Skip(place, false)
	}
	if _, due := g.Checkpoint(dawn.Add(time.Hour)); due {
		t.Error("due")
	}
}

func TestReplayIsNeededUntilSettled(t *testing.T) {
	g := share.New(settings, 9, 3, dawn)
	c := join(t, g, 5)
	for place := int64(3); place < 6; place++ {
		g.Offer(share.Message{ID: id(place), Place: place, Parked: true})
	}
	g.Dispatch(dawn, nil)
	g.Ack(c, dawn, id(4), id(5))
	if g.Replayed() != 3 || !g.Replaying() {
		t.Errorf("needed from %d", g.Replayed())
	}
	g.Nack(c, share.Park, "again", id(3))
	g.Parked(1)
	if g.Replayed() != 6 || g.Replaying() {
		t.Errorf("needed from %d", g.Replayed())
	}
	if place, due := g.Checkpoint(dawn.Add(time.Hour)); place != 9 || due {
		t.Error("a replay moved the checkpoint")
	}
}
