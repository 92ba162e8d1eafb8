package domain_test

import (
	"encoding"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// Ids are chosen by callers and stand in stream names: every random UUID must
// be taken as it is, in whichever letters it is written.
func TestEveryRandomIDIsTaken(t *testing.T) {
	for range 100_000 {
		want := uuid.NewString()
		var id domain.TenantID
		if err := id.UnmarshalText([]byte(strings.ToUpper(want))); err != nil || string(id) != want {
			t.Fatalf("%s became %q: %v", want, id, err)
		}
	}
}

func TestIDsAreOfVersion4(t *testing.T) {
	for name, c := range map[string]struct {
		text string
		ok   bool
	}{
		"version 4":               {"6f9619ff-8b86-4011-b42d-00c04fc964ff", true},
		"the built-in integrator": {string(domain.DirectIntegrator), true},
		"version 1":               {"6f9619ff-8b86-1011-b42d-00c04fc964ff", false},
		"version 7":               {"018f3e1c-7a3e-7c3e-b42d-00c04fc964ff", false},
		"another variant":         {"6f9619ff-8b86-4011-c42d-00c04fc964ff", false},
		"nil":                     {"00000000-0000-0000-0000-000000000000", false},
		"max":                     {"ffffffff-ffff-ffff-ffff-ffffffffffff", false},
		"without hyphens":         {"6f9619ff8b864011b42d00c04fc964ff", false},
		"in braces":               {"{6f9619ff-8b86-4011-b42d-00c04fc964ff}", false},
		"as a URN":                {"urn:uuid:6f9619ff-8b86-4011-b42d-00c04fc964ff", false},
		"with a blank":            {"6f9619ff-8b86-4011-b42d-00c04fc964ff ", false},
		"a slug":                  {"acme", false},
		"a path":                  {"../6f9619ff-8b86-4011-b42d-00c04fc964", false},
	} {
		t.Run(name, func(t *testing.T) {
			for _, id := range []encoding.TextUnmarshaler{new(domain.TenantID), new(domain.IntegratorID), new(domain.UserID), new(domain.NodeID)} {
				err := id.UnmarshalText([]byte(c.text))
				if c.ok != (err == nil) || !c.ok && !errors.Is(err, domain.ErrID) {
					t.Fatalf("%T: %v", id, err)
				}
			}
		})
	}
}

func TestOnlyANodeMayBeThePlatform(t *testing.T) {
	var node domain.NodeID
	if err := node.UnmarshalText([]byte("platform")); err != nil || node != domain.PlatformID {
		t.Fatal(node, err)
	}
	var tenant domain.TenantID
	if err := tenant.UnmarshalText([]byte("platform")); !errors.Is(err, domain.ErrID) {
		t.Fatal(err)
	}
}

func TestAnIDThatIsLeftOutIsEmpty(t *testing.T) {
	var in struct {
		Tenant domain.TenantID `json:"tenant"`
	}
	if err := json.Unmarshal([]byte(`{"tenant":""}`), &in); err != nil || in.Tenant != "" {
		t.Fatal(in, err)
	}
}

func TestDepth(t *testing.T) {
	for want, level := range []domain.Level{domain.PlatformLevel, domain.IntegratorLevel, domain.TenantLevel, domain.UserLevel} {
		if got := level.Depth(); got != want {
			t.Errorf("%s: %d", level, got)
		}
	}
}
