package estate

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// fixed is a path that does not depend on what the plan creates.
func fixed(path string) func(*world) string { return func(*world) string { return path } }

func (p *Plan) integrator(name string, s *Integrator) ([]step, bool, error) {
	now, exists := p.world.integrators[name]
	if name == directName {
		return nil, true, fmt.Errorf("%q is built in", directName)
	}
	day, err := instant(s.OnboardingDate)
	if err != nil {
		return nil, exists, fmt.Errorf("onboardingDate %w", err)
	}
	var steps []step
	if !exists {
		body := members("kind", s.Kind, "businessName", name, "partnerId", s.PartnerID, "contacts", s.Contacts, "onboardingDate", day)
		steps = append(steps, step{phase: integrators, what: "register", method: "POST", path: fixed("/v1/integrators"), body: body,
			created: func(w *world, id string) { w.integrators[name] = integrator{ID: id, BusinessName: name} }})
		now.Lifecycle = "registered"
	} else if body := changed("partnerId", s.PartnerID, now.PartnerID, "contacts", s.Contacts, now.Contacts); body != nil {
		steps = append(steps, step{phase: integrators, what: "update profile", method: "PATCH", path: p.atIntegrator(name, ""), body: body, revision: now.Revision})
	}
	moves, err := integratorMoves(now.Lifecycle, s.Status)
	for _, verb := range moves {
		st := step{phase: integrators, what: verb, method: "POST", path: p.atIntegrator(name, "/"+verb), body: map[string]any{}, revision: now.Revision}
		if verb == "stop" {
			st.phase, st.body = endings, map[string]any{"reason": orElse(s.Reason, "as declared in the estate")}
		}
		steps = append(steps, st)
	}
	return steps, exists, err
}

// integratorMoves are the verbs that lead from one status to another.
func integratorMoves(now, wanted string) ([]string, error) {
	switch {
	case wanted == "" || wanted == now:
		return nil, nil
	case now == "registered" && wanted == "active":
		return []string{"activate"}, nil
	case now == "registered" && wanted == "stopped", now == "active" && wanted == "stopped":
		return []string{"stop"}, nil
	case now == "stopped" && wanted == "active":
		return []string{"restart"}, nil
	}
	return nil, fmt.Errorf("status: cannot go from %s to %s", now, wanted)
}

func (p *Plan) atIntegrator(name, rest string) func(*world) string {
	return func(w *world) string { return "/v1/integrators/" + w.integrators[name].ID + rest }
}

func (p *Plan) atTenant(slug, rest string) func(*world) string {
	return func(w *world) string { return "/v1/tenants/" + w.tenants[slug].ID + rest }
}

func (p *Plan) tenant(slug string, s *Tenant) ([]step, bool, error) {
	now, exists := p.world.tenants[slug]
	owner := orElse(s.Integrator, directName)
	var steps []step
	if !exists {
		steps = append(steps, step{phase: tenants, what: "create", method: "POST", path: fixed("/v1/tenants"), body: &deferred{p.world, func(w *world) any {
			return members("slug", slug, "name", s.Name, "kind", s.Kind, "integrator", w.integrators[owner].ID, "contacts", s.Contacts)
		}}, created: func(w *world, id string) { w.tenants[slug] = tenant{ID: id, Slug: slug} }})
		now.Status = "created"
	} else {
		steps = append(steps, p.tenantChanges(slug, s, now)...)
		if now.Integrator != p.world.integrators[owner].ID {
			steps = append(steps, step{phase: tenants, what: "reassign", method: "POST", path: p.atTenant(slug, "/reassign"), revision: now.Revision,
				body: &deferred{p.world, func(w *world) any { return map[string]any{"integrator": w.integrators[owner].ID} }}})
		}
	}
	moves, err := p.tenantMoves(slug, s, now)
	return append(steps, moves...), exists, err
}

func (p *Plan) tenantChanges(slug string, s *Tenant, now tenant) []step {
	body := changed("name", s.Name, now.Name, "kind", s.Kind, now.Kind, "contacts", s.Contacts, now.Contacts)
	if body == nil {
		return nil
	}
	return []step{{phase: tenants, what: "update profile", method: "PATCH", path: p.atTenant(slug, ""), body: body, revision: now.Revision}}
}

