package projections

import (
	"strings"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
)

// subject is the id that a stream of the category is about; empty for other
// streams. What is no id cannot be the key of a row either: somebody else may
// write streams of that name into the same log.
func subject(r domain.Recorded, category string) string {
	id, ok := strings.CutPrefix(string(r.Stream), category)
	if !ok || len(id) != 36 || uuid.Validate(id) != nil || id != strings.ToLower(id) {
		return ""
	}
	return id
}
