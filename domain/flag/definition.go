package flag

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// Type is what values of a flag are. It never changes.
type Type string

// The types.
const (
	Boolean Type = "boolean"
	String  Type = "string"
	Number  Type = "number"
	JSON    Type = "json" // any JSON value
)

// A Definition is everything a flag says of itself.
type Definition struct {
	Type        Type                       `json:"type" doc:"What its values are."`
	Default     json.RawMessage            `json:"default" doc:"Value where no node says otherwise."`
	Off         json.RawMessage            `json:"off" doc:"Value while it is off."`
	Variants    map[string]json.RawMessage `json:"variants,omitempty" doc:"Names for values."`
	Mode        cascade.Mode               `json:"mode" doc:"How the values of several levels combine."`
	Description string                     `json:"description,omitempty" doc:"What it is for."`
	Owner       string                     `json:"owner,omitempty" pii:"person" doc:"Who answers for it."`
	Tags        []string                   `json:"tags,omitempty" doc:"Words to find it by."`
	Exposed     bool                       `json:"exposed,omitempty" doc:"Whether clients outside the platform may see it."`
	Levels      []domain.Level             `json:"levels,omitempty" doc:"Levels at which it may be overridden; all if empty."`
	Optional    bool                       `json:"optional,omitempty" doc:"Whether integrators and tenants may opt in and out."`
	Expires     string                     `json:"expires,omitempty" format:"date" doc:"Day by which nobody should need it any more; it is stale from then on, and comes to what it came to."`
}

var (
	// ErrType: there is no such type of flag.
	ErrType = &domain.Error{Kind: domain.Invalid, Code: "invalid-flag-type", Detail: "the type must be boolean, string, number or json"}
	// ErrValueType: a value is not of the flag's type.
	ErrValueType = &domain.Error{Kind: domain.Invalid, Code: "flag-value-type", Detail: "the value is not of the flag's type"}
	// ErrMode: values of that type cannot be combined that way.
	ErrMode = &domain.Error{Kind: domain.Invalid, Code: "invalid-merge-mode", Detail: "the mode must be replace, or one that can combine the default: merge for objects, append for lists, restrict for booleans, numbers and lists"}
	// ErrVariant: the flag has no variant of that name, or a variant is named badly.
	ErrVariant = &domain.Error{Kind: domain.Invalid, Code: "unknown-variant", Detail: "the flag has no such variant"}
	// ErrLevel: the flag may not be overridden at that level.
	ErrLevel = &domain.Error{Kind: domain.Invalid, Code: "level-not-allowed", Detail: "the flag may not be overridden at that level"}
	// ErrExpires: there is no such day.
	ErrExpires = &domain.Error{Kind: domain.Invalid, Code: "invalid-expiry-day", Detail: "the day of expiry must be a date such as 2027-03-31 (RFC 3339)"}
	// ErrTooLarge: a definition or value does not fit the log's events.
	ErrTooLarge = &domain.Error{Kind: domain.Invalid, Code: "flag-value-too-large", Detail: "a value may take 64 KiB, with all variants together"}
)

// maxValue is how many bytes values of one definition may take.
const maxValue = 64 << 10

// complete fills in what may be left out, and checks the whole.
func (d Definition) complete() (Definition, error) {
	if d.Mode == "" {
		d.Mode = cascade.Replace
	}
	if d.Off == nil {
		d.Off = d.zero()
	}
	return d, d.check()
}

// zero is the off value of a flag that does not name one.
func (d Definition) zero() json.RawMessage {
	switch d.Type {
	case Boolean:
		return json.RawMessage("false")
	case String:
		return json.RawMessage(`""`)
	case Number:
		return json.RawMessage("0")
	}
	return json.RawMessage("null")
}

func (d Definition) check() error {
	switch d.Type {
	case Boolean, String, Number, JSON:
	default:
		return ErrType
	}
	size := len(d.Default) + len(d.Off)
	values := map[string]json.RawMessage{"/default": d.Default, "/off": d.Off}
	for name, v := range d.Variants {
		if !keyGrammar.MatchString(name) {
			return ErrVariant.With("a variant is named like a flag").At("/variants", "1 to 128 of A-Z, a-z, 0-9 and ._-")
		}
		values["/variants/"+name], size = v, size+len(v)
	}
	if size > maxValue {
		return ErrTooLarge
	}
	for _, pointer := range sortedNames(values) {
		if !d.Type.Has(values[pointer]) {
			return ErrValueType.At(pointer, "must be "+d.Type.describe())
		}
	}
	if !d.Mode.Combines(d.Default) {
		return ErrMode.At("/mode", "does not fit the default")
	}
	for _, name := range sortedNames(d.Variants) {
		if err := d.takes(d.Variants[name], "/variants/"+name); err != nil {
			return err
		}
	}
	if _, err := time.Parse(time.DateOnly, d.Expires); d.Expires != "" && err != nil {
		return ErrExpires.At("/expires", "no date")
	}
	return d.checkLevels()
}

// takes refuses, with ErrValueType, a value that no node may say: one of another
// type, or one that the mode cannot combine with the default.
func (d Definition) takes(v json.RawMessage, pointer string) error {
	switch {
	case !d.Type.Has(v):
		return ErrValueType.At(pointer, "must be "+d.Type.describe())
	case !d.Mode.Fits(d.Default, v):
		return ErrValueType.At(pointer, fmt.Sprintf("must be such as the default, for the mode is %s", d.Mode))
	}
	return nil
}

// equal compares what two definitions say, however the values are spelled.
func (d Definition) equal(o Definition) bool {
	return d.Type == o.Type && d.Mode == o.Mode && d.Description == o.Description && d.Owner == o.Owner && d.Exposed == o.Exposed && d.Optional == o.Optional && d.Expires == o.Expires &&
		cascade.Same(d.Default, o.Default) && cascade.Same(d.Off, o.Off) && maps.EqualFunc(d.Variants, o.Variants, cascade.Same) &&
		slices.Equal(d.Tags, o.Tags) && slices.Equal(d.Levels, o.Levels)
}

func (d Definition) checkLevels() error {
	for i, l := range d.Levels {
		if l != domain.PlatformLevel && l.Depth() == 0 {
			return ErrLevel.At(fmt.Sprintf("/levels/%d", i), "must be platform, integrator, tenant or user")
		}
	}
	return nil
}

// Has reports whether v is a value of the type.
func (t Type) Has(v json.RawMessage) bool {
	var x any
	if json.Unmarshal(v, &x) != nil {
		return false
	}
	switch x.(type) {
	case bool:
		return t == Boolean || t == JSON
	case string:
		return t == String || t == JSON
	case float64:
		return t == Number || t == JSON
	}
	return t == JSON
}

func (t Type) describe() string {
	switch t {
	case Boolean:
		return "true or false"
	case JSON:
		return "JSON"
	}
	return "a " + string(t)
}

// variantOf names a value, if the definition has a name for it.
func (d Definition) variantOf(v json.RawMessage) string {
	for _, name := range sortedNames(d.Variants) {
		if cascade.Same(d.Variants[name], v) {
			return name
		}
	}
	return ""
}

func sortedNames(m map[string]json.RawMessage) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
