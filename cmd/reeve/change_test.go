package main

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/commands"
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/change"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/projections"
)

// A desk is a tenant that asks for approvals, and its people.
type desk struct {
	*manor
	t                  *testing.T
	tenant             string
	ann, bob, stranger string // Authorization headers
}

func newDesk(t *testing.T) *desk {
	m := newManor(t)
	d := &desk{manor: m, t: t, tenant: m.mine["tenant"], stranger: m.client(m.theirs["tenant"], builtIn("tenant-admin"))}
	all := builtIn("tenant-admin")
	d.ann, d.bob = m.client(d.tenant, all), m.client(d.tenant, all)
	d.as(d.ann, "PUT", "/approval-rule", `{"approvals":1}`, http.StatusOK)
	return d
}

// as asks something about the tenant.
func (d *desk) as(who, method, path, body string, want int) []byte {
	d.t.Helper()
	status, _, b := d.ask(who, probe{method: method, path: "/v1/nodes/" + d.tenant + path, body: body})
	if status != want {
		d.t.Fatalf("%s %s: %d %s, want %d", method, path, status, b, want)
	}
	return b
}

// open proposes that the tenant's own flag has a value.
func (d *desk) open(value string) (path string) {
	d.t.Helper()
	var r domain.Receipt
	decode(d.t, d.as(d.ann, "POST", "/change-requests", fmt.Sprintf(`{"operation":"overrideFlag","input":{"node":%q,"flag":"probe-flag","value":%s},"summary":"as agreed"}`, d.tenant, value), http.StatusCreated), &r)
	return "/change-requests/" + r.ID
}

func (d *desk) read(path string) (c projections.ChangeRequest) {
	d.t.Helper()
	decode(d.t, d.now(d.ann, "/v1/nodes/"+d.tenant+path), &c)
	return c
}

func (d *desk) approve(who, path string, want int) []byte {
	d.t.Helper()
	return d.as(who, "POST", path+"/approve", fmt.Sprintf(`{"seen":%q}`, d.read(path).Preview), want)
}

// value is what the tenant's flag comes to.
func (d *desk) value() string {
	d.t.Helper()
	_, _, b := d.ask(d.ann, probe{method: "POST", path: "/ofrep/v1/evaluate/flags/probe-flag", body: fmt.Sprintf(`{"context":{"tenantId":%q}}`, d.tenant)})
	var a struct{ Value json.RawMessage }
	decode(d.t, b, &a)
	return string(a.Value)
}

