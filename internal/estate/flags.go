package estate

import (
	"encoding/json"
	"fmt"
	"time"
)

func (p *Plan) atFlag(key, rest string) func(*world) string { return fixed("/v1/flags/" + key + rest) }

func (p *Plan) flag(key string, s *Flag) ([]step, bool, error) {
	now, exists := p.world.flags[key]
	body, err := s.body()
	if err != nil {
		return nil, exists, err
	}
	var steps []step
	switch {
	case !exists:
		body["key"], body["type"] = key, s.Type
		steps = append(steps, step{phase: definitions, what: "define", method: "POST", path: fixed("/v1/flags"), body: body})
		now.State = "draft"
	case s.Type != "" && s.Type != now.Type:
		return nil, true, fmt.Errorf("type: is %s and stays so; define a new flag", now.Type)
	default:
		if diff := differing(body, now); diff != nil {
			steps = append(steps, step{phase: definitions, what: "update", method: "PATCH", path: p.atFlag(key, ""), body: diff, revision: now.Revision})
		}
	}
	more, err := p.dependencies(key, s, now)
	if err != nil {
		return nil, exists, err
	}
	steps = append(steps, more...)
	moves, err := flagMoves(now.State, orElse(s.State, now.State))
	for _, m := range moves {
		steps = append(steps, step{phase: m.phase, what: m.verb, method: "POST", path: p.atFlag(key, "/"+m.verb), body: map[string]any{}, revision: now.Revision})
	}
	return steps, exists, err
}

// body is what the file says of the definition, in the words of the API.
func (s *Flag) body() (map[string]any, error) {
	standard, err := value(s.Default)
	if err != nil {
		return nil, fmt.Errorf("default: %w", err)
	}
	off, err := value(s.Off)
	if err != nil {
		return nil, fmt.Errorf("off: %w", err)
	}
	variants := map[string]json.RawMessage{}
	for name, n := range s.Variants {
		if variants[name], err = value(n); err != nil {
			return nil, fmt.Errorf("variants.%s: %w", name, err)
		}
	}
	body := members("default", standard, "off", off, "mode", s.Mode, "description", s.Description, "owner", s.Owner, "tags", s.Tags, "exposed", s.Exposed, "levels", s.Levels, "optional", s.Optional, "expires", s.Expires)
	if len(variants) > 0 {
		body["variants"] = variants
	}
	return body, nil
}

// differing keeps of a body what is not so yet; nil if all is.
func differing(body map[string]any, now flag) map[string]any {
	present, _ := plain(now).(map[string]any)
	var diff map[string]any
	for name, wanted := range body {
		if same(wanted, present[name]) {
			continue
		}
		if diff == nil {
			diff = map[string]any{}
		}
		diff[name] = wanted
	}
	return diff
}

type flagMove struct {
	phase int
	verb  string
}

// flagMoves are the verbs that lead from one state to another.
func flagMoves(now, wanted string) ([]flagMove, error) {
	activate := flagMove{uses, "activate"}
	switch now + ">" + wanted {
	case "draft>draft", "active>active", "deprecated>deprecated", "killed>killed":
		return nil, nil
	case "draft>active", "deprecated>active":
		return []flagMove{activate}, nil
	case "draft>deprecated":
		return []flagMove{activate, {retirements, "deprecate"}}, nil
	case "draft>killed":
		return []flagMove{activate, {retirements, "kill"}}, nil
	case "active>deprecated":
		return []flagMove{{retirements, "deprecate"}}, nil
	case "active>killed", "deprecated>killed":
		return []flagMove{{retirements, "kill"}}, nil
	case "killed>active":
		return []flagMove{{definitions, "revive"}}, nil
	case "archived>deprecated":
		return []flagMove{{definitions, "revive"}}, nil
	}
	return nil, fmt.Errorf("state: cannot go from %s to %s", now, wanted)
}

