package domain_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
)

// moved is today's shape; movedV1 and movedV2 are in old logs.
type (
	moved struct {
		To      address  `json:"to"`
		Movers  []person `json:"movers,omitempty"`
		Why     string   `json:"why"`
		private string
	}
	address struct {
		City   string `json:"city"`
		Street string `json:"street,omitempty" pii:"person"`
	}
	person struct {
		Name string `json:"name" pii:"person"`
	}
	movedV1 struct{ City string }
	movedV2 struct{ To address }
	rested  struct{}
)

func movings() domain.Vocabulary {
	return domain.Vocabulary{
		domain.Define("ThingMoved", 3,
			domain.From(1, func(o movedV1) moved { return moved{To: address{City: o.City}, Why: "unknown"} }),
			domain.From(2, func(o movedV2) moved { return moved{To: o.To, Why: "unknown"} })),
		domain.Define[rested]("ThingRested", 1),
	}
}

func TestEveryVersionBecomesTodaysEvent(t *testing.T) {
	r := domain.NewRegistry(movings())
	for name, c := range map[string]struct {
		version int
		stored  string
		want    domain.Event
	}{
		"the first":          {1, `{"City":"Ulm"}`, moved{To: address{City: "Ulm"}, Why: "unknown"}},
		"the second":         {2, `{"To":{"city":"Ulm"}}`, moved{To: address{City: "Ulm"}, Why: "unknown"}},
		"today's":            {3, `{"to":{"city":"Ulm"},"why":"rent"}`, moved{To: address{City: "Ulm"}, Why: "rent"}},
		"members from later": {3, `{"to":{"city":"Ulm"},"why":"rent","van":true}`, moved{To: address{City: "Ulm"}, Why: "rent"}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := r.Decode("ThingMoved", c.version, []byte(c.stored))
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(c.want, got, cmp.AllowUnexported(moved{})); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestWhatCannotBeReadIsNotGuessed(t *testing.T) {
	r := domain.NewRegistry(movings())
	for name, c := range map[string]struct {
		version int
		stored  string
		want    error
	}{
		"a version from the future": {4, `{}`, domain.ErrUnknownVersion},
		"no version":                {0, `{}`, domain.ErrUnknownVersion},
		"no JSON":                   {3, `moved`, domain.ErrUnreadableEvent},
		"another shape":             {3, `{"to":"Ulm"}`, domain.ErrUnreadableEvent},
		"an old one, broken":        {1, `{"City":7}`, domain.ErrUnreadableEvent},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := r.Decode("ThingMoved", c.version, []byte(c.stored))
			if !errors.Is(err, c.want) || domain.KindOf(err) != domain.Internal || e != nil {
				t.Fatal(e, err)
			}
		})
	}
}

func TestSomebodyElsesEventIsNone(t *testing.T) {
	if e, err := domain.NewRegistry(movings()).Decode("$metadata", 1, []byte(`{}`)); e != nil || err != nil {
		t.Fatal(e, err)
	}
}

func TestEncodeGivesNameAndVersion(t *testing.T) {
	name, version, data, err := domain.NewRegistry(movings()).Encode(moved{To: address{City: "Ulm"}, Why: "rent", private: "x"})
	if name != "ThingMoved" || version != 3 || string(data) != `{"to":{"city":"Ulm"},"why":"rent"}` || err != nil {
		t.Fatal(name, version, string(data), err)
	}
}

func TestPersonalDataIsFoundBelowTheSurface(t *testing.T) {
	d, _ := domain.NewRegistry(movings()).Definition(moved{})
	if diff := cmp.Diff([]string{"to.street", "movers.name"}, d.PII); diff != "" {
		t.Fatal(diff)
	}
}

func TestAVocabularyThatLiesDoesNotStart(t *testing.T) {
	for name, c := range map[string]struct {
		declare func()
		says    string
	}{
		"no reader for an old version": {func() { domain.Define[rested]("ThingRested", 2) }, "no reader for version 1"},
		"one name for two events": {func() {
			domain.NewRegistry(movings(), domain.Vocabulary{domain.Define[movedV1]("ThingMoved", 1)})
		}, "event declared twice"},
		"two names for one event": {func() {
			domain.NewRegistry(movings(), domain.Vocabulary{domain.Define[rested]("ThingSlept", 1)})
		}, "type declared twice"},
		"an event nobody declared": {func() { _, _, _, _ = domain.NewRegistry(movings()).Encode(movedV1{}) }, "not in any vocabulary"},
	} {
		t.Run(name, func(t *testing.T) {
			defer func() {
				if said, _ := recover().(string); !strings.Contains(said, c.says) {
					t.Fatalf("said %q", said)
				}
			}()
			c.declare()
		})
	}
}
