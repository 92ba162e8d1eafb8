package readapi_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/readapi"
)

var atNorth = readapi.Whom{Node: domain.NodeID(north)}

// asked asks a question of the catalogue that must be answered.
func asked[R any](w *world, name string, q any) R {
	w.t.Helper()
	answer, err := call(w.t, w, name, 0, q)
	if err != nil {
		w.t.Fatalf("%s %+v: %v", name, q, err)
	}
	return answer.Body.(R)
}

// fails asks a question of the catalogue that must fail in a way.
func fails(w *world, name string, q any, want *domain.Error) {
	w.t.Helper()
	if _, err := call(w.t, w, name, 0, q); !errors.Is(err, want) {
		w.t.Errorf("%s %+v: %v, want %v", name, q, err, want)
	}
}

func (w *world) said(node domain.NodeID, level domain.Level, parent domain.NodeID, value string) uint64 {
	w.override(node, level, parent, "colour", flag.Setting{Value: raw(value)})
	return w.last
}

func TestResolveAsOfThen(t *testing.T) {
	w := painted(t)
	before := w.last
	then := w.said(domain.NodeID(north), domain.TenantLevel, domain.NodeID(acme), `"green"`)
	w.said(domain.NodeID(north), domain.TenantLevel, domain.NodeID(acme), `"red"`)
	for name, c := range map[string]struct {
		as    readapi.AsOf
		value string
		at    uint64
	}{
		"now":                      {readapi.AsOf{}, `"red"`, w.last},
		"a position":               {readapi.AsOf{Position: then}, `"green"`, then},
		"one before":               {readapi.AsOf{Position: before}, `"north"`, before},
		"an instant":               {readapi.AsOf{Instant: w.told[then].Meta.At}, `"green"`, then},
		"an instant just before":   {readapi.AsOf{Instant: w.told[then].Meta.At.Add(-time.Millisecond)}, `"north"`, before},
		"an instant after the end": {readapi.AsOf{Instant: w.told[w.last].Meta.At.Add(time.Hour)}, `"red"`, w.last},
	} {
		got := resolve(w, readapi.ResolveFlag{Flag: "colour", Whom: atNorth, AsOf: c.as})
		if string(got.Value) != c.value || got.Position != c.at {
			t.Errorf("%s: %s as of %d, want %s as of %d", name, got.Value, got.Position, c.value, c.at)
		}
		if name != "one before" && name != "an instant just before" && (got.DecidedBy.EventID != w.told[got.DecidedBy.Position].ID || got.DecidedBy.Actor != "ada") {
			t.Errorf("%s: by %+v", name, got.DecidedBy)
		}
	}
	unresolved(w, readapi.ResolveFlag{Flag: "colour", AsOf: readapi.AsOf{Instant: noon, Position: 1}}, readapi.ErrAsOf)
	unresolved(w, readapi.ResolveFlag{Flag: "colour", AsOf: readapi.AsOf{Instant: noon}}, readapi.ErrBeforeAll)
	unresolved(w, readapi.ResolveFlag{Flag: "colour", AsOf: readapi.AsOf{Position: w.last + 1}}, readapi.ErrBeyondHead)
	unresolved(w, readapi.ResolveFlag{Flag: "colour", AsOf: readapi.AsOf{Position: 1}}, flag.ErrNotFound)
	unresolved(w, readapi.ResolveFlag{Flag: "colour", Whom: atNorth, AsOf: readapi.AsOf{Position: 2}}, flag.ErrNodeNotFound)
	unresolved(w, readapi.ResolveFlag{Flag: "colour", Whom: readapi.Whom{User: domain.UserID(ada)}, AsOf: readapi.AsOf{Position: 2}}, flag.ErrNodeNotFound)
}

// The instant that validities are held against is that of the question, unless one
// is named.
func TestResolveAsOfThenAtAnotherInstant(t *testing.T) {
	w := painted(t)
	from := w.told[w.last].Meta.At.Add(30 * time.Minute)
	w.override(domain.NodeID(north), domain.TenantLevel, domain.NodeID(acme), "colour", flag.Setting{Value: raw(`"later"`), ValidFrom: &from})
	for value, q := range map[string]readapi.ResolveFlag{
		`"acme"`:  {AsOf: readapi.AsOf{Position: w.last}},
		`"later"`: {AsOf: readapi.AsOf{Position: w.last}, At: from},
	} {
		q.Flag, q.Whom = "colour", atNorth
		if got := resolve(w, q); string(got.Value) != value {
			t.Errorf("%s, want %s", got.Value, value)
		}
	}
}