func TestFourEyesAreNeeded(t *testing.T) {
	d := newDesk(t)
	override := "/flags/probe-flag"
	for path, c := range map[string]struct{ method, body string }{
		override: {"PUT", `{"value":false}`}, override + "/lock": {"POST", ""}, "/approval-rule": {"PUT", `{"approvals":0}`}, "/feature-sets/probe-set": {"DELETE", ""},
	} {
		if code := codeOf(d.as(d.ann, c.method, path, c.body, http.StatusConflict)); code != "approval-required" {
			t.Errorf("%s %s: %s", c.method, path, code)
		}
	}
	path := d.open("false")
	if c := d.read(path); c.Status != change.IsOpen || c.Needed != 1 || c.Affected.Tenants != 1 || string(c.Input) == "" {
		t.Fatalf("%+v", c)
	}
	if code := codeOf(d.as(d.ann, "POST", path+"/apply", "", http.StatusConflict)); code != "not-approved" {
		t.Errorf("applied by one: %s", code)
	}
	if code := codeOf(d.approve(d.ann, path, http.StatusForbidden)); code != "own-change-request" {
		t.Errorf("approved by its author: %s", code)
	}
	var p flag.Preview
	decode(t, d.preview(d.bob, path), &p)
	if c := d.read(path); len(p.Changes) == 0 || p.Preview[len(p.Preview)-32:] != c.Preview[len(c.Preview)-32:] {
		t.Errorf("the approver is shown %+v, and it stands for %s", p, c.Preview)
	}
	d.approve(d.bob, path, http.StatusOK)
	if d.value() != "true" {
		t.Error("what is approved is not applied")
	}
	for _, c := range []struct{ header, value, code string }{{"If-Match", `"0"`, "stale-revision"}, {"Reeve-Preview", p.Preview, "not-previewed"}} {
		r, err := http.NewRequest("POST", d.url+"/v1/nodes/"+d.tenant+path+"/apply", http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", d.ann)
		r.Header.Set(c.header, c.value)
		if _, _, b := d.send(r); codeOf(b) != c.code || d.value() != "true" {
			t.Errorf("held to %s %s: %s", c.header, c.value, b)
		}
	}
	var first, second domain.Receipt
	decode(t, d.as(d.ann, "POST", path+"/apply", "", http.StatusOK), &first)
	decode(t, d.as(d.bob, "POST", path+"/apply", "", http.StatusOK), &second)
	if d.value() != "false" || first.Position != second.Position || len(first.Events) != 1 {
		t.Errorf("applied: %s, %+v, and again %+v", d.value(), first, second)
	}
	if c := d.read(path); c.Status != change.IsApplied || len(c.Approvals) != 1 {
		t.Errorf("%+v", c)
	}
	type record struct{ Type, ActorID, Reason string }
	var audit struct{ Items []record }
	decode(t, d.now("Bearer "+d.world.token, "/v1/audit?limit=5"), &audit)
	i := slices.IndexFunc(audit.Items, func(a record) bool { return a.Type == "FlagOverridden" })
	if a := audit.Items[max(i, 0)]; i < 0 || a.ActorID != d.read(path).Author || a.Reason != "as agreed" {
		t.Errorf("recorded as %+v", audit.Items)
	}
	if code := codeOf(d.as(d.ann, "POST", path+"/cancel", "", http.StatusConflict)); code != "invalid-transition" {
		t.Errorf("cancelled after all: %s", code)
	}
}

// Whoever moves a tenant changes what it gets: where that takes approvals, so does the
// move, on either side.
func TestAMoveTakesApprovals(t *testing.T) {
	d := newDesk(t)
	admin, other := d.client("platform", builtIn("platform-admin")), d.client("platform", builtIn("platform-admin"))
	away := d.theirs["integrator"]
	move := func(to string) (int, []byte) {
		status, _, b := d.ask(admin, probe{method: "POST", path: "/v1/tenants/" + d.tenant + "/reassign", body: fmt.Sprintf(`{"integrator":%q}`, to)})
		return status, b
	}
	if status, b := move(away); status != http.StatusConflict || codeOf(b) != "approval-required" {
		t.Fatalf("%d %s", status, b)
	}
	var r domain.Receipt
	decode(t, d.as(admin, "POST", "/change-requests", fmt.Sprintf(`{"operation":"reassignTenant","input":{"tenant":%q,"integrator":%q}}`, d.tenant, away), http.StatusCreated), &r)
	path := "/change-requests/" + r.ID
	if code := codeOf(d.as(admin, "POST", path+"/apply", "", http.StatusConflict)); code != "not-approved" {
		t.Errorf("applied by one: %s", code)
	}
	d.as(other, "POST", path+"/approve", fmt.Sprintf(`{"seen":%q}`, d.seen(admin, path)), http.StatusOK)
	d.as(admin, "POST", path+"/apply", "", http.StatusOK)
	d.as(admin, "POST", d.lifted(admin, other), "", http.StatusOK)
	if status, b := move(d.mine["integrator"]); status != http.StatusOK {
		t.Fatalf("where nobody asks for approvals: %d %s", status, b)
	}
	d.do("PUT", "/v1/nodes/"+away+"/approval-rule", `{"approvals":1,"below":true}`)
	if status, b := move(away); status != http.StatusConflict || codeOf(b) != "approval-required" {
		t.Errorf("to who asks for approvals: %d %s", status, b)
	}
}

// seen is the preview that a request stands for, as somebody reads it.
func (d *desk) seen(who, path string) string {
	d.t.Helper()
	var c projections.ChangeRequest
	decode(d.t, d.now(who, "/v1/nodes/"+d.tenant+path), &c)
	return c.Preview
}

// lifted is how the approved request to ask for no approvals any more is applied.
func (d *desk) lifted(author, by string) (apply string) {
	d.t.Helper()
	var r domain.Receipt
	decode(d.t, d.as(author, "POST", "/change-requests", fmt.Sprintf(`{"operation":"requireApprovals","input":{"node":%q,"approvals":0}}`, d.tenant), http.StatusCreated), &r)
	path := "/change-requests/" + r.ID
	d.as(by, "POST", path+"/approve", fmt.Sprintf(`{"seen":%q}`, d.seen(author, path)), http.StatusOK)
	return path + "/apply"
}

// preview is what the request would change now.
func (d *desk) preview(who, path string) []byte {
	d.t.Helper()
	status, _, b := d.ask(who, probe{method: "POST", path: "/v1/preview/nodes/" + d.tenant + path + "/apply"})
	if status != http.StatusOK {
		d.t.Fatalf("%d %s", status, b)
	}
	return b
}

// What was approved is what is applied, or nothing.
func TestWhatIsApprovedIsWhatIsApplied(t *testing.T) {
	d := newDesk(t)
	edited := d.open("false")
	d.approve(d.bob, edited, http.StatusOK)
	d.as(d.ann, "PUT", edited, fmt.Sprintf(`{"input":{"node":%q,"flag":"probe-flag","value":false,"validUntil":"2099-01-01T00:00:00Z"}}`, d.tenant), http.StatusOK)
	if code := codeOf(d.as(d.ann, "POST", edited+"/apply", "", http.StatusConflict)); code != "not-approved" || d.read(edited).Status != change.IsOpen {
		t.Errorf("edited after the approval: %s", code)
	}
	d.as(d.bob, "POST", edited+"/reject", `{"note":"not for ever"}`, http.StatusOK)

	moved := d.open("false")
	d.approve(d.bob, moved, http.StatusOK)
	d.do("PUT", "/v1/nodes/"+d.mine["integrator"]+"/flags/probe-flag", `{"value":false}`)
	if code := codeOf(d.as(d.ann, "POST", moved+"/apply", "", http.StatusOK)); code != "" { // the integrator's word makes no difference to the tenant
		t.Error(code)
	}
	stale := d.open("true")
	d.approve(d.bob, stale, http.StatusOK)
	other := d.open("true")
	d.approve(d.bob, other, http.StatusOK)
	d.as(d.ann, "POST", other+"/apply", "", http.StatusOK)
	if code := codeOf(d.as(d.ann, "POST", stale+"/apply", "", http.StatusConflict)); code != "preview-stale" || d.read(stale).Status != change.IsOutdated {
		t.Errorf("applied to something else: %s, %s", code, d.read(stale).Status)
	}
	d.as(d.ann, "POST", stale+"/rebase", "", http.StatusOK)
	if c := d.read(stale); c.Status != change.IsOpen || len(c.Approvals) != 0 {
		t.Errorf("rebased: %+v", c)
	}
}

// Who may not do it cannot propose it, and who was let go has not approved it.
func TestApprovalsStandWithThoseWhoGaveThem(t *testing.T) {
	d := newDesk(t)
	viewer := d.client(d.tenant, domain.PermissionsOf(domain.ChangePropose, domain.FlagRead))
	in := fmt.Sprintf(`{"operation":"overrideFlag","input":{"node":%q,"flag":"probe-flag","value":false}}`, d.tenant)
	d.as(viewer, "POST", "/change-requests", in, http.StatusForbidden)
	for body, code := range map[string]string{
		`{"operation":"none","input":{}}`:                          "not-proposable",
		`{"operation":"overrideFlag","input":1}`:                   "invalid-request",
		`{"operation":"overrideFlag","input":{"flag":"x"}}`:        "invalid-request",
		`{"operation":"killFlag","input":{"flag":"probe-flag"}}`:   "proposed-elsewhere",
		`{"operation":"openChangeRequest","input":{}}`:             "not-proposable",
		`{"operation":"overrideFlag","input":{"node":"platform"}}`: "invalid-request",
	} {
		if got := codeOf(d.as(d.ann, "POST", "/change-requests", body, http.StatusUnprocessableEntity)); got != code {
			t.Errorf("%s: %s, want %s", body, got, code)
		}
	}
	path := d.open("false")
	gone := d.register(d.tenant, builtIn("tenant-admin"))
	d.approve("Bearer "+d.token(gone), path, http.StatusOK)
	d.as(d.ann, "POST", "/clients/"+gone.ID+"/disable", "", http.StatusOK)
	if code := codeOf(d.as(d.ann, "POST", path+"/apply", "", http.StatusConflict)); code != "not-approved" {
		t.Errorf("approved by somebody who is gone: %s", code)
	}
	d.as(d.stranger, "GET", path, "", http.StatusNotFound)
}

// A scheduled request is applied by itself when it is due, once.
func TestAScheduledChangeIsApplied(t *testing.T) {
	d := newDesk(t)
	path := d.open("false")
	d.approve(d.bob, path, http.StatusOK)
	at := time.Now().Add(1500 * time.Millisecond).UTC()
	d.as(d.ann, "POST", path+"/schedule", fmt.Sprintf(`{"at":%q}`, at.Format(time.RFC3339Nano)), http.StatusOK)
	var id struct{ ID change.ID }
	decode(t, d.now(d.ann, "/v1/nodes/"+d.tenant+path), &id)
	if err := commands.ApplyDue(t.Context(), d.ledger, change.Apply{Node: domain.NodeID(d.tenant), Request: id.ID}); err != nil || d.value() != "true" {
		t.Errorf("applied before it is due: %v, %s", err, d.value())
	}
	for began := time.Now(); d.read(path).Status != change.IsApplied; {
		if time.Since(began) > time.Minute {
			t.Fatalf("%+v", d.read(path))
		}
	}
	if d.value() != "false" || time.Now().Before(at) {
		t.Error("applied at another time, or not at all")
	}
}

// Whoever makes a credential can use it, so it is no other pair of eyes.
func TestACredentialOfOnesOwnIsNoSecondPairOfEyes(t *testing.T) {
	d := newDesk(t)
	path := d.open("false")
	var c domain.Receipt
	decode(t, d.as(d.ann, "POST", "/clients", fmt.Sprintf(`{"name":"another pair","permissions":%s}`, said(builtIn("tenant-admin"))), http.StatusCreated), &c)
	if code := codeOf(d.approve("Bearer "+d.token(c), path, http.StatusForbidden)); code != "own-change-request" {
		t.Errorf("approved with one's own client: %s", code)
	}
	var theirs domain.Receipt
	decode(t, d.as("Bearer "+d.token(c), "POST", "/change-requests", fmt.Sprintf(`{"operation":"lockFlag","input":{"node":%q,"flag":"probe-flag"},"summary":"as agreed"}`, d.tenant), http.StatusCreated), &theirs)
	if code := codeOf(d.approve(d.ann, "/change-requests/"+theirs.ID, http.StatusForbidden)); code != "own-change-request" {
		t.Errorf("approved by who made the author's client: %s", code)
	}
	d.approve(d.bob, path, http.StatusOK)
}

// A scheduled request whose approver may not approve any more has failed when it is due,
// and holds up no other.
func TestAScheduledChangeThatCannotBeAppliedHasFailed(t *testing.T) {
	d := newDesk(t)
	gone := d.register(d.tenant, builtIn("tenant-admin"))
	stuck, good := d.open("false"), d.open("false")
	d.approve("Bearer "+d.token(gone), stuck, http.StatusOK)
	d.approve(d.bob, good, http.StatusOK)
	at := time.Now().Add(2 * time.Second).UTC()
	for _, path := range []string{stuck, good} {
		d.as(d.ann, "POST", path+"/schedule", fmt.Sprintf(`{"at":%q}`, at.Format(time.RFC3339Nano)), http.StatusOK)
	}
	d.as(d.ann, "POST", "/clients/"+gone.ID+"/disable", "", http.StatusOK)
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); {
		if one, other := d.read(stuck), d.read(good); one.Status == change.IsFailed && other.Status == change.IsApplied {
			if !strings.HasPrefix(one.Outcome, "not-approved") {
				t.Errorf("it failed for %s", one.Outcome)
			}
			return
		}
	}
	t.Errorf("the one is %s, the other %s", d.read(stuck).Status, d.read(good).Status)
}

// said are permissions as JSON.
func said(p domain.Permissions) string { b, _ := json.Marshal(p); return string(b) }
