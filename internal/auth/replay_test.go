package auth_test

import (
	"strconv"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/internal/auth"
)

// A client that uses up what is remembered of it neither makes the guard forget what
// others have used nor keeps them out.
func TestNoClientMakesAnotherReplayable(t *testing.T) {
	var g auth.Endpoints
	expires := noon.Add(time.Minute)
	if !g.First("ledger", "1", expires, noon) {
		t.Fatal("the first use")
	}
	for i := range auth.MostReplays {
		if !g.First("flood", strconv.Itoa(i), expires, noon) {
			t.Fatalf("%d assertions are remembered, want %d", i, auth.MostReplays)
		}
	}
	for _, c := range []struct {
		name, client, jti string
		at                time.Time
		want              bool
	}{
		{"one too many", "flood", "more", noon, false},
		{"its oldest, again", "flood", "0", noon, false},
		{"of another, again", "ledger", "1", noon, false},
		{"of another, anew", "ledger", "2", noon, true},
		{"the same name at another", "ledger", "0", noon, true},
		{"when all have expired", "flood", "more", expires, true},
		{"expired itself", "ledger", "1", expires, true},
	} {
		if got := g.First(c.client, c.jti, c.at.Add(time.Minute), c.at); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}

func TestExpiredAssertionsAreForgotten(t *testing.T) {
	var g auth.Endpoints
	for i := range 1000 {
		g.First(strconv.Itoa(i), "1", noon.Add(time.Second), noon)
	}
	g.First("late", "1", noon.Add(time.Hour), noon.Add(2*time.Minute))
	if n := g.Remembered(); n != 1 {
		t.Errorf("%d clients are remembered", n)
	}
}
