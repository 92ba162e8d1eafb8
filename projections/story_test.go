package projections_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/projections"
)

// Ids that read well in a failure.
const (
	acme  domain.IntegratorID = "11111111-1111-4111-8111-111111111111"
	bolt  domain.IntegratorID = "22222222-2222-4222-8222-222222222222"
	north domain.TenantID     = "33333333-3333-4333-8333-333333333333"
	south domain.TenantID     = "44444444-4444-4444-8444-444444444444"
)

// noon is when every story begins; each event is a minute later.
var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

func minute(n int) time.Time { return noon.Add(time.Duration(n) * time.Minute) }

// by is the fact at a position of a story.
func by(position int) cascade.Origin {
	return cascade.Origin{EventID: domain.EventID("story", "", position), Position: uint64(position), Actor: "ada", At: minute(position)}
}

// A part is some events of one stream.
type part struct {
	stream domain.StreamID
	events []domain.Event
}

func in(stream domain.StreamID, events ...domain.Event) part { return part{stream, events} }

// story lays parts down in a log: position, event id and time follow the order.
func story(parts ...part) []domain.Recorded { return scribe()(parts...) }

// scribe goes on writing the same log.
func scribe() func(...part) []domain.Recorded {
	next, position := map[domain.StreamID]uint64{}, uint64(0)
	return func(parts ...part) (log []domain.Recorded) {
		for _, p := range parts {
			for _, e := range p.events {
				position++
				log = append(log, recorded(e, p.stream, next[p.stream], position))
				next[p.stream]++
			}
		}
		return log
	}
}

func recorded(e domain.Event, s domain.StreamID, revision, position uint64) domain.Recorded {
	data, _ := json.Marshal(e)
	return domain.Recorded{
		Event: e, Type: fmt.Sprintf("%T", e), Version: 1, Data: data,
		ID:     domain.EventID("story", "", int(position)),
		Stream: s, Revision: revision, Position: position,
		Meta: domain.Meta{At: minute(int(position)), CommandID: fmt.Sprint("c", position), Actor: domain.Actor{ID: "ada", Type: "user"}},
	}
}

// rows folds a story into the rows of a table, by key.
func rows[Row any](t projections.Table[Row], log []domain.Recorded) []Row {
	held := map[string]Row{}
	for _, r := range log {
		k := t.Key(r)
		if k == "" {
			continue
		}
		row, keep := t.Fold(held[k], r)
		if !keep {
			delete(held, k)
			continue
		}
		held[k] = row
	}
	var out []Row
	for _, k := range slices.Sorted(maps.Keys(held)) {
		out = append(out, held[k])
	}
	return out
}

// A given is one row of a table of stories.
type given[Row any] struct {
	name string
	log  []domain.Recorded
	want []Row
}

func tell[Row any](t *testing.T, table projections.Table[Row], cases []given[Row]) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, rows(table, c.log)); diff != "" {
				t.Errorf("rows (-want +got):\n%s", diff)
			}
		})
	}
}
