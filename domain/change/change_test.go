package change_test

import (
	"encoding/json"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/change"
	"github.com/reeve-platform/reeve/internal/testkit"
)

const (
	request ID            = "8d0f1f0e-5f3b-4c8e-9a63-2f6f0e9d7a11"
	acme    domain.NodeID = "5f0c1b52-6f0e-4b5a-8f2d-0a5d3c1f7e11"
)

var (
	ann   = domain.Actor{ID: "ann", Type: "user"}
	bob   = domain.Actor{ID: "bob", Type: "user"}
	cleo  = domain.Actor{ID: "cleo", Type: "user"}
	asAnn = domain.Actor{ID: "support", Type: "user", OnBehalfOf: "ann"}

	at       = testkit.Now
	later    = at.Add(time.Hour)
	kill     = json.RawMessage(`{"flag":"layout"}`)
	other    = json.RawMessage(`{"flag":"engine"}`)
	shown    = Foreseen{Preview: "7-a", Position: 7, Flags: 1, Tenants: 3}
	again    = Foreseen{Preview: "9-b", Position: 9, Flags: 1, Tenants: 4}
	opened   = Opened{request, acme, "killFlag", kill, "put it out", shown, ann}
	approved = Approved{request, 1, "7-a", bob}
	due      = Scheduled{request, later, nil, ann}
	applied  = Applied{request, 1, "flag-layout", 3, 12, []string{"FlagKilled"}, ann}
	outdated = Outdated{request, 1, "something came between"}
	failed   = Failed{request, 1, "flag-locked", "a node above holds a lock"}
	begun    = Applying{request, 1, ann}
	halted   = Halted{request, 1, "flag-locked", "a node above holds a lock"}
	edited   = Edited{request, 2, other, again, shown, 1, cleo}
)

type hung struct{}

func (hung) Placed() (domain.NodeID, domain.Level, domain.NodeID) {
	return acme, domain.TenantLevel, domain.PlatformID
}
func (hung) Stands() (domain.NodeID, domain.Standing) { return acme, domain.Usable }

func past(events ...domain.Event) []domain.Event {
	return append([]domain.Event{hung{}}, events...)
}

// when somebody gives a command.
func when(t *testing.T, by domain.Actor, events []domain.Event, cmd domain.Command[Request], want testkit.Expectation) {
	t.Helper()
	testkit.When(testkit.Given(events...).By(by), cmd).Meets(t, want)
}

