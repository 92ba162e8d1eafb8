package logserver_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// A tally counts which events of a stream were acknowledged.
type tally struct {
	mu   sync.Mutex
	seen map[uint64]int
}

func newTally() *tally { return &tally{seen: map[uint64]int{}} }

func (y *tally) add(revision uint64) {
	y.mu.Lock()
	defer y.mu.Unlock()
	y.seen[revision]++
}

func (y *tally) size() int {
	y.mu.Lock()
	defer y.mu.Unlock()
	return len(y.seen)
}

// work consumes until it is dropped or has acknowledged so many. It counts an
// event before it acknowledges it: what it does is at least once.
func (y *tally) work(ctx context.Context, client *esdb.Client, most int) error {
	sub, err := client.SubscribeToPersistentSubscription(ctx, "s", groupName, esdb.SubscribeToPersistentSubscriptionOptions{BufferSize: 50})
	if err != nil {
		return err
	}
	defer func() { _ = sub.Close() }()
	for range most {
		e := sub.Recv()
		if e.EventAppeared == nil {
			return e.SubscriptionDropped.Error
		}
		y.add(e.EventAppeared.Event.OriginalEvent().EventNumber)
		if err := sub.Ack(e.EventAppeared.Event); err != nil {
			return err
		}
	}
	return nil
}

// patient settings park nothing, however often consumers go.
func patient(s *esdb.PersistentSubscriptionSettings) { s.MaxRetryCount = 1 << 20 }

func TestTwoShareAndOneIsKilledOften(t *testing.T) {
	const total = 10_000
	w := start(t, t.TempDir())
	w.group("s", esdb.Start{}, patient)
	ctx, cancel := context.WithCancel(w.ctx)
	y := newTally()
	var workers sync.WaitGroup
	workers.Go(func() {
		for ctx.Err() == nil {
			_ = y.work(ctx, w.client, total)
		}
	})
	kills := 0
	workers.Go(func() {
		for ; ctx.Err() == nil; kills++ {
			_ = y.work(ctx, w.client, 100)
		}
	})
	for n := 0; n < total; n += 500 {
		w.append("s", esdb.Any{}, events(n, 500)...)
	}
	w.until("all were worked on", func() bool { return y.size() == total })
	w.untilCheckpoint("s", total-1)
	cancel()
	workers.Wait()
	if kills < 5 {
		t.Errorf("killed %d times only", kills)
	}
	if i := w.info("s"); i.Stats.ParkedMessagesCount != 0 {
		t.Errorf("%d are parked", i.Stats.ParkedMessagesCount)
	}
}

func TestGroupSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	w := start(t, dir)
	w.group("s", esdb.Start{}, patient)
	w.append("s", esdb.Any{}, events(0, 30)...)
	sub := w.consume("s", 5)
	w.takes(sub, 2, nacking(sub, esdb.NackActionPark))
	w.takes(sub, 8, acking(sub))
	w.takes(sub, 3, nil)
	w.untilCheckpoint("s", 9)
	before := w.info("s")
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	w = start(t, dir)
	after := w.info("s")
	w.wantSame("settings", before.Settings, after.Settings)
	w.wantSame("parked", int64(2), after.Stats.ParkedMessagesCount)
	w.untilCheckpoint("s", 9)
	sub = w.consume("s", 5)
	w.wantSame("goes on", []string{"s/10 try 0"}, w.takes(sub, 1, nil))
	if err := w.client.ReplayParkedMessages(w.ctx, "s", groupName, esdb.ReplayParkedMessagesOptions{}); err != nil {
		t.Fatal(err)
	}
	seen := map[string]bool{}
	for !seen["s/0 try 0"] || !seen["s/1 try 0"] {
		e := w.next(sub)
		seen[told(e)] = true
		_ = sub.Ack(e.Event)
	}
}

