package flag_test

import (
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/testkit"
)

func TestRollouts(t *testing.T) {
	share := []Share{{Serving{Value: j(`true`)}, 10_000}}
	hour := func(n int) time.Time { return at.Add(time.Duration(n) * time.Hour) }
	steps := func(hours ...int) (all []Step) {
		for i, h := range hours {
			all = append(all, Step{hour(h), []uint32{uint32(20_000 * (i + 1))}})
		}
		return all
	}
	with := func(paused *time.Time, hours ...int) Setting {
		return Setting{Split: &Split{By: "key", Shares: share, Steps: steps(hours...), Paused: paused}}
	}
	said := func(s Setting, before *Setting) Saying {
		return Saying{acme, domain.TenantLevel, partner, key, s, before}
	}
	then := func(s Setting) []domain.Event { return past(RolloutSet{said(s, nil)}) }
	two, now, ago := with(nil, 1, 2), at, hour(-1)
	paused := with(&ago, 1, 2)
	beside := two
	beside.Value = j(`false`)
	over := with(nil, 1)
	over.ValidUntil = &early
	set := SetRollout{Node: acme, Flag: key, Shares: share, Steps: steps(1, 2)}
	none := testkit.Fails(ErrNoRollout)
	above := partnerSays(on)
	for name, c := range map[string]struct {
		past []domain.Event
		cmd  domain.Command[Ladder]
		want testkit.Expectation
	}{
		"set":                        {past(), set, records(RolloutSet{said(two, nil)})},
		"set twice":                  {then(two), set, nothing},
		"set beside a value":         {past(tenantSays(Setting{Value: j(`false`)}, nil)), set, records(RolloutSet{said(beside, &Setting{Value: j(`false`)})})},
		"set where it is over":       {then(over), set, records(RolloutSet{said(two, &over)})},
		"set under a lock":           {past(above, Locked{partner, key}), set, lockedErr},
		"set to another type":        {past(), SetRollout{Node: acme, Flag: key, Shares: []Share{{Serving{Value: j(`1`)}, 1}}}, testkit.Fails(ErrValueType)},
		"advanced":                   {then(two), AdvanceRollout{acme, key}, records(RolloutAdvanced{said(with(nil, 0, 2), &two)})},
		"advanced at the end":        {then(with(nil, -1)), AdvanceRollout{acme, key}, testkit.Fails(ErrLastStep)},
		"advanced while paused":      {then(paused), AdvanceRollout{acme, key}, testkit.Fails(ErrPaused)},
		"advanced, there being none": {past(), AdvanceRollout{acme, key}, none},
		"paused":                     {then(two), PauseRollout{acme, key}, records(RolloutPaused{said(with(&now, 1, 2), &two)})},
		"paused twice":               {then(paused), PauseRollout{acme, key}, nothing},
		"paused, there being none":   {past(tenantSays(on, nil)), PauseRollout{acme, key}, none},
		"paused, it being over":      {then(over), PauseRollout{acme, key}, none},
		"resumed is later":           {then(paused), ResumeRollout{acme, key}, records(RolloutResumed{said(with(nil, 2, 3), &paused)})},
		"resumed twice":              {then(two), ResumeRollout{acme, key}, nothing},
		"resumed, there being none":  {past(), ResumeRollout{acme, key}, none},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(testkit.Given(c.past...), c.cmd).Meets(t, c.want) })
	}
}
