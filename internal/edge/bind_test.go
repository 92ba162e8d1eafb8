package edge_test

import (
	"encoding/json"
	"errors"
	"reflect"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

func TestBindObjectTakesJSONAndGoValues(t *testing.T) {
	due, small := time.Date(2026, 1, 2, 2, 4, 5, 123e6, time.UTC), uint8(7)
	var got paint
	err := edge.BindObject(map[string]any{
		"tenant": "6F9619FF-8B86-4011-B42D-00C04FC964FF", "wall": 3, "node": "platform", "colour": colour("red"),
		"parts": []part{{"a", "green"}}, "value": map[string]any{"a": json.Number("1.50"), "b": "<&>"},
		"due": "2026-01-02T03:04:05.123456+01:00", "big": json.Number("9007199254740993"), "small": json.Number("7.0"),
		"labels": map[string]any{"k": "v"}, "share": 0.5,
	})(&got)
	want := paint{Tenant: acme, Wall: 3, Node: "platform", Colour: "red", Parts: []part{{"a", "green"}},
		Value: json.RawMessage(`{"a":1.50,"b":"<&>"}`), Due: &due, Big: 9007199254740993, Small: &small, Labels: map[string]string{"k": "v"}, Share: 0.5}
	if diff := cmp.Diff(want, got); err != nil || diff != "" {
		t.Fatal(err, diff)
	}
}

func TestBindObjectRefusesWhatIsNoJSON(t *testing.T) {
	err := edge.BindObject(map[string]any{"name": func() {}})(new(build))
	if !errors.Is(err, edge.ErrInvalidRequest) {
		t.Fatal(err)
	}
}

func TestFormListsMembers(t *testing.T) {
	f := edge.FormOf(reflect.TypeFor[walls]())
	var got []string
	for _, m := range f.Members {
		got = append(got, m.In+" "+m.Name)
	}
	want := []string{"query limit", "query after", "query colour", "query include", "query fail"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Fatal(diff)
	}
	m, ok := edge.FormOf(reflect.TypeFor[*paint]()).Member("tenant")
	if want := (edge.Member{Name: "tenant", In: "path", Required: true, Doc: "The tenant.", Type: reflect.TypeFor[domain.TenantID](), Schema: m.Schema}); !ok || m != want || m.Schema.Format != "uuid" {
		t.Fatal(m)
	}
}

func TestFingerprintIsOfTheMeaning(t *testing.T) {
	a := edge.Fingerprint("paintWall", map[string]any{"a": 1, "b": []any{"x"}})
	for name, other := range map[string]string{
		"another entry": edge.Fingerprint("buildWall", map[string]any{"a": 1, "b": []any{"x"}}),
		"another value": edge.Fingerprint("paintWall", map[string]any{"a": 2, "b": []any{"x"}}),
		"nothing":       edge.Fingerprint("paintWall", nil),
	} {
		if other == a {
			t.Error(name)
		}
	}
	if again := edge.Fingerprint("paintWall", map[string]any{"b": []any{"x"}, "a": json.Number("1")}); again != a || len(a) != 64 {
		t.Fatal(a, again)
	}
}
