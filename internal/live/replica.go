package live

import (
	"context"
	"crypto/cipher"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"os"
	"sync"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// A Log is what a replica copies.
type Log interface {
	// Prompt yields the log after a position, in order and without gaps, for ever,
	// each event as soon as it is there.
	Prompt(ctx context.Context, from uint64, max int) iter.Seq2[domain.Page, error]
	// At is the event at a position.
	At(ctx context.Context, position uint64) (domain.Recorded, error)
}

// Options are what a replica needs.
type Options struct {
	Path     string
	Key      []byte // key encryption key, of 32 bytes or more
	Registry *domain.Registry
	Concerns func(domain.StreamID) bool // whether the models are made of such a history
	Logger   *slog.Logger
}

// A Replica is a file with the events that models are made of, in the order of the
// log. What it lacks or loses is read from the log again.
type Replica struct {
	Options
	aead cipher.AEAD

	mu      sync.Mutex
	file    *os.File // nil once it is closed or given up
	chunks  uint64   // in the file, that have events
	size    int64    // of them, in bytes
	end     mark     // of the file
	waiting []domain.Recorded
	upTo    uint64    // position that the file reaches with what is waiting
	asOf    time.Time // when there was last known to be nothing more
	told    time.Time // what of that is in the file
	stop    chan struct{}
	done    sync.WaitGroup
}

// A mark is a place in the log: a position, and the last event at or before it
// that is in the file.
type mark struct {
	to    uint64
	at    uint64
	event uuid.UUID
}

const (
	chunkEvents = 4096
	chunkEvery  = time.Second // at most, while there is news
	toldEvery   = 10 * time.Second
)

// ErrForeign: the replica was made of another log.
var ErrForeign = errors.New("the local copy of the log was made of another log; remove it to go on")

// Open opens a replica, or begins one. One that cannot be read to its end, or not
// at all, is cut there: the log is the truth.
func Open(o Options) (*Replica, error) {
	r := &Replica{Options: o, stop: make(chan struct{})}
	if err := r.openFile(); err != nil {
		return nil, err
	}
	r.done.Go(r.write)
	return r, nil
}

// Close writes what is waiting.
func (r *Replica) Close() error {
	close(r.stop)
	r.done.Wait()
	r.mu.Lock()
	defer r.mu.Unlock()
	r.flush()
	r.tell(0)
	if r.file == nil {
		return nil
	}
	err := r.file.Close()
	r.file = nil
	return err
}

// Position is the one that the replica reaches, 0 if it is empty.
func (r *Replica) Position() uint64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.end.to
}

// Confirm records that at an instant the log held nothing that has not come through
// the replica. A crash forgets the last few seconds of it.
func (r *Replica) Confirm(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if at.After(r.asOf) {
		r.asOf = at
	}
}

// AsOf is the last instant at which the replica is known to have held everything
// that was in the log; the zero time if it has never been complete.
func (r *Replica) AsOf() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asOf
}

// Through is the log as seen through the replica: first what the file holds, then
// the log from there on, which is copied on its way, until ctx ends. It is to be
// followed once. Error: ErrForeign, as soon as the log can be reached.
func (r *Replica) Through(ctx context.Context, log Log) iter.Seq2[domain.Page, error] {
	return func(yield func(domain.Page, error) bool) {
		for page, err := range r.pages() {
			if err != nil || ctx.Err() != nil {
				yield(domain.Page{}, errors.Join(err, ctx.Err()))
				return
			}
			if !yield(page, nil) {
				return
			}
		}
		if err := r.recognise(ctx, log); err != nil {
			yield(domain.Page{}, err)
			return
		}
		for page, err := range log.Prompt(ctx, r.Position(), chunkEvents) {
			if err == nil {
				r.add(page)
			}
			if !yield(page, err) {
				return
			}
		}
	}
}

// recognise makes sure, as soon as the log can be reached, that it is the one the
// file was copied from.
func (r *Replica) recognise(ctx context.Context, log Log) error {
	r.mu.Lock()
	end := r.end
	r.mu.Unlock()
	if end.at == 0 {
		return nil
	}
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		e, err := log.At(ctx, end.at)
		switch {
		case err == nil && e.ID == end.event:
			return nil
		case err == nil || domain.KindOf(err) == domain.NotFound:
			return ErrForeign
		}
		t := time.NewTimer(pause)
		select {
		case <-t.C:
		case <-ctx.Done():
			t.Stop()
			return ctx.Err()
		}
	}
}

// add takes a page that comes after what there is.
func (r *Replica) add(p domain.Page) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.file == nil || p.To <= r.upTo {
		return
	}
	for _, e := range p.Events {
		if r.Concerns(e.Stream) {
			r.waiting = append(r.waiting, e)
		}
	}
	r.upTo = p.To
	if len(r.waiting) >= chunkEvents {
		r.flush()
	}
}

// write writes what is waiting, every second, until the replica is closed.
func (r *Replica) write() {
	tick := time.NewTicker(chunkEvery)
	defer tick.Stop()
	for {
		select {
		case <-tick.C:
			r.mu.Lock()
			r.flush()
			r.tell(toldEvery)
			r.mu.Unlock()
		case <-r.stop:
			return
		}
	}
}

// flush writes what is waiting as one chunk. A copy that cannot be written is given
// up until the next start; nobody depends on it.
func (r *Replica) flush() {
	if r.file == nil || len(r.waiting) == 0 {
		return
	}
	last := r.waiting[len(r.waiting)-1]
	r.put(chunk{To: r.upTo, AsOf: r.asOf, Events: storedOf(r.waiting)})
	r.end, r.waiting = mark{r.upTo, last.Position, last.ID}, nil
}

// tell writes until when nothing is new, if what the file says of that is older by
// more than a while. The events before are in the file.
func (r *Replica) tell(while time.Duration) {
	if r.file == nil || r.chunks == 0 || r.asOf.Sub(r.told) <= while {
		return
	}
	r.put(chunk{To: r.upTo, AsOf: r.asOf})
	r.end.to = r.upTo
}

func (r *Replica) put(c chunk) {
	if err := r.append(c); err != nil {
		r.Logger.Warn("the local copy of the log cannot be written any more", "path", r.Path, "error", err)
		_ = r.file.Close()
		r.file = nil
	}
	r.told = c.AsOf
}

// pages yields what the file holds.
func (r *Replica) pages() iter.Seq2[domain.Page, error] {
	return func(yield func(domain.Page, error) bool) {
		r.mu.Lock()
		chunks, end := r.chunks, r.end.to
		r.mu.Unlock()
		from := uint64(0)
		for c, err := range r.read(chunks) {
			if err != nil {
				yield(domain.Page{}, fmt.Errorf("reading %s: %w", r.Path, err))
				return
			}
			page := domain.Page{From: from, To: c.To, Events: make([]domain.Recorded, len(c.Events))}
			for i, e := range c.Events {
				page.Events[i] = e.recorded(r.Registry)
			}
			from = c.To
			if !yield(page, nil) {
				return
			}
		}
		if from < end { // where nothing is that matters
			yield(domain.Page{From: from, To: end}, nil)
		}
	}
}
