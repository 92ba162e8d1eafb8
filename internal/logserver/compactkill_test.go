package logserver_test

import (
	"context"
	"math"
	"os"
	"os/signal"
	"syscall"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/reeve-platform/reeve/internal/logserver"
)

// compactOnSignal makes the child process compact again and again from the
// first SIGUSR1 on.
func compactOnSignal(s *logserver.Server) {
	told := make(chan os.Signal, 1)
	signal.Notify(told, syscall.SIGUSR1)
	<-told
	for {
		if _, err := s.Compact(context.Background(), nil); err != nil {
			return
		}
	}
}

// A process that is killed while it compacts leaves a whole log.
func TestKilledWhileCompacting(t *testing.T) {
	dir := t.TempDir()
	acked := 0
	for round := range 4 {
		cmd, url := spawn(t, childDir, dir)
		w := &world{T: t, ctx: t.Context(), client: connect(t, url)}
		if round == 0 {
			w.describe("s", func(m *esdb.StreamMetadata) { m.SetMaxCount(5) })
		}
		w.append("s", esdb.Any{}, events(acked, 50)...)
		acked += 50
		if err := cmd.Process.Signal(syscall.SIGUSR1); err != nil {
			t.Fatal(err)
		}
		for range 20 + 30*round {
			w.append("s", esdb.Any{}, event(acked))
			acked++
		}
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
		v, err := logserver.Verify(t.Context(), dir, nil)
		if err != nil || len(v.Findings) > 0 {
			t.Fatalf("round %d: %+v, %v", round, v, err)
		}
	}
	w := start(t, dir)
	c := w.compact()
	all := w.read("s")
	if len(all) != 5 || all[4].Event.EventNumber != uint64(acked-1) || all[4].Event.EventID != id(acked-1) {
		t.Errorf("%v after %d", revisions(all), acked)
	}
	if rest := w.readAll(esdb.ReadAllOptions{From: esdb.Start{}}, math.MaxUint64); len(rest) != 6 { // and the metadata
		t.Errorf("%d events are left after %+v", len(rest), c)
	}
}
