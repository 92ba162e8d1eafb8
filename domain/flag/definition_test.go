package flag_test

import (
	"encoding/json"
	"slices"
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	. "github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/testkit"
)

const key Key = "new-checkout"

func j(s string) json.RawMessage { return json.RawMessage(s) }

var (
	def      = Definition{Type: Boolean, Default: j(`false`), Off: j(`false`), Mode: cascade.Replace}
	define   = Define{Key: key, Type: Boolean, Default: j(`false`)}
	defined  = Defined{key, def}
	records  = testkit.Records
	nothing  = testkit.Nothing()
	refused  = testkit.Fails(domain.ErrTransition)
	notFound = testkit.Fails(ErrNotFound)

	draft      = []domain.Event{defined}
	active     = append(draft[:1:1], Activated{key, StatusDraft})
	deprecated = append(active[:2:2], Deprecated{key})
	killed     = append(active[:2:2], Killed{key, StatusActive})
	archived   = append(deprecated[:3:3], Archived{key, StatusDeprecated})
)

// states are the columns of the table of a flag's life, in order.
var states = []struct {
	name string
	past []domain.Event
}{{"absent", nil}, {"draft", draft}, {"active", active}, {"killed", killed}, {"deprecated", deprecated}, {"archived", archived}}

// row is one command of the table with its cell in each state.
func row[C domain.Command[Flag]](t *testing.T, name string, cmd C, cells ...testkit.Expectation) {
	t.Helper()
	for i, s := range states {
		t.Run(name+" when "+s.name, func(t *testing.T) {
			testkit.When(testkit.Given(s.past...), domain.Command[Flag](cmd)).Meets(t, cells[i])
		})
	}
}

func TestLifeOfAFlag(t *testing.T) {
	owner := "payments"
	after := def
	after.Owner = owner
	updated := records(Updated{key, def, after})
	row(t, "define", define, records(defined), refused, refused, refused, refused, refused)
	row(t, "update", Update{Flag: key, Owner: &owner}, notFound, updated, updated, updated, updated, refused)
	row(t, "activate", Activate{key}, notFound, records(Activated{key, StatusDraft}), nothing, refused, records(Activated{key, StatusDeprecated}), refused)
	row(t, "kill", Kill{key}, notFound, refused, records(Killed{key, StatusActive}), nothing, records(Killed{key, StatusDeprecated}), refused)
	row(t, "revive", Revive{key}, notFound, refused, nothing, records(Revived{key, StatusActive}), refused, records(Restored{key}))
	row(t, "deprecate", Deprecate{key}, notFound, refused, records(Deprecated{key}), refused, nothing, refused)
	row(t, "archive", Archive{key}, notFound, records(Archived{key, StatusDraft}), testkit.Fails(ErrDeprecateFirst), refused, records(Archived{key, StatusDeprecated}), nothing)
	mark := records(MarkedStale{key})
	row(t, "mark stale", MarkStale{key}, notFound, mark, mark, mark, mark, refused)
	row(t, "unmark stale", UnmarkStale{key}, notFound, nothing, nothing, nothing, nothing, refused)
}

func TestAMarkIsThereOnceAndNothingElseTakesItAway(t *testing.T) {
	past := append(active[:2:2], MarkedStale{key}, Deprecated{key}, Killed{key, StatusDeprecated}, Revived{key, StatusDeprecated})
	testkit.When(testkit.Given(past...), MarkStale{key}).Meets(t, nothing)
	testkit.When(testkit.Given(past...), UnmarkStale{key}).Then(t, UnmarkedStale{key})
	testkit.When(testkit.Given(append(past, UnmarkedStale{key})...), UnmarkStale{key}).Meets(t, nothing)
}

func TestADayOfExpiryIsADay(t *testing.T) {
	with := func(day string) Define { c := define; c.Expires = day; return c }
	then := def
	then.Expires = "2028-02-29"
	testkit.When(testkit.Given(), with("2028-02-29")).Then(t, Defined{key, then})
	for _, day := range []string{"2027-02-29", "2027-3-1", "tomorrow", "2027-03-01T00:00:00Z", " "} {
		testkit.When(testkit.Given(), with(day)).Meets(t, testkit.Fails(ErrExpires))
	}
	none, same := "", "2028-02-29"
	testkit.When(testkit.Given(Defined{key, then}), Update{Flag: key, Expires: &none}).Then(t, Updated{key, then, def})
	testkit.When(testkit.Given(Defined{key, then}), Update{Flag: key, Expires: &same}).Meets(t, nothing)
	testkit.When(testkit.Given(Defined{key, then}), Update{Flag: key}).Meets(t, nothing)
}

func TestAKillGivesBackWhatItInterrupted(t *testing.T) {
	past := append(deprecated[:3:3], Killed{key, StatusDeprecated})
	testkit.When(testkit.Given(past...), Revive{key}).Then(t, Revived{key, StatusDeprecated})
}

