package apikey_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/apikey"
	"github.com/reeve-platform/reeve/internal/testkit"
)

const (
	id    domain.APIKeyID = "5f0c1b52-6f0e-4b5a-8f2d-0a5d3c1f7e11"
	node  domain.NodeID   = "c4e0a9b3-1d2e-4f6a-9b8c-7d6e5f4a3b22"
	other domain.NodeID   = "11111111-1111-4111-8111-111111111111"
)

// Somebody else's facts about the node, as nouns know each other.
type (
	placed   struct{}
	standing domain.Standing
)

func (placed) Placed() (domain.NodeID, domain.Level, domain.NodeID) {
	return node, domain.IntegratorLevel, domain.PlatformID
}
func (s standing) Stands() (domain.NodeID, domain.Standing) { return node, domain.Standing(s) }

var (
	plain   = strings.Repeat("a", domain.SecretDigits)
	later   = strings.Repeat("b", domain.SecretDigits)
	expires = testkit.Now.Add(Life)
	both    = domain.PermissionsOf(domain.FlagEvaluate, domain.FlagRead)
	created = Created{id, node, "Shop", both, domain.Digest(domain.APIKeyText(id, plain)), expires}
	rotated = Rotated{id, node, domain.Digest(domain.APIKeyText(id, later)), testkit.Now.Add(domain.Overlap), expires, expires}
	revoked = Revoked{id, node}

	records = testkit.Records
	nothing = testkit.Nothing()
	fails   = testkit.Fails
)

// A row is what a command does to a key in each state.
type row struct{ absent, active, expired, revoked testkit.Expectation }

func (r row) in(t *testing.T, cmd domain.Command[Key]) {
	t.Helper()
	old := created
	old.Expires = testkit.Now
	for name, c := range map[string]struct {
		past []domain.Event
		want testkit.Expectation
	}{
		"absent":  {nil, r.absent},
		"active":  {[]domain.Event{created}, r.active},
		"expired": {[]domain.Event{old}, r.expired},
		"revoked": {[]domain.Event{created, revoked}, r.revoked},
	} {
		t.Run(name, func(t *testing.T) {
			past := append([]domain.Event{placed{}, standing(domain.Usable)}, c.past...)
			testkit.When(testkit.Given(past...), cmd).Meets(t, c.want)
		})
	}
}

func create() Create {
	return Create{Node: node, Key: id, Name: "Shop", Permissions: []domain.Permission{domain.FlagRead, domain.FlagEvaluate}}.WithSecret(plain)
}

func TestCreate(t *testing.T) {
	again := fails(domain.ErrTransition)
	row{absent: records(created), active: again, expired: again, revoked: again}.in(t, create())
}

func TestWhatCannotBeCreated(t *testing.T) {
	at := func(d time.Duration) *time.Time { u := testkit.Now.Add(d); return &u }
	for name, c := range map[string]struct {
		change func(*Create)
		want   error
	}{
		"no name":                   {func(c *Create) { c.Name = "" }, domain.ErrText},
		"no permissions":            {func(c *Create) { c.Permissions = nil }, ErrNotForKeys},
		"more than a key is for":    {func(c *Create) { c.Permissions = append(c.Permissions, domain.FlagWrite) }, ErrNotForKeys},
		"already expired":           {func(c *Create) { c.Expires = at(0) }, ErrExpiry},
		"for more than 400 days":    {func(c *Create) { c.Expires = at(MaximumLife + time.Second) }, ErrExpiry},
		"at a node that is not one": {func(c *Create) { c.Node = other }, domain.ErrNodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := create()
			c.change(&cmd)
			testkit.When(testkit.Given(placed{}, standing(domain.Usable)), cmd).ThenFails(t, c.want)
		})
	}
	t.Run("at an archived node", func(t *testing.T) {
		testkit.When(testkit.Given(placed{}, standing(domain.Closed)), create()).ThenFails(t, domain.ErrNodeClosed)
	})
}

