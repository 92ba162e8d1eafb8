package live_test

import (
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/internal/live"
)

// copied is a replica that has read the log to its head.
func (p *place) copied(head uint64) *live.Replica {
	p.Helper()
	r := p.open(p.options())
	if _, err := p.follow(r, p.store, head); err != nil {
		p.Fatal(err)
	}
	return r
}

// Nobody is told that a log is the one that was copied before that is known.
func TestALogIsRecognised(t *testing.T) {
	p, q := newPlace(t), newPlace(t)
	r := p.copied(p.write("a", 3))
	if !recognised(r) {
		t.Error("the first log is not recognised")
	}
	p.shut(r)
	r = p.open(p.options())
	if _, err := p.follow(r, p.store, r.Position()); err != nil || recognised(r) {
		t.Errorf("%v, or a log was recognised that nobody has asked", err)
	}
	p.shut(r)
	q.write("a", 3)
	r = p.open(p.options())
	if _, err := p.follow(r, &late{Store: q.store, fails: 1}, ^uint64(0)); !errors.Is(err, live.ErrForeign) || recognised(r) {
		t.Errorf("it ended with %v, or another log was recognised", err)
	}
	p.shut(r)
	r = p.copied(p.write("b", 3))
	if !recognised(r) {
		t.Error("the log of the copy is not recognised")
	}
	p.shut(r)
}

func recognised(r *live.Replica) bool {
	select {
	case <-r.Recognised():
		return true
	default:
		return false
	}
}

func (p *place) shut(r *live.Replica) {
	p.Helper()
	if err := r.Close(); err != nil {
		p.Fatal(err)
	}
}

func (p *place) size() int64 {
	p.Helper()
	info, err := os.Stat(p.options().Path)
	if err != nil {
		p.Fatal(err)
	}
	return info.Size()
}

// A replica remembers until when it held everything, however old what it holds is,
// and takes no room for it.
func TestAReplicaKnowsHowOldItIs(t *testing.T) {
	p := newPlace(t)
	first := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := p.copied(p.write("a", 3))
	if !r.AsOf().IsZero() {
		t.Errorf("nobody has said that it is complete, but it is as of %s", r.AsOf())
	}
	p.shut(r)
	if r = p.open(p.options()); !r.AsOf().IsZero() {
		t.Errorf("what was copied some time is as of %s", r.AsOf())
	}
	r.Confirm(first)
	p.shut(r)
	size := p.size()
	for n := range 5 {
		r = p.open(p.options())
		if at := r.AsOf(); !at.Equal(first.Add(time.Duration(n) * time.Hour)) {
			t.Errorf("the %dth time it is as of %s", n, at)
		}
		r.Confirm(first.AddDate(1, 0, 0)) // on a clock that was wrong
		r.Confirm(first.Add(time.Duration(n+1) * time.Hour))
		p.shut(r)
	}
	if grown := p.size() - size; grown > 8 { // the same instant is a few bytes shorter or longer packed
		t.Errorf("it has grown by %d bytes", grown)
	}
	head := p.write("b", 3)
	r = p.copied(head)
	r.Confirm(first.Add(48 * time.Hour))
	p.shut(r)
	r = p.open(p.options())
	if all, err := p.follow(r, p.store, head-1); err != nil || len(all) != 6 || !r.AsOf().Equal(first.Add(48*time.Hour)) {
		t.Errorf("%d events as of %s, %v", len(all), r.AsOf(), err)
	}
	p.shut(r)
}

// Where a replica has lost its end, it is as old as what is left of it.
func TestADamagedReplicaIsOlder(t *testing.T) {
	p := newPlace(t)
	day := time.Date(2026, 1, 2, 0, 0, 0, 0, time.UTC)
	sizes, ages := []int64{0}, []time.Time{{}}
	for n := range 4 {
		r := p.copied(p.write(strings.Repeat("s", n+1), 2))
		r.Confirm(day.AddDate(0, 0, n))
		p.shut(r)
		sizes, ages = append(sizes, p.size()), append(ages, day.AddDate(0, 0, n))
	}
	whole, err := os.ReadFile(p.options().Path)
	if err != nil {
		t.Fatal(err)
	}
	for cut := range whole {
		if err := os.WriteFile(p.options().Path, whole[:cut], 0o600); err != nil {
			t.Fatal(err)
		}
		r := p.open(p.options())
		for n, size := range sizes {
			if int64(cut) < size && r.AsOf().After(ages[max(n-1, 0)]) {
				t.Errorf("cut at %d it is as of %s", cut, r.AsOf())
			}
		}
		p.shut(r)
	}
}
