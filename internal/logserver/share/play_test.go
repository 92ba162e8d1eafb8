package share_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/internal/logserver/share"
)

// A play drives a group at random and keeps its own account of every event.
type play struct {
	group     *share.Group
	now       time.Time
	next      int64
	holder    map[int64]*share.Consumer
	fate      map[int64]string // settled ones
	consumers []*share.Consumer
}

func TestEveryEventIsAccountedFor(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s := settings
		s.Strategy = rapid.SampledFrom([]share.Strategy{
			share.RoundRobin, share.DispatchToSingle, share.Pinned, share.PinnedByCorrelation}).Draw(t, "strategy")
		p := &play{group: share.New(s, -1, 0, dawn), now: dawn, holder: map[int64]*share.Consumer{}, fate: map[int64]string{}}
		t.Repeat(map[string]func(*rapid.T){
			"offer": p.offer, "join": p.join, "leave": p.leave, "dispatch": p.dispatch,
			"answer": p.answer, "wait": p.wait, "write": p.write, "": p.check,
		})
		p.finish(t)
	})
}

func (p *play) offer(t *rapid.T) {
	for n := rapid.IntRange(0, p.group.Room()).Draw(t, "events"); n > 0; n-- {
		if rapid.IntRange(0, 4).Draw(t, "skip") == 0 {
			p.group.Skip(p.next, true)
			p.fate[p.next] = "skipped"
		} else {
			p.group.Offer(message(p.next))
		}
		p.next++
	}
}

func (p *play) join(t *rapid.T) {
	if len(p.consumers) < 4 {
		p.consumers = append(p.consumers, join(t, p.group, rapid.IntRange(1, 5).Draw(t, "limit")))
	}
}

func (p *play) one(t *rapid.T) int {
	if len(p.consumers) == 0 {
		p.join(t)
	}
	return rapid.IntRange(0, len(p.consumers)-1).Draw(t, "consumer")
}

func (p *play) leave(t *rapid.T) {
	i := p.one(t)
	p.group.Leave(p.consumers[i])
	maps.DeleteFunc(p.holder, func(_ int64, c *share.Consumer) bool { return c == p.consumers[i] })
	p.consumers = slices.Delete(p.consumers, i, i+1)
}

func (p *play) dispatch(t *rapid.T) {
	for _, d := range p.group.Dispatch(p.now, nil) {
		if p.holder[d.Place] != nil || p.fate[d.Place] != "" {
			t.Fatalf("%d was sent although it is with somebody, or %s", d.Place, p.fate[d.Place])
		}
		p.holder[d.Place] = d.To
	}
}

func (p *play) answer(t *rapid.T) {
	c := p.consumers[p.one(t)]
	place := rapid.Int64Range(0, max(p.next, 1)).Draw(t, "place") // its own or not
	action := rapid.SampledFrom([]share.Action{-1, share.Unknown, share.Park, share.Retry, share.Skip}).Draw(t, "action")
	mine := p.holder[place] == c
	if action < 0 {
		p.group.Ack(c, p.now, id(place))
	} else {
		p.group.Nack(c, action, "", id(place))
	}
	if mine {
		delete(p.holder, place)
		if action < 0 || action == share.Skip {
			p.fate[place] = "settled"
		}
	}
}

func (p *play) wait(*rapid.T) {
	p.now = p.now.Add(settings.Timeout)
	p.group.Expire(p.now)
	clear(p.holder) // all were sent at least that long ago
}

func (p *play) write(t *rapid.T) {
	n := rapid.IntRange(0, len(p.group.Parking())).Draw(t, "written")
	for _, m := range p.group.Parking()[:n] {
		p.fate[m.Place] = "parked"
	}
	p.group.Parked(n)
	if place, due := p.group.Checkpoint(p.now); due {
		p.group.Checkpointed(place, p.now)
	}
}

func (p *play) check(t *rapid.T) {
	settled, _ := p.group.Checkpoint(p.now)
	for place := range settled + 1 {
		if p.fate[place] == "" {
			t.Fatalf("settled up to %d, but %d is not", settled, place)
		}
	}
	load := p.group.Load()
	if got, want := load.Fresh+load.Again+load.Parking+load.InFlight, int(p.next)-len(p.fate); got != want {
		t.Fatalf("%d under way, want %d: %+v", got, want, load)
	}
	if load.InFlight != len(p.holder) {
		t.Fatalf("%d in flight, want %d", load.InFlight, len(p.holder))
	}
}

// finish lets one willing consumer work until nothing is left.
func (p *play) finish(t *rapid.T) {
	for _, c := range p.consumers {
		p.group.Leave(c)
	}
	clear(p.holder)
	last := join(t, p.group, 3)
	for len(p.fate) < int(p.next) {
		for _, m := range p.group.Parking() {
			p.fate[m.Place] = "parked"
		}
		p.group.Parked(len(p.group.Parking()))
		all := p.group.Dispatch(p.now, nil)
		for _, d := range all {
			p.group.Ack(last, p.now, d.ID)
			p.fate[d.Place] = "settled"
		}
		if len(all) == 0 && len(p.fate) < int(p.next) {
			t.Fatalf("%d of %d events are lost", int(p.next)-len(p.fate), p.next)
		}
	}
	if place, _ := p.group.Checkpoint(p.now); place != p.next-1 {
		t.Fatalf("settled up to %d of %d", place, p.next-1)
	}
}
