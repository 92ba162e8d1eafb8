package flag

import (
	"fmt"
	"strings"

	"github.com/reeve-platform/reeve/domain"
)

// Archive takes the flag out of use. Its key stays reserved.
type Archive struct {
	Flag Key `json:"flag" path:"flag" doc:"The flag."`
}

// Archived: the flag is not found any more; its key stays reserved.
type Archived struct {
	Flag Key    `json:"flag"`
	From Status `json:"from"`
}

// Change gives both statuses.
func (e Archived) Change() (before, after any) { return e.From, StatusArchived }

// Stream names the flag's history.
func (c Archive) Stream() domain.StreamID { return Stream(c.Flag) }

// Reads names the history of which flags depend on which. A flag that comes to
// depend on this one meanwhile is off: its prerequisite cannot be found.
func (c Archive) Reads(Flag) []domain.StreamID { return []domain.StreamID{GraphStream} }

// namedDependants is how many flags a refusal names.
const namedDependants = 20

func (f Flag) dependantNames() string {
	all := names(sortedKeys(f.dependants))
	if others := len(all) - namedDependants; others > 0 {
		all = append(all[:namedDependants], fmt.Sprintf("and %d others", others))
	}
	return strings.Join(all, ", ")
}

// Decide applies the rule.
func (c Archive) Decide(f Flag, _ domain.Meta) ([]domain.Event, error) {
	switch f.Status {
	case StatusArchived:
		return nil, nil
	case StatusActive:
		return nil, ErrDeprecateFirst
	case StatusDraft, StatusDeprecated:
		if names := f.dependantNames(); names != "" {
			return nil, ErrHasDependants.With("these flags depend on it: " + names)
		}
		return []domain.Event{Archived{c.Flag, f.Status}}, nil
	}
	return nil, f.refused("archived")
}
