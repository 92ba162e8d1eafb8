package tenant_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	. "github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/internal/testkit"
)

var create = Create{Tenant: acme, Slug: "acme", Name: "Acme", Kind: Organisation, Integrator: home, Contacts: []domain.Contact{ada}}

func TestCreate(t *testing.T) {
	life{
		absent:    records(created),
		created:   refused,
		active:    refused,
		suspended: refused,
		archived:  refused,
		pending:   refused,
		deleted:   gone,
	}.in(t, create)
}

func TestCreateUnderAnIntegrator(t *testing.T) {
	for name, c := range map[string]struct {
		standing domain.Standing
		want     testkit.Expectation
	}{
		"that nobody knows":        {domain.Absent, testkit.Fails(domain.ErrIntegratorNotFound)},
		"that is registered":       {domain.Pending, records(created)},
		"that is active":           {domain.Usable, records(created)},
		"that is stopped":          {domain.Barred, testkit.Fails(domain.ErrIntegratorStopped)},
		"that has been offboarded": {domain.Ended, testkit.Fails(domain.ErrIntegratorGone)},
	} {
		t.Run(name, func(t *testing.T) {
			testkit.When(testkit.Given(stands{home, c.standing}), create).Meets(t, c.want)
		})
	}
}

func TestCreateWithoutIntegratorHangsUnderTheBuiltInOne(t *testing.T) {
	cmd := create
	cmd.Integrator = ""
	if got := cmd.Reads(Tenant{}); len(got) != 1 || got[0] != domain.IntegratorStream(domain.DirectIntegrator) {
		t.Fatal(got)
	}
	testkit.When(testkit.Given(stands{domain.DirectIntegrator, domain.Usable}), cmd).
		Then(t, Created{acme, domain.DirectIntegrator, profile})
}

func TestCreateRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*Create)
		want   error
	}{
		"a slug in upper case":            {func(c *Create) { c.Slug = "Acme" }, ErrSlug},
		"a slug in full width":            {func(c *Create) { c.Slug = "ａｃｍｅ" }, ErrSlug},
		"a slug with a hidden character":  {func(c *Create) { c.Slug = "acme\u200b" }, ErrSlug},
		"a slug with a line break":        {func(c *Create) { c.Slug = "acme\n" }, ErrSlug},
		"a slug that ends in a hyphen":    {func(c *Create) { c.Slug = "acme-" }, ErrSlug},
		"a slug of 64":                    {func(c *Create) { c.Slug = long(64) }, ErrSlug},
		"no slug":                         {func(c *Create) { c.Slug = "" }, ErrSlug},
		"a blank name":                    {func(c *Create) { c.Name = " \t" }, ErrName},
		"a name of 201":                   {func(c *Create) { c.Name = long(201) }, ErrName},
		"a name that is not UTF-8":        {func(c *Create) { c.Name = "Acme\xff" }, ErrName},
		"an unknown kind":                 {func(c *Create) { c.Kind = "castle" }, ErrKind},
		"no kind":                         {func(c *Create) { c.Kind = "" }, ErrKind},
		"a contact nobody can write to":   {func(c *Create) { c.Contacts = []domain.Contact{{Name: "Ada", Role: domain.AdminContact}} }, domain.ErrContact},
		"more contacts than anybody asks": {func(c *Create) { c.Contacts = make([]domain.Contact, domain.MaxContacts+1) }, domain.ErrContact},
	} {
		t.Run(name, func(t *testing.T) {
			cmd := create
			c.change(&cmd)
			testkit.When(after(), cmd).ThenFails(t, c.want)
		})
	}
}

func TestCreateTakesItsName(t *testing.T) {
	id := uuid.New()
	if got := (Create{}).Named(id).Chosen(); got != id.String() {
		t.Fatal(got)
	}
	if got := create.Stream(); got != "tenant-"+domain.StreamID(acme) {
		t.Fatal(got)
	}
}

func TestUpdateProfile(t *testing.T) {
	renamed := profile
	renamed.Name = "Acme AG"
	updated := ProfileUpdated{acme, profile, renamed}
	life{
		absent:    notThere,
		created:   records(updated),
		active:    records(updated),
		suspended: records(updated),
		archived:  refused,
		pending:   refused,
		deleted:   gone,
	}.in(t, UpdateProfile{Tenant: acme, Name: pointer("Acme AG")})
}

