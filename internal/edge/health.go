package edge

import (
	"context"
	"net/http"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/domain"
)

// Checks is how a server is doing.
type Checks struct {
	Checks      []Check      `json:"checks"`
	Projections []Projection `json:"projections"`
}

// A Check is one thing the server needs. Detail says what is wrong; it is shown
// to strangers.
type Check struct {
	Name   string `json:"name"`
	OK     bool   `json:"ok"`
	Detail string `json:"detail,omitempty"`
}

// A Projection is how far one read model is.
type Projection struct {
	Name       string  `json:"name"`
	State      string  `json:"state"`
	Position   uint64  `json:"position"`   // up to which it has read the log
	Head       uint64  `json:"head"`       // of the log
	Lag        int64   `json:"lag"`        // events not yet applied
	LagSeconds float64 `json:"lagSeconds"` // age of the oldest of these
	Error      string  `json:"error,omitempty"`
}

// Ready reports whether every check is fine. A projection that lags does not
// make a server unfit: readers who need its latest state wait for it.
func (c Checks) Ready() bool {
	for _, check := range c.Checks {
		if !check.OK {
			return false
		}
	}
	return true
}

// healthTimeout is how long checks may take; a probe gives up soon after.
const healthTimeout = 2 * time.Second

// outside reports whether a path is one of [Health], which no limit holds up:
// whoever watches a server must see it most when it is busy.
func outside(path string) bool { return path == "/livez" || path == "/readyz" }

// Health serves /livez, which says that the process answers and nothing else,
// and /readyz, which asks checks and answers 503 if one of them is not fine.
func Health(r chi.Router, checks func(context.Context) Checks) {
	r.Get("/livez", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	r.Get("/readyz", func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
		defer cancel()
		c, status, word := checks(ctx), http.StatusOK, "ready"
		if !c.Ready() {
			status, word = AnswerTo(domain.Unavailable).Status, "unready"
		}
		w.Header().Set("Content-Type", "application/json")
		writeJSON(w, status, struct {
			Status string `json:"status"`
			Checks
		}{word, c})
	})
}
