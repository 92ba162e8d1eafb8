package edge_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/edgetest"
)

func TestWhatIsARefusal(t *testing.T) {
	for name, c := range map[string]struct {
		err  error
		want bool
	}{
		"nobody":              {edge.ErrUnauthenticated, true},
		"not permitted":       {edge.ErrForbidden, true},
		"too often":           {edge.ErrRateLimited, true},
		"not there":           {domain.ErrTenantNotFound, false},
		"a full log":          {domain.ErrLogFull, false},
		"another quota":       {&domain.Error{Kind: domain.Exhausted, Code: "x"}, false},
		"a fault of ours":     {errors.New("x"), false},
		"a word that is none": {edge.ErrMalformedJSON, false},
	} {
		if _, got := edge.RefusalOf(c.err); got != c.want {
			t.Errorf("%s: %v", name, got)
		}
	}
}

// A suspect is named by its credential and not let in.
type suspect struct{ edgetest.Guard }

func (s suspect) Admit(*http.Request) (edge.Caller, error) { return s.Guard, edge.ErrForbidden }

func TestARefusalIsToldWithWhatIsKnown(t *testing.T) {
	who := domain.Actor{ID: "ada", Type: "user"}
	var told []edge.Refusal
	r := chi.NewRouter()
	edge.REST(r, edge.Options{Guard: suspect{edgetest.Guard{As: who}}, Refused: func(f edge.Refusal) { told = append(told, f) }})
	r.Get("/things/{thing}", func(w http.ResponseWriter, r *http.Request) {
		caller, err := edge.CallerOf(r)
		if caller != nil {
			t.Error("let in")
		}
		edge.Refuse(w, r, err)
	})
	q := httptest.NewRequest("GET", "/things/secret?secret=1", nil)
	q.RemoteAddr = "192.0.2.7:1234"
	r.ServeHTTP(httptest.NewRecorder(), q)
	r.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest("GET", "/nothing/here", nil))
	if len(told) != 1 || told[0].Actor != who || told[0].Operation != "GET /things/{thing}" || told[0].Source.String() != "192.0.2.7" || !errors.Is(told[0].Err, edge.ErrForbidden) {
		t.Errorf("%+v", told)
	}
}
