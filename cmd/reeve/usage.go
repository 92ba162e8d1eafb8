package main

import (
	"context"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/readapi"
)

// count has it recorded from now on which flags are evaluated, unless nobody wants to
// know. What was counted last is written while the log is still there.
func (s *server) count() {
	if s.UsageEvery == 0 {
		return
	}
	uses := &readapi.Uses{Every: s.UsageEvery, Record: s.recordUse, Known: s.source.UsedSince, Logger: s.log}
	s.source.Uses = uses
	s.meter.counting(uses.Lost)
	done := make(chan struct{})
	s.run.Go(func() error { defer close(done); uses.Run(s.ctx); return nil })
	s.closing(func() error { <-done; return uses.Flush() })
}

// recordUse is not given up half way when the server stops.
func (s *server) recordUse(ctx context.Context, what flag.Use) error {
	_, err := commands.Handle(context.WithoutCancel(ctx), s.ledger, "recordFlagUse", flag.RecordUse(what), commands.SystemRequest("evaluated"))
	return err
}
