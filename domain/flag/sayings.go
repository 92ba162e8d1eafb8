package flag

import (
	"maps"
	"slices"
)

// sayings are what one node says about every flag. They are a value: saying more
// gives others and leaves these as they are. What is new is kept apart until it
// is worth joining with the rest, so that folding n facts copies n times the root
// of n entries and not n times n; a platform says something about thousands.
type sayings struct {
	old, new map[Key]*Setting // nil in new: it says nothing any more
}

// of is what is said about a flag, nil if nothing. It must not be changed.
func (s sayings) of(k Key) *Setting {
	if v, ok := s.new[k]; ok {
		return v
	}
	return s.old[k]
}

// with is what is said once v is said about a flag, or nothing if v is nil.
func (s sayings) with(k Key, v *Setting) sayings {
	s.new = with(s.new, k, v)
	if n := len(s.new); n*n > len(s.old) {
		s.old, s.new = s.joined(), nil
	}
	return s
}

// keys are the flags that something is said about, in order.
func (s sayings) keys() []Key { return slices.Sorted(maps.Keys(s.joined())) }

func (s sayings) joined() map[Key]*Setting {
	all := maps.Clone(s.old)
	if all == nil {
		all = map[Key]*Setting{}
	}
	maps.Copy(all, s.new)
	maps.DeleteFunc(all, func(_ Key, v *Setting) bool { return v == nil })
	return all
}
