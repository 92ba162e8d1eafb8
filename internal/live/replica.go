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
	tag     []byte   // that seals the last of them
	end     mark     // of the file
	waiting []domain.Recorded
	bytes   int           // of what is waiting
	seen    mark          // that the file reaches with what is waiting
	asOf    time.Time     // when there was last known to be nothing more
	told    time.Time     // what of that is in the file
	known   chan struct{} // closed once the log is the one that was copied
	stop    chan struct{}
	done    sync.WaitGroup
}

// A mark is a place in the log: an event there, of whatever history. A log that has
// it has everything that was copied up to it, and one that was put back to an
// earlier state has not.
type mark struct {
	at    uint64
	event uuid.UUID
}

const (
	chunkEvents = 4096
	chunkBytes  = 8 << 20
	chunkEvery  = time.Second // at most, while there is news
	toldEvery   = 10 * time.Second
)

// ErrForeign: the replica was made of another log.
var ErrForeign = errors.New("the local copy of the log was made of another log; remove it to go on")

// Open opens a replica, or begins one. One that cannot be read to its end, or not
// at all, is cut there: the log is the truth.
func Open(o Options) (*Replica, error) {
	r := &Replica{Options: o, known: make(chan struct{}), stop: make(chan struct{})}
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
	return r.end.at
}

// Confirm records that at an instant the log, which was recognised, held nothing that
// has not come through the replica. A crash forgets the last few seconds of it.
func (r *Replica) Confirm(at time.Time) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.asOf = at // also if it is earlier: the clock was wrong before
}

// AsOf is the last instant at which the replica is known to have held everything
// that was in the log; the zero time if it has never been complete.
func (r *Replica) AsOf() time.Time {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.asOf
}

// Recognised is closed as soon as the log could be reached and is the one that the
// replica was copied from.
func (r *Replica) Recognised() <-chan struct{} { return r.known }

// Through is the log as seen through the replica: first what the file holds, then
// the log from there on, which is copied on its way, until ctx ends. It is to be
// followed once. A file that was copied from another log, or from this one before it
// was put back to an earlier state, is begun anew if that is known in time. Error:
// ErrForeign, if it is known only when the log can be reached at last.
func (r *Replica) Through(ctx context.Context, log Log) iter.Seq2[domain.Page, error] {
	return func(yield func(domain.Page, error) bool) {
		known, err := r.begun(ctx, log)
		if err != nil {
			yield(domain.Page{}, err)
			return
		}
		at := uint64(0)
		for page, err := range r.pages() {
			if err != nil {
				r.giveUp("can be read no further; the rest is read from the log", err)
				break
			}
			if at = page.To; !yield(page, ctx.Err()) || ctx.Err() != nil {
				return
			}
		}
		if !known {
			err = r.recognise(ctx, log)
		}
		if err != nil {
			yield(domain.Page{}, err)
			return
		}
		close(r.known)
		for page, err := range log.Prompt(ctx, at, chunkEvents) {
			more := yield(page, err)
			if err == nil {
				r.add(page) // after those who wait for it have it
			}
			if !more {
				return
			}
		}
	}
}

// firstLook is how long the log may take to answer before the file is believed.
const firstLook = 3 * time.Second

// begun looks whether the file is of this log before anything is shown of it, and
// reports whether that is known.
func (r *Replica) begun(ctx context.Context, log Log) (known bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, firstLook)
	defer cancel()
	r.mu.Lock()
	end := r.end
	r.mu.Unlock()
	same, err := end.in(ctx, log)
	switch {
	case err != nil:
		return false, nil // nobody answers
	case same:
		return true, nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.Logger.Warn("the local copy is not of this log, or the log was put back to an earlier state; it is made anew", "path", r.Path)
	return true, r.begin()
}

// in reports whether a log has the event of a mark. The error says that nobody knows.
func (m mark) in(ctx context.Context, log Log) (bool, error) {
	if m.at == 0 {
		return true, nil
	}
	e, err := log.At(ctx, m.at)
	if domain.KindOf(err) == domain.NotFound {
		return false, nil
	}
	return e.ID == m.event, err
}

// recognise makes sure, as soon as the log can be reached, that it is the one the
// file was copied from.
func (r *Replica) recognise(ctx context.Context, log Log) error {
	r.mu.Lock()
	end := r.end
	r.mu.Unlock()
	for pause := 100 * time.Millisecond; ; pause = min(2*pause, 5*time.Second) {
		same, err := end.in(ctx, log)
		switch {
		case err == nil && same:
			return nil
		case err == nil:
			return fmt.Errorf("%w: %s", ErrForeign, r.Path)
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
	if r.file == nil || len(p.Events) == 0 {
		return
	}
	for _, e := range p.Events {
		if r.Concerns(e.Stream) {
			r.waiting, r.bytes = append(r.waiting, e), r.bytes+len(e.Data)
		}
	}
	last := p.Events[len(p.Events)-1]
	r.seen = mark{last.Position, last.ID}
	if len(r.waiting) >= chunkEvents || r.bytes >= chunkBytes {
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
	r.put(chunk{At: r.seen.at, ID: r.seen.event, AsOf: r.asOf, Events: storedOf(r.waiting)})
	clear(r.waiting)
	r.end, r.waiting, r.bytes = r.seen, r.waiting[:0], 0
}

// tell writes until when nothing is new, if what the file says of that is older by
// more than a while. The events before are in the file.
func (r *Replica) tell(while time.Duration) {
	if r.file == nil || r.chunks == 0 || r.asOf.Sub(r.told).Abs() <= while {
		return
	}
	r.put(chunk{At: r.seen.at, ID: r.seen.event, AsOf: r.asOf})
	r.end = r.seen
}

func (r *Replica) put(c chunk) {
	if err := r.append(c); err != nil {
		r.drop("cannot be written any more", err)
	}
	r.told = c.AsOf
}

func (r *Replica) giveUp(why string, err error) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.drop(why, err)
}

// drop gives the file up until the next start: nobody depends on it.
func (r *Replica) drop(why string, err error) {
	r.Logger.Warn("the local copy of the log "+why, "path", r.Path, "error", err)
	if r.file != nil {
		_ = r.file.Close()
	}
	r.file, r.waiting = nil, nil
}

// pages yields what the file holds.
func (r *Replica) pages() iter.Seq2[domain.Page, error] {
	return func(yield func(domain.Page, error) bool) {
		r.mu.Lock()
		chunks, end := r.chunks, r.end.at
		r.mu.Unlock()
		from := uint64(0)
		for c, err := range r.read(chunks) {
			if err != nil {
				yield(domain.Page{}, fmt.Errorf("reading %s: %w", r.Path, err))
				return
			}
			page := domain.Page{From: from, To: c.At, Events: make([]domain.Recorded, len(c.Events))}
			for i, e := range c.Events {
				page.Events[i] = e.recorded(r.Registry)
			}
			from = c.At
			if !yield(page, nil) {
				return
			}
		}
		if from < end { // where nothing is that matters
			yield(domain.Page{From: from, To: end}, nil)
		}
	}
}