func (p *Plan) override(name string, s *FlagOverride) ([]step, bool, error) {
	key, where, err := split(name)
	if err != nil {
		return nil, false, err
	}
	at, err := placeOf(where)
	if err != nil {
		return nil, false, err
	}
	wanted, err := s.body()
	if err != nil {
		return nil, false, err
	}
	now, exists := p.world.overrides[p.nodeID(at)+"/"+key]
	path := func(rest string) func(*world) string {
		return func(w *world) string { return "/v1/nodes/" + (&Plan{world: w}).nodeID(at) + "/flags/" + key + rest }
	}
	var steps []step
	if !exists || !now.says(wanted) {
		body := &deferred{p.world, func(w *world) any { return withHome(wanted, w.tenants[at.home].ID) }}
		steps = append(steps, step{phase: overrides, what: "override", method: "PUT", path: path(""), body: body, reason: s.Reason})
	}
	if s.Locked != now.Locked {
		verb, phase := "lock", locks
		if now.Locked {
			verb, phase = "unlock", quotas
		}
		steps = append(steps, step{phase: phase, what: verb, method: "POST", path: path("/" + verb), body: map[string]any{}, reason: s.Reason})
	}
	return steps, exists, nil
}

// withHome adds to a body the tenant that a user's node belongs to.
func withHome(body map[string]any, home string) map[string]any {
	if home == "" {
		return body
	}
	with := map[string]any{"home": home}
	for k, v := range body {
		with[k] = v
	}
	return with
}

// body is what the file says of the override, in the words of the API.
func (s *FlagOverride) body() (map[string]any, error) {
	v, err := value(s.Value)
	if err != nil {
		return nil, fmt.Errorf("value: %w", err)
	}
	from, err := instant(s.ValidFrom)
	if err != nil {
		return nil, fmt.Errorf("validFrom %w", err)
	}
	until, err := instant(s.ValidUntil)
	if err != nil {
		return nil, fmt.Errorf("validUntil %w", err)
	}
	rules, err := value(s.Rules)
	if err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	split, err := value(s.Split)
	if err != nil {
		return nil, fmt.Errorf("split: %w", err)
	}
	if plain := v != nil || s.Variant != ""; v != nil && s.Variant != "" || !plain && rules == nil && split == nil {
		return nil, fmt.Errorf("says a value or a variant, and not both; or rules, or a split")
	}
	return members("value", v, "variant", s.Variant, "rules", lean(rules), "split", lean(split), "validFrom", from, "validUntil", until), nil
}

// says reports whether an override is what the file wants.
func (o override) says(wanted map[string]any) bool {
	now := map[string]any{}
	if o.Variant != "" && wanted["variant"] != nil {
		now["variant"] = o.Variant
	} else {
		now["value"] = o.Value
	}
	if o.Value == nil {
		delete(now, "value")
	}
	for name, said := range map[string]json.RawMessage{"rules": lean(o.Rules), "split": lean(o.Split)} {
		if said != nil {
			now[name] = said
		}
	}
	for name, t := range map[string]*time.Time{"validFrom": o.ValidFrom, "validUntil": o.ValidUntil} {
		if t != nil {
			now[name] = t.UTC()
		}
	}
	return same(wanted, now)
}

// lean is what rules or a split say in the fewest words: where a variant is named,
// its value goes without saying. Nil if they say nothing.
func lean(raw json.RawMessage) json.RawMessage {
	var v any
	if json.Unmarshal(raw, &v) != nil || v == nil {
		return nil
	}
	thin(v)
	out, _ := json.Marshal(v) // it has just been read
	return out
}

func thin(v any) {
	switch v := v.(type) {
	case []any:
		for _, item := range v {
			thin(item)
		}
	case map[string]any:
		if v["variant"] != nil {
			delete(v, "value")
		}
		if v["by"] == "key" {
			delete(v, "by")
		}
		for _, member := range v {
			thin(member)
		}
	}
}

// nodeID is the id of a place, empty if the plan has yet to create it.
func (p *Plan) nodeID(at place) string {
	switch at.level {
	case "platform":
		return "platform"
	case "integrator":
		return p.world.integrators[at.name].ID
	case "tenant":
		return p.world.tenants[at.name].ID
	}
	return at.name
}
