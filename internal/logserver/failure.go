package logserver

import (
	"errors"
	"fmt"
)

var (
	// ErrLocked: another process, or another server in this one, has the
	// directory open. Nothing was read or changed.
	ErrLocked = errors.New("logserver: the directory is open in another process")
	// ErrNotLoopback: without TLS a server listens on loopback addresses only,
	// unless its options call that insecure by name.
	ErrNotLoopback = errors.New("logserver: refusing to listen on an address that is not loopback")
	// ErrStorage: a write or sync failed. Appends that were under way may or may
	// not have happened; the process must end, and the next Open verifies.
	ErrStorage = errors.New("logserver: the storage failed")
)

// A CorruptionError says that acknowledged events are missing or damaged. The
// log must not be served; it needs a repair from a copy.
type CorruptionError struct {
	Path     string // directory or file
	Position uint64 // the first position in doubt, 0 when unknown
	Reason   string
	Cause    error // may be nil
}

func (e *CorruptionError) Error() string {
	text := fmt.Sprintf("logserver: %s is corrupt at position %d: %s", e.Path, e.Position, e.Reason)
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

func (e *CorruptionError) Unwrap() error { return e.Cause }

func isCorruption(err error) bool {
	var corruption *CorruptionError
	return errors.As(err, &corruption)
}
