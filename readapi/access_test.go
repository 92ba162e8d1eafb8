package readapi_test

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/domain/user"
	"github.com/reeve-platform/reeve/readapi"
)

const paul domain.UserID = "66666666-6666-4666-8666-666666666666"

var (
	annaInvited = user.Invited{User: anna, Profile: user.Profile{Home: domain.NodeID(north), Integrator: acme, Kind: user.Member, Login: "Anna@north.example", Name: "Anna"}}
	paulInvited = user.Invited{User: paul, Profile: user.Profile{Home: domain.PlatformID, Kind: user.Service, Login: "paul@platform.example"}}
	clerk       = access.Definition{Name: "Clerk", Permissions: domain.PermissionsOf(domain.TenantRead)}
	clerkRef    = access.Ref{Role: "clerk", DefinedAt: domain.NodeID(acme)}
)

// staffed is an estate with users, a role and members.
func staffed(t *testing.T) *world {
	w := estate(t).tell(domain.UserStream(anna), annaInvited, user.Activated{User: anna}).tell(domain.UserStream(paul), paulInvited)
	w.tell(domain.AccessStream(domain.NodeID(acme)), access.RoleDefined{Node: domain.NodeID(acme), Role: "clerk", Definition: clerk},
		access.RoleDefined{Node: domain.NodeID(acme), Role: "old", Definition: clerk}, access.RoleRetired{Node: domain.NodeID(acme), Role: "old", Before: clerk})
	return w.tell(domain.AccessStream(domain.NodeID(north)), access.RoleGranted{Node: domain.NodeID(north), User: anna, Terms: access.Terms{Ref: clerkRef}})
}

