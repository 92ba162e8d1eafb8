package access

import (
	"slices"

	"github.com/reeve-platform/reeve/domain"
)

// A Meaning is a role that a key was found to stand for, and what it let its holders
// do at that moment.
type Meaning struct {
	Ref
	Permissions domain.Permissions
}

// Meant are the roles that the author of a command was found to be allowed to give.
// That is found out by a model, and decided by the history; between the two, somebody
// above may define a mightier role of the same key. Nil if nobody had to be asked.
type meant []Meaning

// ErrRoleMoved: what was checked is not what would have been recorded.
var ErrRoleMoved = &domain.Error{Kind: domain.Conflict, Code: "role-changed", Detail: "the role was changed while the request was checked; try again"}

func (m meant) has(r Ref, d Definition) bool {
	return m == nil || slices.Contains(m, Meaning{r, d.Permissions})
}