func TestChangeRequests(t *testing.T) {
	two := shown
	two.Required = 2
	needsTwo := Opened{request, acme, "killFlag", kill, "", two, ann}
	records, nothing := testkit.Records, testkit.Nothing()
	approve := Approve{acme, request, "7-a"}
	for name, c := range map[string]struct {
		by   domain.Actor
		past []domain.Event
		cmd  domain.Command[Request]
		want testkit.Expectation
	}{
		"open":                              {ann, past(), Open{Node: acme, Operation: "killFlag", Input: kill}.Foresaw(shown), records(Opened{"", acme, "killFlag", kill, "", shown, ann})},
		"open nowhere":                      {ann, nil, Open{Node: acme, Operation: "killFlag", Input: kill}, testkit.Fails(domain.ErrNodeNotFound)},
		"approve":                           {bob, past(opened), approve, records(approved)},
		"approve twice":                     {bob, past(opened, approved), approve, nothing},
		"approve one's own":                 {ann, past(opened), approve, testkit.Fails(ErrOwnRequest)},
		"approve one's own as somebody":     {asAnn, past(opened), approve, testkit.Fails(ErrOwnRequest)},
		"approve what one has edited":       {cleo, past(opened, edited), Approve{acme, request, "9-b"}, testkit.Fails(ErrOwnRequest)},
		"approve what was opened by one":    {ann, past(opened, edited), Approve{acme, request, "9-b"}, testkit.Fails(ErrOwnRequest)},
		"approve something else":            {bob, past(opened), Approve{acme, request, "9-b"}, testkit.Fails(ErrOtherPreview)},
		"approve what it was":               {bob, past(opened, edited), approve, testkit.Fails(ErrOtherPreview)},
		"approve elsewhere":                 {bob, past(opened), Approve{"platform", request, "7-a"}, testkit.Fails(ErrNotFound)},
		"approve nothing":                   {bob, past(), approve, testkit.Fails(ErrNotFound)},
		"approve what is applied":           {cleo, past(opened, approved, applied), approve, testkit.Fails(domain.ErrTransition)},
		"approve what is outdated":          {cleo, past(opened, approved, outdated), approve, testkit.Fails(domain.ErrTransition)},
		"one more":                          {cleo, past(opened, approved), approve, records(Approved{request, 1, "7-a", cleo})},
		"edit":                              {cleo, past(opened, approved), Edit{Node: acme, Request: request, Input: other}.Foresaw(again), records(edited)},
		"edit what is applied":              {cleo, past(opened, approved, applied), Edit{Node: acme, Request: request, Input: other}, testkit.Fails(domain.ErrTransition)},
		"rebase what is outdated":           {cleo, past(opened, approved, outdated), Rebase{Node: acme, Request: request}.Foresaw(again), records(Edited{request, 2, kill, again, shown, 1, cleo})},
		"rebase what still stands":          {cleo, past(opened, approved), Rebase{Node: acme, Request: request}.Foresaw(shown), nothing},
		"schedule":                          {ann, past(opened, approved), Schedule{acme, request, later}, records(due)},
		"schedule twice":                    {ann, past(opened, approved, due), Schedule{acme, request, later}, nothing},
		"schedule for another time":         {ann, past(opened, approved, due), Schedule{acme, request, later.Add(time.Hour)}, records(Scheduled{request, later.Add(time.Hour), &later, ann})},
		"schedule what nobody approved":     {ann, past(opened), Schedule{acme, request, later}, testkit.Fails(ErrNotApproved)},
		"schedule what one of two approved": {ann, past(needsTwo, approved), Schedule{acme, request, later}, testkit.Fails(ErrNotApproved)},
		"schedule for the past":             {ann, past(opened, approved), Schedule{acme, request, at}, testkit.Fails(ErrDue)},
		"reject":                            {bob, past(opened), Reject{acme, request, "no"}, records(Rejected{request, IsOpen, "no", bob})},
		"reject twice":                      {bob, past(opened, Rejected{Request: request}), Reject{acme, request, "no"}, nothing},
		"reject what is applied":            {bob, past(opened, approved, applied), Reject{acme, request, "no"}, testkit.Fails(domain.ErrTransition)},
		"cancel":                            {ann, past(opened, approved, due), Cancel{acme, request}, records(Cancelled{request, IsScheduled, ann})},
		"cancel twice":                      {ann, past(opened, Cancelled{Request: request}), Cancel{acme, request}, nothing},
		"cancel what is rejected":           {ann, past(opened, Rejected{Request: request}), Cancel{acme, request}, testkit.Fails(domain.ErrTransition)},
		"conclude":                          {ann, past(opened, approved), Conclude{acme, request, 1, applied}, records(applied)},
		"conclude twice":                    {ann, past(opened, approved, applied), Conclude{acme, request, 1, applied}, nothing},
		"what was given stays given":        {ann, past(opened, approved, Rejected{Request: request}), Conclude{acme, request, 1, applied}, records(applied)},
		"outdated":                          {ann, past(opened, approved), Conclude{acme, request, 1, outdated}, records(outdated)},
		"outdated before an edit":           {ann, past(opened, approved, edited), Conclude{acme, request, 1, outdated}, nothing},
		"begin":                             {ann, past(opened, approved), Begin{acme, request, 1}, records(begun)},
		"begin twice":                       {ann, past(opened, approved, begun), Begin{acme, request, 1}, nothing},
		"begin what was edited meanwhile":   {ann, past(opened, approved, edited, Approved{request, 2, "9-b", bob}), Begin{acme, request, 1}, testkit.Fails(ErrNotApproved)},
		"begin what is open":                {ann, past(opened), Begin{acme, request, 1}, testkit.Fails(domain.ErrTransition)},
		"begin what is cancelled":           {ann, past(opened, approved, Cancelled{Request: request}), Begin{acme, request, 1}, testkit.Fails(domain.ErrTransition)},
		"edit what is being applied":        {cleo, past(opened, approved, begun), Edit{Node: acme, Request: request, Input: other}, testkit.Fails(domain.ErrTransition)},
		"cancel what is being applied":      {ann, past(opened, approved, begun), Cancel{acme, request}, testkit.Fails(domain.ErrTransition)},
		"reject what is being applied":      {bob, past(opened, approved, begun), Reject{acme, request, "no"}, testkit.Fails(domain.ErrTransition)},
		"conclude what was begun":           {ann, past(opened, approved, begun), Conclude{acme, request, 1, applied}, records(applied)},
		"halted stands as it stood":         {ann, past(opened, approved, begun, halted), Cancel{acme, request}, records(Cancelled{request, IsApproved, ann})},
		"halted is scheduled if it was":     {ann, past(opened, approved, due, begun, halted), Cancel{acme, request}, records(Cancelled{request, IsScheduled, ann})},
		"failed":                            {ann, past(opened, approved, due), Conclude{acme, request, 1, failed}, records(failed)},
	} {
		t.Run(name, func(t *testing.T) { when(t, c.by, c.past, c.cmd, c.want) })
	}
}

