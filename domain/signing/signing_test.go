package signing_test

import (
	"slices"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/signing"
	"github.com/reeve-platform/reeve/internal/testkit"
)

func keyOf(kid string) domain.SigningKey {
	public := domain.PublicKey{Kid: kid, Kty: "OKP", Alg: "EdDSA", Crv: "Ed25519", X: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
	return domain.SigningKey{Public: public, Sealed: []byte("sealed " + kid)}
}

func rotate(kid string) Rotate { return Rotate{Alg: EdDSA}.WithKey(keyOf(kid)) }

// follows is the fact that a key takes over from another at an instant.
func follows(kid, before string, at time.Time) Rotated {
	from := at.Add(Notice)
	return Rotated{keyOf(kid).Public, keyOf(kid).Sealed, from, before, from.Add(Linger)}
}

var (
	long   = testkit.Now.Add(-time.Hour)
	first  = Rotated{Key: keyOf("a").Public, Sealed: keyOf("a").Sealed, SignsFrom: long}
	second = follows("b", "a", long)
	now    = follows("c", "b", testkit.Now)

	records = testkit.Records
	nothing = testkit.Nothing()
	fails   = testkit.Fails
)

func TestRotate(t *testing.T) {
	for name, c := range map[string]struct {
		past []domain.Event
		cmd  Rotate
		want testkit.Expectation
	}{
		"the first key signs at once":        {nil, rotate("a"), records(Rotated{Key: keyOf("a").Public, Sealed: keyOf("a").Sealed, SignsFrom: testkit.Now})},
		"the next is published before":       {[]domain.Event{first}, rotate("b"), records(follows("b", "a", testkit.Now))},
		"and so on":                          {[]domain.Event{first, second}, rotate("c"), records(now)},
		"one at a time":                      {[]domain.Event{first, second, now}, rotate("d"), fails(ErrTooSoon)},
		"twice is once":                      {[]domain.Event{first, second, now}, rotate("c"), nothing},
		"a key of another algorithm":         {[]domain.Event{first}, Rotate{}.WithKey(keyOf("b")), fails(ErrAlg)},
		"no key":                             {[]domain.Event{first}, Rotate{Alg: EdDSA}, fails(ErrAlg)},
		"a key without a good name":          {nil, rotate("../b"), fails(domain.ErrPublicKey)},
		"the first key, if there is one":     {[]domain.Event{first}, First().WithKey(keyOf("b")), nothing},
		"the first key, when it was retired": {[]domain.Event{first, second, Retired{"a"}}, First().WithKey(keyOf("c")), nothing},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(testkit.Given(c.past...), c.cmd).Meets(t, c.want) })
	}
	if (Rotate{}).Forges() != "RS256" || First().Forges() != "RS256" || rotate("a").Forges() != "EdDSA" {
		t.Error("algorithms")
	}
}

func TestRetire(t *testing.T) {
	for name, c := range map[string]struct {
		past []domain.Event
		kid  string
		want testkit.Expectation
	}{
		"one that was never there":   {[]domain.Event{first}, "z", fails(ErrNotFound)},
		"the only one":               {[]domain.Event{first}, "a", fails(ErrInUse)},
		"the newest":                 {[]domain.Event{first, second, now}, "c", fails(ErrInUse)},
		"one that signs":             {[]domain.Event{first, second, now}, "b", records(Retired{"b"})},
		"one that only verifies":     {[]domain.Event{first, follows("b", "a", testkit.Now.Add(-time.Minute))}, "a", records(Retired{"a"})},
		"one that has ended anyway":  {[]domain.Event{first, second}, "a", nothing},
		"one that was retired":       {[]domain.Event{first, second, now, Retired{"b"}}, "b", fails(ErrNotFound)},
		"one when there are no keys": {nil, "a", fails(ErrNotFound)},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(testkit.Given(c.past...), Retire{c.kid}).Meets(t, c.want) })
	}
}

func TestNobodyIsShownASealedKey(t *testing.T) {
	testkit.Conceals(t, second, "c2VhbGVkIGI")
}

var asked = []domain.Command[Keys]{rotate("a"), rotate("b"), rotate("c"), First().WithKey(keyOf("d")), Retire{"a"}, Retire{"b"}, Retire{"z"}}

func TestWhateverHappenedTwiceIsOnce(t *testing.T) {
	testkit.Steady(t, append(slices.Clone(samples), first, now, "not an event of ours"), asked)
}

// Once there is a key, there is always one.
func TestThereIsAlwaysAKey(t *testing.T) {
	testkit.Walk(t, []domain.Event{first}, asked, func(k Keys) bool { return len(k.Terms) > 0 })
}

// samples is one of each event, with every member filled.
var samples = []domain.Event{second, Retired{"a"}}

func TestStoredEventsStayReadable(t *testing.T) { testkit.Golden(t, Events, samples...) }
