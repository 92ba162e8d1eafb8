package edge

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"reflect"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/reeve-platform/reeve/domain"
)

var (
	// ErrInvalidRequest: the request can be read, but is not what the operation
	// takes. It points at every place that is wrong, up to a limit.
	ErrInvalidRequest = &domain.Error{Kind: domain.Invalid, Code: "invalid-request", Detail: "the request does not have the shape the operation takes"}
	// ErrMalformedJSON: the body is not one JSON object, or not an unambiguous one.
	ErrMalformedJSON = &domain.Error{Kind: domain.Malformed, Code: "malformed-json", Detail: "the body must be one JSON object"}
)

// BindObject fills input structs from obj, the members of a request under their
// JSON names: of the body, the path and the query string alike. Values are those
// of encoding/json; Go's own numbers and marshalable values will do, too. What
// the struct's tags do not allow is refused with ErrInvalidRequest, or with
// domain.ErrID if nothing but ids is wrong. No message repeats a value.
func BindObject(obj map[string]any) Bind {
	return func(dst any) error {
		f := FormOf(reflect.TypeOf(dst))
		clean, err := f.check(obj)
		if err != nil {
			return err
		}
		return decode(clean, dst)
	}
}

// decode is the last step, for what holds no member that dst does not have. What it
// refuses are numbers that a narrow Go type does not hold, and whatever a type's own
// UnmarshalText refuses.
func decode(obj map[string]any, dst any) error {
	err := json.Unmarshal(canonical(obj), dst)
	if err == nil {
		return nil
	}
	if e, ok := domain.AsError(err); ok {
		return e
	}
	if t, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		return ErrInvalidRequest.At("/"+strings.ReplaceAll(t.Field, ".", "/"), "out of range").Because(err)
	}
	return ErrInvalidRequest.Because(err)
}

// Fingerprint is the SHA-256, in hexadecimal, of what an entry was asked. Two
// requests under one idempotency key must have the same.
func Fingerprint(entry string, obj map[string]any) string {
	h := sha256.New()
	h.Write([]byte(entry + "\x00"))
	h.Write(canonical(obj))
	return hex.EncodeToString(h.Sum(nil))
}

// Value reads the text of a parameter as the type its member has. Text that is
// not of that type stays text, for the check to refuse. A list is given as
// several values, or as one separated by commas.
func (f *Form) Value(m Member, texts ...string) any {
	s := f.Resolve(m.Schema)
	if s.Type != huma.TypeArray {
		return valueOf(s, texts[0])
	}
	items, list := f.Resolve(s.Items), []any{}
	for _, text := range texts {
		for part := range strings.SplitSeq(text, ",") {
			list = append(list, valueOf(items, part))
		}
	}
	return list
}

func valueOf(s *huma.Schema, text string) any {
	switch {
	case s.Type == huma.TypeBoolean && (text == "true" || text == "false"):
		return text == "true"
	case (s.Type == huma.TypeInteger || s.Type == huma.TypeNumber) && isNumber(text):
		return json.Number(text)
	}
	return text
}

func isNumber(text string) bool {
	return text != "" && strings.Trim(text, "-+.eE0123456789") == "" && json.Valid([]byte(text))
}
