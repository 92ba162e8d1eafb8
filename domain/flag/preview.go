package flag

import (
	"cmp"
	"crypto/sha256"
	"fmt"
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

// previewed is how many rows a preview shows.
const previewed = 10_000

// Seen is the effect by its name, as far as somebody sees it.
func (e *Effect) Seen(name string, sees func(*Place) bool) Preview {
	p := Preview{Preview: name, Position: e.Position, Facts: []string{}, Changes: []PreviewedChange{}, Shadowed: []PreviewedShadow{}, Targeted: e.Targeted}
	flags, nodes := map[Key]bool{}, map[domain.NodeID]bool{}
	for _, s := range e.Shifts {
		if !sees(&s.Place) {
			continue
		}
		if flags[s.Flag] = true; !nodes[s.Node] {
			nodes[s.Node] = true
			p.Affected.count(s.Level)
		}
		if len(p.Changes) < previewed {
			p.Changes = append(p.Changes, s.Told())
		}
	}
	p.Affected.Flags = len(flags)
	for _, s := range e.Shadowed {
		if sees(&s.Place) && len(p.Shadowed) < previewed {
			p.Shadowed = append(p.Shadowed, PreviewedShadow{s.Flag, s.Node, s.Level, s.Owner.Integrator, s.Owner.Tenant, s.From, s.Ruling, s.By})
		}
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

// Since tells in words what is in this effect and was another in one before it, as far
// as somebody sees it, the first few of it.
func (e *Effect) Since(then *Effect, sees func(*Place) bool, most int) (texts []string) {
	was, is := then.words(), e.words()
	for _, all := range []*Effect{e, then} {
		for _, p := range all.places() {
			now, before := cmp.Or(is[p], "no change"), cmp.Or(was[p], "no change")
			if now != before && len(texts) < most && sees(&p) {
				texts = append(texts, fmt.Sprintf("%s at %s %s: %s was shown, now it is %s", p.Flag, p.Level, p.Node, before, now))
			}
			delete(was, p)
			delete(is, p)
		}
	}
	return texts
}

func (e *Effect) places() (all []Place) {
	for i := range e.Shifts {
		all = append(all, e.Shifts[i].Place)
	}
	for i := range e.Shadowed {
		all = append(all, e.Shadowed[i].Place)
	}
	return all
}

// words tell what happens at each place, as far as a digest tells it apart.
func (e *Effect) words() map[Place]string {
	all := map[Place]string{}
	tell := func(p Place, text string) {
		if all[p] != "" {
			text = all[p] + ", " + text
		}
		all[p] = text
	}
	for _, s := range e.Shifts {
		text := s.Before.words() + " to " + s.After.words()
		for i, when := range []string{" from ", " until "} {
			if !s.named[i].IsZero() {
				text += when + s.named[i].Format(time.RFC3339Nano)
			}
		}
		tell(s.Place, text)
	}
	for _, s := range e.Shadowed {
		tell(s.Place, "its own override "+string(s.Ruling))
	}
	return all
}

func (o *Outcome) words() string {
	switch {
	case o == nil:
		return "nothing"
	case o.Variant != "":
		return o.Variant
	case len(o.Value) > 100:
		sum := sha256.Sum256(o.Value)
		return fmt.Sprintf("a value of %d bytes (%x)", len(o.Value), sum[:4])
	}
	return string(o.Value)
}
