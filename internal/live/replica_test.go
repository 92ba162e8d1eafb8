package live_test

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/eventstore"
	"github.com/reeve-platform/reeve/internal/live"
	"github.com/reeve-platform/reeve/internal/logserver"
)

type Noted struct{ N int }

var vocabulary = domain.NewRegistry(domain.Vocabulary{domain.Define[Noted]("Noted", 1)})

var kek = []byte(strings.Repeat("k", 32))

// A place is a log and a replica of it.
type place struct {
	*testing.T
	dir, addr string
	log       *logserver.Server
	store     *eventstore.Store
}

func newPlace(t *testing.T) *place {
	p := &place{T: t, dir: t.TempDir(), addr: "127.0.0.1:0"}
	p.up()
	return p
}

func (p *place) up() {
	p.Helper()
	log, err := logserver.Open(logserver.Options{Dir: filepath.Join(p.dir, "log"), Addr: p.addr})
	if err != nil {
		p.Fatal(err)
	}
	go func() { _ = log.Serve() }()
	p.log, p.addr = log, log.Addr()
	if p.store, err = eventstore.Open(log.URL(), vocabulary, eventstore.Options{}); err != nil {
		p.Fatal(err)
	}
	p.Cleanup(p.down)
}

func (p *place) down() {
	if p.store != nil {
		_ = p.store.Close()
		_ = p.log.Close()
	}
	p.store = nil
}

func (p *place) options() live.Options {
	return live.Options{
		Path: filepath.Join(p.dir, "replica"), Key: kek, Registry: vocabulary, Logger: slog.New(slog.DiscardHandler),
		Concerns: func(s domain.StreamID) bool { return strings.HasPrefix(string(s), "note-") },
	}
}

func (p *place) open(o live.Options) *live.Replica {
	p.Helper()
	r, err := live.Open(o)
	if err != nil {
		p.Fatal(err)
	}
	return r
}

// write appends n events that matter and as many that do not.
func (p *place) write(stream string, n int) (head uint64) {
	p.Helper()
	for i := range n {
		for _, s := range []string{"note-", "other-"} {
			r, err := p.store.Append(p.Context(), domain.StreamID(s+stream), uint64(i), domain.Meta{Reason: "because", Actor: domain.Actor{ID: "ann"}}, []domain.Proposed{{ID: uuid.New(), Event: Noted{i}}})
			if err != nil {
				p.Fatal(err)
			}
			head = r.Position
		}
	}
	return head
}

// follow is what comes through a replica until a position.
func (p *place) follow(r *live.Replica, log live.Log, until uint64) (events []domain.Recorded, err error) {
	ctx, cancel := context.WithCancel(p.Context())
	defer cancel()
	at := uint64(0)
	for page, err := range r.Through(ctx, log) {
		if err != nil {
			return events, err
		}
		if page.From != at {
			p.Errorf("a page from %d after %d", page.From, at)
		}
		at = page.To
		for _, e := range page.Events {
			if strings.HasPrefix(string(e.Stream), "note-") {
				events = append(events, e)
			}
		}
		if at >= until {
			break
		}
	}
	return events, nil
}

