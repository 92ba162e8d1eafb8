package logserver

import (
	"fmt"
	"sync"
	"sync/atomic"
)

// A fault is the first thing that went wrong for good. From then on nothing is
// acknowledged; the process is expected to end.
type fault struct {
	once    sync.Once
	tripped chan struct{}
	cause   error // set before tripped closes
	losing  sync.Once
	lost    chan struct{} // closed when the engine may never return from a call
	opened  atomic.Bool   // the log is served, and can wait for what will be cured
}

func newFault() *fault { return &fault{tripped: make(chan struct{}), lost: make(chan struct{})} }

// trip records a failure. Corruption keeps its type, all else is ErrStorage.
func (f *fault) trip(err error) {
	f.once.Do(func() {
		f.cause = err
		if !isCorruption(err) {
			f.cause = fmt.Errorf("%w: %w", ErrStorage, err)
		}
		close(f.tripped)
	})
}

// lose records a failure from which the engine does not return: it holds its locks
// until the process ends.
func (f *fault) lose(err error) {
	f.trip(err)
	f.losing.Do(func() { close(f.lost) })
}

// outlive waits for a call of the engine, but not after a failure from which the
// engine does not return. What the call was to find must then be left alone, and
// the lock stays with the engine.
func (f *fault) outlive(call func() error) error {
	done := make(chan error, 1)
	go func() { done <- call() }()
	select {
	case err := <-done:
		return err
	case <-f.lost:
		return f.err()
	}
}

// gone is true when the engine may never return from a call.
func (f *fault) gone() bool {
	select {
	case <-f.lost:
		return true
	default:
		return false
	}
}

// err is the cause, nil while all is well.
func (f *fault) err() error {
	select {
	case <-f.tripped:
		return f.cause
	default:
		return nil
	}
}
