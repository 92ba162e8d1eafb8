package projections

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/migrations"
)

// A stock is what the database holds when an engine takes over.
type stock struct {
	cursors map[string]cursor
	tables  map[string]bool // that exist
	head    uint64
}

// ErrAhead: the cursors are beyond the end of the log, so the log is not the one
// that the tables were made from, or an older copy of it.
var ErrAhead = errors.New("the table has read further than the log goes; it was made from another log: rebuild it")

// ErrNewer: the table was made by a newer build, which this one must not touch.
var ErrNewer = errors.New("the table was made by a newer version of this program")

func (e *Engine) takeStock(ctx context.Context) (s stock, err error) {
	ctx, cancel := context.WithTimeout(ctx, pageTime)
	defer cancel()
	if s.cursors, err = cursors(ctx, e.db); err != nil {
		return s, err
	}
	if s.tables, err = e.tables(ctx); err != nil {
		return s, err
	}
	s.head, err = e.log.Head(ctx)
	return s, err
}

func (e *Engine) tables(ctx context.Context) (map[string]bool, error) {
	rows, err := e.db.Query(ctx, `select c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
where n.nspname = $1 and c.relkind = 'r'`, schema)
	if err != nil {
		return nil, err
	}
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	all := map[string]bool{}
	for _, n := range names {
		all[n] = true
	}
	return all, err
}

// plan decides what the main lane carries. Whatever has no table of today's
// version gets one beside; whatever is behind is marked as building, for a side
// lane to take up.
func (e *Engine) plan(ctx context.Context) (*lane, error) {
	s, err := e.takeStock(ctx)
	if err != nil {
		return nil, err
	}
	if err := e.refuseAhead(ctx, s); err != nil {
		return nil, err
	}
	if err := e.policeAll(ctx); err != nil {
		return nil, err
	}
	if err := e.replace(ctx, s); err != nil {
		return nil, err
	}
	main := &lane{Engine: e, position: s.head}
	if at, ok := e.furthest(s); ok {
		main.position = at
	}
	var behind []string
	for _, p := range e.all {
		c, ok := s.cursors[p.Describe().Name]
		if !ok || c.State != Live || !e.sound(p, s) {
			continue
		}
		slot := newSlot(p, false)
		if c.Position != main.position || len(slot.sources(main.slots)) != len(slot.Sources) {
			behind = append(behind, c.Name)
			continue
		}
		main.slots = append(main.slots, slot)
	}
	return main, e.setBuilding(ctx, behind)
}

// sound tells whether a live table is there, of today's version, and made from
// this log.
func (e *Engine) sound(p Projection, s stock) bool {
	d := p.Describe()
	c, ok := s.cursors[d.Name]
	return ok && s.tables[d.Name] && c.Version == d.Version && c.Position <= s.head
}

func (e *Engine) furthest(s stock) (at uint64, any bool) {
	for _, p := range e.all {
		c := s.cursors[p.Describe().Name]
		if c.State == Live && e.sound(p, s) && (!any || c.Position > at) {
			at, any = c.Position, true
		}
	}
	return at, any
}

func (e *Engine) setBuilding(ctx context.Context, names []string) error {
	if len(names) == 0 {
		return nil
	}
	_, err := e.db.Exec(ctx, `update reeve.cursors set state = 'building', updated_at = now() where name = any($1) and state = 'live'`, names)
	return err
}

// refuseAhead stops what was made from another log.
func (e *Engine) refuseAhead(ctx context.Context, s stock) error {
	for name, c := range s.cursors {
		if c.Position <= s.head || c.State == Stopped {
			continue
		}
		e.o.Logger.Error("projection stopped", "projection", name, "cursor", c.Position, "head", s.head, "cause", ErrAhead)
		if _, err := e.db.Exec(ctx, stopCursor, name, c.Position, ErrAhead.Error(), 0); err != nil {
			return err
		}
		c.State = Stopped
		s.cursors[name] = c
	}
	return nil
}

// replace starts a table beside for each projection that needs one and has none.
func (e *Engine) replace(ctx context.Context, s stock) error {
	var need []Projection
	for _, p := range e.all {
		d := p.Describe()
		live, ok := s.cursors[d.Name]
		if ok && live.Version > d.Version {
			e.o.Logger.Error("projection left alone", "projection", d.Name, "cause", ErrNewer)
			continue
		}
		if ok && s.tables[d.Name] && live.Version == d.Version && (!e.abandoned(d, s)) {
			continue
		}
		if e.underWay(d, s) {
			continue
		}
		need = append(need, p)
	}
	return e.prepare(ctx, e.withDependents(need))
}

// withDependents adds what is derived from some projections.
func (e *Engine) withDependents(some []Projection) []Projection {
	names := map[string]bool{}
	for _, p := range some {
		names[p.Describe().Name] = true
	}
	for _, p := range e.all {
		d := p.Describe()
		if !names[d.Name] && slices.ContainsFunc(d.Sources, func(s string) bool { return names[s] }) {
			some = append(some, p)
		}
	}
	return some
}

// underWay tells whether a table of today's version is being built beside.
func (e *Engine) underWay(d Description, s stock) bool {
	c, ok := s.cursors[d.Name+beside]
	return ok && s.tables[d.Name+beside] && c.Version == d.Version && c.Position <= s.head
}

// abandoned tells whether a rebuild was begun that can no longer go on.
func (e *Engine) abandoned(d Description, s stock) bool {
	_, begun := s.cursors[d.Name+beside]
	return begun && !e.underWay(d, s)
}

// prepare makes empty tables beside and sets their cursors to the beginning, in
// one transaction. What was there under these names is gone.
func (e *Engine) prepare(ctx context.Context, all []Projection) error {
	if len(all) == 0 {
		return nil
	}
	if _, err := e.db.Exec(ctx, migrations.ReadModelSchema); err != nil {
		return fmt.Errorf("make the schema of the read models: %w", err)
	}
	return e.inTx(ctx, asOwner, pageTime, func(ctx context.Context, tx pgx.Tx) error {
		if err := resetTree(ctx, tx); err != nil {
			return err
		}
		for _, p := range all {
			s := newSlot(p, true)
			ddl := "drop table if exists " + qualified(s.cursor()) + ";" + newLayout(s.Description, qualified(s.cursor())).create()
			if _, err := tx.Exec(ctx, ddl); err != nil {
				return fmt.Errorf("make table %s: %w", s.cursor(), err)
			}
			if _, err := tx.Exec(ctx, startCursor, s.cursor(), s.Version); err != nil {
				return err
			}
		}
		return nil
	})
}

const startCursor = `insert into reeve.cursors (name, position, version, state) values ($1, 0, $2, 'building')
on conflict (name) do update set position = 0, version = excluded.version, state = 'building',
	error = null, error_position = null, updated_at = now(), events = 0`
