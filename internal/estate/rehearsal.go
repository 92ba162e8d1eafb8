package estate

import (
	"maps"
	"slices"
	"strings"

	"github.com/reeve-platform/reeve/domain"
	changerules "github.com/reeve-platform/reeve/domain/change"
	flagrules "github.com/reeve-platform/reeve/domain/flag"
	integratorrules "github.com/reeve-platform/reeve/domain/integrator"
	quotarules "github.com/reeve-platform/reeve/domain/quota"
	tenantrules "github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/internal/edge"
)

// rehearse refuses what no platform would take, whatever its state: it puts each
// document through the rules of the command that would create its thing, so that
// a file with a mistake at its end is not applied up to there.
func (p *Plan) rehearse(docs []Document) (wrong *domain.Error) {
	types := p.flagTypes(docs)
	for _, d := range docs {
		found, ours := domain.AsError(p.wrong(d, types))
		if !ours {
			continue
		}
		if len(found.Fields) == 0 {
			found = found.At("", found.Detail)
		}
		for _, f := range found.Fields {
			wrong = join(wrong, at(ErrFile, d.file, d.line, fieldOf(f.Pointer), f.Detail))
		}
	}
	return wrong
}

// wrong is what the rules have against a document. What a file leaves out of a
// thing that exists is taken from there. What cannot even be read is an error of
// no kind: it is told, with its field, when the document is planned.
func (p *Plan) wrong(d Document, types map[string]flagrules.Type) error {
	switch s := d.Spec.(type) {
	case *Integrator:
		if d.Name == directName {
			return nil
		}
		kind := orElse(s.Kind, p.world.integrators[d.Name].Kind)
		day, _ := instant(s.OnboardingDate) // told when it is planned
		body := members("businessName", d.Name, "kind", kind, "partnerId", s.PartnerID, "contacts", s.Contacts, "onboardingDate", day)
		return decided(body, integratorrules.Register.Decide, integratorrules.Integrator{})
	case *Tenant:
		now := p.world.tenants[d.Name]
		return decided(members("slug", d.Name, "name", orElse(s.Name, now.Name), "kind", orElse(s.Kind, now.Kind), "contacts", s.Contacts), tenantrules.Create.Decide, tenantrules.Tenant{})
	case *Quota:
		return s.wrong(d.Name)
	case *Segment:
		return s.wrong(d.Name)
	case *Flag:
		return p.wrongFlag(d.Name, s)
	case *FlagOverride:
		return s.wrong(d.Name, types)
	case *FeatureSet:
		return s.wrong(d.Name)
	case *ApprovalRule:
		var c changerules.Require
		return edge.BindObject(map[string]any{"node": "platform", "approvals": s.Approvals})(&c) // any node will do
	}
	return nil
}

func (s *Quota) wrong(name string) error {
	meter, _, err := split(name)
	if err != nil {
		return err
	}
	body := members("meter", meter, "tenant", directID, "period", s.Period, "enforcement", s.Enforcement, "warn", s.Warn) // any tenant will do
	body["limit"] = s.Limit
	return decided(body, quotarules.Change.Decide, quotarules.Quotas{Standing: domain.Usable})
}

func (s *Segment) wrong(key string) error {
	body, err := s.body()
	if err != nil {
		return err
	}
	maps.Copy(body, map[string]any{"key": key})
	return decided(body, flagrules.DefineSegment.Decide, flagrules.Segment{})
}

func (s *FeatureSet) wrong(key string) error {
	features, err := value(s.Features)
	if err != nil {
		return err
	}
	var c flagrules.DefineFeatureSet
	return edge.BindObject(members("key", key, "features", features))(&c)
}

func (p *Plan) wrongFlag(key string, s *Flag) error {
	body, err := s.body()
	if err != nil {
		return err
	}
	now, exists := p.world.flags[key]
	if exists && s.Type != "" && s.Type != now.Type {
		return nil // told when it is planned
	}
	all := members("key", key, "type", now.Type, "default", now.Default, "mode", now.Mode)
	maps.Copy(all, body)
	all["type"] = orElse(s.Type, now.Type)
	return decided(all, flagrules.Define.Decide, flagrules.Flag{})
}

// wrong asks for the shape only; what an override may say depends on the others.
func (s *FlagOverride) wrong(name string, types map[string]flagrules.Type) error {
	key, _, _ := split(name)
	body, err := s.body()
	if err != nil {
		return err
	}
	maps.Copy(body, map[string]any{"flag": key, "node": "platform"}) // any node will do
	var c flagrules.Override
	if err := edge.BindObject(body)(&c); err != nil {
		return err
	}
	if t, known := types[key]; known && c.Value != nil && !t.Has(c.Value) {
		return flagrules.ErrValueType.At("/value", "must be of the flag's type, "+string(t))
	}
	return nil
}

// flagTypes are the types of the flags that exist or are in the files.
func (p *Plan) flagTypes(docs []Document) map[string]flagrules.Type {
	types := map[string]flagrules.Type{}
	for _, d := range docs {
		if s, ok := d.Spec.(*Flag); ok {
			types[d.Name] = flagrules.Type(s.Type)
		}
	}
	for key, now := range p.world.flags {
		types[key] = flagrules.Type(now.Type)
	}
	return types
}

// decided binds a body to a command, as the API would, and asks for its decision
// in a given state. Only what is wrong in any state counts.
func decided[C, S any](body map[string]any, decide func(C, S, domain.Meta) ([]domain.Event, error), given S) error {
	var c C
	if err := edge.BindObject(body)(&c); err != nil {
		return err
	}
	_, err := decide(c, given, domain.Meta{})
	if domain.KindOf(err) == domain.Invalid {
		return err
	}
	return nil
}

// named are the members that a file gives as the name of a document.
var named = []string{"/businessName", "/slug", "/meter", "/key", "/flag", "meter", "flag", "key"}

// fieldOf is where a member of a command stands in a file.
func fieldOf(pointer string) string {
	if slices.Contains(named, pointer) {
		return "name"
	}
	return strings.TrimSuffix("spec."+strings.ReplaceAll(strings.TrimPrefix(pointer, "/"), "/", "."), ".")
}
