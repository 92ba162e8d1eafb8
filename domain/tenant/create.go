package tenant

import (
	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// Create brings a tenant into being under an integrator that takes tenants in.
// Nobody can sign in until it is activated.
type Create struct {
	Tenant     domain.TenantID     `json:"tenant,omitempty" doc:"Id for the new tenant; a random one if left out."`
	Slug       string              `json:"slug" minLength:"1" maxLength:"63" doc:"Name for addresses, which no other tenant has."`
	Name       string              `json:"name" minLength:"1" maxLength:"200" doc:"Name for people."`
	Kind       Kind                `json:"kind" enum:"organisation,merchant,internal" doc:"What sort of customer it is."`
	Integrator domain.IntegratorID `json:"integrator,omitempty" doc:"Integrator to hang under; the built-in one if left out."`
	Contacts   []domain.Contact    `json:"contacts,omitempty" maxItems:"20" doc:"Everybody to turn to."`
}

// Created: a tenant exists, but nobody can sign in yet.
type Created struct {
	Tenant     domain.TenantID     `json:"tenant"`
	Integrator domain.IntegratorID `json:"integrator"`
	Profile    Profile             `json:"profile"`
}

// Stands says that the tenant waits for its activation.
func (e Created) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.Tenant), StatusCreated.Standing()
}

// Placed says under which integrator the tenant hangs.
func (e Created) Placed() (domain.NodeID, domain.Level, domain.NodeID) {
	return domain.NodeID(e.Tenant), domain.TenantLevel, domain.NodeID(e.Integrator)
}

// Called tells the tenant's slug.
func (e Created) Called() (node domain.NodeID, was, is string) {
	return domain.NodeID(e.Tenant), "", e.Profile.Slug
}

// Change gives what came into being.
func (e Created) Change() (before, after any) { return nil, e.Profile }

// Named gives the tenant its id.
func (c Create) Named(id uuid.UUID) Create {
	c.Tenant = domain.TenantID(id.String())
	return c
}

// Chosen is the id the caller chose.
func (c Create) Chosen() string { return string(c.Tenant) }

// Stream names the tenant's history.
func (c Create) Stream() domain.StreamID { return Stream(c.Tenant) }

// Reads names the integrator, whose standing matters.
func (c Create) Reads(Tenant) []domain.StreamID {
	return []domain.StreamID{domain.IntegratorStream(c.under())}
}

// Claims takes the slug.
func (c Create) Claims(before Tenant, facts []domain.Event) (take, release []domain.Claim) {
	return claims(before, facts)
}

// Decide applies the rule.
func (c Create) Decide(t Tenant, _ domain.Meta) ([]domain.Event, error) {
	if t.Status != StatusAbsent {
		return nil, t.refused("created again")
	}
	p := Profile{c.Slug, c.Name, c.Kind, c.Contacts}
	if err := p.check(); err != nil {
		return nil, err
	}
	if err := t.taken(c.under()); err != nil {
		return nil, err
	}
	return []domain.Event{Created{c.Tenant, c.under(), p}}, nil
}

func (c Create) under() domain.IntegratorID {
	if c.Integrator == "" {
		return domain.DirectIntegrator
	}
	return c.Integrator
}
