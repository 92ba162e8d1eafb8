package projections

import (
	"context"
	"fmt"
	"reflect"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
)

// A folder folds pages into the rows of one table. It is asked in this order:
// touch, missing, fetched, fold; then changes (the paged path) or nothing until
// there is enough to flush (the bulk path). It holds rows from one page to the
// next, so begin must follow whenever what was written is taken back.
type folder interface {
	touch(events []domain.Recorded) error       // finds the rows that a page touches
	missing() *statement                        // asks for those not held, nil if all are
	fetched(rows pgx.Rows) error                // takes the answer
	fold() error                                // applies the page
	changes() ([]edit, error)                   // writes what has changed
	begin(fresh bool)                           // lets go of what is held; fresh promises that the table is empty
	weight() int                                // how many rows are held
	pending() int                               // how many of them wait to be added, and are of no use afterwards
	flush(ctx context.Context, tx pgx.Tx) error // writes what has changed by COPY
}

// An edit is SQL that answers nothing. Its arguments are arrays of texts in binary
// form.
type edit struct {
	sql  string
	args [][]byte
}

// A statement is SQL and its arguments.
type statement struct {
	sql  string
	args []any
}

// A sheet holds the rows of a table that are being worked on.
type sheet[Row any] struct {
	*layout
	t     Table[Row]
	rows  map[string]*held[Row]
	dirty []string // keys of rows that the table does not have like this yet
	added []Row    // of an append-only table
	work  []touch  // of the page in hand
	whole bool     // the table has no other rows than those held

	tell func(at *domain.Recorded, was, is held[Row]) // who wants to know what becomes of rows; nil if nobody
}

// A held row as it will be, and whether it will be.
type held[Row any] struct {
	row    Row
	keep   bool
	stored bool // the table holds a row of this key
	dirty  bool
}

// heldOn is how many rows of a table a lane may hold from page to page, so that
// busy ones need not be read again.
const heldOn = 8192

// A touch is an event of the page and the key of its row.
type touch struct {
	key   string
	event *domain.Recorded
}

func (t Table[Row]) folder(table string) folder {
	return &sheet[Row]{t: t, layout: newLayout(t.Describe(), table), rows: map[string]*held[Row]{}}
}

func (t Table[Row]) derive(deriving) error { return nil }

// touch finds keys. An event that could not be decoded might be any of ours, so
// it stops every table but those that store events as they came.
func (s *sheet[Row]) touch(events []domain.Recorded) (err error) {
	s.work = s.work[:0]
	for i := range events {
		e := &events[i]
		if e.Err != nil && !s.t.Raw {
			return &poison{position: e.Position, cause: e.Err}
		}
		key, err := s.key(e)
		if err != nil {
			return err
		}
		if key != "" {
			s.work = append(s.work, touch{key, e})
		}
	}
	return nil
}

func (s *sheet[Row]) key(e *domain.Recorded) (_ string, err error) {
	defer caught(e, &err)
	return s.t.Key(*e), nil
}

// caught turns a panic over an event into an error that names it.
func caught(e *domain.Recorded, err *error) {
	if p := recover(); p != nil {
		*err = &poison{position: e.Position, cause: fmt.Errorf("%s: panic: %v", e.Type, p)}
	}
}

func (s *sheet[Row]) missing() *statement {
	if s.Insert {
		return nil
	}
	var keys []string
	for _, w := range s.work {
		if s.rows[w.key] == nil {
			s.rows[w.key] = &held[Row]{}
			keys = append(keys, w.key)
		}
	}
	if len(keys) == 0 || s.whole {
		return nil
	}
	return &statement{s.load, []any{keys}}
}

func (s *sheet[Row]) fetched(rows pgx.Rows) error {
	var text []byte
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[Row])
	for i := range list {
		v := reflect.ValueOf(&list[i]).Elem()
		inUTC(v, s.Columns)
		if text, _, err = s.Columns[0].encode(text[:0], v); err != nil {
			return err
		}
		h := s.rows[string(text)]
		if h == nil {
			return fmt.Errorf("table %s: no event asked for the row %s: the key must be the text form of the first column", s.table, text)
		}
		h.row, h.keep, h.stored = list[i], true, true
	}
	return err
}

func (s *sheet[Row]) fold() error {
	for _, w := range s.work {
		if err := s.apply(w); err != nil {
			return err
		}
	}
	return nil
}

func (s *sheet[Row]) apply(w touch) (err error) {
	defer caught(w.event, &err)
	if s.Insert {
		var none Row
		if row, keep := s.t.Fold(none, *w.event); keep {
			s.added = append(s.added, row)
		}
		return nil
	}
	h := s.rows[w.key]
	was := *h
	if !h.dirty {
		h.dirty, s.dirty = true, append(s.dirty, w.key)
	}
	h.row, h.keep = s.t.Fold(h.row, *w.event)
	if !h.keep {
		var none Row
		h.row = none
	}
	if s.tell != nil {
		s.tell(w.event, was, *h)
	}
	return nil
}

func (s *sheet[Row]) weight() int { return len(s.rows) + len(s.added) }

func (s *sheet[Row]) pending() int { return len(s.added) }

func (s *sheet[Row]) begin(fresh bool) {
	s.whole, s.tell = fresh, nil
	s.rows = map[string]*held[Row]{}
	s.dirty, s.added, s.work = nil, nil, nil
}

// settle takes the rows for written.
func (s *sheet[Row]) settle() {
	clear(s.added)
	s.added = s.added[:0]
	for _, key := range s.dirty {
		h := s.rows[key]
		h.stored, h.dirty = h.keep, false
	}
	s.dirty = s.dirty[:0]
}

// changes is one statement for the rows that stay and one for those that go.
func (s *sheet[Row]) changes() ([]edit, error) {
	defer trim(s)
	defer s.settle()
	fresh, changed, gone := s.sort()
	var all []edit
	if kept := append(fresh, changed...); len(kept) > 0 {
		args, err := s.columns(kept)
		if err != nil {
			return nil, err
		}
		all = append(all, edit{s.write(), args})
	}
	if len(gone) > 0 {
		all = append(all, edit{s.remove, [][]byte{textArray(gone)}})
	}
	return all, nil
}

func (s *sheet[Row]) write() string {
	if s.Insert {
		return s.insert
	}
	return s.upsert
}

// trim lets go of rows when they are more than a lane may hold.
func trim(f folder) {
	if f.weight() > heldOn {
		f.begin(false)
	}
}

// sort tells rows that the table does not have from those that it has otherwise,
// and from keys to delete.
func (s *sheet[Row]) sort() (fresh, changed []reflect.Value, gone []string) {
	for i := range s.added {
		fresh = append(fresh, reflect.ValueOf(&s.added[i]).Elem())
	}
	for _, key := range s.dirty {
		switch h := s.rows[key]; {
		case h.keep && !h.stored:
			fresh = append(fresh, reflect.ValueOf(&h.row).Elem())
		case h.keep:
			changed = append(changed, reflect.ValueOf(&h.row).Elem())
		case h.stored:
			gone = append(gone, key)
		}
	}
	return fresh, changed, gone
}
