package logserver

import (
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
)

// Whoever asks for a stream's metadata while older versions of it are being
// removed gets a version of it: rights and retention are never gone for a moment.
func TestMetadataBesideACompaction(t *testing.T) {
	j, err := openJournal(vfs.Default, Options{Dir: t.TempDir()}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	write := func(n int) error {
		return j.note("$$s", content{id: uuid.New(), kind: metadataType, json: true, data: fmt.Appendf(nil, `{"$maxCount":%d}`, n+1)})
	}
	if err := write(0); err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	var beside sync.WaitGroup
	until := func(do func() bool) {
		beside.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if !do() {
					return
				}
			}
		})
	}
	until(func() bool {
		_, err := j.compact(context.Background(), nil)
		if err != nil {
			t.Error(err)
		}
		return err == nil
	})
	for range 2 {
		until(func() bool {
			r, err := j.retention("s")
			if err != nil || r.MaxCount == 0 {
				t.Errorf("%+v, %v", r, err)
			}
			return err == nil && r.MaxCount > 0
		})
	}
	for n := range 150 {
		if err := write(n); err != nil {
			t.Error(err)
		}
	}
	close(done)
	beside.Wait()
	if err := j.close(); err != nil {
		t.Error(err)
	}
}

// Anybody may have written the metadata that a group of consumers goes on from.
func TestDescribingBesideWhatIsNoMetadata(t *testing.T) {
	j, err := openJournal(vfs.Default, Options{Dir: t.TempDir()}.withDefaults())
	if err != nil {
		t.Fatal(err)
	}
	for text, want := range map[string]string{
		`null`: `{"$tb":7}`, ``: `{"$tb":7}`, `[]`: `{"$tb":7}`, `{"a":1,"$tb":3}`: `{"$tb":7,"a":1}`,
	} {
		err := errors.Join(
			j.note("$$s", content{id: uuid.New(), kind: metadataType, json: true, data: []byte(text)}),
			j.describe("s", 7, 0))
		if err != nil {
			t.Fatal(err)
		}
		if got, err := j.metadata("s", j.head.Load()); err != nil || string(got) != want {
			t.Errorf("%s became %s, %v", text, got, err)
		}
	}
	if err := j.close(); err != nil {
		t.Error(err)
	}
}

// An age that does not fit into ticks is no reason to let a compaction have everything.
func TestLongestAge(t *testing.T) {
	now := time.Unix(1_800_000_000, 0)
	for age, want := range map[int64]int64{
		0: math.MinInt64, -1: math.MinInt64, 1: ticks(now) - 10_000_000, 1_800_000_000: 0,
		1_800_000_001: math.MinInt64, 1<<53 - 1: math.MinInt64, 922_337_203_686: math.MinInt64, math.MaxInt64: math.MinInt64,
	} {
		if got := (retention{MaxAge: age}).oldest(now); got != want {
			t.Errorf("%d seconds: %d, want %d", age, got, want)
		}
	}
}
