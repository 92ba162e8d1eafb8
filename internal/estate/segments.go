package estate

import (
	"encoding/json"
	"fmt"
	"slices"

	"gopkg.in/yaml.v3"
)

// A Segment is named by its key.
type Segment struct {
	Description string    `yaml:"description,omitempty"`
	Included    []string  `yaml:"included,omitempty,flow"`
	Excluded    []string  `yaml:"excluded,omitempty,flow"`
	Any         yaml.Node `yaml:"any,omitempty"`
}

func (p *Plan) segment(key string, s *Segment) ([]step, bool, error) {
	now, exists := p.world.segments[key]
	if now.Retired {
		return nil, true, fmt.Errorf("was retired, for good; name another one")
	}
	body, err := s.body()
	if err != nil {
		return nil, exists, err
	}
	switch {
	case !exists:
		for name, v := range body {
			if list, _ := plain(v).([]any); len(list) == 0 && name != "description" {
				delete(body, name)
			}
		}
		body["key"] = key
		return []step{{phase: segments, what: "define", method: "POST", path: fixed("/v1/segments"), body: body}}, false, nil
	default:
		delete(body, "description") // which a segment keeps
		if diff := differing(body, now); diff != nil {
			return []step{{phase: segments, what: "update", method: "PATCH", path: fixed("/v1/segments/" + key), body: diff, revision: now.Revision}}, true, nil
		}
	}
	return nil, exists, nil
}

// body is what the file says of the segment, in the words of the API. A file says all
// of it.
func (s *Segment) body() (map[string]any, error) {
	groups, err := value(s.Any)
	if err != nil {
		return nil, fmt.Errorf("any: %w", err)
	}
	if groups == nil {
		groups = json.RawMessage("[]")
	}
	body := members("description", s.Description)
	body["included"], body["excluded"], body["any"] = append([]string{}, s.Included...), append([]string{}, s.Excluded...), groups
	return body, nil
}

// namedSegments are the segments that rules, or groups of conditions, name.
func namedSegments(raw json.RawMessage) (keys []string) {
	var v any
	if json.Unmarshal(raw, &v) != nil {
		return nil
	}
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			if key, ok := v["segment"].(string); ok && v["op"] == nil {
				keys = append(keys, key)
			}
			walk(v["when"])
		}
	}
	walk(v)
	slices.Sort(keys)
	return slices.Compact(keys)
}
