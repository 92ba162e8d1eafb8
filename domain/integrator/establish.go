package integrator

import "github.com/reeve-platform/reeve/domain"

// Establish brings the built-in integrator into being, already active. The
// system issues it at every start; it cannot be asked for.
type Establish struct{}

// directName is the business name of the built-in integrator.
const directName = "Direct"

// ErrBuiltIn: without the built-in integrator, tenants without one would hang nowhere.
var ErrBuiltIn = &domain.Error{Kind: domain.Conflict, Code: "direct-is-built-in", Detail: "the built-in integrator can be neither stopped nor offboarded"}

// Stream names the history of the built-in integrator.
func (c Establish) Stream() domain.StreamID { return Stream(domain.DirectIntegrator) }

// Claims takes the name of the built-in integrator.
func (c Establish) Claims(before Integrator, facts []domain.Event) (take, release []domain.Claim) {
	return claims(before, facts)
}

// Decide applies the rule.
func (c Establish) Decide(i Integrator, m domain.Meta) ([]domain.Event, error) {
	if i.Status != StatusAbsent {
		return nil, nil
	}
	p := Profile{Kind: Direct, BusinessName: directName, OnboardingDate: m.At}
	return []domain.Event{Registered{domain.DirectIntegrator, p}, Activated{domain.DirectIntegrator}}, nil
}
