package access_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/internal/testkit"
)

// registered is a client as another noun tells of it.
type registered struct {
	who  string
	at   domain.NodeID
	what domain.Permissions
	by   string
}

func (e registered) doer() string { return e.by }

func (e registered) Empowers() (string, domain.NodeID, domain.Permissions) {
	return e.who, e.at, e.what
}

// A naive model keeps every event and reads the rules off them, in the words of
// the rules and at whatever cost.
type naive []domain.Event

// place is the last thing that was said about where a node is.
func (n naive) place(id domain.NodeID) (level domain.Level, parent domain.NodeID) {
	for _, e := range n {
		if e, ok := e.(domain.Placed); ok {
			if node, l, p := e.Placed(); node == id {
				level, parent = l, p
			}
		}
	}
	return level, parent
}

func (n naive) stands(id domain.NodeID) (s domain.Standing) {
	for _, e := range n {
		if e, ok := e.(domain.Stands); ok {
			if node, standing := e.Stands(); node == id {
				s = standing
			}
		}
	}
	return s
}

// line is the nodes from the platform down to one, none if it hangs nowhere.
func (n naive) line(id domain.NodeID) (line []domain.NodeID) {
	for id != "" {
		level, parent := n.place(id)
		if level == "" || len(line) == 4 {
			return nil
		}
		line = append([]domain.NodeID{id}, line...)
		id = parent
	}
	if line[0] != domain.PlatformID {
		return nil
	}
	return line
}

// grants are what was granted to a user and not revoked.
func (n naive) grants(user string) (all []RoleGranted) {
	for _, e := range n {
		same := func(o RoleGranted) bool { return false }
		granted, ok := e.(RoleGranted)
		if ok {
			same = func(o RoleGranted) bool {
				return o.Node == granted.Node && o.User == granted.User && o.Role == granted.Role
			}
		}
		if e, ok := e.(RoleRevoked); ok {
			same = func(o RoleGranted) bool { return o.Node == e.Node && o.User == e.User && o.Role == e.Before.Role }
		}
		all = slices.DeleteFunc(all, same)
		if ok && string(granted.User) == user {
			all = append(all, granted)
		}
	}
	return all
}

// power is what a role lets its holders do by now.
func (n naive) power(ref Ref) (what domain.Permissions) {
	for _, b := range BuiltIns {
		if ref.DefinedAt == "" && b.Key == ref.Role {
			return b.Permissions
		}
	}
	for _, e := range n {
		switch e := e.(type) {
		case RoleDefined:
			if ref == (Ref{e.Role, e.Node}) {
				what = e.Permissions
			}
		case RoleRetired:
			if ref == (Ref{e.Role, e.Node}) {
				what = 0
			}
		}
	}
	return what
}

func (n naive) shutOut(ref Ref, line []domain.NodeID) bool {
	for _, node := range line {
		var allowed []Ref
		for _, e := range n {
			if e, ok := e.(RoleSetRestricted); ok && e.Node == node {
				allowed = e.After
			}
		}
		if len(allowed) > 0 && !slices.Contains(allowed, ref) {
			return true
		}
	}
	return false
}

// used reports whether nothing on a line keeps its end from being used.
func (n naive) used(line []domain.NodeID) bool {
	for _, node := range line {
		if s := n.stands(node); s != domain.Usable && s != domain.Pending {
			return false
		}
	}
	return len(line) > 0
}

// held is what somebody may do at a node.
func (n naive) held(who string, at domain.NodeID, when time.Time) (held domain.Permissions) {
	line := n.line(at)
	_, home := n.place(domain.NodeID(who))
	for _, g := range n.grants(who) {
		there := n.line(g.Node)
		switch {
		case !slices.Contains(line, g.Node) || !n.used(there) || g.Until != nil && !when.Before(*g.Until):
		case !n.used(n.line(domain.NodeID(who))) || n.stands(domain.NodeID(who)) != domain.Usable || !slices.Contains(there, home):
		case g.DefinedAt != "" && !slices.Contains(there, g.DefinedAt) || n.shutOut(g.Ref, there):
		default:
			held |= n.power(g.Ref)
		}
	}
	var last registered
	for _, e := range n {
		if e, ok := e.(registered); ok && e.who == who {
			last = e
		}
	}
	if last.who != "" && slices.Contains(line, last.at) && n.used(n.line(last.at)) && !n.elsewhere(who, last.at, when) {
		held |= last.what
	}
	return held
}

