package projections

import (
	"cmp"
	"context"
	"time"
)

// A Status is how one projection is doing.
type Status struct {
	Name          string  `json:"name"`
	State         string  `json:"state"`                   // live, building or stopped
	Version       int     `json:"version"`                 // of the fold that wrote the rows
	Position      uint64  `json:"position"`                // up to which it has read the log
	Head          uint64  `json:"head"`                    // of the log
	Behind        int64   `json:"behind"`                  // events not yet applied, counted up to mostCounted
	Seconds       float64 `json:"seconds"`                 // age of the oldest of these
	Error         string  `json:"error,omitempty"`         // why it stopped
	ErrorPosition uint64  `json:"errorPosition,omitempty"` // at which event
	Note          string  `json:"note,omitempty"`          // what a rebuild found out about the table it replaced
	Rebuilding    bool    `json:"rebuilding,omitempty"`    // a table is being built beside
	Rebuilt       uint64  `json:"rebuilt,omitempty"`       // up to which that one has read the log
}

const (
	mostCounted  = 10_000 // events that Status counts at most
	longestCount = time.Second
)

// Status tells how every projection is doing, from the cursors: it needs no
// running engine.
func (e *Engine) Status(ctx context.Context) ([]Status, error) {
	all, err := cursors(ctx, e.db)
	if err != nil {
		return nil, err
	}
	head, err := e.log.Head(ctx)
	if err != nil {
		return nil, err
	}
	var list []Status
	for _, p := range e.all {
		list = append(list, e.statusOf(p.Describe(), all, head))
	}
	return list, e.count(ctx, list, head)
}

func (e *Engine) statusOf(d Description, all map[string]cursor, head uint64) Status {
	live, ok := all[d.Name]
	next, building := all[d.Name+beside]
	s := Status{Name: d.Name, Head: head, Rebuilding: building, Rebuilt: next.Position}
	if !ok {
		live = next
		live.State = cmp.Or(next.State, Building)
	}
	s.State, s.Version, s.Position = live.State, live.Version, live.Position
	switch {
	case live.Version > d.Version:
		s.State, s.Error = Stopped, ErrNewer.Error()
	case live.Version < d.Version:
		s.State = Building // the rows of the older version are read until then
	}
	if live.Error != nil && s.State == Live {
		s.Note = *live.Error
	} else if live.Error != nil {
		s.Error = *live.Error
	}
	if live.ErrorPosition != nil {
		s.ErrorPosition = *live.ErrorPosition
	}
	return s
}

// count reads the part of the log that the slowest has yet to apply. Positions
// are no count: a log may number its events as it likes.
func (e *Engine) count(ctx context.Context, list []Status, head uint64) error {
	from := head
	for _, s := range list {
		from = min(from, s.Position)
	}
	if from >= head {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, longestCount)
	defer cancel()
	now, seen := time.Now(), 0
	for p, err := range e.log.Pages(ctx, from, e.o.PageSize) {
		if err != nil && ctx.Err() == nil {
			return err
		}
		for _, r := range p.Events {
			for i := range list {
				list[i].miss(r.Position, now.Sub(r.Meta.At))
			}
		}
		seen += len(p.Events)
		if err != nil || p.To >= head || seen >= mostCounted {
			break
		}
	}
	return nil
}

// miss notes an event that was not yet applied.
func (s *Status) miss(position uint64, age time.Duration) {
	if position <= s.Position || position > s.Head {
		return
	}
	if s.Behind == 0 {
		s.Seconds = max(0, age.Seconds())
	}
	s.Behind++
}
