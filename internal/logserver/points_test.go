//go:build planted

package logserver_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/reeve-platform/reeve/internal/logserver"
)

// TestKilledAtEachPoint lets the process die exactly between two steps of a write
// or of the mark, under load, on one directory.
func TestKilledAtEachPoint(t *testing.T) {
	dir := t.TempDir()
	var writers []*crashWriter
	for n := range 16 {
		writers = append(writers, &crashWriter{stream: fmt.Sprint("w", n)})
	}
	for _, point := range []string{"before-apply", "after-apply", "after-sync", "before-answer", "after-answer", "before-mark", "after-mark"} {
		for range logserver.CrashRounds(3, 50) {
			times := 1 + rand.IntN(40)
			if point == "before-mark" || point == "after-mark" { // every 100 ms
				times = 1 + rand.IntN(3)
			}
			t.Logf("%s, time %d", point, times)
			t.Setenv("LOGSERVER_DIE_AT", point)
			t.Setenv("LOGSERVER_DIE_TIMES", fmt.Sprint(times))
			killUnderLoad(t, dir, writers, death{math.MaxInt64, math.MaxInt64}) // it dies by itself
			settle(t, dir, writers)
		}
	}
	account(t, dir, writers)
}
