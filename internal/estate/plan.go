package estate

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"

	"github.com/reeve-platform/reeve/domain"
)

// A Change is one line of a plan.
type Change struct {
	Kind   string `json:"kind"`
	Name   string `json:"name"`
	Action string `json:"action"` // create, change, unchanged or remove
	What   string `json:"what,omitempty"`
}

// A Plan is what it takes to make a platform look like the files.
type Plan struct {
	Changes []Change `json:"changes"`

	steps []step
	world *world
}

// A step is one command. Its path and body are made when its turn comes, because
// ids of things that the plan creates are not known before.
type step struct {
	phase    int
	kind     string
	name     string
	what     string
	method   string
	path     func(*world) string
	body     any
	reason   string
	revision int64 // that the plan was made on, where a row has one
	created  func(w *world, id string)
}

// The phases: a command may need what an earlier phase brought about.
const (
	integrators = iota
	tenants
	quotas
	activations
	definitions
	dependencies
	uses // of flags: not before they depend on what they shall
	overrides
	contracts
	locks
	retirements
	endings
	guards // last, for nothing else would be let in
)

// Make compares the documents with what is there. With prune, what is there and
// in no document is removed: overrides are cleared, flags and tenants archived.
func Make(ctx context.Context, api API, docs []Document, prune bool) (*Plan, error) {
	w, err := look(ctx, api)
	if err != nil {
		return nil, err
	}
	p := &Plan{world: w}
	if err := p.check(docs); err != nil {
		return nil, err
	}
	for _, d := range docs {
		if err := p.add(d); err != nil {
			return nil, err
		}
	}
	if prune {
		p.prune(docs)
	}
	slices.SortStableFunc(p.steps, func(a, b step) int { return a.phase - b.phase })
	return p, nil
}

// check refuses documents that speak of the same thing twice, of things that
// neither exist nor are in the files, or against the rules.
func (p *Plan) check(docs []Document) error {
	known := map[string]bool{"Integrator/" + directName: true}
	var wrong *domain.Error
	for name := range p.world.integrators {
		known["Integrator/"+name] = true
	}
	for name := range p.world.tenants {
		known["Tenant/"+name] = true
	}
	for name := range p.world.flags {
		known["Flag/"+name] = true
	}
	for name, s := range p.world.segments {
		known["Segment/"+name] = !s.Retired
	}
	for name, s := range p.world.sets {
		known["FeatureSet/"+name] = !s.Retired
	}
	listed := map[string]bool{}
	for _, d := range docs {
		id := d.Kind + "/" + d.Name
		if listed[id] {
			wrong = join(wrong, at(ErrFile, d.file, d.line, "name", "is there twice"))
		}
		listed[id], known[id] = true, true
	}
	for _, d := range docs {
		for field, need := range d.needs() {
			if !known[need] {
				wrong = join(wrong, at(ErrFile, d.file, d.line, field, need+" is neither there nor in the files"))
			}
		}
	}
	if found := p.rehearse(docs); found != nil {
		wrong = join(wrong, found)
	}
	if wrong != nil {
		return wrong
	}
	return nil
}

// needs names what a document speaks of, by the field that does.
func (d Document) needs() map[string]string {
	switch s := d.Spec.(type) {
	case *Tenant:
		if s.Integrator != "" {
			return map[string]string{"spec.integrator": "Integrator/" + s.Integrator}
		}
	case *Quota:
		if _, slug, err := split(d.Name); err == nil {
			return map[string]string{"name": "Tenant/" + slug}
		}
	case *Flag:
		return s.needs()
	case *FeatureSet:
		return s.needs()
	case *FlagOverride:
		return s.needs(d.Name)
	case *FeatureSetAssignment:
		return needsOf("FeatureSet", d.Name)
	case *ApprovalRule:
		return needsOfPlace(d.Name)
	}
	return nil
}

func (p *Plan) add(d Document) error {
	var steps []step
	var exists bool
	var err error
	switch s := d.Spec.(type) {
	case *Integrator:
		steps, exists, err = p.integrator(d.Name, s)
	case *Tenant:
		steps, exists, err = p.tenant(d.Name, s)
	case *Quota:
		steps, exists, err = p.quota(d.Name, s)
	case *Segment:
		steps, exists, err = p.segment(d.Name, s)
	case *Flag:
		steps, exists, err = p.flag(d.Name, s)
	case *FlagOverride:
		steps, exists, err = p.override(d.Name, s)
	case *FeatureSet:
		steps, exists, err = p.featureSet(d.Name, s)
	case *FeatureSetAssignment:
		steps, exists, err = p.assignment(d.Name, s)
	case *ApprovalRule:
		steps, exists, err = p.approvalRule(d.Name, s)
	}
	if err != nil {
		return at(ErrFile, d.file, d.line, d.Kind+" "+d.Name, err.Error())
	}
	p.note(d.Kind, d.Name, exists, steps)
	return nil
}

// note adds the steps of one document and the line that tells of them.
func (p *Plan) note(kind, name string, exists bool, steps []step) {
	c := Change{Kind: kind, Name: name, Action: "unchanged"}
	for i, s := range steps {
		c.Action = "change"
		if i > 0 {
			c.What += ", "
		}
		c.What += s.what
		s.kind, s.name = kind, name
		p.steps = append(p.steps, s)
	}
	if !exists {
		c.Action = "create"
	}
	p.Changes = append(p.Changes, c)
}

// Apply issues the commands of the plan, one after the other, under one
// correlation id. A command that is refused stops it; what was done before
// stays, and applying again goes on from there.
func (p *Plan) Apply(ctx context.Context, api API, correlation string, told func(done, all int)) error {
	for i, s := range p.steps {
		path := s.path(p.world)
		receipt, err := api.Call(ctx, s.method, path, s.body, Request{Key: s.key(path), Reason: s.reason, Because: correlation})
		if err != nil {
			return fmt.Errorf("%s %s, %s: %w", s.kind, s.name, s.what, err)
		}
		if s.created != nil {
			s.created(p.world, receipt.ID)
		}
		told(i+1, len(p.steps))
	}
	return nil
}

// Steps is how many commands the plan takes.
func (p *Plan) Steps() int { return len(p.steps) }

// key names this change: what is asked, of what, in which state. What is removed
// and wished for again has no state, so an API adds how far the log was.
func (s step) key(path string) string {
	body, _ := json.Marshal(s.body)
	sum := sha256.Sum256(fmt.Appendf(nil, "%s\x00%s\x00%s\x00%d\x00%s", s.method, path, s.what, s.revision, body))
	return "apply-" + hex.EncodeToString(sum[:16])
}
