package main

import (
	"context"
	"errors"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain/security"
	"github.com/reeve-platform/reeve/internal/auth"
	"github.com/reeve-platform/reeve/internal/edge"
)

// observe has what is refused recorded in the log from now on. What was counted last
// is written when nobody is let in any more and the log is still there.
func (s *server) observe() {
	s.observer = &auth.Observer{Directory: s.directory, Model: s.model, Record: s.recordRefusals, Logger: s.log}
	done := make(chan struct{})
	s.run.Go(func() error { defer close(done); s.observer.Run(s.ctx); return nil })
	s.closing(func() error { <-done; return s.observer.Flush() })
}

// recordRefusals is not given up half way when the server stops.
func (s *server) recordRefusals(ctx context.Context, what security.Observe) error {
	_, err := commands.Handle(context.WithoutCancel(ctx), s.ledger, "observeRefusals", what, commands.SystemRequest("refused"))
	return err
}

// refused counts a refusal.
func (s *server) refused(f edge.Refusal) {
	if errors.Is(f.Err, errBootstrapToken) {
		s.observer.Note(security.BootstrapRefused, f)
		return
	}
	s.observer.Refused(f)
}
