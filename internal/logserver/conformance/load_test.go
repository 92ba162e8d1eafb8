package conformance

import (
	"bytes"
	"fmt"
	"os"
	"regexp"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"

	"github.com/reeve-platform/reeve/internal/logserver"
)

// fill appends so many events of a size to a stream, a few at a time.
func (w *world) fill(stream string, count, size int) {
	w.Helper()
	const each = 10
	for count > 0 {
		var all []esdb.EventData
		for range min(each, count) {
			all = append(all, esdb.EventData{EventID: uuid.New(), EventType: "Filled", Data: bytes.Repeat([]byte("x"), size)})
		}
		w.append(stream, esdb.Any{}, all...)
		count -= len(all)
	}
}

// A reader that sleeps through more than the server keeps in memory misses
// nothing, and is told that it has caught up when it has.
func TestSlowConsumerLosesNothingAndCatchesUpAgain(t *testing.T) {
	w := start(t)
	from := w.anchor()
	s := w.name("s")
	subs := []*esdb.Subscription{w.followAll(esdb.SubscribeToAllOptions{From: from}), w.follow(s, esdb.Start{})}
	for _, sub := range subs {
		w.hear(sub, "caught up")
	}
	const count, size = 1000, 40 << 10
	w.fill(s, count, size)
	for _, sub := range subs {
		w.wantEach(sub, count)
		w.same("and then", []string{"caught up"}, w.hear(sub, "caught up"))
	}
	w.append(s, esdb.Any{}, event(0))
	for _, sub := range subs {
		w.same("live", []string{"s/1000"}, w.hear(sub, "s/1000"))
	}
}

var residentLine = regexp.MustCompile(`(?m)^VmRSS:\s+(\d+) kB$`)

// resident is how much memory a process has, in MiB.
func resident(t *testing.T, pid int) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		t.Fatal(err)
	}
	found := residentLine.FindSubmatch(status)
	if found == nil {
		t.Fatalf("no size in %s", status)
	}
	kilobytes, err := strconv.Atoi(string(found[1]))
	if err != nil {
		t.Fatal(err)
	}
	return kilobytes >> 10
}

// grewBy holds the server to a bound on what readers cost it.
func grewBy(t *testing.T, pid, before, atMost int) {
	t.Helper()
	after := resident(t, pid)
	t.Logf("the server has %d MiB, had %d MiB before", after, before)
	if after-before > atMost && !raced {
		t.Errorf("the server grew by %d MiB, at most %d MiB were wanted", after-before, atMost)
	}
}

// A subscriber that stops reading while others write costs the server next to
// nothing, and has missed nothing when it goes on.
func TestSubscriberThatStopsReadingUnderLoad(t *testing.T) {
	w, pid := apart(t, 5*time.Minute)
	s := w.name("s")
	w.fill(w.name("warm"), 1200, 40<<10) // what the server keeps of recent events anyway
	sub := w.follow(s, esdb.Start{})
	w.hear(sub, "caught up")
	before := resident(t, pid)
	count := 0
	asleep := time.Now()
	for count < 2400 || long && time.Since(asleep) < 30*time.Second { // more than the bound, so that a queue shows
		w.fill(s, 100, 40<<10)
		count += 100
	}
	grewBy(t, pid, before, 64)
	t.Logf("it slept through %d MiB in %v", count*40>>10, time.Since(asleep).Round(time.Second))
	w.wantEach(sub, count)
	w.same("and then", []string{"caught up"}, w.hear(sub, "caught up"))
}

// Of fifty subscribers ten do not read. The writer and the others notice nothing,
// the memory of the server is bounded, and who wakes up has missed nothing.
func TestFiftySubscribersOfWhichTenDoNotRead(t *testing.T) {
	w, pid := apart(t, 5*time.Minute)
	s := w.name("s")
	w.fill(w.name("warm"), 1200, 40<<10)
	count := 300
	if long {
		count = 3000
	}
	var asleep, awake []*esdb.Subscription
	for n := range 50 {
		_, w.client = w.connect(w.url) // of their own, so that who sleeps fills no window but its own
		if n%5 == 0 {
			asleep = append(asleep, w.follow(s, esdb.Start{}))
		} else {
			awake = append(awake, w.follow(s, esdb.Start{}))
		}
	}
	before := resident(t, pid)
	var wg sync.WaitGroup
	for _, sub := range awake {
		wg.Go(func() { w.wantEach(sub, count) })
	}
	w.fill(s, count, 40<<10)
	wg.Wait()
	grewBy(t, pid, before, 64)
	for _, sub := range asleep {
		w.wakes(sub, count)
	}
}

// wakes reads what a subscriber slept through: all of it, unless it slept for a
// minute, in the long profile; then it is told why it has been dropped.
func (w *world) wakes(sub *esdb.Subscription, count int) {
	if !long {
		w.wantEach(sub, count)
		return
	}
	for next := uint64(0); next < uint64(count); {
		e := sub.Recv()
		if e.SubscriptionDropped != nil {
			w.wantStatus(e.SubscriptionDropped.Error, codes.ResourceExhausted)
			return
		}
		if e.EventAppeared == nil {
			continue
		}
		w.same("revision", next, e.EventAppeared.OriginalEvent().EventNumber)
		next++
	}
}

// A log of very many streams opens as fast as any: nothing is kept in memory
// for each.
func TestVeryManyStreamsOpenAtOnce(t *testing.T) {
	embeddedOnly(t)
	count := 10_000
	if long {
		count = 100_000
	}
	dir := t.TempDir()
	first := open(t, dir)
	w := visit(t, first.URL(), 5*time.Minute)
	w.appendToEach(count)
	w.must(first.Close())
	begun := time.Now()
	second := open(t, dir)
	t.Logf("%d streams opened in %v", count, time.Since(begun))
	defer second.Close()
	again := visit(t, second.URL(), time.Minute)
	for _, n := range []int{0, count / 2, count - 1} {
		s := fmt.Sprint("many-", n) + w.tag
		again.same(s, []uint64{0}, revisions(again.read(s)))
		again.append(s, esdb.Revision(0), event(1))
	}
}

func open(t *testing.T, dir string) *logserver.Server {
	t.Helper()
	s, err := logserver.Open(logserver.Options{Dir: dir, Addr: "127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = s.Serve() }()
	return s
}

// appendToEach writes one event to each of so many streams, in one call.
func (w *world) appendToEach(count int) {
	w.Helper()
	call, err := w.stub().BatchAppend(w.ctx)
	w.must(err)
	var failed atomic.Int64
	var wg sync.WaitGroup
	wg.Go(func() {
		for range count {
			if answer, err := call.Recv(); err != nil || answer.GetSuccess() == nil {
				failed.Add(1)
			}
		}
	})
	for n := range count {
		o := batchTo(fmt.Sprint("many-", n)+w.tag, nil)
		w.must(call.Send(&batchReq{CorrelationId: &shared.UUID{Value: &shared.UUID_String_{String_: id(n).String()}}, Options: o, ProposedMessages: batchEvents(0, 1), IsFinal: true}))
	}
	wg.Wait()
	w.same("failed", int64(0), failed.Load())
}
