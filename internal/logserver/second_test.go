package logserver_test

import (
	"bytes"
	"context"
	"os"
	"os/exec"
	"strings"
	"sync"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"

	"github.com/reeve-platform/reeve/internal/logserver"
)

// While a process serves a directory under load, every other one is refused it, and
// the log neither stops nor misses anything.
func TestSecondProcessUnderLoad(t *testing.T) {
	dir := t.TempDir()
	serving, url := spawn(t, childDir, dir)
	w := &world{T: t, ctx: t.Context(), client: connect(t, url)}
	ctx, cancel := context.WithCancel(t.Context())
	acked := 0
	var load sync.WaitGroup
	load.Go(func() {
		for ; ctx.Err() == nil; acked++ {
			if _, err := w.try("s", esdb.Any{}, event(acked)); err != nil {
				t.Errorf("after %d: %v", acked, err)
				return
			}
		}
	})
	for range 20 {
		second := exec.CommandContext(t.Context(), os.Args[0])
		second.Env = append(os.Environ(), childDir+"="+dir)
		var out bytes.Buffer
		second.Stdout, second.Stderr = &out, &out
		if err := second.Run(); second.ProcessState.ExitCode() != 1 || !strings.Contains(out.String(), logserver.ErrLocked.Error()) {
			t.Errorf("a second process: %v, %s", err, &out)
		}
	}
	cancel()
	load.Wait()
	all := w.read("s")
	if len(all) != acked {
		t.Errorf("%d events, %d were acknowledged", len(all), acked)
	}
	for n, e := range all {
		if e.Event.EventID != id(n) {
			t.Fatalf("event %d is %v", n, e.Event.EventID)
		}
	}
	_ = serving.Process.Kill()
	_ = serving.Wait()
	if v, err := logserver.Verify(t.Context(), dir, nil); err != nil || v.Found > 0 || v.Events != uint64(acked) {
		t.Errorf("%d events were acknowledged: %+v, %v", acked, v, err)
	}
}
