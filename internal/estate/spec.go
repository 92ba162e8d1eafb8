package estate

import (
	"encoding/json"
	"fmt"
	"strings"

	"gopkg.in/yaml.v3"
)

// kindNames lists the kinds in the order in which they are brought about.
const kindNames = "Integrator, Tenant, Quota, Segment, Flag, FeatureSet, FlagOverride, FeatureSetAssignment, ApprovalRule"

// specs makes an empty spec for each kind.
var specs = map[string]func() any{
	"Integrator":   func() any { return new(Integrator) },
	"Tenant":       func() any { return new(Tenant) },
	"Quota":        func() any { return new(Quota) },
	"Segment":      func() any { return new(Segment) },
	"Flag":         func() any { return new(Flag) },
	"FlagOverride": func() any { return new(FlagOverride) },

	"FeatureSet":           func() any { return new(FeatureSet) },
	"FeatureSetAssignment": func() any { return new(FeatureSetAssignment) },
	"ApprovalRule":         func() any { return new(ApprovalRule) },
}

// A Contact is a person to turn to.
type Contact struct {
	Name  string `yaml:"name" json:"name"`
	Email string `yaml:"email" json:"email"`
	Phone string `yaml:"phone,omitempty" json:"phone,omitempty"`
	Role  string `yaml:"role" json:"role"`
}

// An Integrator is named by its business name.
type Integrator struct {
	Kind           string    `yaml:"kind"`
	PartnerID      string    `yaml:"partnerId,omitempty"`
	OnboardingDate string    `yaml:"onboardingDate,omitempty"` // a day or an instant
	Status         string    `yaml:"status,omitempty"`         // registered, active or stopped; registered if left out
	Reason         string    `yaml:"reason,omitempty"`         // of a stop
	Contacts       []Contact `yaml:"contacts,omitempty"`
}

// A Tenant is named by its slug.
type Tenant struct {
	Name       string    `yaml:"name"`
	Kind       string    `yaml:"kind"`
	Integrator string    `yaml:"integrator,omitempty"` // business name; "direct" if left out
	Status     string    `yaml:"status,omitempty"`     // created, active, suspended or archived; created if left out
	Causes     []string  `yaml:"causes,omitempty"`     // of suspension
	Contacts   []Contact `yaml:"contacts,omitempty"`
}

// A Quota is named <meter>@<slug of the tenant>.
type Quota struct {
	Limit       int64  `yaml:"limit" json:"limit"`
	Period      string `yaml:"period,omitempty" json:"period,omitempty"`
	Enforcement string `yaml:"enforcement,omitempty" json:"enforcement,omitempty"`
	Warn        []int  `yaml:"warn,omitempty,flow" json:"warn,omitempty"`
}

// A Segment is named by its key.
type Segment struct {
	Description string    `yaml:"description,omitempty"` // of a new one; it stays what it is
	Included    []string  `yaml:"included,omitempty"`
	Excluded    []string  `yaml:"excluded,omitempty"`
	Any         yaml.Node `yaml:"any,omitempty"` // groups of conditions
}

// A Flag is named by its key.
type Flag struct {
	Type        string               `yaml:"type"`
	Default     yaml.Node            `yaml:"default"`
	Off         yaml.Node            `yaml:"off,omitempty"`
	Variants    map[string]yaml.Node `yaml:"variants,omitempty"`
	Mode        string               `yaml:"mode,omitempty"`
	Description string               `yaml:"description,omitempty"`
	Owner       string               `yaml:"owner,omitempty"`
	Tags        []string             `yaml:"tags,omitempty,flow"`
	Exposed     bool                 `yaml:"exposed,omitempty"`
	Levels      []string             `yaml:"levels,omitempty,flow"`
	Optional    bool                 `yaml:"optional,omitempty"`
	Expires     string               `yaml:"expires,omitempty"` // a day
	State       string               `yaml:"state,omitempty"`   // draft, active, deprecated or killed; draft if left out

	Prerequisites yaml.Node `yaml:"prerequisites,omitempty"` // stay what they are if left out
}

// A FlagOverride is named <key>@<node>, where the node is platform,
// integrator:<business name>, tenant:<slug> or user:<id>@<slug of the home tenant>.
type FlagOverride struct {
	Value      yaml.Node `yaml:"value,omitempty"`
	Variant    string    `yaml:"variant,omitempty"`
	Rules      yaml.Node `yaml:"rules,omitempty"`
	Split      yaml.Node `yaml:"split,omitempty"`
	ValidFrom  string    `yaml:"validFrom,omitempty"`
	ValidUntil string    `yaml:"validUntil,omitempty"`
	Locked     bool      `yaml:"locked,omitempty"`
	Reason     string    `yaml:"reason,omitempty"`
}

// A FeatureSet is named by its key.
type FeatureSet struct {
	Description string    `yaml:"description,omitempty"` // of a new one; it stays what it is
	Features    yaml.Node `yaml:"features"`
}

// A FeatureSetAssignment is named <key>@<node>, where the node is as in the name of an
// override. A node keeps the edition that it was given.
type FeatureSetAssignment struct {
	Own string `yaml:"own,omitempty"` // what becomes of overrides that the node has already: keep or replace
}

// An ApprovalRule is named by its node, which is as in the name of an override.
type ApprovalRule struct {
	Approvals int  `yaml:"approvals"`
	Below     bool `yaml:"below,omitempty"`
}

// value gives a YAML value as JSON; nil where the file says nothing.
func value(n yaml.Node) (json.RawMessage, error) {
	if n.Kind == 0 {
		return nil, nil
	}
	var v any
	if err := n.Decode(&v); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}

// YAML gives a JSON value as YAML; nothing if there is none. Most JSON is YAML and stays
// as it is written; what is not, such as escaped surrogates, is written anew.
func YAML(raw json.RawMessage) (n yaml.Node) {
	if len(raw) == 0 {
		return n
	}
	if err := yaml.Unmarshal(raw, &n); err == nil && len(n.Content) == 1 {
		return *n.Content[0]
	}
	var v any
	var anew yaml.Node
	if json.Unmarshal(raw, &v) == nil && anew.Encode(v) == nil {
		return anew
	}
	return yaml.Node{}
}

// A place is the node that a name ends with.
type place struct {
	level, name, home string
}

// split takes a name apart at its first @.
func split(name string) (before, after string, err error) {
	before, after, found := strings.Cut(name, "@")
	if !found || before == "" || after == "" {
		return "", "", fmt.Errorf("must read <what>@<where>")
	}
	return before, after, nil
}

// placeOf reads the node of an override's name.
func placeOf(s string) (place, error) {
	level, rest, _ := strings.Cut(s, ":")
	name, home, _ := strings.Cut(rest, "@")
	p := place{level, name, home}
	switch {
	case s == "platform":
		return place{level: "platform"}, nil
	case (level == "integrator" || level == "tenant") && rest != "":
		return place{level: level, name: rest}, nil
	case level == "user" && name != "" && home != "":
		return p, nil
	}
	return p, fmt.Errorf("must end in platform, integrator:<business name>, tenant:<slug> or user:<id>@<slug>")
}
