package estate

import (
	"bytes"
	"encoding/json"
	"reflect"
)

// deferred is a body that is made when its command's turn comes, when the ids
// of things created before it are known.
type deferred struct {
	world *world
	make  func(*world) any
}

// MarshalJSON makes the body.
func (d *deferred) MarshalJSON() ([]byte, error) { return json.Marshal(d.make(d.world)) }

// same compares two values as JSON, where an empty list is no list and the
// spelling of a number does not count.
func same(a, b any) bool { return reflect.DeepEqual(plain(a), plain(b)) }

func plain(v any) any {
	raw, err := json.Marshal(v)
	if err != nil {
		return v
	}
	var out any
	d := json.NewDecoder(bytes.NewReader(raw))
	if d.Decode(&out) != nil {
		return v
	}
	if list, ok := out.([]any); ok && len(list) == 0 {
		return nil
	}
	return out
}
