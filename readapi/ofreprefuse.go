package readapi

import (
	"net/http"
	"strings"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

// RefuseOFREP answers with err in the shape that OpenFeature clients expect, for
// everything that is refused with an error. Web pages may read it, as they may
// read evaluations.
func RefuseOFREP(w http.ResponseWriter, r *http.Request, err error) {
	share(w.Header(), exposed)
	no := &refusal{status: http.StatusInternalServerError, Code: generalError, Details: "the evaluation failed"}
	if told := edge.Told(err); told.Kind != domain.Internal {
		no = &refusal{status: edge.OutcomeOf(err).Status, Code: generalError, Details: told.Detail}
	}
	if key, one := strings.CutPrefix(r.URL.Path, "/ofrep/v1/evaluate/flags/"); one {
		no.Key = key
	}
	writeJSON(w, no.status, no)
}

// unseen refuses a context that names what the caller cannot see: in the words for what
// is not there, and on the record, unless the caller sees everything there is.
func unseen(r *http.Request, s domain.Scope) *refusal {
	if !s.All() {
		edge.Refusal{Err: domain.ErrNodeNotFound, Hidden: true, Operation: evaluating}.Report(r)
	}
	return wrongContext("the context names a tenant or integrator that does not exist")
}