// The answer does not depend on the log: without it, or where it does not have a fact
// any more, positions are all that is known of facts. A fact is read once.
func TestFactsAreCitedAsFarAsTheLogGivesThem(t *testing.T) {
	w := painted(t)
	w.cut = true
	q := readapi.ResolveFlag{Flag: "colour", Whom: atNorth}
	got := resolve(w, q)
	if string(got.Value) != `"north"` || got.DecidedBy != (cascade.Origin{Position: got.DecidedBy.Position}) || got.DecidedBy.Position == 0 || got.Levels[0].Origin.Position == 0 || got.Levels[0].Origin.EventID != uuid.Nil {
		t.Errorf("without the log: %+v", got)
	}
	w.cut = false
	gone := got.Levels[0].Origin.Position
	fact := w.told[gone]
	delete(w.told, gone)
	if got := resolve(w, q); got.DecidedBy.Actor != "ada" || got.Levels[0].Origin.EventID != uuid.Nil || got.Levels[1].Origin.Reason != "because" {
		t.Errorf("without a fact: %+v", got)
	}
	w.told[gone] = fact
	resolve(w, q)
	read := w.read.Load()
	w.cut = true
	if got := resolve(w, q); got.Levels[0].Origin.Actor != "ada" || w.read.Load() != read {
		t.Errorf("facts that were read are read again: %+v", got)
	}
	w.source.Fact = nil
	resolve(w, readapi.ResolveFlag{Flag: "plain"})
}

// Who did something above the reader, and why, is not told; where and by which fact is.
func TestWhatIsAboveTheReaderIsTold(t *testing.T) {
	w := painted(t)
	w.scope = northScope
	got := resolve(w, readapi.ResolveFlag{Flag: "colour", Whom: readapi.Whom{User: domain.UserID(ada)}})
	for i, whole := range []bool{false, false, true, true} {
		l := got.Levels[i]
		if bare := l.Origin == l.Origin.Bare(); bare == whole || l.Node == "" || l.Origin.EventID == uuid.Nil || l.Origin.Position == 0 {
			t.Errorf("%s: %+v", l.Level, l)
		}
	}
	if got := resolve(w, readapi.ResolveFlag{Flag: "plain", Whom: atNorth}); got.DecidedBy != got.DecidedBy.Bare() || got.DecidedBy.EventID == uuid.Nil {
		t.Errorf("a default is the platform's: %+v", got.DecidedBy)
	}
	if got := resolve(w, readapi.ResolveFlag{Flag: "colour"}); got.Node != domain.PlatformID || got.DecidedBy != got.DecidedBy.Bare() {
		t.Errorf("the platform itself: %+v", got)
	}
	unbound := map[string]any{"node": south, "flag": "colour", "good": 1}
	for _, name := range []string{"resolveFlag", "flagTimeline", "bisectFlag"} {
		fails(w, name, unbound, flag.ErrNodeNotFound)
		unbound["node"] = nadie
		fails(w, name, unbound, flag.ErrNodeNotFound)
		unbound["node"] = south
	}
	fails(w, "resolvedFlags", map[string]any{"node": south, "atPosition": w.last}, flag.ErrNodeNotFound)
	w.scope = southScope
	unresolved(w, readapi.ResolveFlag{Flag: "colour", Whom: readapi.Whom{User: domain.UserID(ada)}}, flag.ErrNodeNotFound)
	w.scope = domain.Scope{}
	unresolved(w, readapi.ResolveFlag{Flag: "colour"}, readapi.ErrUnscoped)
}

