package logserver

import (
	"encoding/json"
	"slices"
	"strings"

	"google.golang.org/grpc/codes"
)

var errLasting = refuse(codes.PermissionDenied, "this log is append-only: the stream cannot be deleted, truncated or let expire", "exception", "access-denied")

// lasting keeps history whole: nobody may delete, truncate or let expire a
// stream, administrators included, except system streams and those with one of
// the prefixes. Nil allows everything.
type lasting struct{ except []string }

// keeps refuses a write after which readers would see less than before.
func (l *lasting) keeps(w *write) error {
	if l == nil {
		return nil
	}
	stream, meta := metaTarget(w.stream)
	switch {
	case l.excepts(stream):
		return nil
	case w.action != appendEvents:
		return errLasting
	case meta && slices.ContainsFunc(w.events, limits):
		return errLasting
	}
	return nil
}

func (l *lasting) excepts(stream string) bool {
	return strings.HasPrefix(stream, "$") || slices.ContainsFunc(l.except, func(prefix string) bool {
		return strings.HasPrefix(stream, prefix)
	})
}

// limits says whether metadata hides events: from readers here, or from one that
// is less exact about names, as the standard decoder is.
func limits(p proposal) bool {
	var loose retention
	if json.Unmarshal(p.data, &loose) == nil && loose != (retention{}) {
		return true
	}
	return parseRetention(p.data) != retention{}
}
