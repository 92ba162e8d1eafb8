package projections_test

import (
	"bytes"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/projections/projectionstest"
)

// heard is a log of the program that several goroutines write.
type heard struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (h *heard) Write(p []byte) (int, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.buf.Write(p)
}

func (h *heard) count(text string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return strings.Count(h.buf.String(), text)
}

func listening() (*heard, projections.Options) {
	h := &heard{}
	return h, projections.Options{Logger: slog.New(slog.NewTextHandler(h, nil))}
}

// A mended table folds what the other one could not.
func mended() projections.Table[place] {
	t := places
	t.Fold = func(p place, r domain.Recorded) (place, bool) {
		p.ID = r.Event.(moved).Place
		p.Moves++
		return p, true
	}
	return t
}

func TestAPoisonStopsOneTableAndItsDependents(t *testing.T) {
	good, bad, more := traffic(1, 50, 7), at(51, moved{"p1", "nowhere", 1}), traffic(52, 50, 7)
	said, options := listening()
	db, log := projectionstest.Open(t), projectionstest.NewHistory(good...)
	e := projections.New(db, log, world, options)
	stop := projectionstest.Run(t, e)
	projectionstest.Await(t, e, log)
	log.Append(slices.Concat(bad, more)...)
	projectionstest.Await(t, e, log)

	for _, name := range []string{"places", "stock"} {
		s := statusOf(t, e, name)
		if s.State != projections.Stopped || s.Position != 500 || s.ErrorPosition != 510 || s.Error == "" || s.Behind != 51 {
			t.Errorf("%s: %+v", name, s)
		}
	}
	all := slices.Concat(good, bad, more)
	if diff := cmp.Diff(expected(t, all, parcels, journal), checksums(t, e, "parcels", "journal")); diff != "" {
		t.Errorf("the others (-want +got):\n%s", diff)
	}
	if n := said.count("projection stopped"); n != 2 {
		t.Errorf("said %d times that a projection stopped, want once for each", n)
	}
	if err := e.Resume(t.Context(), "places"); domain.KindOf(err) != domain.Conflict {
		t.Errorf("resumed although nothing is mended: %v", err)
	}
	stop()

	repaired := []projections.Projection{stock, parcels, mended(), journal}
	e = projectionstest.Start(t, db, log, repaired, projections.Options{})
	if err := e.Resume(t.Context(), "places"); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(expected(t, all, repaired...), sumsOf(t, e, log), ignorePosition); diff != "" {
		t.Errorf("after it was mended (-want +got):\n%s", diff)
	}
}

func TestRowsThatTheDatabaseRefusesNameTheirEvent(t *testing.T) {
	log := projectionstest.NewHistory()
	e := projectionstest.Start(t, projectionstest.Open(t), log, world, projections.Options{})
	projectionstest.Await(t, e, log)
	log.Append(slices.Concat(traffic(1, 20, 3), at(21, moved{"p\x00", "place1", 1}), traffic(22, 20, 3))...)
	projectionstest.Await(t, e, log)
	if s := statusOf(t, e, "parcels"); s.State != projections.Stopped || s.ErrorPosition != 210 || s.Position >= 210 {
		t.Errorf("parcels: %+v", s)
	}
	for _, name := range []string{"places", "journal"} {
		if s := statusOf(t, e, name); s.State != projections.Live || s.Behind != 0 {
			t.Errorf("%s: %+v", name, s)
		}
	}
}

func TestAPoisonInARebuildStopsTheRebuild(t *testing.T) {
	log := projectionstest.NewHistory(slices.Concat(traffic(1, 20, 3), at(21, moved{"p1", "nowhere", 1}), traffic(22, 20, 3))...)
	e := projectionstest.Start(t, projectionstest.Open(t), log, world, projections.Options{})
	projectionstest.Until(t, func() (bool, string) {
		s := statusOf(t, e, "stock")
		return s.State == projections.Stopped && statusOf(t, e, "journal").State == projections.Live, s.Error
	})
	if s := statusOf(t, e, "places"); s.State != projections.Stopped || s.ErrorPosition != 210 {
		t.Errorf("places: %+v", s)
	}
	if err := e.Rebuild(t.Context(), "places"); domain.KindOf(err) != domain.Conflict {
		t.Errorf("rebuilt over the poison: %v", err)
	}
}

func TestWhatCannotBeDecodedStopsAllButTheJournal(t *testing.T) {
	log := projectionstest.NewHistory(traffic(1, 20, 3)...)
	e := projectionstest.Start(t, projectionstest.Open(t), log, world, projections.Options{})
	projectionstest.Await(t, e, log)
	broken := at(21, nil)
	broken[0].Err = domain.ErrUnknownVersion
	log.Append(slices.Concat(broken, traffic(22, 20, 3))...)
	projectionstest.Await(t, e, log)
	for name, want := range map[string]string{"parcels": projections.Stopped, "places": projections.Stopped, "stock": projections.Stopped, "journal": projections.Live} {
		if s := statusOf(t, e, name); s.State != want {
			t.Errorf("%s: %+v", name, s)
		}
	}
}
