package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// What an operator wants is written where the engine looks: a cursor that is
// building is work to be done. So a wish is heard by whichever process projects,
// survives its death, and can be made while none is running.

// ErrUnknown: there is no projection of that name.
var ErrUnknown = &domain.Error{Kind: domain.NotFound, Code: "projection-not-found", Detail: "there is no projection of that name"}

// ErrStoppedAgain: the log holds an event that the projection still cannot take.
var ErrStoppedAgain = &domain.Error{Kind: domain.Conflict, Code: "projection-stopped", Detail: "the projection has stopped"}

func (e *Engine) named(names []string) ([]Projection, error) {
	if len(names) == 0 {
		return e.all, nil
	}
	var some []Projection
	for _, n := range names {
		p := e.projection(n)
		if p == nil {
			return nil, ErrUnknown.With(fmt.Sprintf("there is no projection %q", n))
		}
		some = append(some, p)
	}
	return some, nil
}

func namesOf(all []Projection) (names []string) {
	for _, p := range all {
		names = append(names, p.Describe().Name)
	}
	return names
}

// Rebuild makes the named tables anew from the log, all if none is named, and
// what is derived from them. They are built beside; reads go on and never fail.
// It returns once they have taken the place of the old ones. If no other process
// projects, this one does it.
func (e *Engine) Rebuild(ctx context.Context, names ...string) error {
	some, err := e.named(names)
	if err != nil {
		return err
	}
	some = e.withDependents(slices.Clone(some))
	if err := e.prepare(ctx, some); err != nil {
		return err
	}
	return e.fulfil(ctx, func(all map[string]cursor) (done bool, err error) {
		done = true
		for _, n := range namesOf(some) {
			c, ok := all[n+beside]
			if ok && c.State == Stopped {
				err = errors.Join(err, stoppedAgain(c))
			}
			done = done && (!ok || c.State == Stopped)
		}
		return done, err
	})
}

// Resume lets stopped tables, all if none is named, go on from where they
// stopped, and returns once they have caught up with the others or stopped again.
func (e *Engine) Resume(ctx context.Context, names ...string) error {
	some, err := e.named(names)
	if err != nil {
		return err
	}
	all := namesOf(e.withDependents(slices.Clone(some)))
	if _, err := e.db.Exec(ctx, resumeCursors, all); err != nil {
		return err
	}
	return e.fulfil(ctx, func(now map[string]cursor) (done bool, err error) {
		done = true
		for _, n := range all {
			if c := now[n]; c.State == Stopped {
				err = errors.Join(err, stoppedAgain(c))
			}
			done = done && now[n].State != Building
		}
		return done, err
	})
}

func stoppedAgain(c cursor) error {
	var why string
	var at uint64
	if c.Error != nil {
		why = *c.Error
	}
	if c.ErrorPosition != nil {
		at = *c.ErrorPosition
	}
	return ErrStoppedAgain.With(fmt.Sprintf("%s stopped at position %d: %s", c.Name, at, why))
}

// fulfil announces a wish and waits until the cursors say that it is done. Unless
// this engine is running, it runs meanwhile: as the one that projects, or in
// waiting for the one that does to die.
func (e *Engine) fulfil(ctx context.Context, done func(map[string]cursor) (bool, error)) error {
	ctx, cancel := context.WithCancel(ctx)
	if len(e.running) == 0 {
		ended := make(chan struct{})
		go func() { defer close(ended); _ = e.Run(ctx) }()
		defer func() { <-ended }()
	}
	defer cancel()
	if _, err := e.db.Exec(ctx, "notify "+channel); err != nil {
		return err
	}
	for {
		all, err := cursors(ctx, e.db)
		if err != nil {
			return err
		}
		if ok, err := done(all); ok {
			return err
		}
		if err := rest(ctx, 25*time.Millisecond); err != nil {
			return err
		}
	}
}
