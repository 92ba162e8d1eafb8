package client_test

import (
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/client"
	"github.com/reeve-platform/reeve/internal/testkit"
)

const (
	id    domain.ClientID = "5f0c1b52-6f0e-4b5a-8f2d-0a5d3c1f7e11"
	node  domain.NodeID   = "c4e0a9b3-1d2e-4f6a-9b8c-7d6e5f4a3b22"
	other domain.NodeID   = "11111111-1111-4111-8111-111111111111"
)

// Somebody else's facts about the node, as nouns know each other.
type (
	placed   struct{}
	standing domain.Standing
)

func (placed) Placed() (domain.NodeID, domain.Level, domain.NodeID) {
	return node, domain.TenantLevel, other
}
func (s standing) Stands() (domain.NodeID, domain.Standing) { return node, domain.Standing(s) }

var (
	plain      = strings.Repeat("a", domain.SecretDigits)
	later      = strings.Repeat("b", domain.SecretDigits)
	digest     = domain.Credential{Digest: domain.Digest(domain.ClientSecret(plain))}
	newDigest  = domain.Credential{Digest: domain.Digest(domain.ClientSecret(later))}
	key        = domain.PublicKey{Kid: "mine", Kty: "OKP", Alg: "EdDSA", Crv: "Ed25519", X: "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}
	keys       = domain.Credential{Keys: []domain.PublicKey{key}}
	newKey     = domain.PublicKey{Kid: "next", Kty: "OKP", Alg: "EdDSA", Crv: "Ed25519", X: key.X}
	reads      = domain.PermissionsOf(domain.TenantRead)
	registered = Registered{id, node, "Billing", reads, digest}
	withKeys   = Registered{id, node, "Billing", reads, keys}
	rotated    = CredentialRotated{id, node, newDigest, testkit.Now.Add(domain.Overlap)}
	disabled   = Disabled{id, node}
	revoked    = TokenRevoked{id, "jti", testkit.Now.Add(10 * time.Minute)}

	records = testkit.Records
	nothing = testkit.Nothing()
	fails   = testkit.Fails
)

// A row is what a command does to a client in each state.
type row struct{ absent, active, keyed, disabled testkit.Expectation }

func (r row) in(t *testing.T, cmd domain.Command[Client]) {
	t.Helper()
	here := []domain.Event{placed{}, standing(domain.Usable)}
	for name, c := range map[string]struct {
		past []domain.Event
		want testkit.Expectation
	}{
		"absent":            {nil, r.absent},
		"active":            {[]domain.Event{registered}, r.active},
		"active, with keys": {[]domain.Event{withKeys}, r.keyed},
		"disabled":          {[]domain.Event{registered, disabled}, r.disabled},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.When(testkit.Given(append(slices.Clone(here), c.past...)...), cmd).Meets(t, c.want)
		})
	}
}

func register() Register {
	return Register{Node: node, Client: id, Name: "Billing", Permissions: []domain.Permission{domain.TenantRead}}.WithSecret(plain)
}

func TestRegister(t *testing.T) {
	again := fails(domain.ErrTransition)
	row{absent: records(registered), active: again, keyed: again, disabled: again}.in(t, register())
}

// Whoever is to become the first administrator may do nothing yet, and may come again.
func TestNominate(t *testing.T) {
	n := Nominate{Client: id, Name: "First", Secret: domain.ClientSecret(plain)}
	nominated := Registered{id, domain.PlatformID, "First", 0, digest}
	another, nameless := n, n
	another.Secret, nameless.Name = domain.ClientSecret(later), "a\nb"
	for name, c := range map[string]struct {
		past []domain.Event
		cmd  Nominate
		want testkit.Expectation
	}{
		"the first time":                           {nil, n, records(nominated)},
		"again with the same secret":               {[]domain.Event{nominated}, n, nothing},
		"again with another secret":                {[]domain.Event{nominated}, another, fails(domain.ErrTransition)},
		"who is disabled does not come again":      {[]domain.Event{nominated, Disabled{id, domain.PlatformID}}, n, fails(domain.ErrTransition)},
		"what is registered elsewhere stays there": {[]domain.Event{registered}, n, fails(domain.ErrTransition)},
		"a name of two lines":                      {nil, nameless, fails(domain.ErrText)},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(testkit.Given(c.past...), c.cmd).Meets(t, c.want) })
	}
}