// A tenant that has gone to another integrator has its history there, and nothing of
// the old one is in it but what it came to; the old one has none of it any more.
func TestHistoryGoesWhereATenantGoes(t *testing.T) {
	w := painted(t).lock(domain.NodeID(acme), "colour")
	then := w.last
	w.tell(domain.TenantStream(north), tenant.Reassigned{Tenant: north, From: acme, To: bolt})
	q := readapi.ResolveFlag{Flag: "colour", Whom: atNorth, AsOf: readapi.AsOf{Position: then}}
	w.scope = acmeScope
	unresolved(w, q, flag.ErrNodeNotFound)
	w.scope = boltScope
	got := resolve(w, q)
	if l := got.Levels[1]; string(got.Value) != `"acme"` || l.Node != "" || l.Origin != l.Origin.Bare() || string(l.Value) != `"acme"` {
		t.Errorf("%+v", l)
	}
	if got.DecidedBy != got.DecidedBy.Bare() || got.DecidedBy.Position == 0 {
		t.Errorf("%+v", got.DecidedBy)
	}
	for name, body := range map[string]any{
		"flagTimeline":  asked[readapi.List[readapi.Flip]](w, "flagTimeline", readapi.FlagTimeline{Flag: "colour", Whom: atNorth}),
		"resolvedFlags": asked[readapi.List[projections.ResolvedFlag]](w, "resolvedFlags", readapi.ResolvedFlagsOf{Node: domain.NodeID(north), AsOf: q.AsOf}),
		"bisectFlag":    asked[readapi.Bisected](w, "bisectFlag", readapi.BisectFlag{Flag: "colour", Whom: atNorth, Good: then}),
	} {
		if text := fmt.Sprintf("%+v", body); strings.Contains(text, string(acme)) {
			t.Errorf("%s tells of the integrator that was: %s", name, text)
		}
	}
}

