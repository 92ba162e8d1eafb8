package readapi_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/readapi"
)

const (
	ada domain.NodeID = "55555555-5555-4555-8555-555555555555" // a user of north
	eve domain.NodeID = "66666666-6666-4666-8666-666666666666" // a user that nothing is said about
)

func raw(s string) json.RawMessage { return json.RawMessage(s) }

// flag defines and activates a text flag.
func (w *world) flag(key flag.Key, value string) *world {
	return w.tell(flag.Stream(key), flag.Defined{Flag: key, Definition: flag.Definition{
		Type: flag.String, Default: raw(value), Off: raw(`"off"`), Mode: cascade.Replace, Tags: []string{"ui"}, Owner: "design",
		Variants: map[string]json.RawMessage{"north-star": raw(`"north"`)},
	}}, flag.Activated{Flag: key})
}

func (w *world) override(node domain.NodeID, level domain.Level, parent domain.NodeID, key flag.Key, s flag.Setting) *world {
	return w.tell(domain.StreamID("nodeflags-"+node), flag.Overridden{Node: node, Level: level, Parent: parent, Flag: key, Setting: s})
}

func (w *world) lock(node domain.NodeID, key flag.Key) *world {
	return w.tell(domain.StreamID("nodeflags-"+node), flag.Locked{Node: node, Flag: key})
}

// painted is an estate with a flag that every level says something about, and
// one that nobody does.
func painted(t testing.TB) *world {
	w := estate(t).flag("colour", `"default"`).flag("plain", `"plain"`)
	w.override(domain.PlatformID, domain.PlatformLevel, "", "colour", flag.Setting{Value: raw(`"platform"`)})
	w.override(domain.NodeID(acme), domain.IntegratorLevel, domain.PlatformID, "colour", flag.Setting{Value: raw(`"acme"`)})
	w.override(domain.NodeID(north), domain.TenantLevel, domain.NodeID(acme), "colour", flag.Setting{Value: raw(`"north"`)})
	return w.override(ada, domain.UserLevel, domain.NodeID(north), "colour", flag.Setting{Value: raw(`"ada"`)})
}

func TestFlags(t *testing.T) {
	w := painted(t)
	if f := ask(w, readapi.FlagByKey{Flag: "colour"}); f.Status != flag.StatusActive || f.StreamRevision() != 1 || f.Contact != "design" {
		t.Errorf("flag = %+v", f)
	}
	refuses(w, readapi.FlagByKey{Flag: "nonesuch"}, flag.ErrNotFound)
	w.tell(flag.Stream("plain"), flag.Deprecated{Flag: "plain"})
	for _, q := range []readapi.FlagsBy{{Status: "deprecated"}, {Sort: "-key", Page: readapi.Page{Limit: 1}}, {Tag: "ui", Owner: "design", Type: "string", Sort: "-updatedAt", Page: readapi.Page{Limit: 1}}} {
		if list := ask(w, q); len(list.Items) != 1 || list.Items[0].Key != "plain" {
			t.Errorf("%+v: %+v", q, list.Items)
		}
	}
}

func TestResolveTellsTheWholeStory(t *testing.T) {
	w := painted(t)
	rulings := func(r readapi.Resolution) (out []cascade.Ruling) {
		for _, v := range r.Levels {
			out = append(out, v.Ruling)
		}
		return out
	}
	for _, c := range []struct {
		name  string
		q     readapi.ResolveFlag
		value string
		cause flag.Cause
		want  []cascade.Ruling
	}{
		{"a user", readapi.ResolveFlag{Flag: "colour", Whom: readapi.Whom{Node: domain.NodeID(north), User: domain.UserID(ada)}}, `"ada"`, flag.ByOverride, []cascade.Ruling{cascade.Overridden, cascade.Overridden, cascade.Overridden, cascade.Set}},
		{"a user's home is known from its overrides", readapi.ResolveFlag{Flag: "colour", Whom: readapi.Whom{User: domain.UserID(ada)}}, `"ada"`, flag.ByOverride, []cascade.Ruling{cascade.Overridden, cascade.Overridden, cascade.Overridden, cascade.Set}},
		{"a user somewhere else is nobody", readapi.ResolveFlag{Flag: "colour", Whom: readapi.Whom{Node: domain.NodeID(south), User: domain.UserID(ada)}}, `"acme"`, flag.ByOverride, []cascade.Ruling{cascade.Overridden, cascade.Set, cascade.Silent, cascade.Silent}},
		{"a tenant", readapi.ResolveFlag{Flag: "colour", Whom: readapi.Whom{Node: domain.NodeID(north)}}, `"north"`, flag.ByOverride, []cascade.Ruling{cascade.Overridden, cascade.Overridden, cascade.Set, cascade.Silent}},
		{"the platform", readapi.ResolveFlag{Flag: "colour"}, `"platform"`, flag.ByOverride, []cascade.Ruling{cascade.Set, cascade.Silent, cascade.Silent, cascade.Silent}},
		{"the default", readapi.ResolveFlag{Flag: "plain", Whom: readapi.Whom{Node: domain.NodeID(north)}}, `"plain"`, flag.ByDefault, []cascade.Ruling{cascade.Silent, cascade.Silent, cascade.Silent, cascade.Silent}},
	} {
		t.Run(c.name, func(t *testing.T) {
			got := resolve(w, c.q)
			if string(got.Value) != c.value || got.Cause != c.cause || !cmp.Equal(rulings(got), c.want) {
				t.Errorf("%s because of %s, %v; want %s because of %s, %v", got.Value, got.Cause, rulings(got), c.value, c.cause, c.want)
			}
			if got.DecidedBy.Actor != "ada" || got.DecidedBy.Reason != "because" || got.DecidedBy.Position == 0 || got.DecidedBy.At.IsZero() {
				t.Errorf("decided by %+v", got.DecidedBy)
			}
		})
	}
	unresolved(w, readapi.ResolveFlag{Flag: "nonesuch"}, flag.ErrNotFound)
	unresolved(w, readapi.ResolveFlag{Flag: "colour", Whom: readapi.Whom{Node: domain.NodeID(nadie)}}, flag.ErrNodeNotFound)
}

