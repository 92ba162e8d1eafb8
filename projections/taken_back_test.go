package projections_test

import (
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/projections/projectionstest"
)

// A transaction that breaks takes back what other tables of the lane have already
// folded. The page comes again, to the same lane: rows that are held in memory
// must not have moved on.
func TestAPageThatIsTakenBackIsFoldedAfresh(t *testing.T) {
	db, log := projectionstest.Open(t), projectionstest.NewHistory()
	var once sync.Once
	broken := false
	fragile := journal
	fragile.Name = "fragile"
	fragile.Fold = func(none entry, r domain.Recorded) (entry, bool) {
		if m, _ := r.Event.(moved); m.Place == "storm" {
			once.Do(func() {
				broken = true
				run(t, db, `select pg_terminate_backend(pid, 10000) from pg_stat_activity
where datname = current_database() and pid <> pg_backend_pid() and state = 'idle in transaction'`)
			})
		}
		return journal.Fold(none, r)
	}
	all := []projections.Projection{parcels, places, fragile}
	e := projectionstest.Start(t, db, log, all, projections.Options{})
	projectionstest.Await(t, e, log)
	story := append(traffic(1, 300, 29), at(301, moved{"p1", "place1", 1}, moved{"p2", "storm", 1})...)
	log.Append(story[:200]...)
	projectionstest.Await(t, e, log)
	log.Append(story[200:]...)
	if diff := cmp.Diff(expected(t, story, parcels, places), checksumsAt(t, e, log, "parcels", "places")); diff != "" {
		t.Errorf("rows (-want +got):\n%s", diff)
	}
	if !broken {
		t.Error("no transaction was broken, so nothing was tested")
	}
}

func checksumsAt(t *testing.T, e *projections.Engine, log projections.Log, names ...string) []projections.Checksum {
	t.Helper()
	projectionstest.Await(t, e, log)
	return checksums(t, e, names...)
}
