package integrator

import (
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// Register brings an integrator into being. Tenants can be created under it;
// they can be activated once it is active.
type Register struct {
	Integrator     domain.IntegratorID `json:"integrator,omitempty" doc:"Id for the new integrator; a random one if left out."`
	Kind           Kind                `json:"kind" enum:"systems_integrator,partner,holding" doc:"What sort of middleman it is."`
	BusinessName   string              `json:"businessName" minLength:"1" maxLength:"200" doc:"Name that no other integrator has."`
	PartnerID      string              `json:"partnerId,omitempty" maxLength:"100" doc:"Reference in the operator's own books."`
	Contacts       []domain.Contact    `json:"contacts,omitempty" maxItems:"20" doc:"Everybody to turn to."`
	OnboardingDate *time.Time          `json:"onboardingDate,omitempty" doc:"When the co-operation began; now if left out."`
}

// Registered: an integrator exists, but is not yet in use.
type Registered struct {
	Integrator domain.IntegratorID `json:"integrator"`
	Profile    Profile             `json:"profile"`
}

// Stands says that the integrator waits for its activation.
func (e Registered) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.Integrator), StatusRegistered.Standing()
}

// Placed says that the integrator hangs under the platform.
func (e Registered) Placed() (domain.NodeID, domain.Level, domain.NodeID) {
	return domain.NodeID(e.Integrator), domain.IntegratorLevel, domain.PlatformID
}

// Change gives what came into being.
func (e Registered) Change() (before, after any) { return nil, e.Profile }

// Named gives the integrator its id.
func (c Register) Named(id uuid.UUID) Register {
	c.Integrator = domain.IntegratorID(id.String())
	return c
}

// Chosen is the id the caller chose.
func (c Register) Chosen() string { return string(c.Integrator) }

// Stream names the integrator's history.
func (c Register) Stream() domain.StreamID { return Stream(c.Integrator) }

// Claims takes the business name.
func (c Register) Claims(before Integrator, facts []domain.Event) (take, release []domain.Claim) {
	return claims(before, facts)
}

// Decide applies the rule.
func (c Register) Decide(i Integrator, m domain.Meta) ([]domain.Event, error) {
	if i.Status != StatusAbsent {
		return nil, i.refused("registered again")
	}
	switch c.Kind {
	case SystemsIntegrator, Partner, Holding:
	default:
		return nil, ErrKind.At("/kind", ErrKind.Detail)
	}
	p := Profile{c.Kind, c.BusinessName, c.PartnerID, c.Contacts, m.At}
	if c.OnboardingDate != nil {
		p.OnboardingDate = c.OnboardingDate.UTC().Truncate(time.Millisecond)
	}
	if err := p.check(); err != nil {
		return nil, err
	}
	return []domain.Event{Registered{c.Integrator, p}}, nil
}
