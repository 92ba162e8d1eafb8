package readapi

import (
	"github.com/jackc/pgx/v5"

	"github.com/reeve-platform/reeve/domain"
)

// A veiled row tells less to readers whom its node lies above. They see such rows,
// because what is said above them counts for them; who said it and why is for those
// who belong there.
type veiled interface {
	Veil(above func(domain.NodeID) bool)
}

// Above reports whether a node lies above what the reader may see.
func (v View) Above(n domain.NodeID) bool { return v.Scope.Above(n) }

// seen reads a row as the reader of db may see it.
func seen[Row any](db DB, read pgx.RowToFunc[Row]) pgx.RowToFunc[Row] {
	reader, confined := db.(interface{ Above(domain.NodeID) bool })
	return func(r pgx.CollectableRow) (Row, error) {
		row, err := read(r)
		if v, ok := any(&row).(veiled); ok && confined {
			v.Veil(reader.Above)
		}
		return row, err
	}
}