// What was copied is there when the log is not, and the copy goes on where it ended
// when the log is back.
func TestAReplicaStandsInForTheLog(t *testing.T) {
	p := newPlace(t)
	head := p.write("a", 50)
	r := p.open(p.options())
	first, err := p.follow(r, p.store, head)
	if err != nil || len(first) != 50 {
		t.Fatalf("%d events, %v", len(first), err)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}
	away := p.store
	p.down()

	r = p.open(p.options())
	again, err := p.follow(r, away, r.Position())
	if diff := cmp.Diff(first, again); err != nil || diff != "" {
		t.Fatalf("%v\n%s", err, diff)
	}
	if err := r.Close(); err != nil {
		t.Fatal(err)
	}

	p.up()
	head = p.write("b", 20)
	for range 2 { // the second time all of it comes from the file
		r = p.open(p.options())
		all, err := p.follow(r, p.store, head-1) // the last event is none that matters
		if err != nil || len(all) != 70 {
			t.Fatalf("%d events, %v", len(all), err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A file that was copied from another log is begun anew where the log can be asked in
// time. Where it cannot, what the file holds is shown, and the end comes when the log
// is there.
func TestAnotherLogIsNoticed(t *testing.T) {
	p, q := newPlace(t), newPlace(t)
	r := p.copied(p.write("a", 3))
	p.shut(r)
	file, err := os.ReadFile(p.options().Path)
	if err != nil {
		t.Fatal(err)
	}
	for n := range 2 { // an empty log, then one with other events at the same positions
		if n == 1 {
			q.write("a", 3)
		}
		if err := os.WriteFile(p.options().Path, file, 0o600); err != nil {
			t.Fatal(err)
		}
		r = p.open(p.options())
		if events, err := p.follow(r, &late{Store: q.store, fails: 1}, ^uint64(0)); !errors.Is(err, live.ErrForeign) || len(events) != 3 {
			t.Fatalf("%d events, and it ended with %v", len(events), err)
		}
		p.shut(r)
	}
	head := q.write("b", 2)
	r = p.open(p.options())
	if events, err := p.follow(r, q.store, head); err != nil || len(events) != 5 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	p.shut(r)
	r = p.open(p.options())
	if events, err := p.follow(r, q.store, head-1); err != nil || len(events) != 5 {
		t.Fatalf("the new copy: %d events, %v", len(events), err)
	}
	p.shut(r)
}

// A late log is one that cannot be asked about an event for the first few times.
type late struct {
	*eventstore.Store
	fails int
}

func (l *late) At(ctx context.Context, position uint64) (domain.Recorded, error) {
	if l.fails--; l.fails >= 0 {
		return domain.Recorded{}, domain.ErrLogUnavailable
	}
	return l.Store.At(ctx, position)
}

// A log that was put back to an earlier state is another one, also where the last
// fact that matters to the models is older than that: what is written there since
// must not be passed over.
func TestALogThatWasPutBack(t *testing.T) {
	p := newPlace(t)
	p.write("a", 3)
	old := t.TempDir()
	p.down()
	if err := os.CopyFS(old, os.DirFS(filepath.Join(p.dir, "log"))); err != nil {
		t.Fatal(err)
	}
	p.up()
	head := uint64(0)
	for i := range 4 { // nothing that matters
		r, err := p.store.Append(t.Context(), "other-later", uint64(i), domain.Meta{}, []domain.Proposed{{ID: uuid.New(), Event: Noted{i}}})
		if err != nil {
			t.Fatal(err)
		}
		head = r.Position
	}
	r := p.copied(head)
	r.Confirm(time.Now())
	p.shut(r)
	p.down()
	if err := errors.Join(os.RemoveAll(filepath.Join(p.dir, "log")), os.CopyFS(filepath.Join(p.dir, "log"), os.DirFS(old))); err != nil {
		t.Fatal(err)
	}
	p.up()
	head = p.write("b", 1)
	r = p.open(p.options())
	if events, err := p.follow(r, p.store, head); err != nil || len(events) != 4 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	p.shut(r)
}

// Chunks are bound to each other: one of an earlier life of the file does not fit,
// although its number does.
func TestAChunkOfAnEarlierLife(t *testing.T) {
	p := newPlace(t)
	file := p.options().Path
	read := func() []byte {
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	p.shut(p.copied(p.write("a", 2)))
	one := read()
	p.shut(p.copied(p.write("b", 2)))
	two := read()
	if err := os.WriteFile(file, one, 0o600); err != nil { // as after a crash
		t.Fatal(err)
	}
	head := p.write("c", 2)
	p.shut(p.copied(head))
	p.write("d", 2)
	head = p.write("e", 2)
	p.shut(p.copied(head))
	whole := read()
	end := len(one) + chunkSize(whole[len(one):]) // of the second chunk of the second life
	if err := os.WriteFile(file, append(append([]byte(nil), two...), whole[end:]...), 0o600); err != nil {
		t.Fatal(err)
	}
	r := p.open(p.options())
	if events, err := p.follow(r, p.store, head-1); err != nil || len(events) != 10 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	p.shut(r)
}

func chunkSize(b []byte) int { return 4 + int(binary.BigEndian.Uint32(b)) }

// What can be read no further once it is open is read from the log.
func TestAReplicaThatBreaks(t *testing.T) {
	p := newPlace(t)
	p.shut(p.copied(p.write("a", 3)))
	head := p.write("b", 3)
	r := p.open(p.options())
	if err := os.Truncate(p.options().Path, 100); err != nil {
		t.Fatal(err)
	}
	if events, err := p.follow(r, p.store, head); err != nil || len(events) != 6 {
		t.Fatalf("%d events, %v", len(events), err)
	}
	p.shut(r)
}

func TestAReplicaIsForOneServer(t *testing.T) {
	p := newPlace(t)
	r := p.open(p.options())
	if _, err := live.Open(p.options()); err == nil || !strings.Contains(err.Error(), p.options().Path) {
		t.Errorf("a second one: %v", err)
	}
	p.shut(r)
	p.shut(p.open(p.options()))
}

// However the file is damaged, what it gives is what was written, in its order, up
// to some point; and what is missing comes from the log.
func TestADamagedReplica(t *testing.T) {
	p := newPlace(t)
	var head uint64
	for n := range 6 { // a chunk each
		head = p.write(fmt.Sprint("s", n), 4)
		r := p.open(p.options())
		if _, err := p.follow(r, p.store, head); err != nil {
			t.Fatal(err)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
	whole, err := os.ReadFile(p.options().Path)
	if err != nil {
		t.Fatal(err)
	}
	r := p.open(p.options())
	want, err := p.follow(r, p.store, r.Position())
	if err != nil || len(want) != 24 {
		t.Fatalf("%d events, %v", len(want), err)
	}
	_ = r.Close()
	rng := rand.New(rand.NewPCG(7, 8))
	for n := range 150 {
		spoiled := append([]byte(nil), whole...)
		at := rng.IntN(len(whole))
		switch n % 3 {
		case 0:
			spoiled = spoiled[:at]
		case 1:
			spoiled[at] ^= 1 << rng.IntN(8)
		case 2:
			spoiled = append(spoiled[:at], whole[min(len(whole), at+rng.IntN(300)):]...)
		}
		if err := os.WriteFile(p.options().Path, spoiled, 0o600); err != nil {
			t.Fatal(err)
		}
		r := p.open(p.options())
		kept := r.Position()
		got, err := p.follow(r, p.store, head-1)
		if diff := cmp.Diff(want, got); err != nil || diff != "" {
			t.Fatalf("damage %d at %d, of which %d was kept: %v\n%s", n, at, kept, err, diff)
		}
		if err := r.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// A replica under another key is begun anew; nothing of the old one is shown.
func TestAReplicaOpensWithItsKeyOnly(t *testing.T) {
	p := newPlace(t)
	head := p.write("a", 5)
	r := p.open(p.options())
	if _, err := p.follow(r, p.store, head); err != nil {
		t.Fatal(err)
	}
	_ = r.Close()
	file, err := os.ReadFile(p.options().Path)
	if err != nil || strings.Contains(string(file), "Noted") {
		t.Fatalf("%v, or it can be read by anybody", err)
	}
	o := p.options()
	o.Key = []byte(strings.Repeat("x", 32))
	r = p.open(o)
	if r.Position() != 0 {
		t.Fatalf("it reaches %d", r.Position())
	}
	_ = r.Close()
}