func TestRotate(t *testing.T) {
	cmd := Rotate{Node: node, Key: id}.WithSecret(later)
	row{absent: fails(ErrNotFound), active: records(rotated), expired: fails(ErrExpired), revoked: fails(ErrRevoked)}.in(t, cmd)
	t.Run("twice is once", func(t *testing.T) { testkit.When(testkit.Given(created, rotated), cmd).Then(t) })
	t.Run("of another node", func(t *testing.T) {
		testkit.When(testkit.Given(created), Rotate{Node: other, Key: id}.WithSecret(later)).ThenFails(t, ErrNotFound)
	})
	t.Run("for longer", func(t *testing.T) {
		until, none := testkit.Now.Add(MaximumLife), 0
		longer := Rotated{id, node, rotated.Digest, testkit.Now, until, expires}
		testkit.When(testkit.Given(created), Rotate{Node: node, Key: id, Expires: &until, Overlap: &none}.WithSecret(later)).Then(t, longer)
	})
	t.Run("with too long an overlap", func(t *testing.T) {
		much := 1 << 30
		testkit.When(testkit.Given(created), Rotate{Node: node, Key: id, Overlap: &much}.WithSecret(later)).ThenFails(t, domain.ErrOverlap)
	})
	t.Run("until yesterday", func(t *testing.T) {
		past := testkit.Now.Add(-time.Hour)
		testkit.When(testkit.Given(created), Rotate{Node: node, Key: id, Expires: &past}.WithSecret(later)).ThenFails(t, ErrExpiry)
	})
}

func TestRevoke(t *testing.T) {
	row{absent: fails(ErrNotFound), active: records(revoked), expired: records(revoked), revoked: nothing}.in(t, Revoke{node, id})
	t.Run("of another node", func(t *testing.T) {
		testkit.When(testkit.Given(created), Revoke{other, id}).ThenFails(t, ErrNotFound)
	})
}

func TestWhatIsToldIsAKey(t *testing.T) {
	for _, text := range []string{create().Shown(), Rotate{Node: node, Key: id}.WithSecret(later).Shown()} {
		if got, ok := domain.ReadAPIKey(text); !ok || got != id {
			t.Error(text, got)
		}
	}
}

func TestWhoIsEmpowered(t *testing.T) {
	for _, c := range []struct {
		event domain.Empowers
		want  domain.Permissions
	}{{created, both}, {revoked, 0}} {
		if who, where, what := c.event.Empowers(); who != string(id) || where != node || what != c.want {
			t.Errorf("%T: %s %s %v", c.event, who, where, what.List())
		}
	}
}

func TestNobodyIsShownADigest(t *testing.T) {
	for _, e := range []domain.Discreet{created, rotated} {
		testkit.Conceals(t, e, created.Digest, rotated.Digest)
	}
}

func TestANewKeyIsNamed(t *testing.T) {
	u := uuid.MustParse(string(id))
	if c := (Create{}).Named(u); c.Chosen() != string(id) || c.Stream() != Stream(id) {
		t.Error(c)
	}
}

var asked = []domain.Command[Key]{
	create(), Rotate{Node: node, Key: id}.WithSecret(plain), Rotate{Node: node, Key: id}.WithSecret(later), Revoke{node, id}, Revoke{other, id},
}

func TestWhateverHappenedTwiceIsOnce(t *testing.T) {
	testkit.Steady(t, append(slices.Clone(samples), placed{}, standing(domain.Usable), standing(domain.Ended), "not an event of ours"), asked)
}

func TestAKeyHasANode(t *testing.T) {
	testkit.Walk(t, []domain.Event{placed{}, standing(domain.Usable)}, asked, func(k Key) bool {
		return (k.Status == Absent) == (k.Node == "") && k.Owner() == domain.Owner{Integrator: domain.IntegratorID(node)}
	})
}

// samples is one of each event, with every member filled.
var samples = []domain.Event{created, rotated, revoked}

func TestStoredEventsStayReadable(t *testing.T) { testkit.Golden(t, Events, samples...) }