func TestReady(t *testing.T) {
	all, none := func(domain.Actor) bool { return true }, func(domain.Actor) bool { return false }
	for name, c := range map[string]struct {
		past     []domain.Event
		required int
		still    func(domain.Actor) bool
		want     *domain.Error
	}{
		"approved":                {past(opened, approved), 0, all, nil},
		"open":                    {past(opened), 0, all, ErrNotApproved},
		"more are needed by now":  {past(opened, approved), 2, all, ErrNotApproved},
		"who approved may not":    {past(opened, approved), 0, none, ErrNotApproved},
		"edited":                  {past(opened, approved, edited), 0, all, ErrNotApproved},
		"scheduled":               {past(opened, approved, due), 0, all, nil},
		"outdated":                {past(opened, approved, outdated), 0, all, domain.ErrTransition},
		"applied already":         {past(opened, approved, applied), 5, none, nil},
		"nothing":                 {past(), 0, all, ErrNotFound},
		"rejected after approval": {past(opened, approved, Rejected{Request: request}), 0, all, domain.ErrTransition},
	} {
		err := domain.Fold(Request{}, c.past...).Ready(acme, c.required, c.still)
		if e, _ := domain.AsError(err); (c.want == nil) != (err == nil) || c.want != nil && !c.want.Is(e) {
			t.Errorf("%s: %v, want %v", name, err, c.want)
		}
	}
	if r := domain.Fold(Request{}, past(opened, approved, due)...); r.IsDue(later.Add(-time.Millisecond)) || !r.IsDue(later) {
		t.Error("due at another instant")
	}
}

// Whatever is done in whatever order, what is ready was approved by others than its
// authors, as it stands.
func TestFourEyes(t *testing.T) {
	people := []domain.Actor{ann, bob, cleo, asAnn}
	rapid.Check(t, func(t *rapid.T) {
		r, previews := domain.Fold(Request{}, past(opened)...), []string{"7-a"}
		for range rapid.IntRange(1, 15).Draw(t, "steps") {
			by := rapid.SampledFrom(people).Draw(t, "by")
			f := Foreseen{Preview: rapid.SampledFrom([]string{"7-a", "9-b", "11-c"}).Draw(t, "preview"), Required: rapid.IntRange(0, 2).Draw(t, "required")}
			cmd := rapid.SampledFrom([]domain.Command[Request]{
				Approve{acme, request, r.Foreseen.Preview}, Approve{acme, request, previews[0]}, Edit{Node: acme, Request: request, Input: other}.Foresaw(f),
				Rebase{Node: acme, Request: request}.Foresaw(f), Schedule{acme, request, later}, Conclude{acme, request, r.Edition, outdated}, Conclude{acme, request, 1, failed},
			}).Draw(t, "command")
			facts, err := cmd.Decide(r, domain.Meta{At: at, Actor: by})
			if err != nil {
				continue
			}
			for _, e := range facts {
				if a, ok := e.(Approved); ok && a.Preview != r.Foreseen.Preview {
					t.Fatalf("approved %s while it stood for %s", a.Preview, r.Foreseen.Preview)
				}
				r = r.Evolve(e)
			}
			if r.Ready(acme, 0, func(domain.Actor) bool { return true }) != nil {
				continue
			}
			distinct := map[string]bool{}
			for _, a := range r.Approvals {
				distinct[a.ID] = true
				for _, author := range r.Authors {
					if a.ID == author.ID || a.OnBehalfOf == author.ID && a.OnBehalfOf != "" || a.ID == author.OnBehalfOf {
						t.Fatalf("%v approved what %v wrote", a, author)
					}
				}
			}
			if len(distinct) < max(r.Foreseen.Required, 1) {
				t.Fatalf("ready with %d approvals of %d", len(distinct), r.Foreseen.Required)
			}
		}
	})
}

func TestApprovalRules(t *testing.T) {
	required := ApprovalsRequired{acme, 2, true, nil}
	for name, c := range map[string]struct {
		past []domain.Event
		cmd  Require
		want testkit.Expectation
	}{
		"require":          {past(), Require{acme, 2, true}, testkit.Records(required)},
		"twice":            {past(required), Require{acme, 2, true}, testkit.Nothing()},
		"none":             {past(), Require{acme, 0, true}, testkit.Nothing()},
		"no more":          {past(required), Require{acme, 0, true}, testkit.Records(ApprovalsRequired{acme, 0, false, &Rule{2, true}})},
		"less":             {past(required), Require{acme, 1, false}, testkit.Records(ApprovalsRequired{acme, 1, false, &Rule{2, true}})},
		"nowhere":          {nil, Require{acme, 2, true}, testkit.Fails(domain.ErrNodeNotFound)},
		"for the platform": {nil, Require{domain.PlatformID, 1, false}, testkit.Records(ApprovalsRequired{domain.PlatformID, 1, false, nil})},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(testkit.Given(c.past...), c.cmd).Meets(t, c.want) })
	}
}

func TestGolden(t *testing.T) {
	testkit.Golden(t, Events, opened, edited, approved, due, begun, halted, outdated, failed, applied, Rejected{request, IsOpen, "no", bob}, Cancelled{request, IsScheduled, ann},
		ApprovalsRequired{acme, 2, true, &Rule{1, false}})
}
