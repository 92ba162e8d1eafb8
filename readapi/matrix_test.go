package readapi_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/cascade/cascadetest"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/flag/flagtest"
	"github.com/reeve-platform/reeve/readapi"
)

const anna domain.UserID = "55555555-5555-4555-8555-555555555555"

// place is where a level of the matrix is in the estate.
var place = map[domain.Level]struct{ node, parent domain.NodeID }{
	domain.PlatformLevel:   {domain.PlatformID, ""},
	domain.IntegratorLevel: {domain.NodeID(acme), domain.PlatformID},
	domain.TenantLevel:     {domain.NodeID(north), domain.NodeID(acme)},
	domain.UserLevel:       {domain.NodeID(anna), domain.NodeID(north)},
}

// The matrix that holds the cascade holds the question why, and the table of
// resolved flags too: three implementations cannot drift apart.
func TestTheMatrixHoldsForWhyAndForTheTable(t *testing.T) {
	w := estate(t)
	cases := cascadetest.Load(t, "../domain/cascade/testdata")
	said := map[domain.NodeID][]domain.Event{}
	for i, c := range cases {
		key := matrixKey(i)
		w.tell(flag.Stream(key), flag.Defined{Flag: key, Definition: flag.Definition{Type: flag.JSON, Default: c.Fallback, Off: json.RawMessage("null"), Mode: c.Mode}},
			flag.Activated{Flag: key, From: flag.StatusDraft})
		for _, l := range c.Layers {
			node := place[l.Level].node
			said[node] = append(said[node], sayings(key, l)...)
		}
	}
	for node, events := range said {
		w.tell(domain.StreamID("nodeflags-"+node), events...)
	}
	for i, c := range cases {
		t.Run(c.Name, func(t *testing.T) { w.holds(t, matrixKey(i), c) })
	}
}

// So does the matrix of flags.
func TestTheMatrixOfFlagsHoldsForWhyAndForTheTable(t *testing.T) {
	w := estate(t)
	cases := flagtest.Load(t, "../domain/flag/testdata/matrix")
	facts := map[domain.StreamID][]domain.Event{}
	for _, c := range cases {
		for stream, events := range c.Facts() {
			facts[stream] = append(facts[stream], events...)
		}
	}
	for _, stream := range slices.Sorted(maps.Keys(facts)) { // flags before what they depend on
		w.tell(stream, facts[stream]...)
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { w.meets(t, c.Flag, c) })
	}
}

func (w *world) meets(t *testing.T, key flag.Key, c flagtest.Case) {
	q := readapi.ResolveFlag{Flag: key, Whom: readapi.Whom{Node: domain.NodeID(flagtest.Tenant), Key: c.Key, User: c.Context().User}, At: c.At}
	if len(c.Attributes) > 0 {
		with, err := json.Marshal(c.Attributes)
		if err != nil {
			t.Fatal(err)
		}
		q.With = string(with)
	}
	why := resolve(w, q)
	if !cascade.Same(why.Value, c.Want) || why.Reason != c.Reason || why.Cause != c.Cause || why.Rule != c.Rule || why.Blocker != c.Blocker || !cmp.Equal(why.Bucket, c.Bucket) {
		t.Errorf("why says %s: %s, %s, %q", why.Value, why.Reason, why.Cause, why.Rule)
	}
	for _, v := range why.Levels {
		if decides := v.Ruling == cascade.Set; decides != (v.Level == c.By) && c.Reason != flag.Disabled {
			t.Errorf("the %s's part is %s", v.Level, v.Ruling)
		}
	}
	if _, says := c.Layers[domain.UserLevel]; !says || c.Key == "" { // OFREP knows a user by its targeting key
		w.evaluates(t, key, c)
	}
	if c.Personal() || len(c.Attributes) > 0 {
		return
	}
	if got := w.resolvedAt(t, key, c.At); !cascade.Same(got, c.Want) {
		t.Errorf("the table says %s, want %s", got, c.Want)
	}
}

