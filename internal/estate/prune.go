package estate

import (
	"maps"
	"slices"
)

// prune plans the removal of what no document speaks of: overrides are cleared
// (unlocked first), flags deprecated and archived, tenants archived, and feature sets
// taken back from whoever has them. Nothing is deleted. Integrators stay, and so do
// segments, feature sets and approval rules: ending one is a decision of its own.
func (p *Plan) prune(docs []Document) {
	keep := map[string]bool{}
	for _, d := range docs {
		keep[d.Kind+"/"+d.Name] = true
	}
	names := p.names()
	for _, id := range sorted(p.world.overrides) {
		o := p.world.overrides[id]
		name := o.Flag + "@" + names[o.Node]
		if o.Level == "user" {
			name = o.Flag + "@user:" + o.Node + "@" + p.slugOf(o.Parent)
		}
		if !keep["FlagOverride/"+name] && o.Set == "" {
			p.remove("FlagOverride", name, clearing(o))
		}
	}
	for _, id := range sorted(p.world.assignments) {
		a := p.world.assignments[id]
		if name := a.Set + "@" + names[a.Node]; names[a.Node] != "" && !keep["FeatureSetAssignment/"+name] && !p.world.sets[a.Set].Retired {
			path := fixed("/v1/nodes/" + a.Node + "/feature-sets/" + a.Set)
			p.remove("FeatureSetAssignment", name, []step{{phase: retirements, what: "unassign", method: "DELETE", path: path}})
		}
	}
	for _, key := range sorted(p.world.flags) {
		f := p.world.flags[key]
		if !keep["Flag/"+key] && f.State != "archived" {
			p.remove("Flag", key, p.retire(key, f))
		}
	}
	for _, slug := range sorted(p.world.tenants) {
		t := p.world.tenants[slug]
		if !keep["Tenant/"+slug] && t.Status != "archived" && t.Status != "pending_deletion" {
			p.remove("Tenant", slug, []step{{phase: endings, what: "archive", method: "POST", path: p.atTenant(slug, "/archive"), body: map[string]any{}, revision: t.Revision}})
		}
	}
}

func (p *Plan) remove(kind, name string, steps []step) {
	p.note(kind, name, true, steps)
	p.Changes[len(p.Changes)-1].Action = "remove"
}

func clearing(o override) (steps []step) {
	path := "/v1/nodes/" + o.Node + "/flags/" + o.Flag
	if o.Locked {
		steps = append(steps, step{phase: locks, what: "unlock", method: "POST", path: fixed(path + "/unlock"), body: map[string]any{}})
	}
	return append(steps, step{phase: retirements, what: "clear", method: "DELETE", path: fixed(path)})
}

func (p *Plan) retire(key string, f flag) (steps []step) {
	post := func(verb string) {
		steps = append(steps, step{phase: endings, what: verb, method: "POST", path: p.atFlag(key, "/"+verb), body: map[string]any{}, revision: f.Revision})
	}
	if f.State == "killed" {
		post("revive")
	}
	if f.State != "draft" && f.State != "deprecated" {
		post("deprecate")
	}
	post("archive")
	return steps
}

// sorted lists the names in a map in an order that is the same every time.
func sorted[T any](m map[string]T) []string { return slices.Sorted(maps.Keys(m)) }

// names gives every node the name that files use for it.
func (p *Plan) names() map[string]string {
	names := map[string]string{"platform": "platform"}
	for name, i := range p.world.integrators {
		names[i.ID] = "integrator:" + name
	}
	for slug, t := range p.world.tenants {
		names[t.ID] = "tenant:" + slug
	}
	return names
}

func (p *Plan) slugOf(id string) string {
	for slug, t := range p.world.tenants {
		if t.ID == id {
			return slug
		}
	}
	return ""
}
