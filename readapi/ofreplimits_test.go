package readapi_test

import (
	"bytes"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/edgetest"
	"github.com/reeve-platform/reeve/readapi"
)

// A lodge knows everybody by "Authorization: name tenant".
type lodge struct{}

type lodger struct {
	edgetest.Guard
	tenant domain.NodeID
}

func (l lodger) Tenant() domain.NodeID { return l.tenant }

func (lodge) Admit(r *http.Request) (edge.Caller, error) {
	name, tenant, ok := strings.Cut(r.Header.Get("Authorization"), " ")
	if !ok {
		return nil, edge.ErrUnauthenticated
	}
	return lodger{edgetest.Guard{As: domain.Actor{ID: name}}, domain.NodeID(tenant)}, nil
}

// Whoever is refused is told so as on every other surface, in the words of the
// protocol, and leaves a line in the log and a name in the record.
func TestOFREPHoldsToTheLimitsOfTheEdge(t *testing.T) {
	var lines bytes.Buffer
	var refused []string
	source := &readapi.Source{Flags: flag.NewBook(), Access: access.NewModel()}
	now := time.Unix(0, 0)
	r := chi.NewRouter()
	edge.REST(r, edge.Options{
		Logger: slog.New(slog.NewTextHandler(&lines, nil)), Guard: lodge{},
		Refused: func(f edge.Refusal) { refused = append(refused, f.Operation) },
		Limits: edge.Limits{
			Principal: edge.Rate{PerSecond: 0.5, Burst: 2}, Tenant: edge.Rate{PerSecond: 0.25, Burst: 3}, Now: func() time.Time { return now },
		},
		Dialects: map[string]edge.Dialect{"/ofrep/": readapi.RefuseOFREP},
	})
	readapi.MountOFREP(r, source, edge.ScopeOf(domain.FlagEvaluate), time.Now)
	const often = `{"key":"colour","errorCode":"GENERAL","errorDetails":"too many requests; Retry-After says when to try again"}`
	for i, step := range []struct {
		as, want, retry, challenge, body string
	}{
		{"ann x", "404", "", "", ""},
		{"ann x", "404", "", "", ""},
		{"ann x", "429 rate-limited", "2", "", often}, // of her own
		{"bob x", "404", "", "", ""},
		{"bob x", "429 rate-limited", "4", "", often}, // of the tenant's
		{"cyd y", "404", "", "", ""},
		{"", "401 unauthenticated", "", "Bearer", `{"key":"colour","errorCode":"GENERAL","errorDetails":"this needs an access token or an API key"}`},
	} {
		lines.Reset()
		refused = nil
		q := httptest.NewRequest("POST", "/ofrep/v1/evaluate/flags/colour", strings.NewReader("{}"))
		if step.as != "" {
			q.Header.Set("Authorization", step.as)
		}
		w := httptest.NewRecorder()
		r.ServeHTTP(w, q)
		status, code, no := strings.Cut(step.want, " ")
		if fmt.Sprint(w.Code) != status || w.Header().Get("Retry-After") != step.retry || w.Header().Get("WWW-Authenticate") != step.challenge || no && w.Body.String() != step.body {
			t.Errorf("step %d, %s: %d %s %v", i+1, step.as, w.Code, w.Body, w.Header())
		}
		if no != strings.Contains(lines.String(), "code="+code) || no != (fmt.Sprint(refused) == "[POST /ofrep/v1/evaluate/flags]") {
			t.Errorf("step %d, %s: refused %q, logged %q", i+1, step.as, refused, &lines)
		}
	}
}
