package testkit_test

import (
	"errors"
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/testkit"
)

// A counter counts what it is told to, up to three.
type (
	counter struct{ n int }
	counted struct{}
	count   struct{ err error }
)

func (c counter) Evolve(domain.Event) counter { c.n++; return c }
func (c count) Stream() domain.StreamID       { return "counter-1" }
func (c count) Decide(s counter, _ domain.Meta) ([]domain.Event, error) {
	if s.n == 3 {
		return nil, c.err
	}
	return []domain.Event{counted{}}, c.err
}

// verdict is a test that notes whether it failed instead of failing.
type verdict struct {
	testing.TB
	failed bool
}

func (v *verdict) Helper()               {}
func (v *verdict) Fatalf(string, ...any) { v.failed = true; panic(v) }

func fails(judge func(testing.TB)) (failed bool) {
	v := &verdict{}
	defer func() { _ = recover(); failed = v.failed }()
	judge(v)
	return
}

func TestTheKitFailsWhatIsWrong(t *testing.T) {
	broken := &domain.Error{Kind: domain.Conflict, Code: "broken"}
	other := &domain.Error{Kind: domain.Invalid, Code: "broken"}
	full := testkit.Given(counted{}, counted{}, counted{})
	for name, c := range map[string]struct {
		o    testkit.Outcome
		want testkit.Expectation
		pass bool
	}{
		"the event expected":         {testkit.When(testkit.Given(), count{}), testkit.Records(counted{}), true},
		"an event unexpected":        {testkit.When(testkit.Given(), count{}), testkit.Nothing(), false},
		"nothing, as expected":       {testkit.When(full, count{}), testkit.Nothing(), true},
		"nothing, but some expected": {testkit.When(full, count{}), testkit.Records(counted{}), false},
		"refused, as expected":       {testkit.When(full, count{broken}), testkit.Fails(broken), true},
		"refused as another kind":    {testkit.When(full, count{other}), testkit.Fails(broken), false},
		"refused unexpectedly":       {testkit.When(full, count{broken}), testkit.Nothing(), false},
		"not refused":                {testkit.When(full, count{}), testkit.Fails(broken), false},
		"refused with events":        {testkit.When(testkit.Given(), count{broken}), testkit.Fails(broken), false},
		"nobody said what":           {testkit.When(full, count{}), testkit.Expectation{}, false},
		"refused by something else":  {testkit.When(full, count{errors.New("x")}), testkit.Fails(broken), false},
	} {
		t.Run(name, func(t *testing.T) {
			if failed := fails(func(t testing.TB) { c.o.Meets(t, c.want) }); failed == c.pass {
				t.Fatalf("failed: %v", failed)
			}
		})
	}
}
