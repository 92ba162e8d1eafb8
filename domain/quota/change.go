package quota

import (
	"fmt"

	"github.com/reeve-platform/reeve/domain"
)

// Change sets how much of a meter a tenant may use. The whole quota is replaced.
type Change struct {
	Tenant      domain.TenantID `json:"tenant" path:"tenant" doc:"The tenant."`
	Meter       Meter           `json:"meter" path:"meter" pattern:"^[a-z][a-z0-9_:.-]{0,63}$" doc:"What is measured: storage_bytes, users, sessions, rps, api_calls, feature:<key>, or a name of your own."`
	Limit       int64           `json:"limit" minimum:"0" doc:"How much may be used."`
	Period      Period          `json:"period,omitempty" enum:"none,hour,day,month,year" doc:"After how long the count begins anew; none if left out."`
	Enforcement Enforcement     `json:"enforcement,omitempty" enum:"hard,soft" doc:"Refuse at the limit, or only tell; hard if left out."`
	Warn        []int           `json:"warn,omitempty" maxItems:"5" doc:"Percentages of the limit at which to warn, ascending."`
}

// Changed: the tenant may use After of the meter.
type Changed struct {
	Tenant domain.TenantID `json:"tenant"`
	Meter  Meter           `json:"meter"`
	Before *Quota          `json:"before,omitempty"` // nil if there was no limit
	After  Quota           `json:"after"`
}

var (
	// ErrMeter: nothing can be measured under that name.
	ErrMeter = &domain.Error{Kind: domain.Invalid, Code: "invalid-meter", Detail: "a meter is named by 1 to 64 of a-z, 0-9 and _:.- and begins with a letter"}
	// ErrLimit: a limit below nothing.
	ErrLimit = &domain.Error{Kind: domain.Invalid, Code: "invalid-limit", Detail: "a limit is 0 or more"}
	// ErrPeriod: no such period, or one on a gauge.
	ErrPeriod = &domain.Error{Kind: domain.Invalid, Code: "invalid-period", Detail: "the period must be none, hour, day, month or year; a gauge has none"}
	// ErrEnforcement: neither hard nor soft.
	ErrEnforcement = &domain.Error{Kind: domain.Invalid, Code: "invalid-enforcement", Detail: "the enforcement must be hard or soft"}
	// ErrWarn: thresholds that cannot be crossed one after the other.
	ErrWarn = &domain.Error{Kind: domain.Invalid, Code: "invalid-warn-thresholds", Detail: "warn thresholds are at most 5 percentages from 1 to 100, ascending"}
)

// Limits says that the tenant's use of something is limited.
func (e Changed) Limits() domain.TenantID { return e.Tenant }

// Change gives both quotas.
func (e Changed) Change() (before, after any) {
	if e.Before == nil {
		return nil, e.After
	}
	return *e.Before, e.After
}

// Stream names the history of the tenant's quotas.
func (c Change) Stream() domain.StreamID { return Stream(c.Tenant) }

// Reads names the tenant, whose standing matters.
func (c Change) Reads(Quotas) []domain.StreamID {
	return []domain.StreamID{domain.TenantStream(c.Tenant)}
}

// Decide applies the rule.
func (c Change) Decide(s Quotas, _ domain.Meta) ([]domain.Event, error) {
	switch s.Standing {
	case domain.Absent:
		return nil, domain.ErrTenantNotFound
	case domain.Ended:
		return nil, domain.ErrTenantGone
	case domain.Closed:
		return nil, domain.ErrTransition.With("the quotas of a tenant that is archived or pending deletion cannot be changed; allowed on the tenant: unarchive, request or cancel deletion")
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	before, had := s.Of[c.Meter]
	switch after := c.quota(); {
	case !had:
		return []domain.Event{Changed{c.Tenant, c.Meter, nil, after}}, nil
	case !after.equal(before):
		return []domain.Event{Changed{c.Tenant, c.Meter, &before, after}}, nil
	}
	return nil, nil
}

// quota is what is asked for, with what was left out filled in.
func (c Change) quota() Quota {
	q := Quota{c.Limit, c.Period, c.Enforcement, c.Warn}
	if q.Period == "" {
		q.Period = None
	}
	if q.Enforcement == "" {
		q.Enforcement = Hard
	}
	return q
}

func (c Change) check() error {
	q := c.quota()
	switch {
	case !meters.MatchString(string(c.Meter)):
		return ErrMeter.At("/meter", ErrMeter.Detail)
	case q.Limit < 0:
		return ErrLimit.At("/limit", ErrLimit.Detail)
	case q.Enforcement != Hard && q.Enforcement != Soft:
		return ErrEnforcement.At("/enforcement", ErrEnforcement.Detail)
	}
	if err := checkPeriod(c.Meter, q.Period); err != nil {
		return err
	}
	return checkWarn(q.Warn)
}

func checkPeriod(m Meter, p Period) error {
	switch p {
	case None:
		return nil
	case Hour, Day, Month, Year:
		if !m.Gauge() {
			return nil
		}
		return ErrPeriod.At("/period", fmt.Sprintf("%s is a gauge and has no period", m))
	}
	return ErrPeriod.At("/period", ErrPeriod.Detail)
}

// maxWarn is how many thresholds one quota may have.
const maxWarn = 5

func checkWarn(warn []int) error {
	if len(warn) > maxWarn {
		return ErrWarn.At("/warn", ErrWarn.Detail)
	}
	last := 0
	for i, w := range warn {
		if w <= last || w > 100 {
			return ErrWarn.At(fmt.Sprintf("/warn/%d", i), ErrWarn.Detail)
		}
		last = w
	}
	return nil
}
