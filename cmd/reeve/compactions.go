package main

import (
	"context"
	"errors"
	"log/slog"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/reeve-platform/reeve/internal/logserver"
)

// compactions compacts the log that this process serves whenever it is told to
// by SIGUSR1 and, unless every is zero, as often as that. It ends with ctx.
func compactions(ctx context.Context, l *logserver.Server, every time.Duration, log *slog.Logger) error {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGUSR1)
	defer signal.Stop(told)
	var due <-chan time.Time
	if every > 0 {
		tick := time.NewTicker(every)
		defer tick.Stop()
		due = tick.C
	}
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-told:
		case <-due:
		}
		c, err := l.Compact(ctx, nil)
		switch {
		case ctx.Err() != nil, errors.Is(err, logserver.ErrCompacting):
		case err != nil:
			log.Error("compacting the log", "error", err)
		default:
			log.Info("the log is compacted", "scavenged", c.Scavenged, "freed", c.Freed, "before", c.Before, "after", c.After, "seconds", c.Seconds)
		}
	}
}
