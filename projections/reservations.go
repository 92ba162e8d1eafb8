package projections

import (
	"strings"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/claim"
)

// Reservation is a row of the reservations table: who holds a unique value, or
// is about to. The value itself is only known as the hash in the stream's name.
type Reservation struct {
	Stream   domain.StreamID `db:"stream,text" json:"stream" doc:"History of the value."`
	Kind     string          `db:"kind,text" json:"kind" doc:"What the value is, such as tenant-slug."`
	Holder   domain.StreamID `db:"holder,text" json:"holder" doc:"Stream that holds the value."`
	State    claim.Status    `db:"state,text" json:"state" enum:"reserved,confirmed" doc:"Whether the fact that holds the value is known to be written."`
	Since    time.Time       `db:"since,timestamptz" json:"since" doc:"When it was last reserved."`
	Position int64           `db:"position,bigint" json:"-"`
}

// Reservations has one row for each unique value that is not free.
var Reservations = Table[Reservation]{
	Name: "reservations", Version: 2,
	Indexes: []string{"state, since"},
	Key: func(r domain.Recorded) string {
		if r.Event == nil || !strings.HasPrefix(string(r.Stream), "uniq-") {
			return ""
		}
		return string(r.Stream)
	},
	Fold: func(row Reservation, r domain.Recorded) (Reservation, bool) {
		v := claim.Value{Status: row.State, Kind: row.Kind, Holder: row.Holder}.Evolve(r.Event)
		if e, ok := r.Event.(claim.Reserved); ok {
			v.Kind, row.Since = e.Kind, r.Meta.At
		}
		row.Stream, row.Kind, row.Holder, row.State = r.Stream, v.Kind, v.Holder, v.Status
		row.Position = int64(r.Position)
		return row, v.Status != claim.StatusFree
	},
}
