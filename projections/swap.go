package projections

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
)

// A table that was built beside joins the main lane first and is written together
// with the one it will replace. It takes that one's place once no reader's
// snapshot is older than its rows: a reader that began before would otherwise
// find a table that to its eyes is empty.

// swapping is a set of tables about to take the place of others.
type swapping struct {
	names string // of the slots, to notice when the set changes
	xid   string // transactions that began before this one may not see all rows
	since time.Time
	notes map[string]string // of projections whose old table was wrong
}

const (
	swapLook    = 10 * time.Millisecond
	swapRetry   = 200 * time.Millisecond
	longestSwap = 15 * time.Second // readers may take 5 seconds; whoever takes longer is not waited for
)

// swapWhenReady moves the swap on by one step, if there is one, and says when to
// look again.
func (l *leader) swapWhenReady(ctx context.Context) (time.Duration, error) {
	slots, err := l.rebuilt(ctx)
	if err != nil || len(slots) == 0 {
		l.swap = nil
		return lookEvery, err
	}
	if l.swap == nil || l.swap.names != cursorNames(slots) {
		return swapLook, l.beginSwap(ctx, slots)
	}
	safe, err := l.noOlderReaders(ctx)
	if err != nil || (!safe && time.Since(l.swap.since) < longestSwap) {
		return swapLook, err
	}
	if !safe {
		l.o.Logger.Warn("projections: swapping although an older snapshot is still in use", "waited", longestSwap)
	}
	err = l.swapTables(ctx)
	if isLockTimeout(err) {
		return swapRetry, nil // a reader is in the way
	}
	l.swap = nil
	return swapLook, err
}

// rebuilt lists the tables beside, when every rebuild that has not stopped has
// joined the main lane.
func (l *leader) rebuilt(ctx context.Context) ([]*slot, error) {
	all, err := cursors(ctx, l.db)
	if err != nil {
		return nil, err
	}
	for _, s := range l.building(all) {
		if s.next {
			return nil, nil
		}
	}
	for cursor := range l.busy {
		if strings.HasSuffix(cursor, beside) {
			return nil, nil
		}
	}
	return l.besideInMain(), nil
}

func (l *leader) besideInMain() (slots []*slot) {
	l.main.Lock()
	defer l.main.Unlock()
	for _, s := range l.main.slots {
		if s.next {
			slots = append(slots, s)
		}
	}
	return slots
}

func cursorNames(slots []*slot) string {
	var names []string
	for _, s := range slots {
		names = append(names, s.cursor())
	}
	slices.Sort(names)
	return strings.Join(names, " ")
}

// beginSwap marks the moment from which on every snapshot sees all rows of the new
// tables, and compares them with the old ones.
func (l *leader) beginSwap(ctx context.Context, slots []*slot) error {
	w := &swapping{names: cursorNames(slots), since: time.Now()}
	err := l.inTx(ctx, asOwner, pageTime, func(ctx context.Context, tx pgx.Tx) error {
		return tx.QueryRow(ctx, "select pg_current_xact_id()::xid::text").Scan(&w.xid)
	})
	if err != nil {
		return err
	}
	w.notes, err = l.compare(ctx, slots)
	l.swap = w
	return err
}

// noOlderReaders tells whether every snapshot in the database is younger than
// the swap. The projecting login is a member of the reading one, if they are
// two, so that all of them are visible.
func (l *leader) noOlderReaders(ctx context.Context) (safe bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	err = l.db.QueryRow(ctx, `select not exists (select from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and backend_type = 'client backend' and backend_xmin is not null
and age(backend_xmin) >= age($1::text::xid))`, l.swap.xid).Scan(&safe)
	return safe, err
}

// swapTables gives the rebuilt tables the names that are read, sources before
// what is derived from them. Each has a transaction of its own: readers lock
// several tables in any order, and whoever holds one lock while it waits for
// another would sooner or later meet one of them in a deadlock. In between, both
// tables hold the same rows, so that nobody can tell.
func (l *leader) swapTables(ctx context.Context) error {
	slots := l.besideInMain()
	if err := l.swapTree(ctx, slots); err != nil {
		return fmt.Errorf("swap the tree: %w", err)
	}
	for _, s := range slots {
		if err := l.swapOne(ctx, s); err != nil {
			return fmt.Errorf("swap %s: %w", s.Name, err)
		}
	}
	return l.policeAll(ctx)
}

// swapOne changes a few catalogue rows while the main lane waits.
func (l *leader) swapOne(ctx context.Context, s *slot) error {
	l.main.Lock()
	defer l.main.Unlock()
	err := l.inTx(ctx, asSwapper, pageTime, func(ctx context.Context, tx pgx.Tx) error {
		return l.rename(ctx, tx, s)
	})
	if err != nil {
		return err
	}
	l.main.slots = without(l.main.slots, s)
	if was := find(l.main.slots, s.Name); was != nil {
		l.main.slots = without(l.main.slots, was)
	}
	l.main.join([]*slot{newSlot(s.Projection, false)})
	l.o.Logger.Info("projection rebuilt", "projection", s.Name, "version", s.Version, "position", l.main.position)
	return nil
}

func (l *leader) rename(ctx context.Context, tx pgx.Tx, s *slot) error {
	old, live, next := qualified(s.Name+former), qualified(s.Name), qualified(s.cursor())
	ddl := fmt.Sprintf("drop table if exists %s; alter table if exists %s rename to %s; alter table %s rename to %s; drop table if exists %s; delete from reeve.cursors where name = '%s'",
		old, live, s.Name+former, next, s.Name, old, s.Name)
	if _, err := tx.Exec(ctx, ddl); err != nil {
		return err
	}
	tag, err := tx.Exec(ctx, `update reeve.cursors set name = $2, state = 'live', error = nullif($4, ''), updated_at = now()
where name = $1 and position = $3 and state = 'building'`, s.cursor(), s.Name, l.main.position, l.swap.notes[s.Name])
	if err == nil && tag.RowsAffected() != 1 {
		l.rejections.Add(1)
		return errMoved
	}
	return err
}

// compare says which rebuilt tables differ from those they replace, where both are
// up to date and made by the same version. The log is right in any case; but a
// difference means that something else has written the old table.
func (l *leader) compare(ctx context.Context, slots []*slot) (map[string]string, error) {
	notes := map[string]string{}
	err := l.inTx(ctx, asReader, roundTime, func(ctx context.Context, tx pgx.Tx) error {
		for _, s := range slots {
			if !l.main.carries(s.Name) {
				continue
			}
			note, err := difference(ctx, tx, s)
			if err != nil {
				return err
			}
			if note != "" {
				notes[s.Name] = note
				l.o.Logger.Error("projection was wrong", "projection", s.Name, "difference", note)
			}
		}
		return nil
	})
	return notes, err
}

// difference compares a table with the one built beside it, in one snapshot. Only
// for tables that are not the same are checksums made, which cost several times as
// much.
func difference(ctx context.Context, tx pgx.Tx, s *slot) (string, error) {
	if same, err := same(ctx, tx, s.Description, s.Name, s.cursor()); same || err != nil {
		return "", err
	}
	was, err := checksum(ctx, tx, s.Description, s.Name)
	if err != nil {
		return "", err
	}
	is, err := checksum(ctx, tx, s.Description, s.cursor())
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("the table this one replaced was wrong: it had %d rows, checksum %s; the log says %d rows, checksum %s", was.Rows, was.MD5, is.Rows, is.MD5), nil
}
