package logserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/cockroachdb/pebble/v2/vfs"
	"github.com/google/uuid"
)

// RepairStream is where a log remembers its repairs, RepairType what each is.
const (
	RepairStream = "$log-repairs"
	RepairType   = "$logRepaired"
)

// A Repair says what was wrong with a log and what was made of it.
type Repair struct {
	Dir      string    `json:"dir"`
	At       time.Time `json:"at"`
	LogID    uuid.UUID `json:"logId"`
	Needed   bool      `json:"needed"`
	Done     bool      `json:"done"`             // false after a dry run
	Copy     string    `json:"copy,omitempty"`   // the directory as it was
	Report   string    `json:"report,omitempty"` // this, in a file
	Engine   bool      `json:"engineOpened"`     // false: records were taken from its files one by one
	Kept     uint64    `json:"kept"`             // events
	KeptTo   uint64    `json:"keptTo"`           // position of the last one
	LostFrom uint64    `json:"lostFrom,omitempty"`
	LostTo   uint64    `json:"lostTo,omitempty"` // no position is lost when zero
	Reason   string    `json:"reason,omitempty"` // why the first of them was not kept
	Head     uint64    `json:"head"`             // of the repaired log: the event that tells of the repair
	Findings []Finding `json:"findings"`
}

// ErrHopeless: nothing could be made of what is left. Nothing was changed.
var ErrHopeless = errors.New("logserver: no record can be read; restore the log from a backup")

// RepairDir makes a good log of a damaged one that nobody has open: it keeps
// everything up to the first record in doubt, makes the streams anew from the
// records, and gives up what follows. Positions given up are never used again,
// so nobody who remembers one will take another event for it. The directory is
// copied aside first; the repair is written into the log itself. A dry run
// changes nothing. A log in which nothing is wrong is left alone.
//
// A repair that was interrupted leaves a log that is refused, and is begun again.
func RepairDir(ctx context.Context, dir string, dry bool) (r Repair, err error) {
	r = Repair{Dir: filepath.Clean(dir), At: time.Now().UTC(), Findings: []Finding{}}
	if !dry {
		if err := resume(r.Dir); err != nil {
			return r, err
		}
	}
	if err := r.repair(ctx, dry); err != nil || !r.Done {
		return r, err
	}
	v, err := Verify(ctx, r.Dir, nil)
	if err == nil && v.Found > 0 {
		err = &CorruptionError{Path: r.Dir, Position: v.Findings[0].Position, Reason: "after the repair: " + v.Findings[0].Text}
	}
	return r, err
}

func (r *Repair) repair(ctx context.Context, dry bool) (err error) {
	lock, err := lockExisting(r.Dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, lock.Close()) }()
	f := foundation{lock: lock, files: vfs.Default, mustExist: true, readOnly: true}
	v := Verification{Dir: r.Dir}
	if err := v.failed(inspect(ctx, &v, f, func(Verification) {})); err != nil {
		return err
	}
	r.Findings, r.Needed, r.LogID = append(r.Findings, v.Findings...), v.Found > 0, v.LogID
	r.Kept, r.KeptTo, r.Head, r.Engine = v.Events, v.Head, v.Head, true
	if !r.Needed {
		return nil
	}
	return r.mend(ctx, f, max(v.Head, v.Mark), dry)
}

// mend plans the repair and, unless it is only to be planned, does it.
func (r *Repair) mend(ctx context.Context, f foundation, end uint64, dry bool) error {
	source, closing, err := r.source(ctx, f)
	if err != nil {
		return err
	}
	defer closing()
	plan := newSieve()
	if err := plan.pass(ctx, source, func(record, decoded) error { return nil }); err != nil {
		return err
	}
	if end = max(end, newestIn(source)); plan.next == 1 && end > 0 {
		return ErrHopeless
	}
	r.Kept, r.KeptTo, r.Head = plan.events, plan.next-1, max(end, plan.next-1)+1
	if end >= plan.next {
		r.LostFrom, r.LostTo, r.Reason = plan.next, end, plan.why
	}
	if dry {
		return nil
	}
	return r.rebuild(ctx, source)
}

