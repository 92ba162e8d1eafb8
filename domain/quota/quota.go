// Package quota holds how much of each meter a tenant may use. A quota is a
// value with a period, hard or soft, and thresholds at which to warn; counting
// and refusing happen elsewhere.
//
// All quotas of a tenant live in one stream, so that rules over several of them
// can never race. Whether they may still be changed follows the tenant's own
// standing.
package quota

import (
	"maps"
	"regexp"
	"slices"

	"github.com/reeve-platform/reeve/domain"
)

// Events is everything that can ever have happened to a tenant's quotas.
var Events = domain.Vocabulary{
	domain.Define[Changed]("QuotaChanged", 1),
}

// Stream names the history of a tenant's quotas.
func Stream(id domain.TenantID) domain.StreamID { return domain.QuotaStream(id) }

// Meter names what is measured: one of those below, "feature:" and the key of a
// feature, or a name of the operator's own.
type Meter string

// The meters that every tenant has. Those called gauges are levels, not sums,
// and have no period.
const (
	StorageBytes Meter = "storage_bytes" // gauge
	Users        Meter = "users"         // gauge
	Sessions     Meter = "sessions"      // gauge
	Rate         Meter = "rps"           // gauge: requests per second
	APICalls     Meter = "api_calls"
)

var meters = regexp.MustCompile(`^[a-z][a-z0-9_:.-]{0,63}$`)

// Gauge reports whether the meter is a level that a period makes no sense for.
func (m Meter) Gauge() bool {
	switch m {
	case StorageBytes, Users, Sessions, Rate:
		return true
	}
	return false
}

// Period is after how long a count begins anew.
type Period string

// The periods. Gauges have None; a count without a period is one for life.
const (
	None  Period = "none"
	Hour  Period = "hour"
	Day   Period = "day"
	Month Period = "month"
	Year  Period = "year"
)

// Enforcement is what happens at the limit.
type Enforcement string

// Hard refuses, Soft lets pass and tells.
const (
	Hard Enforcement = "hard"
	Soft Enforcement = "soft"
)

// A Quota is how much of one meter may be used.
type Quota struct {
	Limit       int64       `json:"limit"`
	Period      Period      `json:"period"`
	Enforcement Enforcement `json:"enforcement"`
	Warn        []int       `json:"warn,omitempty"` // percent of the limit, ascending
}

func (q Quota) equal(r Quota) bool {
	return q.Limit == r.Limit && q.Period == r.Period && q.Enforcement == r.Enforcement && slices.Equal(q.Warn, r.Warn)
}

// Quotas is what the rules need to remember of a tenant's quotas, and of the
// tenant itself.
type Quotas struct {
	Tenant     domain.TenantID
	Integrator domain.IntegratorID
	Standing   domain.Standing // of the tenant
	Of         map[Meter]Quota // never changed in place
}

// Evolve folds one event of the quotas or of the tenant.
func (s Quotas) Evolve(e domain.Event) Quotas {
	if e, ok := e.(Changed); ok {
		of := maps.Clone(s.Of)
		if of == nil {
			of = map[Meter]Quota{}
		}
		of[e.Meter] = e.After
		s.Tenant, s.Of = e.Tenant, of
	}
	if e, ok := e.(domain.Stands); ok {
		_, s.Standing = e.Stands()
	}
	if e, ok := e.(domain.Placed); ok {
		_, _, parent := e.Placed()
		s.Integrator = domain.IntegratorID(parent)
	}
	return s
}

// Owner is the tenant.
func (s Quotas) Owner() domain.Owner {
	return domain.Owner{Integrator: s.Integrator, Tenant: s.Tenant}
}
