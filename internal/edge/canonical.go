package edge

import (
	"bytes"
	"encoding/json"
	"maps"
	"slices"
)

// canonical is JSON with sorted members and no insignificant space, nothing if a value
// is no JSON; checking refuses that first. Every request is written so twice, for its
// fingerprint and for its struct, and encoding/json copies each member of a map to
// look at it: what requests are mostly made of is written here. The bytes are those of
// encoding/json, because fingerprints stay in the log for ever.
func canonical(v any) []byte {
	b, ok := appendCanonical(make([]byte, 0, 512), v)
	if !ok {
		return nil
	}
	return b
}

func appendCanonical(b []byte, v any) ([]byte, bool) {
	switch v := v.(type) {
	case map[string]any:
		return appendMembers(b, v)
	case []any:
		return appendItems(b, v)
	case string:
		return appendText(b, v)
	case bool:
		if v {
			return append(b, "true"...), true
		}
		return append(b, "false"...), true
	}
	return appendEncoded(b, v)
}

func appendMembers(b []byte, obj map[string]any) (_ []byte, ok bool) {
	if obj == nil {
		return append(b, "null"...), true
	}
	b = append(b, '{')
	for i, name := range slices.Sorted(maps.Keys(obj)) {
		if i > 0 {
			b = append(b, ',')
		}
		if b, ok = appendText(b, name); !ok {
			return nil, false
		}
		if b, ok = appendCanonical(append(b, ':'), obj[name]); !ok {
			return nil, false
		}
	}
	return append(b, '}'), true
}

func appendItems(b []byte, list []any) (_ []byte, ok bool) {
	if list == nil {
		return append(b, "null"...), true
	}
	b = append(b, '[')
	for i, item := range list {
		if i > 0 {
			b = append(b, ',')
		}
		if b, ok = appendCanonical(b, item); !ok {
			return nil, false
		}
	}
	return append(b, ']'), true
}

func appendText(b []byte, s string) ([]byte, bool) {
	if unescaped(s) {
		return append(append(append(b, '"'), s...), '"'), true
	}
	return appendEncoded(b, s)
}

// unescaped reports whether a text stands for itself in JSON.
func unescaped(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

func appendEncoded(b []byte, v any) ([]byte, bool) {
	var encoded bytes.Buffer
	e := json.NewEncoder(&encoded)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return nil, false
	}
	return append(b, bytes.TrimSuffix(encoded.Bytes(), []byte("\n"))...), true
}
