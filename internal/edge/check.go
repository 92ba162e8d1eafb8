package edge

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/reeve-platform/reeve/domain"
)

// maxFaults is how many places of a request an error points at.
const maxFaults = 50

// A judge holds a request against its form. It is written here, and not left to
// the library that made the schema, because that one quotes values in its
// messages, takes Tenant for tenant and reads integers as floats.
type judge struct {
	*Form
	faults []domain.FieldError
	shape  bool // something other than an id is wrong
}

// check returns obj in the form it is decoded from: integers as integers and
// times in UTC.
func (f *Form) check(obj map[string]any) (map[string]any, error) {
	j := &judge{Form: f}
	plain, err := plainObject(obj)
	if err != nil {
		return nil, ErrInvalidRequest.Because(err)
	}
	clean, _ := j.object(f.Schema, nil, plain).(map[string]any)
	if len(j.faults) == 0 {
		return clean, nil
	}
	refusal := *ErrInvalidRequest
	if !j.shape {
		refusal = *domain.ErrID
	}
	refusal.Fields = j.faults
	return nil, &refusal
}

func (j *judge) fault(at []string, detail string) {
	j.shape = true
	j.point(at, detail)
}

func (j *judge) point(at []string, detail string) {
	if len(j.faults) < maxFaults {
		j.faults = append(j.faults, domain.FieldError{Pointer: j.place(at), Detail: detail})
	}
}

// place points into the body, or names the parameter.
func (j *judge) place(at []string) string {
	if len(at) > 0 {
		if m, ok := j.Member(at[0]); ok && m.In != "body" {
			return m.Name
		}
	}
	return pointer(at)
}

// value judges v, found at a place, by schema s and returns it cleaned.
func (j *judge) value(s *huma.Schema, at []string, v any) any {
	s = j.Resolve(s)
	if v == nil && s.Type != "" {
		if !s.Nullable {
			j.fault(at, "must not be null")
		}
		return nil
	}
	switch s.Type {
	case huma.TypeObject:
		return j.object(s, at, v)
	case huma.TypeArray:
		return j.array(s, at, v)
	case huma.TypeString:
		return j.text(s, at, v)
	case huma.TypeInteger:
		return j.integer(s, at, v)
	case huma.TypeNumber:
		return j.number(s, at, v)
	case huma.TypeBoolean:
		if _, ok := v.(bool); !ok {
			j.fault(at, "must be true or false")
		}
		return v
	}
	j.free(at, v)
	return v
}

func (j *judge) object(s *huma.Schema, at []string, v any) any {
	obj, ok := v.(map[string]any)
	if !ok {
		j.fault(at, "must be an object")
		return v
	}
	clean := make(map[string]any, len(obj))
	for _, name := range slices.Sorted(maps.Keys(obj)) {
		below := append(slices.Clip(at), name)
		if of := memberSchema(s, name); of != nil && readable(name) {
			clean[name] = j.value(of, below, obj[name])
			continue
		}
		j.fault(below, "is not a member that is known here")
	}
	for _, name := range s.Required {
		if _, ok := obj[name]; !ok {
			j.fault(append(slices.Clip(at), name), "is required")
		}
	}
	return clean
}

// memberSchema is the schema of a member, or of every member of a map; nil if
// there is no such member.
func memberSchema(s *huma.Schema, name string) *huma.Schema {
	if p := s.Properties[name]; p != nil {
		return p
	}
	of, _ := s.AdditionalProperties.(*huma.Schema)
	return of
}

func (j *judge) array(s *huma.Schema, at []string, v any) any {
	list, ok := v.([]any)
	if !ok {
		j.fault(at, "must be a list")
		return v
	}
	switch n := len(list); {
	case s.MinItems != nil && n < *s.MinItems:
		j.fault(at, fmt.Sprintf("must have at least %d items", *s.MinItems))
	case s.MaxItems != nil && n > *s.MaxItems:
		j.fault(at, fmt.Sprintf("must have at most %d items", *s.MaxItems))
		return v
	}
	clean, seen := make([]any, len(list)), map[string]bool{}
	for i, item := range list {
		below := append(slices.Clip(at), strconv.Itoa(i))
		clean[i] = j.value(s.Items, below, item)
		if key := string(canonical(item)); s.UniqueItems && seen[key] {
			j.fault(below, "is in the list twice")
		} else if s.UniqueItems {
			seen[key] = true
		}
	}
	return clean
}

// integer reads 5, 5.0 and 5e0 alike, and nothing beyond 64 bits.
func (j *judge) integer(s *huma.Schema, at []string, v any) any {
	n, ok := v.(json.Number)
	i, err := strconv.ParseInt(string(n), 10, 64)
	if f, ferr := strconv.ParseFloat(string(n), 64); err != nil && ferr == nil && f == float64(int64(f)) && -1<<53 <= f && f <= 1<<53 {
		i, err = int64(f), nil
	}
	if !ok || err != nil {
		j.fault(at, "must be an integer of at most 64 bits")
		return v
	}
	j.bounds(s, at, float64(i))
	return json.Number(strconv.FormatInt(i, 10))
}

func (j *judge) number(s *huma.Schema, at []string, v any) any {
	n, ok := v.(json.Number)
	f, err := strconv.ParseFloat(string(n), 64)
	if !ok || err != nil {
		j.fault(at, "must be a number")
		return v
	}
	j.bounds(s, at, f)
	return v
}

func (j *judge) bounds(s *huma.Schema, at []string, f float64) {
	switch {
	case s.Minimum != nil && f < *s.Minimum:
		j.fault(at, "must be at least "+decimal(*s.Minimum))
	case s.Maximum != nil && f > *s.Maximum:
		j.fault(at, "must be at most "+decimal(*s.Maximum))
	case s.ExclusiveMinimum != nil && f <= *s.ExclusiveMinimum:
		j.fault(at, "must be more than "+decimal(*s.ExclusiveMinimum))
	case s.ExclusiveMaximum != nil && f >= *s.ExclusiveMaximum:
		j.fault(at, "must be less than "+decimal(*s.ExclusiveMaximum))
	}
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// free judges a value of any shape: only its texts must be readable.
func (j *judge) free(at []string, v any) {
	switch v := v.(type) {
	case string:
		if !readable(v) {
			j.fault(at, unreadable)
		}
	case []any:
		for i, item := range v {
			j.free(append(slices.Clip(at), strconv.Itoa(i)), item)
		}
	case map[string]any:
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if !readable(name) {
				j.fault(at, unreadable)
			}
			j.free(append(slices.Clip(at), name), v[name])
		}
	}
}

// plainObject turns Go values into those of encoding/json.
func plainObject(obj map[string]any) (map[string]any, error) {
	plain := make(map[string]any, len(obj))
	for name, v := range obj {
		p, err := plainValue(v)
		if err != nil {
			return nil, err
		}
		plain[name] = p
	}
	return plain, nil
}

func plainValue(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool, string, json.Number:
		return v, nil
	case map[string]any:
		return plainObject(v)
	case []any:
		list := make([]any, len(v))
		for i := range v {
			p, err := plainValue(v[i])
			if err != nil {
				return nil, err
			}
			list[i] = p
		}
		return list, nil
	}
	b, err := json.Marshal(v)
	if err != nil {
		return nil, err
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	d.UseNumber()
	var p any
	return p, d.Decode(&p)
}
