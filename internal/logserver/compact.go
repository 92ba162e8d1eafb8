package logserver

import (
	"context"
	"errors"
	"log/slog"
	"time"

	"github.com/cockroachdb/pebble/v2/vfs"
)

// ErrCompacting: a compaction is under way already, or the log is being closed.
var ErrCompacting = errors.New("logserver: a compaction is already under way")

// A Compaction says what has been removed and what came of it.
type Compaction struct {
	Streams   uint64  `json:"streams"`   // looked at
	Scavenged uint64  `json:"scavenged"` // events removed
	Freed     uint64  `json:"freed"`     // bytes of their records
	Before    uint64  `json:"before"`    // bytes of the store's files at the beginning
	After     uint64  `json:"after"`     // and at the end
	Seconds   float64 `json:"seconds"`
	Phase     string  `json:"phase"` // scavenging, rewriting or done
}

// Compact removes for good what stream metadata has made unreadable, and gives
// the space back. The log is served meanwhile. What was removed is gone from
// $all too; positions and revisions stay as they are. A compaction that ends
// early, by an error or with the process, leaves a whole log, and the next one
// goes on. Told hears now and then how far it is; it may be nil.
func (s *Server) Compact(ctx context.Context, told func(Compaction)) (Compaction, error) {
	return s.journal.compact(ctx, told)
}

// CompactDir does the same with a directory that nobody serves. It fails as Open
// does.
func CompactDir(ctx context.Context, dir string, logger *slog.Logger, told func(Compaction)) (Compaction, error) {
	j, err := openJournal(vfs.Default, Options{Dir: dir, Logger: logger}.withDefaults())
	if err != nil {
		return Compaction{}, err
	}
	c, err := j.compact(ctx, told)
	return c, errors.Join(err, j.close())
}

func (j *journal) compact(ctx context.Context, told func(Compaction)) (Compaction, error) {
	select {
	case j.compacting <- struct{}{}:
	default:
		return Compaction{}, ErrCompacting
	}
	var c Compaction
	err := j.fault.outlive(func() (err error) {
		defer func() { <-j.compacting }()
		c, err = j.compactAlone(ctx, told)
		return err
	})
	if j.fault.gone() {
		return Compaction{}, err
	}
	return c, err
}

func (j *journal) compactAlone(ctx context.Context, told func(Compaction)) (Compaction, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(j.life, func() { cancel(ErrCompacting) })()
	if told == nil {
		told = func(Compaction) {}
	}
	begun := time.Now()
	s := &scavenger{journal: j, told: told, done: Compaction{Before: j.size(), Phase: "scavenging"}}
	err := s.scavenge(ctx)
	if err == nil {
		s.done.Phase = "rewriting"
		told(s.done)
		err = s.rewrite(ctx)
	}
	if err == nil {
		s.done.Phase = "done"
	}
	s.done.After, s.done.Seconds = j.size(), time.Since(begun).Seconds()
	if isCorruption(err) {
		j.fault.trip(err)
	}
	j.logger.Info("log compacted", "scavenged", s.done.Scavenged, "freed", s.done.Freed,
		"before", s.done.Before, "after", s.done.After, "error", err)
	return s.done, err
}

// size is what the store's live files take on the disk.
func (j *journal) size() uint64 {
	m := j.db.Metrics()
	return m.WAL.PhysicalSize + m.Table.Local.LiveSize + m.BlobFiles.Local.LiveSize
}