func TestUsers(t *testing.T) {
	w := staffed(t)
	path := "platform/" + string(acme) + "/" + string(north) + "/" + string(anna)
	got := ask(w, readapi.UserByID{User: anna})
	if got.Login != "Anna@north.example" || got.Status != user.StatusActive || got.StreamRevision() != 1 || got.Path != path {
		t.Errorf("user = %+v", got)
	}
	refuses(w, readapi.UserByID{User: domain.UserID(nadie)}, domain.ErrUserNotFound)
	for _, c := range []struct {
		name string
		q    readapi.UsersBy
		want []domain.UserID
	}{
		{"all, oldest first", readapi.UsersBy{}, []domain.UserID{anna, paul}},
		{"by login down", readapi.UsersBy{Sort: "-login"}, []domain.UserID{paul, anna}},
		{"by home", readapi.UsersBy{Home: domain.PlatformID}, []domain.UserID{paul}},
		{"by integrator", readapi.UsersBy{Integrator: acme}, []domain.UserID{anna}},
		{"by another", readapi.UsersBy{Integrator: bolt}, nil},
		{"by status", readapi.UsersBy{Status: "invited"}, []domain.UserID{paul}},
		{"by kind", readapi.UsersBy{Kind: "service"}, []domain.UserID{paul}},
		{"by login", readapi.UsersBy{Login: "ANNA@north.example"}, []domain.UserID{anna}},
		{"by a piece of the name", readapi.UsersBy{Q: "nn"}, []domain.UserID{anna}},
	} {
		t.Run(c.name, func(t *testing.T) {
			var ids []domain.UserID
			for _, u := range ask(w, c.q).Items {
				ids = append(ids, u.ID)
			}
			if diff := cmp.Diff(c.want, ids); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// A user goes where its home goes, though nothing happens to the user.
func TestAUserMovesWithItsHome(t *testing.T) {
	w := staffed(t).tell(domain.TenantStream(north), tenant.Reassigned{Tenant: north, From: acme, To: bolt})
	if got := ask(w, readapi.UserByID{User: anna}).Path; got != "platform/"+string(bolt)+"/"+string(north)+"/"+string(anna) {
		t.Error(got)
	}
	n := ask(w, readapi.NodeByID{Node: domain.NodeID(anna), Include: []string{"ancestors", "children"}})
	var above []domain.NodeID
	for _, a := range n.Ancestors {
		above = append(above, a.ID)
	}
	if n.Level != domain.UserLevel || n.Parent != domain.NodeID(north) || n.Name != "Anna" || n.Standing != domain.Usable || n.StandingBy.Actor != "ada" || len(n.Children) != 0 {
		t.Errorf("%+v", n)
	}
	if diff := cmp.Diff([]domain.NodeID{domain.PlatformID, domain.NodeID(bolt), domain.NodeID(north)}, above); diff != "" {
		t.Error(diff)
	}
}

func TestUsersOfThePlatformAreNodes(t *testing.T) {
	n := ask(staffed(t), readapi.NodeByID{Node: domain.NodeID(paul), Include: []string{"ancestors"}})
	if n.Path != "platform/"+string(paul) || n.Name != "paul@platform.example" || n.Standing != domain.Pending || len(n.Ancestors) != 1 {
		t.Errorf("%+v", n)
	}
}

// A user that is known needs no override to be found at its home.
func TestFlagsOfAUserThatIsKnown(t *testing.T) {
	w := staffed(t).tell(flag.Stream("dark"), flag.Defined{Flag: "dark", Definition: flag.Definition{Type: flag.Boolean, Default: []byte("false"), Off: []byte("false")}}, flag.Activated{Flag: "dark"})
	w.tell(domain.StreamID("nodeflags-"+north), flag.Overridden{Node: domain.NodeID(north), Level: domain.TenantLevel, Parent: domain.NodeID(acme), Flag: "dark", Setting: flag.Setting{Value: []byte("true")}})
	if got := resolve(w, readapi.ResolveFlag{Flag: "dark", Whom: readapi.Whom{User: anna}}); got.Node != domain.NodeID(north) || string(got.Value) != "true" {
		t.Errorf("%+v", got)
	}
	if got := resolve(w, readapi.ResolveFlag{Flag: "dark", Whom: readapi.Whom{User: paul}}); got.Node != domain.PlatformID || string(got.Value) != "false" {
		t.Errorf("%+v", got)
	}
	if got := ask(w, readapi.FlagOverridesOf{Node: domain.NodeID(anna)}); len(got.Items) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestMembers(t *testing.T) {
	w := staffed(t)
	got := ask(w, readapi.MembersOf{Node: domain.NodeID(north)})
	if len(got.Items) != 1 || got.Items[0].User != anna || got.Items[0].Role != "clerk" || got.Items[0].Login != "Anna@north.example" || got.Items[0].Status != user.StatusActive {
		t.Errorf("members = %+v", got)
	}
	if got := ask(w, readapi.MembersOf{Node: domain.NodeID(north), Role: "tenant-viewer"}); len(got.Items) != 0 {
		t.Errorf("viewers = %+v", got)
	}
	refuses(w, readapi.MembersOf{Node: domain.NodeID(nadie)}, domain.ErrNodeNotFound)
}

func TestRoles(t *testing.T) {
	w := staffed(t)
	var builtIn []access.Key
	for _, b := range access.BuiltIns {
		builtIn = append(builtIn, b.Key)
	}
	keys := func(q readapi.RolesBy) (out []access.Key) {
		for _, r := range ask(w, q).Items {
			out = append(out, r.Role.Role)
		}
		return out
	}
	slices.Sort(builtIn)
	if diff := cmp.Diff(append([]access.Key{"clerk"}, builtIn...), keys(readapi.RolesBy{})); diff != "" {
		t.Error(diff)
	}
	if diff := cmp.Diff([]access.Key{"clerk", "old"}, keys(readapi.RolesBy{DefinedAt: domain.NodeID(acme), Retired: true})); diff != "" {
		t.Error(diff)
	}
	for _, r := range ask(w, readapi.RolesBy{Page: readapi.Page{Limit: 200}}).Items {
		i := slices.IndexFunc(access.BuiltIns, func(b access.BuiltIn) bool { return b.Key == r.Role.Role })
		if i >= 0 && (domain.PermissionsOf(r.Permissions...) != access.BuiltIns[i].Permissions || !slices.Equal(r.Levels, access.BuiltIns[i].Levels) || !r.UpdatedAt.IsZero()) {
			t.Errorf("%+v", r)
		}
	}
}

// A node sees the roles that can be granted there, and which of them count.
func TestRolesAt(t *testing.T) {
	w := staffed(t).tell(domain.AccessStream(domain.NodeID(acme)), access.RoleSetRestricted{Node: domain.NodeID(acme), After: []access.Ref{clerkRef, {Role: access.TenantViewer}}})
	counts := func(n domain.NodeID) map[access.Key]bool {
		out := map[access.Key]bool{}
		for _, r := range ask(w, readapi.RolesAt{Node: n}).Items {
			out[r.Role.Role.Role] = r.Counts
		}
		return out
	}
	want := map[access.Key]bool{"clerk": true, access.TenantViewer: true, access.TenantAdmin: false, access.FlagEditor: false, access.Evaluator: false}
	if diff := cmp.Diff(want, counts(domain.NodeID(north))); diff != "" {
		t.Error(diff)
	}
	all := map[access.Key]bool{access.TenantViewer: true, access.IntegratorAdmin: true, access.FlagEditor: true, access.Evaluator: true}
	if diff := cmp.Diff(all, counts(domain.NodeID(bolt))); diff != "" {
		t.Error(diff)
	}
	if got := counts(domain.PlatformID); !got[access.PlatformAdmin] || len(got) != 5 {
		t.Error(got)
	}
	refuses(w, readapi.RolesAt{Node: domain.NodeID(nadie)}, domain.ErrNodeNotFound)
}
