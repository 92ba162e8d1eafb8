package integrator

import (
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
)

// Kind is what sort of middleman an integrator is.
type Kind string

// The kinds.
const (
	SystemsIntegrator Kind = "systems_integrator"
	Partner           Kind = "partner"
	Holding           Kind = "holding" // a company whose merchants are its tenants
	Direct            Kind = "direct"  // the built-in one only
)

// Profile is how an integrator presents itself.
type Profile struct {
	Kind           Kind             `json:"kind"`
	BusinessName   string           `json:"businessName" pii:"person"`
	PartnerID      string           `json:"partnerId,omitempty"` // in the operator's own books
	Contacts       []domain.Contact `json:"contacts,omitempty"`
	OnboardingDate time.Time        `json:"onboardingDate"`
}

// NameClaim is the kind of claim that keeps business names unique.
const NameClaim = "integrator-name"

// Limits of texts, in characters.
const (
	maxName      = 200
	maxPartnerID = 100
	maxReason    = 500
)

var (
	// ErrKind: not a kind that can be registered.
	ErrKind = &domain.Error{Kind: domain.Invalid, Code: "invalid-integrator-kind", Detail: "the kind must be systems_integrator, partner or holding"}
	// ErrBusinessName: a business name is missing or too long.
	ErrBusinessName = &domain.Error{Kind: domain.Invalid, Code: "invalid-business-name", Detail: "a business name is one line of 1 to 200 characters that can be read"}
	// ErrPartnerID: the external reference is too long.
	ErrPartnerID = &domain.Error{Kind: domain.Invalid, Code: "invalid-partner-id", Detail: "a partner id is one line of at most 100 characters"}
)

func (p Profile) check() error {
	if domain.CheckName(p.BusinessName, maxName) != nil {
		return ErrBusinessName.At("/businessName", ErrBusinessName.Detail)
	}
	if p.PartnerID != "" && domain.CheckName(p.PartnerID, maxPartnerID) != nil {
		return ErrPartnerID.At("/partnerId", ErrPartnerID.Detail)
	}
	return domain.CheckContacts(p.Contacts)
}

func (p Profile) equal(q Profile) bool {
	return p.Kind == q.Kind && p.BusinessName == q.BusinessName && p.PartnerID == q.PartnerID &&
		p.OnboardingDate.Equal(q.OnboardingDate) && slices.Equal(p.Contacts, q.Contacts)
}

// claims takes a business name that is new and gives back one that is no longer
// held, by whichever facts do so.
func claims(before Integrator, facts []domain.Event) (take, release []domain.Claim) {
	after := domain.Fold(before, facts...)
	was, is := before.name(), after.name()
	if was == is {
		return nil, nil
	}
	return named(is), named(was)
}

// name is the business name that the integrator holds; none once offboarded.
func (i Integrator) name() string {
	if i.Status == StatusOffboarded {
		return ""
	}
	return i.Profile.BusinessName
}

func named(name string) []domain.Claim {
	if name == "" {
		return nil
	}
	return []domain.Claim{{Kind: NameClaim, Value: name}}
}

// UpdateProfile changes what is known of an integrator. Members left out stay as they are.
type UpdateProfile struct {
	Integrator     domain.IntegratorID `json:"integrator" path:"integrator" doc:"The integrator."`
	BusinessName   *string             `json:"businessName,omitempty" minLength:"1" maxLength:"200" doc:"Name that no other integrator has."`
	PartnerID      *string             `json:"partnerId,omitempty" maxLength:"100" doc:"Reference in the operator's own books; empty for none."`
	Contacts       []domain.Contact    `json:"contacts,omitempty" maxItems:"20" doc:"Everybody to turn to; replaces the list."`
	OnboardingDate *time.Time          `json:"onboardingDate,omitempty" doc:"When the co-operation began."`
}

// ProfileUpdated: what is known of an integrator is now After.
type ProfileUpdated struct {
	Integrator domain.IntegratorID `json:"integrator"`
	Before     Profile             `json:"before"`
	After      Profile             `json:"after"`
}

// Change gives both profiles.
func (e ProfileUpdated) Change() (before, after any) { return e.Before, e.After }

// Stream names the integrator's history.
func (c UpdateProfile) Stream() domain.StreamID { return Stream(c.Integrator) }

// Claims takes a new business name and gives the old one back.
func (c UpdateProfile) Claims(before Integrator, facts []domain.Event) (take, release []domain.Claim) {
	return claims(before, facts)
}

// Decide applies the rule.
func (c UpdateProfile) Decide(i Integrator, _ domain.Meta) ([]domain.Event, error) {
	switch i.Status {
	case StatusAbsent, StatusOffboarded:
		return nil, i.refused("updated")
	}
	after := c.applied(i.Profile)
	if after.equal(i.Profile) {
		return nil, nil
	}
	if err := after.check(); err != nil {
		return nil, err
	}
	return []domain.Event{ProfileUpdated{c.Integrator, i.Profile, after}}, nil
}

func (c UpdateProfile) applied(p Profile) Profile {
	if c.BusinessName != nil {
		p.BusinessName = *c.BusinessName
	}
	if c.PartnerID != nil {
		p.PartnerID = *c.PartnerID
	}
	if c.Contacts != nil {
		p.Contacts = c.Contacts
	}
	if c.OnboardingDate != nil {
		p.OnboardingDate = c.OnboardingDate.UTC().Truncate(time.Millisecond)
	}
	return p
}
