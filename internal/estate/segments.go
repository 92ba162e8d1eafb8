package estate

import (
	"encoding/json"
	"fmt"
)

// segment plans a segment. The file says the whole of who belongs to it.
func (p *Plan) segment(key string, s *Segment) ([]step, bool, error) {
	now, exists := p.world.segments[key]
	body, err := s.body()
	switch {
	case err != nil:
		return nil, exists, err
	case now.Retired:
		return nil, true, fmt.Errorf("is retired, for good; name another segment")
	case !exists:
		all := members("key", key, "description", s.Description)
		for name, v := range body {
			all[name] = v
		}
		return []step{{phase: definitions, what: "define", method: "POST", path: fixed("/v1/segments"), body: all}}, false, nil
	case same(body, now.body()):
		return nil, true, nil
	}
	return []step{{phase: definitions, what: "update", method: "PATCH", path: fixed("/v1/segments/" + key), body: body, revision: now.Revision}}, true, nil
}

// body is what the file says of a segment's members, in the words of the API.
func (s *Segment) body() (map[string]any, error) {
	groups, err := value(s.Any)
	if err != nil {
		return nil, fmt.Errorf("any: %w", err)
	}
	return membership(s.Included, s.Excluded, groups), nil
}

func (s segment) body() map[string]any { return membership(s.Included, s.Excluded, s.Any) }

// membership says all three, for what is left out of an update stays as it is.
func membership(included, excluded []string, groups json.RawMessage) map[string]any {
	if len(groups) == 0 || string(groups) == "null" {
		groups = json.RawMessage("[]")
	}
	return map[string]any{"included": append([]string{}, included...), "excluded": append([]string{}, excluded...), "any": groups}
}

func (p *Plan) exportSegments(e *output) error {
	for _, key := range sorted(p.world.segments) {
		s := p.world.segments[key]
		if s.Retired {
			continue // for good
		}
		spec := Segment{Description: s.Description, Included: s.Included, Excluded: s.Excluded, Any: YAML(s.Any)}
		if err := e.Encode(exported{"Segment", key, spec}); err != nil {
			return err
		}
	}
	return nil
}

// dependencies plans what a flag depends on, if the file says.
func (p *Plan) dependencies(key string, s *Flag, now flag) ([]step, error) {
	wanted, err := value(s.Prerequisites)
	switch {
	case err != nil:
		return nil, fmt.Errorf("prerequisites: %w", err)
	case wanted == nil, same(lean(wanted), lean(now.Prerequisites)), string(wanted) == "[]" && lean(now.Prerequisites) == nil:
		return nil, nil
	}
	body := map[string]any{"prerequisites": wanted}
	return []step{{phase: dependencies, what: "set prerequisites", method: "PUT", path: p.atFlag(key, "/prerequisites"), body: body, revision: now.Revision}}, nil
}