func (n naive) decide(who string, need domain.Permissions, at domain.NodeID, when time.Time) Verdict {
	switch held := n.held(who, at, when); {
	case held == 0:
		return Unseen
	case held&need == need:
		return Allowed
	}
	return Forbidden
}

// scope is every node where somebody has what is needed and nobody above it does.
func (n naive) scope(who string, need domain.Permissions, when time.Time) (paths []string) {
	for _, at := range everywhere {
		line := n.line(at)
		first := slices.IndexFunc(line, func(node domain.NodeID) bool { return n.decide(who, need, node, when) == Allowed })
		if first >= 0 && first == len(line)-1 {
			var path []string
			for _, node := range line {
				path = append(path, string(node))
			}
			paths = append(paths, strings.Join(path, "/"))
		}
	}
	slices.Sort(paths)
	return paths
}

const (
	cash   domain.NodeID = "77777777-7777-4777-8777-777777777777" // another tenant of nord
	cleo   domain.UserID = "88888888-8888-4888-8888-888888888888"
	client               = "99999999-9999-4999-8999-999999999999"
	agent                = "bbbbbbbb-bbbb-4bbb-8bbb-bbbbbbbbbbbb" // another client
)

var (
	inner      = []domain.NodeID{domain.PlatformID, nord, sued, acme, bolt, cash}
	everywhere = append(slices.Clone(inner), domain.NodeID(ann), domain.NodeID(bob), domain.NodeID(cleo), "aaaaaaaa-aaaa-4aaa-8aaa-aaaaaaaaaaaa")
	everybody  = []string{string(ann), string(bob), string(cleo), client, agent, "nobody"}
	hours      = []time.Time{testkit.Now, later, later.Add(time.Hour)}
	keys       = []Ref{{Role: TenantAdmin}, {Role: TenantViewer}, {Role: FlagEditor}, {"clerk", nord}, {"clerk", acme}, {"guard", domain.PlatformID}}
	wants      = []domain.Permissions{0, domain.PermissionsOf(domain.FlagRead), domain.PermissionsOf(domain.TenantRead, domain.TenantWrite), domain.PermissionsOf(domain.FlagWrite), domain.PermissionsOf(domain.KeyRotate)}
)

