package flag

import (
	"encoding/json"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
)

// Define makes a flag known, as a draft that evaluates off until it is activated.
type Define struct {
	Key         Key                        `json:"key" pattern:"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$" doc:"Name of the flag, for ever."`
	Type        Type                       `json:"type" enum:"boolean,string,number,json" doc:"What its values are, for ever."`
	Default     json.RawMessage            `json:"default" doc:"Value where no node says otherwise."`
	Off         json.RawMessage            `json:"off,omitempty" doc:"Value while it is off; false, an empty text, 0 or null if left out."`
	Variants    map[string]json.RawMessage `json:"variants,omitempty" doc:"Names for values."`
	Mode        cascade.Mode               `json:"mode,omitempty" enum:"replace,merge,append,restrict" doc:"How the values of several levels combine; replace if left out."`
	Description string                     `json:"description,omitempty" maxLength:"2000" doc:"What it is for."`
	Owner       string                     `json:"owner,omitempty" maxLength:"200" doc:"Who answers for it."`
	Tags        []string                   `json:"tags,omitempty" maxItems:"50" doc:"Words to find it by."`
	Exposed     bool                       `json:"exposed,omitempty" doc:"Whether clients outside the platform may see it."`
	Levels      []domain.Level             `json:"levels,omitempty" maxItems:"4" doc:"Levels at which it may be overridden; all if left out."`
	Optional    bool                       `json:"optional,omitempty" doc:"Whether integrators and tenants may opt in and out."`
	Expires     string                     `json:"expires,omitempty" format:"date" doc:"Day by which nobody should need it any more; it is stale from then on, and comes to what it came to."`
}

// Defined: the flag is known, and off everywhere.
type Defined struct {
	Flag       Key        `json:"flag"`
	Definition Definition `json:"definition"`
}

// Change gives what came into being.
func (e Defined) Change() (before, after any) { return nil, e.Definition }

// Stream names the flag's history.
func (c Define) Stream() domain.StreamID { return Stream(c.Key) }

// Named ignores the id: a flag is named by its key.
func (c Define) Named(uuid.UUID) Define { return c }

// Chosen is the key.
func (c Define) Chosen() string { return string(c.Key) }

// Decide applies the rule.
func (c Define) Decide(f Flag, _ domain.Meta) ([]domain.Event, error) {
	if f.Status != StatusAbsent {
		return nil, f.refused("defined again")
	}
	if !keyGrammar.MatchString(string(c.Key)) {
		return nil, ErrKey.At("/key", "1 to 128 of A-Z, a-z, 0-9 and ._-")
	}
	d, err := Definition{c.Type, c.Default, c.Off, c.Variants, c.Mode, c.Description, c.Owner, c.Tags, c.Exposed, c.Levels, c.Optional, c.Expires}.complete()
	if err != nil {
		return nil, err
	}
	return []domain.Event{Defined{c.Key, d}}, nil
}
