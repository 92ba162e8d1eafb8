package logserver

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"syscall"

	"github.com/cockroachdb/pebble/v2"
)

// An engineLogger passes the engine's words on and turns its fatal ones into a
// fault. The engine relies on Fatalf not returning, so the goroutine stays.
type engineLogger struct {
	log   *slog.Logger
	fault *fault
}

func (l engineLogger) Infof(format string, args ...any) {
	l.log.Debug(fmt.Sprintf(format, args...), "from", "pebble")
}

func (l engineLogger) Errorf(format string, args ...any) {
	l.log.Error(fmt.Sprintf(format, args...), "from", "pebble")
}

func (l engineLogger) Fatalf(format string, args ...any) {
	l.fault.lose(fmt.Errorf(format, args...))
	select {}
}

// background takes the engine's report of a table that it could not write. It
// tries again at once and for ever, which is right when the disk was full and hides
// a disk that is broken; and an open would never end.
func (l engineLogger) background(err error) {
	l.Errorf("in the background: %v", err)
	if oneOf(err, syscall.EIO, syscall.EROFS) || !l.fault.opened.Load() && oneOf(err, syscall.ENOSPC, syscall.EDQUOT) {
		l.fault.lose(err)
	}
}

func oneOf(err error, kinds ...syscall.Errno) bool {
	return slices.ContainsFunc(kinds, func(kind syscall.Errno) bool { return errors.Is(err, kind) })
}

// corrupted takes the engine's report of a block that is damaged. Whoever reads
// the block gets an error as well, hence this returns: the engine's own listener
// is fatal, which during an open nobody would see.
func (l engineLogger) corrupted(found pebble.DataCorruptionInfo) {
	l.fault.trip(&CorruptionError{Path: found.Path, Reason: "a checksum does not match", Cause: found.Details})
}