// happening draws anything that can happen, and some things that cannot.
func happening(t *rapid.T) domain.Event {
	node := func() domain.NodeID { return rapid.SampledFrom(inner).Draw(t, "node") }
	user := func() domain.UserID { return rapid.SampledFrom([]domain.UserID{ann, bob, cleo}).Draw(t, "user") }
	ref := func() Ref { return rapid.SampledFrom(keys).Draw(t, "role") }
	standing := func() domain.Standing {
		return rapid.SampledFrom([]domain.Standing{domain.Usable, domain.Usable, domain.Usable, domain.Pending, domain.Barred, domain.Closed, domain.Ended}).Draw(t, "standing")
	}
	who := func(as string) string { return rapid.SampledFrom([]string{client, agent}).Draw(t, as) }
	switch rapid.IntRange(0, 11).Draw(t, "kind") {
	case 0:
		return hung{rapid.SampledFrom([]domain.NodeID{acme, bolt, cash}).Draw(t, "tenant"), domain.TenantLevel, rapid.SampledFrom([]domain.NodeID{nord, sued}).Draw(t, "integrator"), standing()}
	case 1:
		return hung{rapid.SampledFrom([]domain.NodeID{nord, sued}).Draw(t, "integrator"), domain.IntegratorLevel, domain.PlatformID, standing()}
	case 2:
		return hung{domain.NodeID(user()), domain.UserLevel, node(), standing()}
	case 3:
		r := ref()
		return RoleDefined{Node: r.DefinedAt, Role: r.Role, Definition: Definition{"", rapid.SampledFrom(wants).Draw(t, "permissions")}}
	case 4:
		if rapid.IntRange(0, 3).Draw(t, "seldom") == 0 {
			return RoleRetired{Node: nord, Role: "clerk"}
		}
	case 5:
		return RoleSetRestricted{Node: rapid.SampledFrom([]domain.NodeID{nord, sued}).Draw(t, "integrator"), After: rapid.SliceOfN(rapid.SampledFrom(keys), 0, 4).Draw(t, "allowed")}
	case 6:
		return RoleRevoked{node(), user(), Terms{Ref: ref()}}
	case 7:
		return registered{who("client"), node(), rapid.SampledFrom(wants).Draw(t, "permissions"), rapid.SampledFrom(everybody).Draw(t, "by")}
	case 8:
		return rearmed{who("client"), rapid.SampledFrom(hours).Draw(t, "before"), rapid.SampledFrom(everybody).Draw(t, "by")}
	}
	g := RoleGranted{Node: node(), User: user(), Terms: Terms{Ref: ref()}}
	if rapid.Bool().Draw(t, "ends") {
		g.Until = ptr(rapid.SampledFrom(hours).Draw(t, "until"))
	}
	return g
}

// history draws what happened in a tree in which everything is in use at first.
func history(t *rapid.T) naive {
	past := append(naive{hung{domain.PlatformID, domain.PlatformLevel, "", domain.Usable}}, tree...)
	past = append(past, hung{cash, domain.TenantLevel, nord, domain.Usable}, user(ann, domain.PlatformID), user(bob, nord), user(cleo, acme), defined)
	return append(past, rapid.SliceOfN(rapid.Custom(happening), 20, 50).Draw(t, "past")...)
}

// Whatever happened, the model says what the rules say.
func TestTheModelFollowsTheRules(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		past := history(t)
		f, when := feed().tell(past...), rapid.SampledFrom(hours).Draw(t, "when")
		for _, need := range wants {
			for _, who := range everybody {
				follows(t, f, past, who, need, when)
			}
		}
	})
}

func follows(t *rapid.T, f fed, past naive, who string, need domain.Permissions, when time.Time) {
	for _, at := range everywhere {
		want := past.decide(who, need, at, when)
		if got := f.Decide(who, need, at, when); got != want {
			t.Fatalf("%s may %v at %s: %s, want %s", who, need.List(), at, got, want)
		}
		explained(t, f.Explain(who, need, at, when), want, need)
	}
	if got, want := f.Scope(who, need, when), past.scope(who, need, when); !slices.Equal(got, want) {
		t.Fatalf("%s may %v in %v, want %v", who, need.List(), got, want)
	}
}

// explained holds an explanation against the decision: what counts of what was
// given adds up to it.
func explained(t *rapid.T, x Explanation, want Verdict, need domain.Permissions) {
	var held domain.Permissions
	for _, g := range x.Grounds {
		if g.Against == nil && x.User == nil {
			held |= g.Permissions
		}
	}
	if x.Verdict != want || x.Missing != need&^held || (want == Unseen) != (held == 0) {
		t.Fatalf("%s is explained by %+v", want, x)
	}
}

// A snapshot that somebody reads from stays what it was.
func TestFeedingInAnyPortionsIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		past := history(t)
		f := feed()
		for i := range past {
			f.tell(past[i])
			who, at := rapid.SampledFrom(everybody).Draw(t, "who"), rapid.SampledFrom(everywhere).Draw(t, "at")
			if got, want := f.Decide(who, 0, at, testkit.Now), past[:i+1].decide(who, 0, at, testkit.Now); got != want {
				t.Fatalf("after %d events %s sees of %s: %s, want %s", i+1, who, at, got, want)
			}
		}
	})
}
