package projections

import (
	"fmt"
	"reflect"
	"regexp"
	"strings"
)

const (
	schema = "readmodel"
	beside = "__next" // suffix of a table, and of its cursor, that is being built
	former = "__old"  // suffix of a table that has just been replaced
)

var identifier = regexp.MustCompile(`^[a-z][a-z0-9_]{0,40}$`)

// qualified is the name of a table in SQL.
func qualified(table string) string { return schema + "." + table }

// A layout is the SQL of one table.
type layout struct {
	Description
	table string // qualified

	load, upsert, insert, remove string // statements of the paged path
	copyInto                     string // and of the bulk path
	staging, copyStaged, merge   string

	texts [][]byte // what columns gave last
}

// keptText is how many bytes of one column are kept to be written again.
const keptText = 1 << 20

// newLayout writes the statements for a table under its qualified name.
func newLayout(d Description, table string) *layout {
	l := &layout{Description: d, table: table}
	names, key := l.names(), d.Columns[0]
	list := strings.Join(names, ", ")
	l.load = fmt.Sprintf("select %s from %s t join unnest($1::text[]::%s[]) k on k = t.%s", "t."+strings.Join(names, ", t."), l.table, key.Type, key.Name)
	l.insert = fmt.Sprintf("insert into %s (%s) select %s from unnest(%s) as r(%s)", l.table, list, l.casts(), l.parameters(), list)
	l.upsert = l.insert + l.onConflict()
	l.remove = fmt.Sprintf("delete from %s t using unnest($1::text[]::%s[]) k where k = t.%s", l.table, key.Type, key.Name)
	l.copyInto = fmt.Sprintf("copy %s (%s) from stdin", l.table, list)
	l.staging = fmt.Sprintf("create temp table staged (like %s) on commit drop", l.table)
	l.copyStaged = fmt.Sprintf("copy pg_temp.staged (%s) from stdin", list)
	l.merge = fmt.Sprintf("insert into %s (%s) select %s from pg_temp.staged", l.table, list, list) + l.onConflict()
	return l
}

func (l *layout) names() []string {
	var names []string
	for _, c := range l.Columns {
		names = append(names, c.Name)
	}
	return names
}

// casts gives every column, which travels as text, its type back.
func (l *layout) casts() string {
	var casts []string
	for _, c := range l.Columns {
		casts = append(casts, "r."+c.Name+"::"+c.Type)
	}
	return strings.Join(casts, ", ")
}

func (l *layout) parameters() string {
	var ps []string
	for i := range l.Columns {
		ps = append(ps, fmt.Sprintf("$%d::text[]", i+1))
	}
	return strings.Join(ps, ", ")
}

func (l *layout) onConflict() string {
	var set []string
	for _, c := range l.Columns[1:] {
		set = append(set, c.Name+" = excluded."+c.Name)
	}
	if len(set) == 0 {
		return fmt.Sprintf(" on conflict (%s) do nothing", l.Columns[0].Name)
	}
	return fmt.Sprintf(" on conflict (%s) do update set %s", l.Columns[0].Name, strings.Join(set, ", "))
}

// create is the DDL of the table. The role that writes an append-only table may
// not change what it once wrote.
func (l *layout) create() string {
	var s strings.Builder
	fmt.Fprintf(&s, "create table %s (", l.table)
	for i, c := range l.Columns {
		if i > 0 {
			s.WriteString(", ")
		}
		fmt.Fprintf(&s, "%s %s", c.Name, c.Type)
		switch {
		case i == 0:
			s.WriteString(" primary key")
		case !c.Nullable:
			s.WriteString(" not null")
		}
	}
	for _, columns := range l.Unique {
		fmt.Fprintf(&s, ", unique (%s)", columns)
	}
	if l.Insert {
		s.WriteString(");")
		fmt.Fprintf(&s, "revoke update, delete, truncate on %s from reeve_projector;", l.table)
		return s.String()
	}
	// Room beside each row lets PostgreSQL change it in place, without touching
	// an index whose columns stay as they are.
	s.WriteString(") with (fillfactor = 75);")
	return s.String()
}

// index is the DDL of the indexes, made once the rows are there: that takes a
// fraction of the time.
func (l *layout) index() string {
	var s strings.Builder
	for _, columns := range l.Indexes {
		if !strings.HasPrefix(columns, "using ") {
			columns = "(" + columns + ")"
		}
		fmt.Fprintf(&s, "create index on %s %s;", l.table, columns)
	}
	return s.String()
}

// columns turns rows into the parameters of upsert and insert. They are good until
// the next call.
func (l *layout) columns(rows []reflect.Value) ([][]byte, error) {
	if l.texts == nil {
		l.texts = make([][]byte, len(l.Columns))
	}
	for i, c := range l.Columns {
		if cap(l.texts[i]) > keptText {
			l.texts[i] = nil
		}
		var err error
		if l.texts[i], err = c.texts(l.texts[i][:0], rows); err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	return l.texts, nil
}

// appendLine appends a row in the text format of COPY.
func (l *layout) appendLine(b []byte, row reflect.Value) ([]byte, error) {
	for i, c := range l.Columns {
		if i > 0 {
			b = append(b, '\t')
		}
		at := len(b)
		var null bool
		var err error
		if b, null, err = c.encode(b, row); err != nil {
			return b, fmt.Errorf("column %s: %w", c.Name, err)
		}
		if null {
			b = append(b, '\\', 'N')
			continue
		}
		b = escapeCopied(b, at)
	}
	return append(b, '\n'), nil
}
