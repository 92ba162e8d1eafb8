package flag_test

import (
	"testing"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/testkit"
)

func TestOpting(t *testing.T) {
	offered, text := def, Definition{Type: String, Default: j(`"a"`), Off: j(`""`), Variants: map[string]jsonRaw{"b": j(`"b"`)}, Optional: true}
	offered.Optional = true
	tenants := offered
	tenants.Levels = []domain.Level{domain.TenantLevel}
	with := func(d Definition, more ...domain.Event) []domain.Event {
		return append(append([]domain.Event{Defined{key, d}}, tree...), more...)
	}
	in := Setting{Value: j(`true`), Opted: Taken}
	out := Setting{Value: j(`false`), Opted: Declined}
	said := func(s Setting, before *Setting) Saying {
		return Saying{acme, domain.TenantLevel, partner, key, s, before}
	}
	above := partnerSays(Setting{Value: j(`false`)})
	for name, c := range map[string]struct {
		past []domain.Event
		cmd  domain.Command[Ladder]
		want testkit.Expectation
	}{
		"in":                            {with(offered), OptIn{acme, key, ""}, records(OptedIn{said(in, nil)})},
		"in twice":                      {with(offered, OptedIn{said(in, nil)}), OptIn{acme, key, ""}, nothing},
		"out":                           {with(offered), OptOut{acme, key}, records(OptedOut{said(out, nil)})},
		"out after in":                  {with(offered, OptedIn{said(in, nil)}), OptOut{acme, key}, records(OptedOut{said(out, &in)})},
		"a variant":                     {with(text), OptIn{acme, key, "b"}, records(OptedIn{said(Setting{Value: j(`"b"`), Variant: "b", Opted: Taken}, nil)})},
		"no such variant":               {with(text), OptIn{acme, key, "c"}, testkit.Fails(ErrVariant)},
		"which variant":                 {with(text), OptIn{acme, key, ""}, testkit.Fails(ErrOneValue)},
		"a flag that is not optional":   {with(def), OptIn{acme, key, ""}, testkit.Fails(ErrNotOptional)},
		"out of one that is not":        {with(def), OptOut{acme, key}, testkit.Fails(ErrNotOptional)},
		"under a lock":                  {with(offered, above, Locked{partner, key}), OptIn{acme, key, ""}, lockedErr},
		"over what is said above":       {with(offered, above), OptIn{acme, key, ""}, records(OptedIn{said(in, nil)})},
		"where an override decides":     {with(offered, tenantSays(Setting{Value: j(`false`)}, nil)), OptIn{acme, key, ""}, testkit.Fails(ErrDecided)},
		"where one has expired":         {with(offered, tenantSays(Setting{Value: j(`false`), ValidUntil: &early}, nil)), OptIn{acme, key, ""}, records(OptedIn{said(in, &Setting{Value: j(`false`), ValidUntil: &early})})},
		"the platform has no choice":    {with(offered), OptIn{domain.PlatformID, key, ""}, testkit.Fails(ErrLevel)},
		"an integrator has":             {with(offered), OptOut{partner, key}, records(OptedOut{Saying{partner, domain.IntegratorLevel, domain.PlatformID, key, out, nil}})},
		"unless the flag is for others": {with(tenants), OptOut{partner, key}, testkit.Fails(ErrLevel)},
		"a locked choice":               {with(offered, OptedIn{said(in, nil)}, Locked{acme, key}), OptOut{acme, key}, testkit.Fails(ErrUnlockFirst)},
		"an override takes its place":   {with(offered, OptedIn{said(in, nil)}), override, records(tenantSays(on, &in))},
		"and it can be cleared":         {with(offered, OptedIn{said(in, nil)}), ClearOverride{acme, key}, records(Cleared{acme, key, in})},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(testkit.Given(c.past...), c.cmd).Meets(t, c.want) })
	}
}

// partnerSays is what the integrator above says.
func partnerSays(s Setting) Overridden {
	return said(partner, domain.IntegratorLevel, domain.PlatformID, s, nil)
}