func TestDefine(t *testing.T) {
	for name, c := range map[string]struct {
		cmd  Define
		want testkit.Expectation
	}{
		"off is an empty text if left out": {Define{Key: key, Type: String, Default: j(`"a"`)}, records(Defined{key, Definition{Type: String, Default: j(`"a"`), Off: j(`""`), Mode: cascade.Replace}})},
		"off is 0 if left out":             {Define{Key: key, Type: Number, Default: j(`7`)}, records(Defined{key, Definition{Type: Number, Default: j(`7`), Off: j(`0`), Mode: cascade.Replace}})},
		"off is null if left out":          {Define{Key: key, Type: JSON, Default: j(`{}`)}, records(Defined{key, Definition{Type: JSON, Default: j(`{}`), Off: j(`null`), Mode: cascade.Replace}})},
		"a key of another grammar":         {Define{Key: "../x", Type: Boolean, Default: j(`true`)}, testkit.Fails(ErrKey)},
		"no such type":                     {Define{Key: key, Type: "date", Default: j(`true`)}, testkit.Fails(ErrType)},
		"a default of another type":        {Define{Key: key, Type: Boolean, Default: j(`"true"`)}, testkit.Fails(ErrValueType)},
		"an off of another type":           {Define{Key: key, Type: Number, Default: j(`1`), Off: j(`false`)}, testkit.Fails(ErrValueType)},
		"a variant of another type":        {Define{Key: key, Type: Number, Default: j(`1`), Variants: map[string]json.RawMessage{"a": j(`"x"`)}}, testkit.Fails(ErrValueType)},
		"a variant with a bad name":        {Define{Key: key, Type: Number, Default: j(`1`), Variants: map[string]json.RawMessage{"a b": j(`1`)}}, testkit.Fails(ErrVariant)},
		"merging texts":                    {Define{Key: key, Type: String, Default: j(`"a"`), Mode: cascade.Merge}, testkit.Fails(ErrMode)},
		"appending objects":                {Define{Key: key, Type: JSON, Default: j(`{}`), Mode: cascade.Append}, testkit.Fails(ErrMode)},
		"restricting texts":                {Define{Key: key, Type: String, Default: j(`"a"`), Mode: cascade.Restrict}, testkit.Fails(ErrMode)},
		"a variant that does not merge":    {Define{Key: key, Type: JSON, Default: j(`{}`), Mode: cascade.Merge, Variants: map[string]json.RawMessage{"a": j(`[1]`)}}, testkit.Fails(ErrValueType)},
		"no such level":                    {Define{Key: key, Type: Boolean, Default: j(`true`), Levels: []domain.Level{"galaxy"}}, testkit.Fails(ErrLevel)},
		"a value that is too large":        {Define{Key: key, Type: String, Default: j(`"` + longText() + `"`)}, testkit.Fails(ErrTooLarge)},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(testkit.Given(), c.cmd).Meets(t, c.want) })
	}
}

func longText() string {
	b := make([]byte, 70<<10)
	for i := range b {
		b[i] = 'x'
	}
	return string(b)
}

func TestUpdate(t *testing.T) {
	merge := cascade.Restrict
	testkit.When(testkit.Given(active...), Update{Flag: key}).Then(t)
	testkit.When(testkit.Given(active...), Update{Flag: key, Default: j(`false`)}).Then(t)
	testkit.When(testkit.Given(active...), Update{Flag: key, Default: j(`3`)}).ThenFails(t, ErrValueType)
	testkit.When(testkit.Given(active...), Update{Flag: key, Mode: &merge}).ThenFails(t, ErrModeFixed)
	restricted := def
	restricted.Mode = cascade.Restrict
	testkit.When(testkit.Given(draft...), Update{Flag: key, Mode: &merge}).Then(t, Updated{key, def, restricted})
}

// What the log gives back is spelled as the log spells it; it says the same.
func TestUpdateTwiceIsOnce(t *testing.T) {
	said := Definition{Type: String, Default: j(`"\u003cb\u003e"`), Off: j(`""`), Variants: map[string]json.RawMessage{"i": j(`"\u003ci\u003e"`)}, Mode: cascade.Replace}
	for name, cmd := range map[string]Update{
		"no tags":             {Flag: key, Tags: []string{}},
		"no levels":           {Flag: key, Levels: []domain.Level{}},
		"another spelling":    {Flag: key, Default: j(`"<b>"`)},
		"with space":          {Flag: key, Default: j(` "<b>" `)},
		"a variant's too":     {Flag: key, Variants: map[string]json.RawMessage{"i": j(`"<i>"`)}},
		"nothing is asked at": {Flag: key},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(testkit.Given(Defined{key, said}), cmd).Then(t) })
	}
	without := said
	without.Variants = map[string]json.RawMessage{}
	none := Update{Flag: key, Variants: map[string]json.RawMessage{}}
	testkit.When(testkit.Given(Defined{key, said}), none).Then(t, Updated{key, said, without})
	without.Variants = nil
	testkit.When(testkit.Given(Defined{key, without}), none).Then(t)
}

// So is whom a rule is for: it may name people.
func TestWhoAnswersForAFlagIsPersonal(t *testing.T) {
	r := domain.NewRegistry(Events)
	for _, c := range []struct {
		e    domain.Event
		want []string
	}{
		{Defined{}, []string{"definition.owner"}},
		{Updated{}, []string{"before.owner", "after.owner"}},
		{Overridden{}, []string{"rules.when.values", "before.rules.when.values"}},
	} {
		if d, _ := r.Definition(c.e); !slices.Equal(d.PII, c.want) {
			t.Errorf("%T: %v", c.e, d.PII)
		}
	}
}