func TestWhatCannotBeRegistered(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Register)
		want   error
	}{
		"no name":                 {func(r *Register) { r.Name = " " }, domain.ErrText},
		"a name of two lines":     {func(r *Register) { r.Name = "a\nb" }, domain.ErrText},
		"no permissions":          {func(r *Register) { r.Permissions = nil }, ErrNothingPermitted},
		"a key that is no key":    {func(r *Register) { r.Keys = []domain.PublicKey{{Kid: "x"}} }, domain.ErrPublicKey},
		"one key under two names": {func(r *Register) { r.Keys = []domain.PublicKey{key, key} }, domain.ErrPublicKey},
		"a node that is not there": {func(r *Register) { r.Node = other },
			domain.ErrNodeNotFound},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := register()
			c.change(&cmd)
			testkit.When(testkit.Given(placed{}, standing(domain.Usable)), cmd).ThenFails(t, c.want)
		})
	}
}

func TestWhereAClientCanBeRegistered(t *testing.T) {
	for standing_, want := range map[domain.Standing]testkit.Expectation{
		domain.Absent:  fails(domain.ErrNodeNotFound),
		domain.Pending: records(registered),
		domain.Usable:  records(registered),
		domain.Barred:  records(registered),
		domain.Closed:  fails(domain.ErrNodeClosed),
		domain.Ended:   fails(domain.ErrNodeClosed),
	} {
		t.Run("at a node that is "+string(standing_), func(t *testing.T) {
			testkit.When(testkit.Given(placed{}, standing(standing_)), register()).Meets(t, want)
		})
	}
	t.Run("at the platform", func(t *testing.T) {
		cmd := register()
		cmd.Node = domain.PlatformID
		testkit.When(testkit.Given(), cmd).Then(t, Registered{id, domain.PlatformID, "Billing", reads, digest})
	})
}

func TestKeysInsteadOfASecret(t *testing.T) {
	cmd := register()
	cmd.Keys = []domain.PublicKey{key}
	testkit.When(testkit.Given(placed{}, standing(domain.Usable)), cmd).Then(t, withKeys)
	if cmd.Shown() != "" || !domain.IsClientSecret(register().Shown()) {
		t.Error("what is told")
	}
}

func TestRotate(t *testing.T) {
	cmd := Rotate{Node: node, Client: id}.WithSecret(later)
	row{absent: fails(ErrNotFound), active: records(rotated), keyed: fails(ErrKeysRequired), disabled: fails(ErrDisabled)}.in(t, cmd)
	ends := CredentialRotated{id, node, domain.Credential{Keys: []domain.PublicKey{newKey}}, rotated.OverlapEnds}
	row{absent: fails(ErrNotFound), active: records(ends), keyed: records(ends), disabled: fails(ErrDisabled)}.
		in(t, Rotate{Node: node, Client: id, Keys: []domain.PublicKey{newKey}}.WithSecret(later))
	t.Run("to what it is", func(t *testing.T) { testkit.When(testkit.Given(registered, rotated), cmd).Then(t) })
	t.Run("of another node", func(t *testing.T) {
		testkit.When(testkit.Given(registered), Rotate{Node: other, Client: id}.WithSecret(later)).ThenFails(t, ErrNotFound)
	})
	t.Run("to no key", func(t *testing.T) {
		testkit.When(testkit.Given(withKeys), Rotate{Node: node, Client: id, Keys: []domain.PublicKey{{}}}).ThenFails(t, domain.ErrPublicKey)
	})
}

func TestOverlap(t *testing.T) {
	for name, c := range map[string]struct {
		seconds int
		want    testkit.Expectation
	}{
		"none":        {0, records(CredentialRotated{id, node, newDigest, testkit.Now})},
		"the longest": {2592000, records(CredentialRotated{id, node, newDigest, testkit.Now.Add(domain.MaximumOverlap)})},
		"longer":      {2592001, fails(domain.ErrOverlap)},
		"negative":    {-1, fails(domain.ErrOverlap)},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.When(testkit.Given(registered), Rotate{Node: node, Client: id, Overlap: &c.seconds}.WithSecret(later)).Meets(t, c.want)
		})
	}
}

