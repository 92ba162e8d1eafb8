package projections

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
)

// A Projection is a read model: a [Table] or a [Derived].
type Projection interface {
	// Describe says what the projection is called and how its table looks.
	Describe() Description

	folder(table string) folder // into the table of a qualified name; nil if it is derived
	derive(deriving) error      // does nothing unless it is derived
}

// A Table is a projection that is folded from events: Row is a row of the table
// and, unchanged, the answer of the query API.
//
// Each exported field of Row is a column, declared by its tag db:"name,type"
// with a PostgreSQL type. The first is the primary key; pointers are nullable
// and nothing else is.
type Table[Row any] struct {
	Name    string
	Version int                                    // raise it and the table is rebuilt beside and swapped
	Key     func(domain.Recorded) string           // the row an event touches; "" for none. Always the text form of the first column
	Fold    func(Row, domain.Recorded) (Row, bool) // pure; the zero Row where there was none; false deletes the row
	Indexes []string                               // column lists, such as "integrator_id" or "lower(slug)"; or a whole "using brin (at)"
	Insert  bool                                   // append-only: one new row per event, folded from the zero Row and never changed
	Seen    Audience                               // who sees the rows; the operators of the platform unless said
	Raw     bool                                   // takes events that cannot be decoded too (Recorded.Err); any other table stops at them
}

// Describe says how the table looks. It panics if a field has no db tag.
func (t Table[Row]) Describe() Description {
	return Description{Name: t.Name, Version: t.Version, Columns: columnsOf[Row](), Indexes: t.Indexes, Insert: t.Insert, Audience: t.Seen}
}

// A Derived table is computed from other tables, in the transaction that has
// just changed them. It is always true at the position of its sources.
type Derived[Row any] struct {
	Name    string
	Version int
	Sources []string // the tables it is computed from; they are written before it
	Indexes []string
	Seen    Audience // as of a [Table]

	// Derive brings the table up to date inside tx, after its sources. Dirty is
	// every event of the page; nil asks for the whole table, which is then
	// empty. Tables must be named through names: during a rebuild both the table
	// and its sources may be others than those that are being read. The rows
	// must depend on nothing but the rows of the sources.
	Derive func(ctx context.Context, tx pgx.Tx, names Names, dirty []domain.Recorded) error
}

// Describe says how the table looks. It panics if a field has no db tag.
func (d Derived[Row]) Describe() Description {
	return Description{Name: d.Name, Version: d.Version, Columns: columnsOf[Row](), Indexes: d.Indexes, Sources: d.Sources, Audience: d.Seen}
}

// Names gives the name under which a table is to be addressed in SQL just now,
// such as "readmodel.tenants" or "readmodel.tenants__next".
type Names func(table string) string

// A Description is everything about a projection except its fold.
type Description struct {
	Name    string
	Version int
	Columns []Column // the first is the primary key
	Indexes []string
	Sources []string // of a derived table
	Unique  []string // column lists that tell rows apart, too; there from the beginning
	Insert  bool

	Audience Audience
}
