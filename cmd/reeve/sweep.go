package main

import (
	"context"
	"errors"
	"time"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/change"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/readapi"
)

// Reservations older than abandoned cannot belong to a command under way, which
// has ten seconds; they are looked for every sweepEvery.
const (
	abandoned  = time.Minute
	sweepEvery = 15 * time.Second
)

// sweep does what is due without anybody asking, until ctx ends: it settles
// reservations that a crash left open, deletes tenants whose grace is over, and
// forgets who read what long ago.
func (s *server) sweep(ctx context.Context) error {
	tick, second := time.NewTicker(sweepEvery), time.NewTicker(time.Second)
	defer tick.Stop()
	defer second.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-second.C:
			if err := s.change(ctx, time.Now()); err != nil && ctx.Err() == nil {
				s.log.Warn("applying change requests", "error", err)
			}
		case <-tick.C:
			now := time.Now()
			err := errors.Join(s.settle(ctx, now.Add(-abandoned)), s.delete(ctx, now), s.forget(ctx, now))
			if err != nil && ctx.Err() == nil {
				s.log.Warn("sweeping", "error", err)
			}
		}
	}
}

// forget removes records of data access that are old enough.
func (s *server) forget(ctx context.Context, now time.Time) error {
	if s.AccessLogKeep == 0 {
		return nil
	}
	_, err := readapi.ForgetAccess(ctx, s.pool, now.Add(-s.AccessLogKeep))
	return err
}

func (s *server) settle(ctx context.Context, before time.Time) error {
	open, err := s.source.Abandoned(ctx, before)
	if err != nil {
		return err
	}
	return each(open, func(r projections.Reservation) error {
		return commands.Settle(ctx, s.ledger, r.Stream, before)
	})
}

// delete completes deletions that are due. The rule is judged again on the log:
// what was cancelled in the meantime is refused there, and that is fine.
func (s *server) delete(ctx context.Context, now time.Time) error {
	due, err := s.source.Due(ctx, now)
	if err != nil {
		return err
	}
	return each(due, func(id domain.TenantID) error {
		_, err := commands.Handle(ctx, s.ledger, "completeTenantDeletion", tenant.CompleteDeletion{Tenant: id}, commands.SystemRequest("the time of grace is over"))
		if kind := domain.KindOf(err); kind == domain.Conflict || kind == domain.Locked {
			return nil
		}
		return err
	})
}

// change applies change requests that are due. Whether they still are is judged on the
// log, and so is what came of them.
func (s *server) change(ctx context.Context, now time.Time) error {
	due, err := s.source.DueChanges(ctx, now)
	if err != nil {
		return err
	}
	return each(due, func(c readapi.DueChange) error {
		err := commands.ApplyDue(ctx, s.ledger, change.Apply{Node: c.Node, Request: c.ID})
		if kind := domain.KindOf(err); kind == domain.Unavailable || kind == domain.Internal {
			return err
		}
		return nil // which is recorded
	})
}

// each does something with all of a list, so that one that fails holds up no
// other, unless what all of them need is away.
func each[T any](list []T, do func(T) error) (failed error) {
	for _, one := range list {
		err := do(one)
		failed = errors.Join(failed, err)
		if domain.KindOf(err) == domain.Unavailable {
			break
		}
	}
	return failed
}