func TestWhatIsAnsweredFromMemoryLeavesARecord(t *testing.T) {
	w := painted(t)
	w.scope = domain.Scope{Actor: domain.Actor{ID: "eve", Type: "service"}, Paths: northScope.Paths, Reason: "month's end"}
	resolve(w, readapi.ResolveFlag{Flag: "colour", Whom: atNorth})
	unresolved(w, readapi.ResolveFlag{Flag: "nonesuch", Whom: atNorth}, flag.ErrNotFound)
	asked[readapi.List[readapi.Flip]](w, "flagTimeline", readapi.FlagTimeline{Flag: "colour", Whom: atNorth})
	asked[readapi.List[projections.ResolvedFlag]](w, "resolvedFlags", readapi.ResolvedFlagsOf{Node: domain.NodeID(north), AsOf: readapi.AsOf{Position: w.last}})
	var got []string
	for _, a := range recorded(t, w, everywhere, readapi.DataAccessBy{Actor: "eve"}) {
		got = append(got, strings.TrimSpace(fmt.Sprintln(a.Statement, a.Rows, a.Failed, a.Reason == "month's end" && a.Scope[0] == northScope.Paths[0], len(a.Tables) > 2)))
	}
	slices.Sort(got)
	want := []string{"flagTimeline 5 false true true", "resolveFlag 0 true true true", "resolveFlag 1 false true true", "resolvedFlags 2 false true true"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

// What the table of resolved flags said, memory says as of then.
func TestResolvedFlagsAsOfThenAreTheTableThen(t *testing.T) {
	w := painted(t)
	type page struct {
		position uint64
		node     domain.NodeID
		rows     []projections.ResolvedFlag
	}
	var then []page
	look := func() {
		for _, n := range []domain.NodeID{domain.PlatformID, domain.NodeID(acme), domain.NodeID(north), domain.NodeID(bolt)} {
			then = append(then, page{w.last, n, ask(w, readapi.ResolvedFlagsOf{Node: n}).Items})
		}
	}
	look()
	w.lock(domain.NodeID(acme), "colour")
	look()
	w.tell(domain.TenantStream(north), tenant.Reassigned{Tenant: north, From: acme, To: bolt})
	look()
	w.tell(flag.Stream("plain"), flag.Deprecated{Flag: "plain"}, flag.Killed{Flag: "plain", From: flag.StatusDeprecated})
	look()
	w.tell(flag.GraphStream, flag.PrerequisitesSet{Flag: "colour", Prerequisites: []flag.Prerequisite{{Flag: "plain", Value: raw(`"plain"`)}}})
	look()
	w.tell(domain.TenantStream(north), tenant.Suspended{Tenant: north, Cause: tenant.Billing})
	look()
	for _, p := range then {
		q := readapi.ResolvedFlagsOf{Node: p.node, AsOf: readapi.AsOf{Position: p.position}}
		got := asked[readapi.List[projections.ResolvedFlag]](w, "resolvedFlags", q)
		unstored := cmpopts.IgnoreFields(projections.ResolvedFlag{}, "Key", "Owner", "Segment")
		if diff := cmp.Diff(p.rows, got.Items, unstored); diff != "" {
			t.Errorf("%s as of %d: %s", p.node, p.position, diff)
		}
		q.Limit = 1
		for i := range p.rows {
			one := asked[readapi.List[projections.ResolvedFlag]](w, "resolvedFlags", q)
			if len(one.Items) != 1 || one.Items[0].Flag != p.rows[i].Flag || (one.Next == "") != (i == len(p.rows)-1) {
				t.Errorf("page %d of %s as of %d: %+v", i, p.node, p.position, one)
			}
			q.After = one.Next
		}
	}
	if got := asked[readapi.List[projections.ResolvedFlag]](w, "resolvedFlags", readapi.ResolvedFlagsOf{Node: ada, AsOf: readapi.AsOf{Position: w.last}}); len(got.Items) != 0 {
		t.Errorf("of a user: %+v", got)
	}
	fails(w, "resolvedFlags", readapi.ResolvedFlagsOf{Node: domain.NodeID(north), AsOf: readapi.AsOf{Position: w.last}, Page: readapi.Page{After: "x"}}, readapi.ErrCursor)
}

func TestTimelineOfAFlag(t *testing.T) {
	w := painted(t)
	start := w.last
	w.lock(domain.NodeID(acme), "colour")
	w.tell(domain.TenantStream(south), tenant.Suspended{Tenant: south, Cause: tenant.Billing}) // somebody else
	until := w.told[w.last].Meta.At.Add(30 * time.Minute)
	w.tell(domain.StreamID("nodeflags-"+acme), flag.Unlocked{Node: domain.NodeID(acme), Flag: "colour"})
	w.override(domain.NodeID(north), domain.TenantLevel, domain.NodeID(acme), "colour", flag.Setting{Value: raw(`"brief"`), ValidUntil: &until})
	w.tell(flag.Stream("colour"), flag.Archived{Flag: "colour"})
	told := func(list readapi.List[readapi.Flip]) (out []string) {
		for _, f := range list.Items {
			by := uint64(0)
			if f.By != nil {
				by = f.By.Position
				if f.By.EventID != w.told[by].ID || f.By.Actor != "ada" || f.At != w.told[by].Meta.At {
					t.Errorf("%+v turned by %+v", f, w.told[by])
				}
			}
			out = append(out, fmt.Sprintf("%s %s %s %d", f.Value, f.Cause, f.Turned, by))
		}
		return out
	}
	q := readapi.FlagTimeline{Flag: "colour", Whom: atNorth}
	all := told(asked[readapi.List[readapi.Flip]](w, "flagTimeline", q))
	want := []string{
		fmt.Sprintf(`"off" draft fact %d`, start-7), fmt.Sprintf(`"default" default fact %d`, start-6), fmt.Sprintf(`"platform" override fact %d`, start-3),
		fmt.Sprintf(`"acme" override fact %d`, start-2), fmt.Sprintf(`"north" override fact %d`, start-1),
		fmt.Sprintf(`"acme" lock fact %d`, start+1), fmt.Sprintf(`"north" override fact %d`, start+3), fmt.Sprintf(`"brief" override fact %d`, start+4), fmt.Sprintf(`  fact %d`, start+5),
	}
	if diff := cmp.Diff(want, all); diff != "" {
		t.Fatal(diff)
	}
	var paged []string
	for q.Limit = 2; ; {
		list := asked[readapi.List[readapi.Flip]](w, "flagTimeline", q)
		paged = append(paged, told(list)...)
		if q.After = list.Next; list.Next == "" {
			break
		}
	}
	if diff := cmp.Diff(want, paged); diff != "" {
		t.Errorf("page by page: %s", diff)
	}
	from, to := w.told[start].Meta.At, w.told[start+3].Meta.At
	part := told(asked[readapi.List[readapi.Flip]](w, "flagTimeline", readapi.FlagTimeline{Flag: "colour", Whom: atNorth, From: from, To: to}))
	if diff := cmp.Diff([]string{`"north" override before 0`, want[5]}, part); diff != "" {
		t.Errorf("a part: %s", diff)
	}
	bad := q
	bad.After, bad.Flag = "x", "plain"
	fails(w, "flagTimeline", bad, readapi.ErrCursor)
	fails(w, "flagTimeline", readapi.FlagTimeline{Flag: "nonesuch"}, flag.ErrNotFound)
	fails(w, "flagTimeline", readapi.FlagTimeline{Flag: "colour", Whom: readapi.Whom{With: "["}}, readapi.ErrContext)
	w.scope = northScope
	for _, f := range asked[readapi.List[readapi.Flip]](w, "flagTimeline", readapi.FlagTimeline{Flag: "colour", Whom: atNorth}).Items {
		mine := f.By != nil && strings.HasSuffix(string(w.told[f.By.Position].Stream), string(north))
		if f.By == nil || (*f.By != f.By.Bare()) != mine || f.By.EventID == uuid.Nil || (f.DecidedBy != f.DecidedBy.Bare()) != (f.Level == domain.TenantLevel) {
			t.Errorf("told to the tenant: %+v by %+v", f, f.By)
		}
	}
}

// Time turns flags too, and what is going to be is told as far as is known.
func TestTimelineOfWhatTimeTurns(t *testing.T) {
	w := painted(t)
	from, until := w.told[w.last].Meta.At.Add(30*time.Minute), w.told[w.last].Meta.At.Add(90*time.Minute)
	w.override(domain.NodeID(north), domain.TenantLevel, domain.NodeID(acme), "colour", flag.Setting{Value: raw(`"brief"`), ValidFrom: &from, ValidUntil: &until})
	said := w.last
	got := asked[readapi.List[readapi.Flip]](w, "flagTimeline", readapi.FlagTimeline{Flag: "colour", Whom: atNorth, From: from.Add(-time.Minute), To: until.Add(time.Minute)}).Items
	if len(got) != 3 || string(got[1].Value) != `"brief"` || got[1].Turned != flag.ByTime || !got[1].At.Equal(from) || got[1].By != nil || got[1].DecidedBy.Position != said ||
		string(got[2].Value) != `"acme"` || !got[2].At.Equal(until) {
		t.Errorf("%+v", got)
	}
}

func TestBisectAFlag(t *testing.T) {
	w := painted(t)
	good := w.last
	w.tell(flag.Stream("plain"), flag.Deprecated{Flag: "plain"})
	w.lock(domain.NodeID(acme), "colour")
	want := w.last
	w.said(domain.PlatformID, domain.PlatformLevel, "", `"white"`)
	got := asked[readapi.Bisected](w, "bisectFlag", readapi.BisectFlag{Flag: "colour", Whom: atNorth, Good: good})
	if string(got.Good.Value) != `"north"` || string(got.Bad.Value) != `"acme"` || got.Bad.Position != want || got.Bad.By == nil || got.Bad.By.EventID != w.told[want].ID || got.Bad.Cause != flag.ByLock || got.Evaluations > 5 {
		t.Errorf("%+v", got)
	}
	same := asked[readapi.Bisected](w, "bisectFlag", readapi.BisectFlag{Flag: "colour", Whom: atNorth, Good: good, Bad: w.last, Value: ` "north"`})
	if diff := cmp.Diff(got.Bad, same.Bad); diff != "" {
		t.Error(diff)
	}
	fails(w, "bisectFlag", readapi.BisectFlag{Flag: "colour", Whom: atNorth, Good: good, Value: `"green"`}, flag.ErrNoFlip)
	fails(w, "bisectFlag", readapi.BisectFlag{Flag: "colour", Whom: atNorth, Good: want}, flag.ErrNoFlip)
	fails(w, "bisectFlag", readapi.BisectFlag{Flag: "colour", Whom: atNorth, Good: good, Value: `north`}, readapi.ErrSought)
	fails(w, "bisectFlag", readapi.BisectFlag{Flag: "colour", Whom: atNorth, Good: good, Bad: w.last + 1}, readapi.ErrBeyondHead)
}
