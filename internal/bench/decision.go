package main

import (
	"flag"
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/platform"
	"github.com/reeve-platform/reeve/domain/user"
)

const (
	fast     = 100 // nanoseconds that a decision may take
	readings = 20
)

const decider domain.UserID = "11111111-2222-4333-8444-555555555555"

// settle feeds a model with the city of the other benchmarks, and with a user who
// holds a dozen roles in it.
func settle() (*access.Model, error) {
	facts := []domain.Event{platform.Established{Node: domain.PlatformID}}
	for i := range cityIntegrators {
		facts = append(facts, integrator.Registered{Integrator: cityIntegrator(i)}, integrator.Activated{Integrator: cityIntegrator(i)})
	}
	for i := range cityTenants {
		facts = append(facts, citizen(i).facts...)
	}
	facts = append(facts, user.Invited{User: decider, Profile: user.Profile{Home: domain.PlatformID}}, user.Activated{User: decider})
	for i := range 12 {
		facts = append(facts, access.RoleGranted{Node: domain.NodeID(cityTenant(i * 700)), User: decider, Terms: access.Terms{Ref: access.Ref{Role: access.TenantViewer}}})
	}
	m := access.NewModel()
	for i, f := range facts {
		if err := m.Apply(domain.Recorded{Event: f, Position: uint64(i + 1)}); err != nil {
			return nil, err
		}
	}
	return m, nil
}

// decide times whether one user may read one tenant.
func decide(p plan) (result, error) {
	r := result{Contest: "guard, decision", Contender: "a user with 12 roles, 10,000 tenants", Unit: "ns", Most: fast}
	m, err := settle()
	if err != nil {
		return r, err
	}
	at, need, now := domain.NodeID(cityTenant(11*700)), domain.PermissionsOf(domain.TenantRead), time.Now()
	if v := m.Decide(string(decider), need, at, now); v != access.Allowed {
		return r, fmt.Errorf("decided %v", v)
	}
	if err := brief(); err != nil {
		return r, err
	}
	for range p.rounds {
		best := math.MaxFloat64
		for range readings {
			b := testing.Benchmark(func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					m.Decide(string(decider), need, at, now)
				}
			})
			best = min(best, float64(b.T.Nanoseconds())/float64(b.N))
			if b.AllocsPerOp() > 0 {
				return r, fmt.Errorf("a decision allocates %d times", b.AllocsPerOp())
			}
		}
		r.Rates = append(r.Rates, best)
		say("%s: %.1f %s", r.Contest, best, r.Unit)
	}
	r.Notes = []string{fmt.Sprintf("no allocation; each the fastest of %d readings of 50 ms, because all else on the machine only adds to one", readings)}
	return r, nil
}

// brief makes readings short: many are taken, and the fastest counts.
func brief() error {
	testing.Init()
	return flag.Set("test.benchtime", "50ms")
}
