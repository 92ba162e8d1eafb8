package commands_test

import (
	"testing"
	"time"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/security"
)

// What was seen again is another fact, in whichever process, and each follows the
// one before.
func TestObservationsFollowEachOther(t *testing.T) {
	log := realLog(t)
	seen := security.Observe{Kind: security.TokenRejected, Node: domain.PlatformID, Operation: "GET /x", Count: 1, First: time.Unix(1, 0), Last: time.Unix(2, 0)}
	for i := range 6 {
		l := ledger(t, log)
		for j := range 3 {
			r, err := commands.Handle(t.Context(), l, "observeRefusals", seen, commands.SystemRequest("refused"))
			if err != nil || r.Revision != uint64(3*i+j) || len(r.Events) != 1 {
				t.Fatal(r, err)
			}
		}
	}
	past, err := log.Read(t.Context(), security.Stream(domain.PlatformID), 0)
	if err != nil || len(past) != 18 || past[0].Meta.Actor.Type != "system" {
		t.Error(len(past), err)
	}
}
