package conformance

import (
	"errors"
	"fmt"
	"io"
	"math"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
)

// read collects a stream forwards from its start.
func (w *world) read(stream string) []*esdb.ResolvedEvent {
	w.Helper()
	all, err := w.readWith(stream, esdb.ReadStreamOptions{From: esdb.Start{}}, math.MaxUint64)
	if err != nil {
		w.Fatalf("read %s: %v", stream, err)
	}
	return all
}

func (w *world) readWith(stream string, o esdb.ReadStreamOptions, count uint64) ([]*esdb.ResolvedEvent, error) {
	r, err := w.client.ReadStream(w.ctx, stream, o, count)
	if err != nil {
		return nil, err
	}
	return collect(r)
}

func (w *world) wantMissing(stream string) {
	w.Helper()
	_, err := w.readWith(stream, esdb.ReadStreamOptions{From: esdb.Start{}}, 1)
	w.wantCode(err, esdb.ErrorCodeResourceNotFound)
}

func (w *world) readAll(o esdb.ReadAllOptions, count uint64) []*esdb.ResolvedEvent {
	w.Helper()
	r, err := w.client.ReadAll(w.ctx, o, count)
	if err != nil {
		w.Fatal(err)
	}
	all, err := collect(r)
	if err != nil {
		w.Fatal(err)
	}
	return all
}

// since collects this test's events in $all from a position on.
func (w *world) since(from esdb.Position) (all []*esdb.ResolvedEvent) {
	w.Helper()
	for _, e := range w.readAll(esdb.ReadAllOptions{From: from}, math.MaxUint64) {
		if w.mine(e.OriginalEvent().StreamID) {
			all = append(all, e)
		}
	}
	return all
}

// before collects so many of this test's events in $all backwards from a
// position, whatever others have written in between.
func (w *world) before(from esdb.AllPosition, count int) (all []*esdb.ResolvedEvent) {
	w.Helper()
	r, err := w.client.ReadAll(w.ctx, esdb.ReadAllOptions{From: from, Direction: esdb.Backwards}, math.MaxUint64)
	w.must(err)
	defer r.Close()
	for len(all) < count {
		e, err := r.Recv()
		if err != nil {
			w.Fatalf("%d events, then %v", len(all), err)
		}
		if w.mine(e.OriginalEvent().StreamID) {
			all = append(all, e)
		}
	}
	return all
}

func collect(r *esdb.ReadStream) (all []*esdb.ResolvedEvent, err error) {
	defer r.Close()
	for {
		e, err := r.Recv()
		if errors.Is(err, io.EOF) {
			return all, nil
		}
		if err != nil {
			return all, err
		}
		all = append(all, e)
	}
}

// revisions are the stream revisions of events, in the order given.
func revisions(all []*esdb.ResolvedEvent) []uint64 {
	got := []uint64{}
	for _, e := range all {
		got = append(got, e.OriginalEvent().EventNumber)
	}
	return got
}

// places are the streams and revisions of events, in the order given.
func places(all []*esdb.ResolvedEvent) []string {
	got := []string{}
	for _, e := range all {
		got = append(got, where(e.OriginalEvent()))
	}
	return got
}

func where(e *esdb.RecordedEvent) string {
	return fmt.Sprintf("%s/%d", plain(e.StreamID), e.EventNumber)
}
