package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

// story is the life of a partner, a tenant and a flag, in which every step
// succeeds. P, T and F stand for their names.
const story = `
registerIntegrator {"integrator":"P","kind":"partner","businessName":"Firm P","contacts":[{"name":"Nils","email":"nils@firm.example","role":"admin"}]}
activateIntegrator {"integrator":"P"}
updateIntegratorProfile {"integrator":"P","partnerId":"NW-1","onboardingDate":"2026-03-04T12:00:00Z"}
createTenant {"tenant":"T","slug":"F","name":"Zoë & <Co>","kind":"merchant","integrator":"P","contacts":[{"name":"Zoë","email":"zoe@co.example","phone":"+49 30 1","role":"admin"}]}
updateTenantProfile {"tenant":"T","name":"Zoë"}
changeQuota {"tenant":"T","meter":"users","limit":9007199254740993,"warn":[80,95]}
activateTenant {"tenant":"T"}
suspendTenant {"tenant":"T","cause":"billing","note":"two reminders"}
resumeTenant {"tenant":"T","cause":"billing"}
defineFlag {"key":"F","type":"json","default":{"a":[1,2.5,"x",null]},"tags":["one","two words"],"exposed":true,"levels":["platform","tenant"]}
updateFlag {"flag":"F","description":"What it is for.","variants":{"b":{"b":false}}}
activateFlag {"flag":"F"}
overrideFlag {"node":"T","flag":"F","value":{"b":true},"validFrom":"2026-01-02T03:04:05Z","validUntil":"2999-01-02T03:04:05Z"}
lockFlag {"node":"T","flag":"F"}
unlockFlag {"node":"T","flag":"F"}
clearFlagOverride {"node":"T","flag":"F"}
killFlag {"flag":"F"}
reviveFlag {"flag":"F"}
deprecateFlag {"flag":"F"}
archiveFlag {"flag":"F"}
stopIntegrator {"integrator":"P","reason":"breach of contract"}
restartIntegrator {"integrator":"P"}
reassignTenant {"tenant":"T","integrator":"00000000-0000-4000-8000-00000000d1ec"}
archiveTenant {"tenant":"T"}
unarchiveTenant {"tenant":"T"}
archiveTenant {"tenant":"T"}
requestTenantDeletion {"tenant":"T","graceDays":40}
cancelTenantDeletion {"tenant":"T"}
stopIntegrator {"integrator":"P","reason":"leaves"}
offboardIntegrator {"integrator":"P"}
`

// The story is told three times, each time through another surface, and every
// step is repeated through the other two: one effect, and one receipt.
func TestAStoryIsTheSameOnEverySurface(t *testing.T) {
	w := newWorld(t)
	var told [][]domain.Receipt
	for first, s := range surfaces {
		t.Run(s.name, func(t *testing.T) { told = append(told, w.tell(t, first)) })
	}
	if len(told) != len(surfaces) {
		t.FailNow()
	}
	for i := range told[1:] {
		if diff := cmp.Diff(told[0], told[i+1]); diff != "" {
			t.Errorf("%s and %s (-/+):\n%s", surfaces[0].name, surfaces[i+1].name, diff)
		}
	}
}

// tell tells the story with names of its own, and gives the receipts without what
// differs each time.
func (w *world) tell(t *testing.T, first int) (receipts []domain.Receipt) {
	t.Helper()
	partner, tenant, flag := uuid.NewString(), uuid.NewString(), fmt.Sprint("story-", first)
	names := strings.NewReplacer(`"P"`, `"`+partner+`"`, `Firm P`, "Firm "+partner, `"T"`, `"`+tenant+`"`, `"F"`, `"`+flag+`"`)
	plain := strings.NewReplacer(partner, "P", tenant, "T", flag, "F")
	entries := map[string]edge.Served{}
	for _, e := range edge.With[*commands.Ledger](nil, commands.Catalog) {
		entries[e.Name] = e
	}
	for n, step := range strings.Split(strings.TrimSpace(story), "\n") {
		name, input, _ := strings.Cut(names.Replace(step), " ")
		c := wanted{Served: entries[name], key: fmt.Sprint(first, "-", n)}
		d := json.NewDecoder(strings.NewReader(input))
		d.UseNumber()
		if err := d.Decode(&c.in); err != nil {
			t.Fatal(err)
		}
		v := w.same(t, first, c)
		if v.Code != "" || len(v.Receipt.Events) == 0 {
			t.Fatalf("%s: %+v", step, v)
		}
		v.Receipt.Stream, v.Receipt.ID, v.Receipt.Position = domain.StreamID(plain.Replace(string(v.Receipt.Stream))), plain.Replace(v.Receipt.ID), 0
		receipts = append(receipts, v.Receipt)
	}
	return receipts
}
