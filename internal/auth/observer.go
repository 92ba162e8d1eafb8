package auth

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/security"
	"github.com/reeve-platform/reeve/internal/edge"
)

const (
	beat     = 200 * time.Millisecond // a refusal that begins is recorded after one
	perBeat  = 10                     // records, whatever happens
	flushFor = 3 * time.Second
)

// An Observer has what is refused recorded. Requests only have it counted, which
// waits for nothing; what was counted is written behind them, at most once a second
// for each kind at each node. While the log cannot be written, it goes on counting.
// A crash loses what was counted since the last record.
type Observer struct {
	Directory *Directory
	Model     *access.Model
	Record    func(context.Context, security.Observe) error
	Logger    *slog.Logger
	Now       func() time.Time // time.Now if nil

	mu      sync.Mutex
	tallies tallies
	failing bool // in the hands of Run, then of Flush
}

// Refused counts a refusal, if it is one that says something about its caller.
func (o *Observer) Refused(f edge.Refusal) {
	if kind, ok := kindOf(f); ok {
		o.Note(kind, f)
	}
}

// kindOf sorts refusals. What failed on our side is none.
func kindOf(f edge.Refusal) (security.Kind, bool) {
	switch {
	case f.Hidden:
		return security.CrossTenantDenied, true
	case errors.Is(f.Err, errLogin):
		return security.LoginFailed, true
	case errors.Is(f.Err, ErrSuspended), errors.Is(f.Err, ErrHeldElsewhere):
		return security.AccessSuspended, true
	case errors.Is(f.Err, edge.ErrRateLimited):
		return security.RateLimited, true
	case domain.KindOf(f.Err) == domain.Unauthenticated:
		return security.TokenRejected, true
	case domain.KindOf(f.Err) == domain.Forbidden:
		return security.PermissionDenied, true
	}
	return "", false
}

// Note counts a refusal of a kind.
func (o *Observer) Note(kind security.Kind, f edge.Refusal) {
	now := o.now().UTC().Truncate(time.Millisecond)
	seen := security.Observe{
		Kind: kind, Node: o.keeper(f), Principal: f.Actor.ID, PrincipalType: f.Actor.Type,
		Operation: f.Operation, Count: 1, First: now, Last: now,
	}
	if f.Source.IsValid() {
		seen.Source = f.Source.Unmap().String()
	}
	by := offender{principal: f.Actor.ID, operation: f.Operation}
	if by.principal == "" {
		by.block = edge.Block(f.Source)
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.tallies == nil {
		o.tallies = tallies{}
	}
	o.tallies.note(by, seen)
}

func (o *Observer) now() time.Time {
	if o.Now == nil {
		return time.Now()
	}
	return o.Now()
}

// keeper is the node that a refusal is kept at: the tenant or the integrator that
// was asked about, or else that the caller belongs to, or else the platform. What
// the caller must not learn of is kept from it here, too.
func (o *Observer) keeper(f edge.Refusal) domain.NodeID {
	for _, n := range []domain.NodeID{f.Node, f.Home} {
		path, _ := o.Model.Path(n)
		steps := strings.Split(path, "/")
		for i := len(steps) - 1; i >= 0; i-- {
			at := domain.NodeID(steps[i])
			if l := o.Directory.level(at); l != "" && l != domain.UserLevel {
				return at
			}
		}
	}
	return domain.PlatformID
}

// Run has records written until ctx ends.
func (o *Observer) Run(ctx context.Context) {
	tick := time.NewTicker(beat)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
			_ = o.write(ctx, o.due()) // it has said so
		}
	}
}

func (o *Observer) due() []tally {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.tallies.due(o.now(), perBeat)
}

// Flush has everything recorded that was counted, at once, as far as that can be
// done in little time. Nothing may run any more.
func (o *Observer) Flush() error {
	ctx, cancel := context.WithTimeout(context.Background(), flushFor)
	defer cancel()
	o.mu.Lock()
	rest := o.tallies.all()
	o.mu.Unlock()
	return o.write(ctx, rest)
}

// write records one after the other. What fails waits again, and so does all the
// rest if the log is away.
func (o *Observer) write(ctx context.Context, list []tally) (failed error) {
	for i, t := range list {
		err := o.Record(ctx, t.seen)
		switch {
		case err == nil:
			o.told(t)
			continue
		case domain.KindOf(err) == domain.Unavailable:
			o.wait(list[i:])
			o.said(err)
			return err
		}
		o.wait(list[i : i+1])
		o.said(err)
		failed = err
	}
	if len(list) > 0 && failed == nil && o.failing {
		o.failing = false
		o.Logger.Info("refusals are recorded again")
	}
	return failed
}

// said tells once that nothing can be recorded.
func (o *Observer) said(err error) {
	if !o.failing {
		o.Logger.Error("refusals are not recorded, only counted", "error", err)
	}
	o.failing = true
}

func (o *Observer) wait(list []tally) {
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, t := range list {
		o.tallies.back(t)
	}
}

// told starts the second of a lane when its record is written.
func (o *Observer) told(t tally) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if q := o.tallies[lane{t.seen.Kind, t.seen.Node}]; q != nil {
		q.told = o.now()
	}
}
