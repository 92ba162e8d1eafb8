package flag_test

import (
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/testkit"
)

func TestRecordUse(t *testing.T) {
	used := Evaluated{acme, key, 3, testkit.Now.Add(-time.Second), testkit.Now}
	changed := func(f func(*RecordUse)) RecordUse {
		c := RecordUse(used)
		f(&c)
		return c
	}
	all := changed(func(c *RecordUse) { c.Flag = "" })
	for name, c := range map[string]struct {
		past []domain.Event
		cmd  RecordUse
		want testkit.Expectation
	}{
		"is recorded as it was counted": {nil, RecordUse(used), records(used)},
		"of all flags at once":          {nil, all, records(Evaluated(all))},
		"again is another fact":         {[]domain.Event{used}, RecordUse(used), records(used)},
		"nowhere":                       {nil, changed(func(c *RecordUse) { c.Node = "" }), testkit.Fails(ErrUse)},
		"never":                         {nil, changed(func(c *RecordUse) { c.Count = 0 }), testkit.Fails(ErrUse)},
		"at no time":                    {nil, changed(func(c *RecordUse) { c.First = time.Time{} }), testkit.Fails(ErrUse)},
		"that ended before it began":    {nil, changed(func(c *RecordUse) { c.Last = c.First.Add(-1) }), testkit.Fails(ErrUse)},
		"of what cannot be a flag":      {nil, changed(func(c *RecordUse) { c.Flag = "a b" }), testkit.Fails(ErrUse)},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(testkit.Given(c.past...), c.cmd).Meets(t, c.want) })
	}
}