func TestDisable(t *testing.T) {
	row{absent: fails(ErrNotFound), active: records(disabled), keyed: records(disabled), disabled: nothing}.in(t, Disable{node, id})
	t.Run("of another node", func(t *testing.T) {
		testkit.When(testkit.Given(registered), Disable{other, id}).ThenFails(t, ErrNotFound)
	})
}

func TestRevokeToken(t *testing.T) {
	row{absent: fails(ErrNotFound), active: records(revoked), keyed: records(revoked), disabled: nothing}.in(t, RevokeToken(revoked))
	for name, c := range map[string]struct {
		cmd  RevokeToken
		want testkit.Expectation
	}{
		"twice does no harm":      {RevokeToken(revoked), records(revoked)},
		"one that has expired":    {RevokeToken{id, "old", testkit.Now}, nothing},
		"one without a name":      {RevokeToken{id, "", revoked.Expires}, fails(ErrToken)},
		"one with a long name":    {RevokeToken{id, strings.Repeat("j", 65), revoked.Expires}, fails(ErrToken)},
		"one that lives too long": {RevokeToken{id, "new", testkit.Now.Add(time.Hour)}, fails(ErrToken)},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(testkit.Given(registered, revoked), c.cmd).Meets(t, c.want) })
	}
}

// How many tokens a client has taken back must not matter to whoever disables it.
func TestRevocationsAreNoneOfTheClientsHistory(t *testing.T) {
	c := RevokeToken(revoked)
	if s := c.Stream(); s == Stream(id) || slices.Contains(Disable{node, id}.Reads(Client{Node: node}), s) {
		t.Error(s)
	}
	if !slices.Contains(c.Reads(Client{}), Stream(id)) || len(c.Reads(Client{Node: node})) != 3 {
		t.Error(c.Reads(Client{Node: node}))
	}
	before := domain.Fold(Client{}, registered)
	if after := before.Evolve(revoked); !reflect.DeepEqual(before, after) {
		t.Error(after)
	}
}

func TestWhoIsEmpowered(t *testing.T) {
	for _, c := range []struct {
		event domain.Empowers
		want  domain.Permissions
	}{{registered, reads}, {disabled, 0}} {
		if who, where, what := c.event.Empowers(); who != string(id) || where != node || what != c.want {
			t.Errorf("%T: %s %s %v", c.event, who, where, what.List())
		}
	}
}

func TestNobodyIsShownADigest(t *testing.T) {
	for _, e := range []domain.Discreet{registered, rotated} {
		testkit.Conceals(t, e, digest.Digest, newDigest.Digest)
	}
}

func TestANewClientIsNamed(t *testing.T) {
	u := uuid.MustParse(string(id))
	if c := (Register{}).Named(u); c.Chosen() != string(id) || c.Stream() != Stream(id) {
		t.Error(c)
	}
}

var asked = []domain.Command[Client]{
	register(), Rotate{Node: node, Client: id}.WithSecret(plain), Rotate{Node: node, Client: id}.WithSecret(later),
	Rotate{Node: node, Client: id, Keys: []domain.PublicKey{key}}, Disable{node, id}, Disable{other, id},
}

func TestWhateverHappenedTwiceIsOnce(t *testing.T) {
	testkit.Steady(t, append(slices.Clone(samples), placed{}, standing(domain.Usable), standing(domain.Closed), withKeys, "not an event of ours"), asked)
}

func TestAClientHasANode(t *testing.T) {
	testkit.Walk(t, []domain.Event{placed{}, standing(domain.Usable)}, asked, func(c Client) bool {
		return (c.Status == Absent) == (c.Node == "") && c.Owner() == domain.Owner{Integrator: domain.IntegratorID(other), Tenant: domain.TenantID(node)}
	})
}

// samples is one of each event, with every member filled.
var samples = []domain.Event{
	Registered{id, node, "Billing", reads, domain.Credential{Digest: digest.Digest, Keys: []domain.PublicKey{key}}}, rotated, disabled, revoked,
}

func TestStoredEventsStayReadable(t *testing.T) { testkit.Golden(t, Events, samples...) }