// evaluates holds the case against an evaluation over OFREP.
func (w *world) evaluates(t *testing.T, key flag.Key, c flagtest.Case) {
	with := map[string]any{"tenantId": flagtest.Tenant, "targetingKey": c.Context().Key}
	maps.Copy(with, c.Attributes)
	body, err := json.Marshal(map[string]any{"context": with})
	if err != nil {
		t.Fatal(err)
	}
	got := w.evaluated(t, key, string(body), c.At)
	if !cascade.Same(got.Value, c.Want) || got.Reason != c.Reason || got.Metadata.Cause != c.Cause || got.Metadata.Rule != c.Rule || !cmp.Equal(got.Metadata.Bucket, c.Bucket) || got.Metadata.Level != c.By && c.Reason != flag.Disabled {
		t.Errorf("OFREP says %s: %s, %+v", got.Value, got.Reason, got.Metadata)
	}
}

type evaluated struct {
	Value    json.RawMessage
	Reason   flag.Reason
	Metadata struct {
		Cause  flag.Cause
		Rule   string
		Bucket *int
		Level  domain.Level
	}
}

func (w *world) evaluated(t *testing.T, key flag.Key, body string, at time.Time) (out evaluated) {
	t.Helper()
	rec := httptest.NewRecorder()
	ofrep(w.source, everything, func() time.Time { return at }).ServeHTTP(rec, httptest.NewRequest("POST", "/ofrep/v1/evaluate/flags/"+string(key), strings.NewReader(body)))
	if err := json.Unmarshal(rec.Body.Bytes(), &out); err != nil || rec.Code != 200 {
		t.Fatalf("%d %s %v", rec.Code, rec.Body, err)
	}
	return out
}

func matrixKey(i int) flag.Key { return flag.Key(fmt.Sprintf("case-%03d", i)) }

// sayings are the facts that make a node say a layer. A layer without a value
// cannot be said.
func sayings(key flag.Key, l cascade.Layer) (events []domain.Event) {
	if l.Value == nil {
		return nil
	}
	at := place[l.Level]
	s := flag.Setting{Value: l.Value}
	if !l.From.IsZero() {
		s.ValidFrom = &l.From
	}
	if !l.Until.IsZero() {
		s.ValidUntil = &l.Until
	}
	events = append(events, flag.Overridden{Node: at.node, Level: l.Level, Parent: at.parent, Flag: key, Setting: s})
	if l.Locked {
		events = append(events, flag.Locked{Node: at.node, Flag: key})
	}
	return events
}

func (w *world) holds(t *testing.T, key flag.Key, c cascadetest.Case) {
	user := anna
	if !says(c, domain.UserLevel) {
		user = ""
		if got := w.resolvedAt(t, key, c.At); !cascade.Same(got, c.Want) {
			t.Errorf("the table says %s, want %s", got, c.Want)
		}
	}
	if got := w.evaluated(t, key, whom(`"tenantId":%q,"targetingKey":%q`, north, user), c.At); !cascade.Same(got.Value, c.Want) || got.Metadata.Level != c.By {
		t.Errorf("OFREP says %s by %q, want %s by %q", got.Value, got.Metadata.Level, c.Want, c.By)
	}
	why := resolve(w, readapi.ResolveFlag{Flag: key, Whom: readapi.Whom{Node: domain.NodeID(north), User: user}, At: c.At})
	if !cascade.Same(why.Value, c.Want) {
		t.Errorf("why says %s, want %s", why.Value, c.Want)
	}
	for _, v := range why.Levels {
		if want, told := c.Story[v.Level]; told && v.Ruling != want {
			t.Errorf("the %s's part is %s, want %s", v.Level, v.Ruling, want)
		}
	}
}

func says(c cascadetest.Case, level domain.Level) bool {
	for _, l := range c.Layers {
		if l.Level == level {
			return true
		}
	}
	return false
}

// resolvedAt reads the table as an application does: the row whose time it is.
func (w *world) resolvedAt(t *testing.T, key flag.Key, at time.Time) (v json.RawMessage) {
	t.Helper()
	err := w.db.QueryRow(t.Context(), strings.TrimSpace(`
select value from readmodel.resolved_flags where node = $1 and flag = $2
and coalesce(valid_from, '-infinity') <= $3 and $3 < coalesce(valid_until, 'infinity')`), north, key, at).Scan(&v)
	if err != nil {
		t.Fatalf("%s has no row at %v: %v", key, at, err)
	}
	return v
}
