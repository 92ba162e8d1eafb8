package logserver

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
)

// findingsListed is how many findings are kept; the others are counted.
const findingsListed = 1000

// A Finding is one thing that is wrong with a log.
type Finding struct {
	Path     string `json:"path"`               // directory or file
	Position uint64 `json:"position,omitempty"` // the first one concerned
	Last     uint64 `json:"last,omitempty"`     // the last one, when there are several
	Stream   string `json:"stream,omitempty"`
	Text     string `json:"text"`
}

func (f Finding) String() string {
	text := f.Path
	switch {
	case f.Last > f.Position:
		text += fmt.Sprintf(", positions %d to %d", f.Position, f.Last)
	case f.Position > 0:
		text += fmt.Sprintf(", position %d", f.Position)
	}
	if f.Stream != "" {
		text += fmt.Sprintf(", stream %q", f.Stream)
	}
	return text + ": " + f.Text
}

// A Verification says what of a log was looked at and what was found.
type Verification struct {
	Dir       string    `json:"dir"`
	LogID     uuid.UUID `json:"logId"`
	Head      uint64    `json:"head"`      // last position in the store
	Mark      uint64    `json:"mark"`      // position the durable mark vouches for
	Events    uint64    `json:"events"`    // whole records
	Scavenged uint64    `json:"scavenged"` // positions whose event was removed
	Lost      uint64    `json:"lost"`      // positions given up in a repair
	Streams   uint64    `json:"streams"`
	Bytes     uint64    `json:"bytes"`  // of the records
	Tables    uint64    `json:"tables"` // files whose checksums were compared
	Seconds   float64   `json:"seconds"`
	Found     uint64    `json:"found"` // findings, those that are not listed too
	Findings  []Finding `json:"findings"`
	Warnings  []Finding `json:"warnings"` // nothing is lost, but somebody should know

	Done uint64 `json:"-"` // keys looked at, of All or so
	All  uint64 `json:"-"`
}

func (v *Verification) find(f Finding) {
	if v.Found++; len(v.Findings) < findingsListed {
		v.Findings = append(v.Findings, f)
	}
}

func (v *Verification) warn(f Finding) {
	if len(v.Warnings) < findingsListed {
		v.Warnings = append(v.Warnings, f)
	}
}

// failed takes what the store ran into: damage is a finding, all else ends the
// verification.
func (v *Verification) failed(err error) error {
	var corrupt *CorruptionError
	if !errors.As(err, &corrupt) {
		return err
	}
	text := corrupt.Reason
	if corrupt.Cause != nil {
		text += ": " + corrupt.Cause.Error()
	}
	v.find(Finding{Path: corrupt.Path, Position: corrupt.Position, Text: text})
	return nil
}

// Verify looks at everything in the directory of a log that nobody has open,
// and changes nothing. Damage is in the findings; an error says that the
// directory could not be looked at: ErrLocked when it is in use. Told hears
// now and then how far it is; it may be nil.
func Verify(ctx context.Context, dir string, told func(Verification)) (v Verification, err error) {
	begun := time.Now()
	v = Verification{Dir: dir, Findings: []Finding{}, Warnings: []Finding{}}
	lock, err := lockExisting(dir)
	if err != nil {
		return v, v.failed(err)
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	if told == nil {
		told = func(Verification) {}
	}
	err = v.failed(inspect(ctx, &v, foundation{lock: lock, files: vfs.Default, mustExist: true, readOnly: true}, told))
	v.Seconds = time.Since(begun).Seconds()
	return v, err
}

// lockExisting locks a directory in which a log has been.
func lockExisting(dir string) (*pebble.Lock, error) {
	_, err := os.Stat(storePath(dir))
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(markPath(dir)); err != nil {
			return nil, fmt.Errorf("there is no log in %s: %w", dir, fs.ErrNotExist)
		}
		return nil, &CorruptionError{Path: storePath(dir), Reason: "the store is missing"}
	}
	if err != nil {
		return nil, err
	}
	return lockStore(vfs.Default, dir)
}