// An unwritten end stays where it was: what came while nobody had read it is
// not lost to a restart.
func TestGroupFromTheEndSurvivesARestart(t *testing.T) {
	dir := t.TempDir()
	w := start(t, dir)
	w.append("s", esdb.Any{}, events(0, 3)...)
	w.group("s", esdb.End{}, nil)
	w.append("s", esdb.Any{}, event(3))
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	w = start(t, dir)
	w.wantSame("", []string{"s/3 try 0"}, w.takes(w.consume("s", 5), 1, nil))
}

func TestGroupSurvivesKills(t *testing.T) {
	const total = 3000
	dir := t.TempDir()
	y := newTally()
	parked := map[uint64]bool{}
	w := start(t, dir)
	w.group("s", esdb.Start{}, patient)
	w.append("s", esdb.Any{}, events(0, total)...)
	if err := w.server.Close(); err != nil {
		t.Fatal(err)
	}
	for round := range 3 {
		workUntilKilled(t, dir, y, parked, total*(round+1)/4)
	}
	w = start(t, dir)
	ctx, cancel := context.WithCancel(w.ctx)
	done := make(chan struct{})
	go func() { defer close(done); _ = y.work(ctx, w.client, 2*total) }()
	w.until("all were worked on", func() bool { return y.size()+missing(parked, y) == total })
	cancel()
	<-done
	links := map[string]bool{}
	for _, e := range w.read("$persistentsubscription-s::workers-parked") {
		links[string(e.Event.Data)] = true
	}
	if missing(parked, y) > len(links) {
		t.Errorf("%d were given to be parked and not seen again, %d are parked", missing(parked, y), len(links))
	}
}

// missing counts those that were parked and never worked on.
func missing(parked map[uint64]bool, y *tally) (count int) {
	y.mu.Lock()
	defer y.mu.Unlock()
	for revision := range parked {
		if y.seen[revision] == 0 {
			count++
		}
	}
	return count
}

// workUntilKilled acknowledges most events and parks some, until so many were
// worked on; then the server process is killed.
func workUntilKilled(t *testing.T, dir string, y *tally, parked map[uint64]bool, enough int) {
	t.Helper()
	cmd, url := spawn(t, childDir, dir)
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	client := connect(t, url)
	sub, err := client.SubscribeToPersistentSubscription(ctx, "s", groupName, esdb.SubscribeToPersistentSubscriptionOptions{BufferSize: 50})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = sub.Close() }()
	for y.size()+missing(parked, y) < enough {
		e := sub.Recv()
		if e.EventAppeared == nil {
			t.Fatal(e.SubscriptionDropped.Error)
		}
		revision := e.EventAppeared.Event.OriginalEvent().EventNumber
		if revision%50 == 7 {
			parked[revision] = true
			err = sub.Nack("", esdb.NackActionPark, e.EventAppeared.Event)
		} else {
			y.add(revision)
			err = sub.Ack(e.EventAppeared.Event)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	_ = cmd.Process.Kill()
	_ = cmd.Wait()
}

// A consumer that stops reading keeps what it holds, and nothing else.
func TestASleepingConsumerHoldsNobodyUp(t *testing.T) {
	w := start(t, t.TempDir())
	w.group("s", esdb.Start{}, func(s *esdb.PersistentSubscriptionSettings) { s.MessageTimeout = 0 })
	asleep := w.consume("s", 20)
	y := newTally()
	ctx, cancel := context.WithTimeout(w.ctx, time.Minute)
	defer cancel()
	done := make(chan struct{})
	go func() { defer close(done); _ = y.work(ctx, w.client, 2000) }()
	for n := 0; n < 1000; n += 100 {
		w.append("s", esdb.Any{}, events(n, 100)...)
	}
	w.until("others have all else", func() bool { return y.size() >= 980 })
	_ = asleep.Close()
	w.until("nothing is lost", func() bool { return y.size() == 1000 })
	cancel()
	<-done
}
