package integrator

import (
	"fmt"
	"strings"

	"github.com/reeve-platform/reeve/domain"
)

// Offboard ends an integrator for good. No tenant may hang under it any more,
// except deleted ones.
//
// Which tenants those are is asked beforehand ([domain.Surveyor]) and is not
// atomic with the decision. A stopped integrator takes no tenants in, so once
// everything that began before the stop has ended, the answer cannot become
// wrong. One that was registered and never activated still takes them in: a
// tenant created in the same instant may end up under an offboarded integrator,
// where it can never be activated, but can be reassigned or deleted. Stop such
// an integrator first if that matters.
type Offboard struct {
	Integrator domain.IntegratorID `json:"integrator" path:"integrator" doc:"The integrator."`
	Tenants    []domain.TenantID   `json:"-"` // that hang under it; filled in by Surveyed
}

// Offboarded: the integrator will never be used again, and its business name is free.
type Offboarded struct {
	Integrator domain.IntegratorID `json:"integrator"`
	From       Status              `json:"from"`
}

// ErrTenantsRemain: tenants must be reassigned or deleted first.
var ErrTenantsRemain = &domain.Error{Kind: domain.Conflict, Code: "tenants-remain", Detail: "tenants still hang under the integrator; reassign or delete them first"}

// Stands says that the integrator has ended.
func (e Offboarded) Stands() (domain.NodeID, domain.Standing) {
	return domain.NodeID(e.Integrator), StatusOffboarded.Standing()
}

// Change gives both statuses.
func (e Offboarded) Change() (before, after any) { return e.From, StatusOffboarded }

// Stream names the integrator's history.
func (c Offboard) Stream() domain.StreamID { return Stream(c.Integrator) }

// Surveys names the integrator whose tenants matter.
func (c Offboard) Surveys() domain.IntegratorID { return c.Integrator }

// Surveyed returns the command knowing which tenants, not deleted, hang under the integrator.
func (c Offboard) Surveyed(tenants []domain.TenantID) Offboard {
	c.Tenants = tenants
	return c
}

// Claims gives the business name back.
func (c Offboard) Claims(before Integrator, facts []domain.Event) (take, release []domain.Claim) {
	return claims(before, facts)
}

// Decide applies the rule.
func (c Offboard) Decide(i Integrator, _ domain.Meta) ([]domain.Event, error) {
	if c.Integrator == domain.DirectIntegrator {
		return nil, ErrBuiltIn
	}
	switch i.Status {
	case StatusOffboarded:
		return nil, nil
	case StatusAbsent, StatusActive:
		return nil, i.refused("offboarded")
	}
	if len(c.Tenants) > 0 {
		return nil, ErrTenantsRemain.With(c.remaining())
	}
	return []domain.Event{Offboarded{c.Integrator, i.Status}}, nil
}

// listed is how many of the remaining tenants a refusal names.
const listed = 10

func (c Offboard) remaining() string {
	names := make([]string, 0, listed+1)
	for n, id := range c.Tenants {
		if n == listed {
			names = append(names, "…")
			break
		}
		names = append(names, string(id))
	}
	return fmt.Sprintf("%d tenants still hang under the integrator; reassign or delete them first: %s", len(c.Tenants), strings.Join(names, ", "))
}
