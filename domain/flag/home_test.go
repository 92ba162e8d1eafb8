package flag_test

import (
	"testing"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/testkit"
)

const rival domain.NodeID = "7a1c9f80-3f0d-4b1e-8a58-5d2b6a0c9e22"

// history is what each stream holds before a command.
type history map[domain.StreamID][]domain.Event

// told is a tree in which the integrator holds a lock on the flag, and a tenant
// elsewhere is free of it.
func told() history {
	return history{
		Stream(key):                              active,
		domain.StreamID("integrator-" + partner): {hung{partner, domain.IntegratorLevel, domain.PlatformID}, stands{partner, domain.Usable}},
		domain.StreamID("tenant-" + acme):        {hung{acme, domain.TenantLevel, partner}, stands{acme, domain.Usable}},
		domain.StreamID("tenant-" + rival):       {hung{rival, domain.TenantLevel, domain.NodeID(domain.DirectIntegrator)}, stands{rival, domain.Usable}},
		domain.StreamID("nodeflags-" + partner):  {said(partner, domain.IntegratorLevel, domain.PlatformID, Setting{Value: j(`false`)}, nil), Locked{partner, key}},
	}
}

// read folds what a command sees: its own stream, then every stream it names
// until it names nothing new.
func (h history) read(cmd bothWays) testkit.Past {
	past, asked := h[cmd.Stream()], map[domain.StreamID]bool{}
	for again := true; again; {
		again = false
		for _, s := range cmd.Reads(domain.Fold(Ladder{}, past...)) {
			if !asked[s] {
				asked[s], again = true, true
				past = append(past[:len(past):len(past)], h[s]...)
			}
		}
	}
	return testkit.Given(past...)
}

func TestAHomeDoesNotLeadPastALock(t *testing.T) {
	for name, c := range map[string]struct {
		node, home domain.NodeID
		want       error
	}{
		"a tenant in the place of a user":      {acme, rival, ErrHome},
		"an integrator in the place of a user": {partner, rival, ErrHome},
		"the platform in the place of a user":  {domain.PlatformID, rival, ErrHome},
		"an integrator for a home":             {ann, partner, domain.ErrTenantNotFound},
		"a user for a home":                    {ann, ann, domain.ErrTenantNotFound},
		"a user below the lock":                {ann, acme, ErrLocked},
		"a tenant below the lock":              {acme, "", ErrLocked},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := Override{Node: c.node, Flag: key, Value: j(`true`), Home: domain.TenantID(c.home)}
			testkit.When(told().read(cmd), cmd).ThenFails(t, c.want)
		})
	}
}

// empowered is a client or a key that may do something somewhere, or could once.
type empowered struct{ who string }

func (e empowered) Empowers() (string, domain.NodeID, domain.Permissions) { return e.who, acme, 0 }

// A client is no user, whatever home is said for it and whatever was said before.
func TestAClientIsNobodysUser(t *testing.T) {
	for _, category := range []string{"client-", "apikey-"} {
		h := told()
		h[domain.StreamID(category)+domain.StreamID(ann)] = []domain.Event{empowered{string(ann)}}
		for name, before := range map[string][]domain.Event{"never before": nil, "as it was possible once": {said(ann, domain.UserLevel, rival, Setting{Value: j(`false`)}, nil)}} {
			h[domain.StreamID("nodeflags-"+ann)] = before
			cmd := Override{Node: ann, Flag: key, Value: j(`true`), Home: domain.TenantID(rival)}
			t.Run(category+" "+name, func(t *testing.T) { testkit.When(h.read(cmd), cmd).ThenFails(t, ErrNodeNotFound) })
		}
	}
}

func TestAUserElsewhereIsFreeOfTheLock(t *testing.T) {
	cmd := Override{Node: ann, Flag: key, Value: j(`true`), Home: domain.TenantID(rival)}
	testkit.When(told().read(cmd), cmd).Then(t, said(ann, domain.UserLevel, rival, on, nil))
}