func TestALockShadowsWhatIsBelow(t *testing.T) {
	w := painted(t).lock(domain.NodeID(acme), "colour")
	got := resolve(w, readapi.ResolveFlag{Flag: "colour", Whom: readapi.Whom{User: domain.UserID(ada)}})
	if string(got.Value) != `"acme"` || got.Cause != flag.ByLock || got.Levels[2].Ruling != cascade.LockedOut || got.Levels[3].Ruling != cascade.LockedOut {
		t.Errorf("%s because of %s: %+v", got.Value, got.Cause, got.Levels)
	}
	for node, want := range map[domain.NodeID][2]string{
		domain.PlatformID: {"in-force", ""}, domain.NodeID(acme): {"locked", ""}, domain.NodeID(north): {"shadowed", string(acme)}, ada: {"shadowed", string(acme)},
	} {
		list := ask(w, readapi.FlagOverridesOf{Node: node})
		if len(list.Items) != 1 || list.Items[0].Phase != want[0] || string(list.Items[0].ShadowedBy) != want[1] {
			t.Errorf("%s: %+v, want %v", node, list.Items, want)
		}
	}
	refuses(w, readapi.FlagOverridesOf{Node: domain.NodeID(nadie)}, flag.ErrNodeNotFound)
}

func TestResolvedFlagsOfANode(t *testing.T) {
	w := painted(t)
	past, soon := time.Now().Add(-time.Hour).UTC().Truncate(time.Millisecond), time.Now().Add(time.Hour).UTC().Truncate(time.Millisecond)
	w.override(domain.NodeID(south), domain.TenantLevel, domain.NodeID(acme), "colour", flag.Setting{Value: raw(`"south"`), ValidFrom: &past, ValidUntil: &soon})
	list := ask(w, readapi.ResolvedFlagsOf{Node: domain.NodeID(south)})
	if len(list.Items) != 2 || string(list.Items[0].Value) != `"south"` || !list.Items[0].ValidUntil.Equal(soon) {
		t.Errorf("resolved = %+v", list.Items)
	}
	grouped, err := readapi.ResolvedFlagsByNode(t.Context(), loader{w}, []domain.NodeID{domain.NodeID(nadie), domain.NodeID(south)})
	if err != nil || len(grouped[0]) != 0 || len(grouped[1]) != 2 {
		t.Errorf("by node: %v, %v", grouped, err)
	}
	refuses(w, readapi.ResolvedFlagsOf{Node: domain.NodeID(nadie)}, flag.ErrNodeNotFound)
}

func TestAStoppedIntegratorTurnsFlagsOff(t *testing.T) {
	w := painted(t).tell(domain.IntegratorStream(acme), integrator.Stopped{Integrator: acme})
	got := resolve(w, readapi.ResolveFlag{Flag: "colour", Whom: readapi.Whom{Node: domain.NodeID(north)}})
	if string(got.Value) != `"off"` || got.Cause != flag.NotActive || got.Standing != domain.Barred || got.DecidedBy.Position != w.last {
		t.Errorf("resolution = %+v", got)
	}
	if stored := ask(w, readapi.ResolvedFlagsOf{Node: domain.NodeID(north)}).Items[0]; string(stored.Value) != `"off"` || stored.DecidedByPosition != int64(w.last) {
		t.Errorf("stored = %+v", stored)
	}
}

func TestThePlatformAndItsTenants(t *testing.T) {
	w := painted(t)
	got := ask(w, readapi.APITenants{})
	if got.Platform.Identity.ID != domain.PlatformID || len(got.Tenants) != 2 || got.Tenants[0].EffectiveStatus != tenant.StatusActive {
		t.Errorf("answer = %+v", got)
	}
	if string(got.Platform.Defaults["colour"]) != `"platform"` || string(got.Platform.Defaults["plain"]) != `"plain"` {
		t.Errorf("defaults = %s", got.Platform.Defaults)
	}
}

func TestAnArchivedFlagIsNotFound(t *testing.T) {
	w := painted(t).tell(flag.Stream("plain"), flag.Archived{Flag: "plain"})
	unresolved(w, readapi.ResolveFlag{Flag: "plain"}, flag.ErrNotFound)
}
