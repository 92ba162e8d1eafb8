package auth

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// A Mirror keeps models in memory as the log has them. Who may come in is decided
// by what it shows, with no database in between: when the log cannot be reached,
// it shows what was known last.
type Mirror struct {
	models []Model
	beside []Model
	lasts  time.Duration
	asOf   atomic.Int64 // when it last showed everything, in Unix nanoseconds

	mu      sync.Mutex
	at      uint64
	failure error
	moved   chan struct{} // closed and made anew at each step
}

// A Model learns from what has happened, in the order of the log. It may be asked
// while it learns.
type Model interface {
	Apply(domain.Recorded) error
}

// NewMirror shows an empty log to models until [Mirror.Follow] is called.
func NewMirror(models ...Model) *Mirror {
	return &Mirror{models: models, moved: make(chan struct{})}
}

// Beside shows everything to models, too, that say nothing about who may come in.
// They judge for themselves what they cannot read. Call it before Follow.
func (m *Mirror) Beside(models ...Model) { m.beside = append(m.beside, models...) }

// ErrBlind: something about access is in the log that this build cannot read.
// Letting anybody in on what was known before could let in whom it has shut out.
var ErrBlind = &domain.Error{Kind: domain.Unavailable, Code: "access-unreadable", Detail: "the log holds facts about access that this build cannot read; nobody is let in"}

// ErrBehind: what was waited for has not been seen in time.
var ErrBehind = &domain.Error{Kind: domain.Unavailable, Code: "access-lagging", Detail: "facts about access have not arrived yet"}

// Follow shows the pages of a log, which must follow one another from its
// beginning, until there are no more, which is until they were told to end, or until
// they fail or hold a fact about access that it cannot read. From then on nobody may
// come in.
func (m *Mirror) Follow(pages iter.Seq2[domain.Page, error]) error {
	for page, err := range pages {
		switch {
		case errors.Is(err, context.Canceled):
			return err
		case err != nil:
			return m.fail(ErrBehind.Because(err))
		}
		for _, e := range page.Events {
			if err := m.apply(e); err != nil {
				return m.fail(err)
			}
		}
		m.step(page.To)
	}
	return nil
}

// apply shows one fact. What is unreadable and says nothing about access is none
// of our business.
func (m *Mirror) apply(e domain.Recorded) error {
	for _, model := range m.beside {
		if err := model.Apply(e); err != nil {
			return err
		}
	}
	if e.Err != nil && !Concerns(e.Stream) {
		return nil
	}
	err := e.Err
	for _, model := range m.models {
		if err == nil {
			err = model.Apply(e)
		}
	}
	if err != nil {
		return ErrBlind.Because(fmt.Errorf("%s at position %d: %w", e.Type, e.Position, err))
	}
	return nil
}

// Concerns reports whether a stream may say something about who may do what.
func Concerns(s domain.StreamID) bool {
	category, _, _ := strings.Cut(string(s), "-")
	switch category {
	case "platform", "integrator", "tenant", "user", "access", "client", "revocations", "apikey", "signingkeys":
		return true
	}
	return false
}

func (m *Mirror) step(to uint64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.at = to
	close(m.moved)
	m.moved = make(chan struct{})
}

func (m *Mirror) fail(err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.failure = err
	close(m.moved)
	m.moved = make(chan struct{})
	return err
}

// Err says why nobody may be let in, nil if all is well.
func (m *Mirror) Err() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.failure != nil {
		return m.failure
	}
	return m.outdated()
}

// Blind says why nobody may be let in whatever the log may say from now on.
func (m *Mirror) Blind() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.failure
}

// At is the position up to which the log is shown.
func (m *Mirror) At() uint64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.at
}

// Moved is closed as soon as more of the log is shown, or no more can be.
func (m *Mirror) Moved() <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.moved
}

// Await returns once everything up to a position is shown. Errors: ErrBehind when
// ctx ends first, ErrBlind.
func (m *Mirror) Await(ctx context.Context, position uint64) error {
	for {
		m.mu.Lock()
		at, failure, moved := m.at, m.failure, m.moved
		m.mu.Unlock()
		if failure != nil || at >= position {
			return failure
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ErrBehind
		}
	}
}
