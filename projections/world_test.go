package projections_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/pgdev/pgtest"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/projections/projectionstest"
)

func TestMain(m *testing.M) {
	becomeChild()
	serveLog()
	pgtest.Main(m)
}

// A small world for the engine alone: parcels move between places.

// A moved event adds to a parcel; a negative one takes it away.
type moved struct {
	Parcel string
	Place  string
	By     int
}

// A parcel is a row of every sort of column.
type parcel struct {
	ID     string            `db:"id,text"`
	Place  string            `db:"place,text"`
	Moves  int64             `db:"moves,bigint"`
	Total  int64             `db:"total,bigint"`
	Last   time.Time         `db:"last,timestamptz"`
	Signed *time.Time        `db:"signed,timestamptz"`
	Seen   []string          `db:"seen,text[]"`
	Notes  map[string]string `db:"notes,jsonb"`
	Heavy  bool              `db:"heavy,boolean"`
	Grams  float64           `db:"grams,double precision"`
}

var parcels = projections.Table[parcel]{
	Name: "parcels", Version: 1, Indexes: []string{"place", "lower(id)"},
	Key: func(r domain.Recorded) string {
		if m, ok := r.Event.(moved); ok {
			return m.Parcel
		}
		return ""
	},
	Fold: func(p parcel, r domain.Recorded) (parcel, bool) {
		m := r.Event.(moved)
		if m.By < 0 {
			return p, false
		}
		p.ID, p.Place, p.Last = m.Parcel, m.Place, r.Meta.At
		p.Moves++
		p.Total += int64(m.By)
		p.Seen = append(p.Seen[max(0, len(p.Seen)-2):len(p.Seen):len(p.Seen)], m.Place+`",\{}`)
		p.Notes = map[string]string{"last": m.Place, "tab": "a\tb\\n"}
		p.Heavy, p.Grams = p.Total > 100, float64(p.Total)/3
		if p.Moves > 2 {
			p.Signed = &p.Last
		}
		return p, true
	},
}

// A place counts what passed through.
type place struct {
	ID    string `db:"id,text"`
	Moves int64  `db:"moves,bigint"`
}

var places = projections.Table[place]{
	Name: "places", Version: 1,
	Key: func(r domain.Recorded) string {
		if m, ok := r.Event.(moved); ok {
			return m.Place
		}
		return ""
	},
	Fold: func(p place, r domain.Recorded) (place, bool) {
		m := r.Event.(moved)
		if m.Place == "nowhere" {
			panic("there is no such place")
		}
		p.ID = m.Place
		p.Moves++
		return p, true
	},
}

// An entry is a line of a journal.
type entry struct {
	Position int64  `db:"position,bigint"`
	Parcel   string `db:"parcel,text"`
}

var journal = projections.Table[entry]{
	Name: "journal", Version: 1, Insert: true, Raw: true,
	Key: func(r domain.Recorded) string { return fmt.Sprint(r.Position) },
	Fold: func(_ entry, r domain.Recorded) (entry, bool) {
		m, _ := r.Event.(moved)
		return entry{int64(r.Position), strings.ReplaceAll(m.Parcel, "\x00", "")}, true
	},
}

// A load is how many parcels are at a place now.
type stockRow struct {
	ID      string `db:"id,text"`
	Parcels int64  `db:"parcels,bigint"`
	Moves   int64  `db:"moves,bigint"`
}

// stock is derived from parcels and places.
var stock = projections.Derived[stockRow]{
	Name: "stock", Version: 1, Sources: []string{"parcels", "places"},
	Derive: func(ctx context.Context, tx pgx.Tx, names projections.Names, dirty []domain.Recorded) error {
		if dirty != nil {
			if _, err := tx.Exec(ctx, "delete from "+names("stock")); err != nil {
				return err
			}
		}
		_, err := tx.Exec(ctx, fmt.Sprintf(`insert into %s select p.id, count(q.id), p.moves from %s p left join %s q on q.place = p.id group by p.id, p.moves`,
			names("stock"), names("places"), names("parcels")))
		return err
	},
}

var world = []projections.Projection{stock, parcels, places, journal}

// at lays events at positions 10, 20, 30 and so on, after what is there already.
func at(first int, events ...domain.Event) (log []domain.Recorded) {
	for i, e := range events {
		position := uint64(10 * (first + i))
		log = append(log, domain.Recorded{Event: e, Type: "Moved", Version: 1, Position: position, Stream: "parcel-x",
			ID: domain.EventID("world", "", first+i), Meta: domain.Meta{At: noon.Add(time.Duration(first+i) * time.Second)}})
	}
	return log
}

// traffic is n moves of some parcels, the first one numbered.
func traffic(first, n, parcelCount int) []domain.Recorded {
	var events []domain.Event
	for i := first; i < first+n; i++ {
		by := i % 17
		if i%23 == 0 {
			by = -1
		}
		events = append(events, moved{fmt.Sprintf("p%d", (i*7919)%parcelCount), fmt.Sprintf("place%d", i%11), by})
	}
	return at(first, events...)
}

// expected is what a fresh database comes to after the events.
func expected(t *testing.T, events []domain.Recorded, all ...projections.Projection) []projections.Checksum {
	t.Helper()
	log := projectionstest.NewHistory(events...)
	e := projectionstest.Start(t, projectionstest.Open(t), log, all, projections.Options{})
	return sumsOf(t, e, log)
}

func sumsOf(t *testing.T, e *projections.Engine, log projections.Log) []projections.Checksum {
	t.Helper()
	projectionstest.Await(t, e, log)
	return checksums(t, e)
}

func checksums(t *testing.T, e *projections.Engine, names ...string) []projections.Checksum {
	t.Helper()
	sums, err := e.Checksums(t.Context(), names...)
	if err != nil {
		t.Fatal(err)
	}
	return sums
}

func statusOf(t *testing.T, e *projections.Engine, name string) projections.Status {
	t.Helper()
	all, err := e.Status(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, s := range all {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no status of %s", name)
	return projections.Status{}
}

func run(t *testing.T, db *pgxpool.Pool, sql string, args ...any) {
	t.Helper()
	if _, err := db.Exec(t.Context(), sql, args...); err != nil {
		t.Fatal(err)
	}
}