// tenantMoves lead a tenant to the wanted status and set of causes.
func (p *Plan) tenantMoves(slug string, s *Tenant, now tenant) (steps []step, err error) {
	move := func(phase int, verb string, body map[string]any) {
		steps = append(steps, step{phase: phase, what: strings.TrimSpace(verb + " " + fmt.Sprint(orElse(body["cause"], any("")))), method: "POST",
			path: p.atTenant(slug, "/"+verb), body: body, revision: now.Revision})
	}
	wanted := orElse(s.Status, now.Status)
	if now.Status == "archived" && wanted != "archived" {
		move(activations, "unarchive", map[string]any{})
		now.Status, now.Causes = "suspended", []string{"manual"}
	}
	if now.Status == "created" && wanted != "created" {
		move(activations, "activate", map[string]any{})
		now.Status = "active"
	}
	switch wanted {
	case "created":
		if now.Status != "created" {
			err = fmt.Errorf("status: a tenant does not become %s again", wanted)
		}
	case "active", "suspended":
		err = causeMoves(s, wanted, now.Causes, func(verb, cause string) { move(endings, verb, map[string]any{"cause": cause}) })
	case "archived":
		if now.Status != "archived" {
			move(endings, "archive", map[string]any{})
		}
	default:
		err = fmt.Errorf("status: %q is not one of created, active, suspended, archived", wanted)
	}
	return steps, err
}

// causeMoves adds the causes that are missing before it lifts those that are
// too many, so that a tenant that stays suspended is never active in between.
func causeMoves(s *Tenant, wanted string, now []string, move func(verb, cause string)) error {
	causes := s.Causes
	switch {
	case wanted == "active":
		causes = nil
	case len(causes) == 0 && len(now) > 0:
		causes = now
	case len(causes) == 0:
		causes = []string{"manual"}
	}
	for _, c := range causes {
		if !slices.Contains(now, c) {
			move("suspend", c)
		}
	}
	for _, c := range now {
		if !slices.Contains(causes, c) {
			move("resume", c)
		}
	}
	return nil
}

func (p *Plan) quota(name string, s *Quota) ([]step, bool, error) {
	meter, slug, err := split(name)
	if err != nil {
		return nil, false, err
	}
	wanted := *s
	wanted.Period, wanted.Enforcement = orElse(s.Period, "none"), orElse(s.Enforcement, "hard")
	now, exists := p.world.quotas[p.world.tenants[slug].ID+"/"+meter]
	if exists && same(wanted, now.Quota) {
		return nil, true, nil
	}
	return []step{{phase: quotas, what: "set limit", method: "PUT", path: p.atTenant(slug, "/quotas/"+meter), body: wanted, revision: now.Revision}}, exists, nil
}

// instant reads a day or an instant and gives an instant, or nothing.
func instant(s string) (any, error) {
	if s == "" {
		return nil, nil
	}
	for _, layout := range []string{time.RFC3339, time.DateOnly} {
		if t, err := time.Parse(layout, s); err == nil {
			return t.UTC(), nil
		}
	}
	return nil, fmt.Errorf("must be a day such as 2026-01-31 or an instant such as 2026-01-31T12:00:00Z")
}

// members makes a body of name and value pairs, without the empty ones.
func members(pairs ...any) map[string]any {
	body := map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		if v := reflect.ValueOf(pairs[i+1]); v.IsValid() && !v.IsZero() && (v.Kind() != reflect.Slice || v.Len() > 0) {
			body[pairs[i].(string)] = pairs[i+1]
		}
	}
	return body
}

// changed makes a body of the values that differ: name, wanted, present and so
// on. What the file does not say stays as it is. nil means nothing differs.
func changed(triples ...any) map[string]any {
	var body map[string]any
	for i := 0; i+2 < len(triples); i += 3 {
		wanted := reflect.ValueOf(triples[i+1])
		if wanted.IsZero() || same(triples[i+1], triples[i+2]) {
			continue
		}
		if body == nil {
			body = map[string]any{}
		}
		body[triples[i].(string)] = triples[i+1]
	}
	return body
}

func orElse[T any](v, other T) T {
	if r := reflect.ValueOf(&v).Elem(); r.IsZero() || r.Kind() == reflect.Interface && r.IsNil() {
		return other
	}
	return v
}
