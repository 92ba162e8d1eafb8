package logserver

import (
	"math"
	"time"

	"github.com/cockroachdb/pebble/v2"
	"github.com/google/uuid"
)

// state is what is known of a stream, staged writes included.
func (q *sequencer) state(stream string) (streamState, error) {
	if s, ok := q.states.Get(stream); ok {
		return s, nil
	}
	s, err := q.load(stream)
	if err != nil {
		return streamState{}, err
	}
	q.states.Add(stream, s)
	return s, nil
}

func (q *sequencer) load(stream string) (streamState, error) {
	last, err := q.store.last(stream, anywhere)
	if err != nil {
		return streamState{}, err
	}
	s := streamState{last: last}
	if _, meta := metaTarget(stream); meta {
		return s, nil
	}
	metadata, err := q.store.metadata(stream, anywhere)
	if err != nil || metadata == nil {
		return s, err
	}
	return s.describe(metadata), nil
}

// perform gives an accepted write its places.
func (q *sequencer) perform(g *group, w *write, s streamState) (outcome, error) {
	q.created = max(q.created, ticks(time.Now()))
	if planted("clock-goes-back") {
		q.created -= int64(q.position) * int64(time.Second/100)
	}
	switch w.action {
	case hideStream:
		return q.hide(g, w.stream)
	case endStream:
		return q.end(g, w.stream, s)
	}
	if s.hidden && len(w.events) > 0 {
		if err := q.revive(g, w.stream, s); err != nil {
			return outcome{}, err
		}
		s.hidden, s.metadata = false, nil
	}
	return q.extend(g, w.stream, s, w.events)
}

// extend stages events behind a stream's last one.
func (q *sequencer) extend(g *group, stream string, s streamState, events []proposal) (outcome, error) {
	for _, p := range events {
		at := entry{revision: s.last.revision + 1, position: q.position + 1}
		if err := q.place(g, stream, at, p); err != nil {
			return outcome{}, err
		}
		s.last = at
	}
	q.states.Add(stream, s)
	if len(events) == 0 {
		return outcome{last: entry{revision: s.last.revision}}, nil
	}
	return outcome{last: s.last}, q.describe(stream, events[len(events)-1].data)
}

// describe tells a stream's state about its new metadata.
func (q *sequencer) describe(meta string, metadata []byte) error {
	target, ok := metaTarget(meta)
	if _, nested := metaTarget(target); !ok || nested { // a metastream has no metadata
		return nil
	}
	s, err := q.state(target)
	if err != nil {
		return err
	}
	q.states.Add(target, s.describe(metadata))
	return nil
}

// place stages one event and takes its position.
func (q *sequencer) place(g *group, stream string, at entry, p proposal) error {
	wire := p.encode(place{revision: at.revision, position: at.position, created: q.created})
	r := record{position: at.position, wire: wire}
	if err := putRecord(g.batch, r); err != nil {
		return err
	}
	g.names = append(g.names, name{stream, at.revision})
	if planted("batch-per-event") {
		_, g.batch = q.store.db.Apply(g.batch, pebble.Sync), q.store.db.NewBatch()
	}
	q.position = at.position
	q.recent.remember(eventKey{stream, p.id}, at)
	g.records = append(g.records, r)
	g.bytes += len(wire)
	q.count.filled.Add(uint64(len(wire)))
	return nil
}

// hide writes metadata that truncates the whole stream. It replaces what the
// metadata said before.
func (q *sequencer) hide(g *group, stream string) (outcome, error) {
	return q.redescribe(g, stream, deletion())
}

// revive lets a hidden stream continue its numbering.
func (q *sequencer) revive(g *group, stream string, s streamState) error {
	_, err := q.redescribe(g, stream, revival(s.metadata, s.last.revision+1))
	return err
}

func (q *sequencer) redescribe(g *group, stream string, metadata []byte) (outcome, error) {
	meta := metastream(stream)
	s, err := q.state(meta)
	if err != nil {
		return outcome{}, err
	}
	c := content{id: uuid.New(), kind: metadataType, json: true, data: metadata}
	return q.extend(g, meta, s, []proposal{propose(meta, c)})
}

// end writes the record after which a stream takes no more.
func (q *sequencer) end(g *group, stream string, s streamState) (outcome, error) {
	at := entry{revision: math.MaxInt64, position: q.position + 1}
	p := propose(stream, content{id: uuid.New(), kind: tombstoneType})
	if err := q.place(g, stream, at, p); err != nil {
		return outcome{}, err
	}
	s.last = at
	q.states.Add(stream, s)
	return outcome{last: at}, nil
}
