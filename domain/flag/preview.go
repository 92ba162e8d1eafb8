package flag

import (
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// A Preview is what a command would change, as somebody may see it.
type Preview struct {
	Preview  string            `json:"preview" doc:"Names what was shown. Sent along as Reeve-Preview, the command is refused with preview-stale unless it still changes just this."`
	Position uint64            `json:"position" doc:"Position of the newest fact that was looked at."`
	Facts    []string          `json:"facts" doc:"What would happen, by the types of the events; nothing if empty."`
	Affected Affected          `json:"affected" doc:"How many would see another value."`
	Total    Total             `json:"total" doc:"How many changes and shadowed overrides there are; more than are listed if there are more than 10,000."`
	Changes  []PreviewedChange `json:"changes" doc:"Who would see which other value, the first 10,000 of them, from the platform down."`
	Shadowed []PreviewedShadow `json:"shadowed" doc:"Whose own override would cease to count, the first 10,000 of them."`
	Targeted bool              `json:"targeted" doc:"Whether rules or shares tell apart for whom the flags are evaluated. Users that are known by themselves are in changes; others cannot be listed."`
}

// Affected are the numbers of those who would see another value of some flag.
type Affected struct {
	Flags       int `json:"flags" doc:"Flags."`
	Integrators int `json:"integrators" doc:"Integrators."`
	Tenants     int `json:"tenants" doc:"Tenants."`
	Users       int `json:"users" doc:"Users that are known by themselves."`
}

// Total are the numbers of everything that is listed, or would be if lists did not end.
type Total struct {
	Changes  int `json:"changes" doc:"Changes of a flag at a node."`
	Shadowed int `json:"shadowed" doc:"Overrides that would cease to count."`
}

func (t *Total) add(changes int, shadowed bool) {
	if t.Changes += changes; shadowed {
		t.Shadowed++
	}
}

// A PreviewedChange is that somebody would see another value.
type PreviewedChange struct {
	Flag       Key                 `json:"flag" doc:"The flag."`
	Node       domain.NodeID       `json:"node" doc:"The platform, an integrator, a tenant or a user."`
	Level      domain.Level        `json:"level" doc:"Which of these."`
	Integrator domain.IntegratorID `json:"integrator,omitempty" doc:"Integrator that it is or hangs under."`
	Tenant     domain.TenantID     `json:"tenant,omitempty" doc:"Tenant that it is or hangs under."`
	From       time.Time           `json:"from" doc:"Instant of the change: the preview's own, or a later one that a validity or a schedule names."`
	Until      time.Time           `json:"until,omitzero" doc:"Instant at which it ends, or becomes another one, as far as is known."`
	Before     *Outcome            `json:"before,omitempty" doc:"What the flag comes to; none if it cannot be found."`
	After      *Outcome            `json:"after,omitempty" doc:"What it would come to, likewise."`
}

// A PreviewedShadow is that somebody's own override would cease to count.
type PreviewedShadow struct {
	Flag       Key                 `json:"flag" doc:"The flag."`
	Node       domain.NodeID       `json:"node" doc:"Whose override it is."`
	Level      domain.Level        `json:"level" doc:"Level of the node."`
	Integrator domain.IntegratorID `json:"integrator,omitempty" doc:"Integrator that it is or hangs under."`
	Tenant     domain.TenantID     `json:"tenant,omitempty" doc:"Tenant that it is or hangs under."`
	From       time.Time           `json:"from" doc:"Instant at which it would."`
	Ruling     cascade.Ruling      `json:"ruling" doc:"Why it would not count."`
	By         domain.Level        `json:"by,omitempty" doc:"Level that would decide."`
}

// Preview is the effect by its name.
func (e *Effect) Preview(name string) Preview {
	p := Preview{
		Preview: name, Position: e.Position, Facts: []string{}, Affected: e.Affected, Total: e.Total, Targeted: e.Targeted,
		Changes: make([]PreviewedChange, len(e.Shifts)), Shadowed: make([]PreviewedShadow, len(e.Shadowed)),
	}
	for i := range e.Shifts {
		p.Changes[i] = e.Shifts[i].Told()
	}
	for i, s := range e.Shadowed {
		p.Shadowed[i] = PreviewedShadow{s.Flag, s.Node, s.Level, s.Owner.Integrator, s.Owner.Tenant, s.From, s.Ruling, s.By}
	}
	return p
}

// Told is the shift as it is told to somebody.
func (s *Shift) Told() PreviewedChange {
	return PreviewedChange{s.Flag, s.Node, s.Level, s.Owner.Integrator, s.Owner.Tenant, s.From, s.Until, s.Before, s.After}
}

func (a *Affected) count(l domain.Level) {
	switch l {
	case domain.IntegratorLevel:
		a.Integrators++
	case domain.TenantLevel:
		a.Tenants++
	case domain.UserLevel:
		a.Users++
	}
}

// Path is that of a [domain.Node].
func (p *Place) Path() string {
	path := string(domain.PlatformID)
	if p.Owner.Integrator != "" {
		path += "/" + string(p.Owner.Integrator)
	}
	if p.Owner.Tenant != "" {
		path += "/" + string(p.Owner.Tenant)
	}
	if p.Level == domain.UserLevel {
		path += "/" + string(p.Node)
	}
	return path
}
