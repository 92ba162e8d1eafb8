package flag

import (
	"encoding/json"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// Update changes what a definition says; what is left out stays as it is. The
// type is for ever: stored overrides and callers rely on it. So is the mode, once
// the flag has left the draft.
type Update struct {
	Flag        Key                        `json:"flag" path:"flag" doc:"The flag."`
	Default     json.RawMessage            `json:"default,omitempty" doc:"Value where no node says otherwise."`
	Off         json.RawMessage            `json:"off,omitempty" doc:"Value while it is off."`
	Variants    map[string]json.RawMessage `json:"variants,omitempty" doc:"All names for values."`
	Mode        *cascade.Mode              `json:"mode,omitempty" enum:"replace,merge,append,restrict" doc:"How the values of several levels combine; only while it is a draft."`
	Description *string                    `json:"description,omitempty" maxLength:"2000" doc:"What it is for."`
	Owner       *string                    `json:"owner,omitempty" maxLength:"200" doc:"Who answers for it."`
	Tags        []string                   `json:"tags,omitempty" maxItems:"50" doc:"All words to find it by."`
	Exposed     *bool                      `json:"exposed,omitempty" doc:"Whether clients outside the platform may see it."`
	Levels      []domain.Level             `json:"levels,omitempty" maxItems:"4" doc:"All levels at which it may be overridden."`
	Optional    *bool                      `json:"optional,omitempty" doc:"Whether integrators and tenants may opt in and out; who has done so stays so."`
	Expires     *string                    `json:"expires,omitempty" maxLength:"10" doc:"Day by which nobody should need it any more, such as 2027-03-31; an empty text for none."`
}

// Updated: the definition says After.
type Updated struct {
	Flag   Key        `json:"flag"`
	Before Definition `json:"before"`
	After  Definition `json:"after"`
}

// Change gives both definitions.
func (e Updated) Change() (before, after any) { return e.Before, e.After }

// ErrModeFixed: overrides were decided under the mode.
var ErrModeFixed = &domain.Error{Kind: domain.Conflict, Code: "mode-fixed", Detail: "the mode can change only while the flag is a draft"}

// Stream names the flag's history.
func (c Update) Stream() domain.StreamID { return Stream(c.Flag) }

// Decide applies the rule.
func (c Update) Decide(f Flag, _ domain.Meta) ([]domain.Event, error) {
	if f.Status == StatusAbsent || f.Status == StatusArchived {
		return nil, f.refused("updated")
	}
	after, err := c.over(f.Definition).complete()
	switch {
	case err != nil:
		return nil, err
	case after.Mode != f.Definition.Mode && f.Status != StatusDraft:
		return nil, ErrModeFixed
	case after.equal(f.Definition):
		return nil, nil
	}
	return []domain.Event{Updated{c.Flag, f.Definition, after}}, nil
}

// over is the definition with what the command says.
func (c Update) over(d Definition) Definition {
	set(&d.Default, c.Default, c.Default != nil)
	set(&d.Off, c.Off, c.Off != nil)
	set(&d.Variants, c.Variants, c.Variants != nil)
	set(&d.Tags, c.Tags, c.Tags != nil)
	set(&d.Levels, c.Levels, c.Levels != nil)
	replace(&d.Mode, c.Mode)
	replace(&d.Description, c.Description)
	replace(&d.Owner, c.Owner)
	replace(&d.Exposed, c.Exposed)
	replace(&d.Optional, c.Optional)
	replace(&d.Expires, c.Expires)
	return d
}

func set[T any](dst *T, v T, given bool) {
	if given {
		*dst = v
	}
}

func replace[T any](dst, v *T) {
	if v != nil {
		*dst = *v
	}
}