func TestUpdateProfileChanges(t *testing.T) {
	everything := Profile{"acme-2", "Acme Two", Merchant, []domain.Contact{bob, ada}}
	for name, c := range map[string]struct {
		cmd  UpdateProfile
		want testkit.Expectation
	}{
		"nothing when nothing is said":     {UpdateProfile{Tenant: acme}, nothing},
		"nothing when all is as it was":    {UpdateProfile{acme, pointer("acme"), pointer("Acme"), pointer(Organisation), []domain.Contact{ada}}, nothing},
		"everything at once":               {UpdateProfile{acme, pointer("acme-2"), pointer("Acme Two"), pointer(Merchant), []domain.Contact{bob, ada}}, records(ProfileUpdated{acme, profile, everything})},
		"contacts to none":                 {UpdateProfile{Tenant: acme, Contacts: []domain.Contact{}}, records(ProfileUpdated{acme, profile, Profile{"acme", "Acme", Organisation, []domain.Contact{}}})},
		"not to a slug that cannot be one": {UpdateProfile{Tenant: acme, Slug: pointer("ACME")}, testkit.Fails(ErrSlug)},
		"not to no name":                   {UpdateProfile{Tenant: acme, Name: pointer("")}, testkit.Fails(ErrName)},
		"not to an unknown kind":           {UpdateProfile{Tenant: acme, Kind: pointer(Kind("castle"))}, testkit.Fails(ErrKind)},
		"not to contacts without a role":   {UpdateProfile{Tenant: acme, Contacts: []domain.Contact{{Name: "Ada", Email: "ada@acme.example"}}}, testkit.Fails(domain.ErrContact)},
	} {
		t.Run(name, func(t *testing.T) { testkit.When(after(created), c.cmd).Meets(t, c.want) })
	}
}

func TestSlugsAreClaimed(t *testing.T) {
	slug := func(s string) []domain.Claim { return []domain.Claim{{Kind: SlugClaim, Value: s}} }
	moved := profile
	moved.Slug = "acme-2"
	for name, c := range map[string]struct {
		cmd           domain.Claimant[Tenant]
		past          []domain.Event
		facts         []domain.Event
		take, release []domain.Claim
	}{
		"a new tenant takes its slug":          {create, nil, []domain.Event{created}, slug("acme"), nil},
		"a new slug replaces the old":          {UpdateProfile{}, []domain.Event{created}, []domain.Event{ProfileUpdated{acme, profile, moved}}, slug("acme-2"), slug("acme")},
		"a new name leaves the slug":           {UpdateProfile{}, []domain.Event{created}, []domain.Event{ProfileUpdated{acme, profile, profile}}, nil, nil},
		"a deleted tenant gives its slug back": {CompleteDeletion{}, []domain.Event{created, requested}, []domain.Event{deleted}, nil, slug("acme")},
	} {
		t.Run(name, func(t *testing.T) {
			take, release := c.cmd.Claims(domain.Fold(Tenant{}, c.past...), c.facts)
			if diff := cmp.Diff([][]domain.Claim{c.take, c.release}, [][]domain.Claim{take, release}); diff != "" {
				t.Fatal(diff)
			}
		})
	}
}

func TestReassign(t *testing.T) {
	moved := records(Reassigned{acme, home, away})
	life{
		absent:    notThere,
		created:   moved,
		active:    moved,
		suspended: moved,
		archived:  refused,
		pending:   refused,
		deleted:   gone,
	}.in(t, Reassign{acme, away})
}

func TestReassignToAnIntegrator(t *testing.T) {
	moved := records(Reassigned{acme, home, away})
	unknown, stopped := testkit.Fails(domain.ErrIntegratorNotFound), testkit.Fails(domain.ErrIntegratorStopped)
	ended, idle := testkit.Fails(domain.ErrIntegratorGone), testkit.Fails(domain.ErrIntegratorNotActive)
	for name, c := range map[string]struct {
		standing               domain.Standing
		fresh, inUse, withheld testkit.Expectation
	}{
		"that nobody knows":        {domain.Absent, unknown, unknown, unknown},
		"that is registered":       {domain.Pending, moved, idle, moved},
		"that is active":           {domain.Usable, moved, moved, moved},
		"that is stopped":          {domain.Barred, stopped, stopped, stopped},
		"that has been offboarded": {domain.Ended, ended, ended, ended},
	} {
		t.Run(name, func(t *testing.T) {
			past := []domain.Event{stands{away, c.standing}, created}
			cmd := Reassign{acme, away}
			testkit.When(testkit.Given(past...), cmd).Meets(t, c.fresh)
			testkit.When(testkit.Given(append(past, activated)...), cmd).Meets(t, c.inUse)
			testkit.When(testkit.Given(append(past, activated, suspended)...), cmd).Meets(t, c.withheld)
		})
	}
}

func TestReassignTwiceIsOnce(t *testing.T) {
	testkit.When(after(created, Reassigned{acme, home, away}), Reassign{acme, away}).Then(t)
	testkit.When(after(created, stands{home, domain.Barred}), Reassign{acme, home}).Then(t)
}