// rebuild copies the directory aside, makes the new store beside the old one
// and puts it in its place. The mark is moved first: it lies above all the old
// store has, so until the new one is there the log is refused.
func (r *Repair) rebuild(ctx context.Context, source *pebble.DB) error {
	stamp := r.At.Format("20060102T150405Z")
	r.Copy, r.Report = r.Dir+".damaged-"+stamp, r.Dir+".repair-"+stamp+".json"
	if err := copyAside(r.Dir, r.Copy); err != nil {
		return err
	}
	r.choose(source)
	fresh, old := freshPath(r.Dir), oldPath(r.Dir)
	err := errors.Join(os.RemoveAll(fresh), r.build(ctx, source, fresh))
	if err != nil {
		return errors.Join(err, os.RemoveAll(fresh))
	}
	for _, step := range []func() error{
		func() error { return replaceMark(vfs.Default, r.Dir, r.LogID, r.Head) },
		func() error { return os.Rename(storePath(r.Dir), old) },
		func() error { return os.Rename(fresh, storePath(r.Dir)) },
		func() error { return syncDirectory(vfs.Default, r.Dir) },
		func() error { r.Done = true; return r.report() },
		func() error { return os.RemoveAll(old) },
	} {
		if err := step(); err != nil {
			return err
		}
	}
	return nil
}

func freshPath(dir string) string { return filepath.Join(dir, "store.repaired") }
func oldPath(dir string) string   { return filepath.Join(dir, "store.damaged") }

// resume clears up after a repair that was interrupted. While the new store is
// not in its place, the old one returns to it.
func resume(dir string) error {
	old, fresh := oldPath(dir), freshPath(dir)
	if there, err := exists(old); err != nil || !there {
		return err
	}
	lock, err := lockAt(vfs.Default, old) // held by a repair that is still at work
	if err != nil {
		return err
	}
	unfinished, err := exists(fresh)
	if err != nil {
		return errors.Join(err, lock.Close())
	}
	if !unfinished {
		return errors.Join(os.RemoveAll(old), lock.Close())
	}
	return errors.Join(os.RemoveAll(storePath(dir)), os.Rename(old, storePath(dir)), syncDirectory(vfs.Default, dir), lock.Close())
}

func exists(path string) (bool, error) {
	_, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

// choose takes the id that the store itself has, which its events were written
// under, rather than that of the mark.
func (r *Repair) choose(source *pebble.DB) {
	s := &store{db: source, path: storePath(r.Dir)}
	if id, err := s.fact(factID); err == nil && len(id) == len(r.LogID) {
		copy(r.LogID[:], id)
	}
	if r.LogID == uuid.Nil {
		r.LogID = uuid.New()
	}
}

func (r *Repair) report() error {
	text, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(r.Report, append(text, '\n'), 0o600)
}

// source opens the damaged store, or gathers what its files still hold.
func (r *Repair) source(ctx context.Context, f foundation) (*pebble.DB, func(), error) {
	f.logger = engineLogger{slog.New(slog.DiscardHandler), newFault()}
	if s, err := openStore(storePath(r.Dir), f); err == nil {
		return s.db, func() { _ = s.db.Close() }, nil
	}
	r.Engine = false
	return salvage(ctx, r.Dir, f)
}

func newestIn(db *pebble.DB) uint64 {
	position, err := (&store{db: db}).newestPosition()
	if err != nil {
		return 0
	}
	return position
}

// copyAside copies a directory, synced, if there is room for that and for a
// new store.
func copyAside(dir, to string) error {
	var size uint64
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			size += uint64(info.Size())
		}
		return err
	})
	if err != nil {
		return err
	}
	usage, err := vfs.Default.GetDiskUsage(dir)
	if err == nil && usage.AvailBytes < 2*size+rewriteReserve {
		return fmt.Errorf("%w: a copy and a new store take up to %d bytes", ErrNoRoom, 2*size+rewriteReserve)
	}
	err = os.Mkdir(to, 0o700) // what is copied keeps no modes, and is nobody else's business
	if err == nil {
		err = errors.Join(os.CopyFS(to, os.DirFS(dir)), syncTree(to))
	}
	if err != nil {
		return errors.Join(err, os.RemoveAll(to))
	}
	return syncDirectory(vfs.Default, filepath.Dir(to))
}

func syncTree(dir string) error {
	return filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		return syncDirectory(vfs.Default, path) // syncs files as well
	})
}
