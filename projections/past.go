package projections

import (
	"context"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
)

// A Past keeps every version of every row of a table, from which any question about
// the table can be answered as of any position of the log. It is called like the
// table, with _past behind it, and only ever added to. An event touches one row of a
// table at most, so its position tells a version from all others.
type Past[Row any] struct{ Table[Row] }

// PastOf is the name of the table that keeps the versions of another's rows.
func PastOf(table string) string { return table + "_past" }

// A version is a row from the event at a position on, and until the next one.
type version[Row any] struct {
	Since int64
	Gone  bool // the table has no such row any more
	Row   Row
}

// Describe says how the table of versions looks. A row belongs to whoever its node
// belongs to now, wherever that hung at the time.
func (p Past[Row]) Describe() Description {
	d := p.Table.Describe()
	key := d.Columns[0].Name
	columns := columnsOf[struct {
		Since int64 `db:"since,bigint"`
		Gone  bool  `db:"gone,boolean"`
	}]()
	for _, c := range d.Columns {
		c.field = append([]int{2}, c.field...)
		columns = append(columns, c)
	}
	past := Description{Name: PastOf(d.Name), Version: d.Version, Columns: columns, Indexes: d.Indexes, Unique: []string{key + ", since"}, Insert: true, Audience: d.Audience}
	switch past.Audience.over = ""; past.Audience.sort {
	case ofTree:
		past.Audience = Heirs
	}
	return past
}

// AsOf is SQL for the rows of the table as they were at the position that a parameter
// of the statement has, such as $3.
func (d Description) AsOf(parameter string) string {
	var names []string
	for _, c := range d.Columns {
		names = append(names, c.Name)
	}
	return fmt.Sprintf(`(select %s from %s v where since <= %s::bigint and not gone
and not exists (select from %[2]s n where n.%[4]s = v.%[4]s and n.since > v.since and n.since <= %[3]s::bigint))`,
		strings.Join(names, ", "), qualified(PastOf(d.Name)), parameter, d.Columns[0].Name)
}

// past folds events into versions. The rows as they are by now are those of a sheet:
// its own, or that of the table itself, which it is told of.
type past[Row any] struct {
	*sheet[Row]
	versions *layout
	new      []version[Row]
	told     bool
}

func (p Past[Row]) folder(table string) folder {
	s := &sheet[Row]{t: p.Table, layout: newLayout(p.Table.Describe(), table), rows: map[string]*held[Row]{}}
	names, key := strings.Join(s.names(), ", "), s.Columns[0]
	s.load = fmt.Sprintf("select %s from (select distinct on (t.%s) t.* from %s t join unnest($1::text[]::%s[]) k on k = t.%[2]s order by t.%[2]s, t.since desc) v where not gone",
		names, key.Name, table, key.Type)
	return &past[Row]{sheet: s, versions: newLayout(p.Describe(), table)}
}

// fold applies the page, and notes what each event made of its row. What it left as
// it was is no version.
func (p *past[Row]) fold() error {
	p.tell = p.note
	for _, w := range p.work {
		if err := p.apply(w); err != nil {
			return err
		}
		h := p.rows[w.key]
		h.dirty, h.stored, p.dirty = false, h.keep, p.dirty[:0]
	}
	return nil
}

func (p *past[Row]) note(e *domain.Recorded, was, is held[Row]) {
	switch v := (version[Row]{Since: int64(e.Position), Row: is.row}); {
	case is.keep:
		p.new = append(p.new, v)
	case was.keep:
		v.Gone, v.Row = true, was.row
		p.new = append(p.new, v)
	}
}

// A follower can learn from other slots what it would fold otherwise.
type follower interface{ follow(beside []*slot) }

// follow spares folding and holding rows that are folded and held beside, until
// both sheets begin anew.
func (p *past[Row]) follow(beside []*slot) {
	for _, s := range beside {
		if of, ok := s.fold.(*sheet[Row]); ok && s.Name == p.t.Name {
			of.tell, p.told = p.note, true
		}
	}
}

func (p *past[Row]) touch(events []domain.Recorded) error {
	if p.told {
		p.work = p.work[:0]
		return nil
	}
	return p.sheet.touch(events)
}

func (p *past[Row]) weight() int { return len(p.rows) + len(p.new) }

func (p *past[Row]) pending() int { return len(p.new) }

func (p *past[Row]) begin(fresh bool) {
	p.sheet.begin(fresh)
	p.new, p.told = nil, false
}

func (p *past[Row]) changes() ([]edit, error) {
	defer trim(p)
	defer p.settle()
	if len(p.new) == 0 {
		return nil, nil
	}
	args, err := p.versions.columns(p.rowsOf())
	return []edit{{p.versions.insert, args}}, err
}

func (p *past[Row]) settle() {
	clear(p.new)
	p.new = p.new[:0]
}

func (p *past[Row]) rowsOf() []reflect.Value {
	rows := make([]reflect.Value, len(p.new))
	for i := range p.new {
		rows[i] = reflect.ValueOf(&p.new[i]).Elem()
	}
	return rows
}

func (p *past[Row]) flush(ctx context.Context, tx pgx.Tx) error {
	defer p.settle()
	return p.versions.copy(ctx, tx, p.versions.copyInto, p.rowsOf())
}

// Kept are the projections whose versions are kept, by their names.
func Kept(all []Projection) map[string]Description {
	kept := map[string]Description{}
	for _, p := range all {
		d := p.Describe()
		if slices.ContainsFunc(all, func(o Projection) bool { return o.Describe().Name == PastOf(d.Name) }) {
			kept[d.Name] = d
		}
	}
	return kept
}
