package tenant

import (
	"regexp"
	"slices"

	"github.com/reeve-platform/reeve/domain"
)

// Kind is what sort of customer a tenant is.
type Kind string

// The kinds.
const (
	Organisation Kind = "organisation"
	Merchant     Kind = "merchant"
	Internal     Kind = "internal"
)

// Profile is how a tenant presents itself.
type Profile struct {
	Slug     string           `json:"slug" pii:"person"`
	Name     string           `json:"name" pii:"person"`
	Kind     Kind             `json:"kind"`
	Contacts []domain.Contact `json:"contacts,omitempty"`
}

// SlugClaim is the kind of claim that keeps slugs unique.
const SlugClaim = "tenant-slug"

// slugs is a label of a host name (RFC 1123 section 2.1), in lower case.
var slugs = regexp.MustCompile(`^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$`)

const (
	maxName = 200 // characters
	maxNote = 500
)

var (
	// ErrSlug: a slug cannot be part of an address.
	ErrSlug = &domain.Error{Kind: domain.Invalid, Code: "invalid-slug", Detail: "a slug has 1 to 63 of a-z, 0-9 and hyphens, and neither begins nor ends with a hyphen"}
	// ErrName: a name is missing or too long.
	ErrName = &domain.Error{Kind: domain.Invalid, Code: "invalid-tenant-name", Detail: "a name is one line of 1 to 200 characters that can be read"}
	// ErrKind: not a kind of tenant.
	ErrKind = &domain.Error{Kind: domain.Invalid, Code: "invalid-tenant-kind", Detail: "the kind must be organisation, merchant or internal"}
	// ErrNote: a note is too long.
	ErrNote = &domain.Error{Kind: domain.Invalid, Code: "invalid-note", Detail: "a note has at most 500 characters"}
)

func (p Profile) check() error {
	if !slugs.MatchString(p.Slug) {
		return ErrSlug.At("/slug", ErrSlug.Detail)
	}
	if domain.CheckName(p.Name, maxName) != nil {
		return ErrName.At("/name", ErrName.Detail)
	}
	switch p.Kind {
	case Organisation, Merchant, Internal:
		return domain.CheckContacts(p.Contacts)
	}
	return ErrKind.At("/kind", ErrKind.Detail)
}

func checkNote(note string) error {
	if note != "" && domain.CheckText(note, maxNote) != nil {
		return ErrNote.At("/note", ErrNote.Detail)
	}
	return nil
}

func (p Profile) equal(q Profile) bool {
	return p.Slug == q.Slug && p.Name == q.Name && p.Kind == q.Kind && slices.Equal(p.Contacts, q.Contacts)
}

// claims takes a slug that is new and gives back one that is no longer held, by
// whichever facts do so.
func claims(before Tenant, facts []domain.Event) (take, release []domain.Claim) {
	after := domain.Fold(before, facts...)
	was, is := before.slug(), after.slug()
	if was == is {
		return nil, nil
	}
	return slugged(is), slugged(was)
}

// slug is the slug that the tenant holds; none once deleted.
func (t Tenant) slug() string {
	if t.Status == StatusDeleted {
		return ""
	}
	return t.Profile.Slug
}

func slugged(slug string) []domain.Claim {
	if slug == "" {
		return nil
	}
	return []domain.Claim{{Kind: SlugClaim, Value: slug}}
}

// UpdateProfile changes what is known of a tenant. Members left out stay as they are.
type UpdateProfile struct {
	Tenant   domain.TenantID  `json:"tenant" path:"tenant" doc:"The tenant."`
	Slug     *string          `json:"slug,omitempty" minLength:"1" maxLength:"63" doc:"Name for addresses, which no other tenant has."`
	Name     *string          `json:"name,omitempty" minLength:"1" maxLength:"200" doc:"Name for people."`
	Kind     *Kind            `json:"kind,omitempty" enum:"organisation,merchant,internal" doc:"What sort of customer it is."`
	Contacts []domain.Contact `json:"contacts,omitempty" maxItems:"20" doc:"Everybody to turn to; replaces the list."`
}

// ProfileUpdated: what is known of a tenant is now After.
type ProfileUpdated struct {
	Tenant domain.TenantID `json:"tenant"`
	Before Profile         `json:"before"`
	After  Profile         `json:"after"`
}

// Called tells the tenant's slug.
func (e ProfileUpdated) Called() (node domain.NodeID, was, is string) {
	return domain.NodeID(e.Tenant), e.Before.Slug, e.After.Slug
}

// Change gives both profiles.
func (e ProfileUpdated) Change() (before, after any) { return e.Before, e.After }

// Stream names the tenant's history.
func (c UpdateProfile) Stream() domain.StreamID { return Stream(c.Tenant) }

// Claims takes a new slug and gives the old one back.
func (c UpdateProfile) Claims(before Tenant, facts []domain.Event) (take, release []domain.Claim) {
	return claims(before, facts)
}

// Decide applies the rule.
func (c UpdateProfile) Decide(t Tenant, _ domain.Meta) ([]domain.Event, error) {
	switch t.Status {
	case StatusCreated, StatusActive, StatusSuspended:
	default:
		return nil, t.refused("updated")
	}
	after := c.applied(t.Profile)
	if after.equal(t.Profile) {
		return nil, nil
	}
	if err := after.check(); err != nil {
		return nil, err
	}
	return []domain.Event{ProfileUpdated{c.Tenant, t.Profile, after}}, nil
}

func (c UpdateProfile) applied(p Profile) Profile {
	if c.Slug != nil {
		p.Slug = *c.Slug
	}
	if c.Name != nil {
		p.Name = *c.Name
	}
	if c.Kind != nil {
		p.Kind = *c.Kind
	}
	if c.Contacts != nil {
		p.Contacts = c.Contacts
	}
	return p
}
