package estate_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/estate"
)

func TestParseNamesFileLineAndField(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		want []string
	}{
		"nothing":            {"", nil},
		"empty documents":    {"---\n---\n", nil},
		"a tenant":           {"kind: Tenant\nname: acme\nspec: {name: Acme, kind: merchant}", nil},
		"no spec":            {"kind: Flag\nname: f", nil},
		"not YAML":           {"kind: [", []string{"e.yaml"}},
		"a list":             {"- a", []string{"e.yaml:1: "}},
		"an unknown kind":    {"\nkind: Ship\nname: a", []string{"e.yaml:2: kind"}},
		"no name":            {"kind: Tenant", []string{"e.yaml:1: name"}},
		"an unknown member":  {"kind: Tenant\nname: a\ncolour: red", []string{"e.yaml:3: colour"}},
		"an unknown field":   {"kind: Tenant\nname: a\nspec:\n  name: A\n  colour: red", []string{"e.yaml:5: spec.colour"}},
		"a field twice":      {"kind: Tenant\nname: a\nspec:\n  name: A\n  name: B", []string{"e.yaml:5: spec.name"}},
		"a text for a list":  {"kind: Tenant\nname: a\nspec:\n  causes: billing", []string{"e.yaml:4: spec.causes"}},
		"a text for a limit": {"kind: Quota\nname: users@a\nspec:\n  limit: many", []string{"e.yaml:4: spec.limit"}},
		"a list for a spec":  {"kind: Tenant\nname: a\nspec: [1]", []string{"e.yaml:3: spec"}},
		"everything at once": {"kind: Ship\nname: a\n---\nkind: Tenant\nname: a\nspec: {x: 1, y: 2}", []string{"e.yaml:1: kind", "e.yaml:6: spec.x", "e.yaml:6: spec.y"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := estate.Parse("e.yaml", strings.NewReader(c.text))
			if diff := cmp.Diff(c.want, places(t, err)); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

// places are where an estate is wrong.
func places(t *testing.T, err error) (at []string) {
	t.Helper()
	if err == nil {
		return nil
	}
	e, ok := domain.AsError(err)
	if !ok || e.Code != estate.ErrFile.Code || e.Kind != domain.Invalid {
		t.Fatal(err)
	}
	for _, f := range e.Fields {
		at = append(at, f.Pointer)
	}
	return at
}