// A home is said once: later it is known, and cannot be another.
func TestAUserKeepsItsHome(t *testing.T) {
	h := told()
	first := said(ann, domain.UserLevel, rival, Setting{Value: j(`false`)}, nil)
	h[domain.StreamID("nodeflags-"+ann)] = []domain.Event{first}
	moved := Override{Node: ann, Flag: key, Value: j(`true`), Home: domain.TenantID(acme)}
	testkit.When(h.read(moved), moved).ThenFails(t, ErrHome)
	for name, c := range map[string]struct {
		cmd  bothWays
		want testkit.Expectation
	}{
		"override": {Override{Node: ann, Flag: key, Value: j(`true`)}, records(said(ann, domain.UserLevel, rival, on, &first.Setting))},
		"clear":    {ClearOverride{ann, key}, records(Cleared{ann, key, first.Setting})},
		"lock":     {Lock{ann, key}, records(Locked{ann, key})},
		"unlock":   {Unlock{ann, key}, nothing},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.When(h.read(c.cmd), domain.Command[Ladder](c.cmd)).Meets(t, c.want)
		})
	}
}

// bothWays is a command on overrides: it decides, and it reads.
type bothWays interface {
	domain.Command[Ladder]
	domain.Reader[Ladder]
}

// A user may be configured as long as its home may, also when it is known already.
func TestAUserFollowsItsHome(t *testing.T) {
	for standing, want := range map[domain.Standing]error{domain.Closed: domain.ErrTransition, domain.Ended: ErrNodeGone} {
		for _, known := range []bool{true, false} {
			h := told()
			delete(h, domain.StreamID("nodeflags-"+partner))
			home := domain.StreamID("tenant-" + acme)
			h[home] = append(h[home], stands{acme, standing})
			if known {
				h[domain.StreamID("nodeflags-"+ann)] = []domain.Event{said(ann, domain.UserLevel, acme, Setting{Value: j(`false`)}, nil)}
			}
			cmd := Override{Node: ann, Flag: key, Value: j(`true`), Home: domain.TenantID(acme)}
			testkit.When(h.read(cmd), cmd).ThenFails(t, want)
		}
	}
}

// invited is told with a user that has a history of its own, at a home.
func invited(home domain.NodeID) history {
	h := told()
	h[domain.UserStream(domain.UserID(ann))] = []domain.Event{hung{ann, domain.UserLevel, home}, stands{ann, domain.Usable}}
	return h
}

// A user that is known needs no home, and cannot be given another. What is above
// its home is above it, whichever level the home is of.
func TestAUserThatIsKnownHasItsHome(t *testing.T) {
	free := domain.NodeID(domain.DirectIntegrator)
	for name, c := range map[string]struct {
		at, says domain.NodeID
		want     testkit.Expectation
	}{
		"at a tenant below the lock":           {acme, "", testkit.Fails(ErrLocked)},
		"at the integrator that locks":         {partner, "", testkit.Fails(ErrLocked)},
		"at a tenant elsewhere":                {rival, "", records(said(ann, domain.UserLevel, rival, on, nil))},
		"at a tenant elsewhere, which is said": {rival, rival, records(said(ann, domain.UserLevel, rival, on, nil))},
		"at a tenant, another being said":      {acme, rival, testkit.Fails(ErrHome)},
		"at an integrator elsewhere":           {free, "", records(said(ann, domain.UserLevel, free, on, nil))},
		"at the platform":                      {domain.PlatformID, "", records(said(ann, domain.UserLevel, domain.PlatformID, on, nil))},
		"at the platform, another being said":  {domain.PlatformID, rival, testkit.Fails(ErrHome)},
	} {
		t.Run(name, func(t *testing.T) {
			h := invited(c.at)
			h[domain.IntegratorStream(domain.DirectIntegrator)] = []domain.Event{hung{free, domain.IntegratorLevel, domain.PlatformID}, stands{free, domain.Usable}}
			cmd := Override{Node: ann, Flag: key, Value: j(`true`), Home: domain.TenantID(c.says)}
			testkit.When(h.read(cmd), cmd).Meets(t, c.want)
		})
	}
}

// A home that an override once named does not outweigh the one that the user has.
func TestAUserWhoWasKnownByAnOverride(t *testing.T) {
	h := invited(acme)
	h[domain.StreamID("nodeflags-"+ann)] = []domain.Event{said(ann, domain.UserLevel, rival, Setting{Value: j(`false`)}, nil)}
	cmd := Override{Node: ann, Flag: key, Value: j(`true`)}
	testkit.When(h.read(cmd), cmd).ThenFails(t, ErrLocked)
}
