package edge

import (
	"context"
	"net/http"
	"sync"
	"time"

	"github.com/go-chi/chi/v5"

	"github.com/reeve-platform/reeve/domain"
)

// Checks is how a server is doing.
type Checks struct {
	Checks      []Check      `json:"checks,omitempty"`
	Projections []Projection `json:"projections,omitempty"`
	FlagsAge    *float64     `json:"flagsAgeSeconds,omitempty"` // since flags were last known to be all that is in the log
}

// A Check is one thing the server needs. Detail says what is wrong.
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

// healthKept is for how long an answer to strangers is good: asking is not free.
const healthKept = time.Second

// outside reports whether a request is one for [Health] that names nobody, which no
// limit holds up: whoever watches a server must see it most when it is busy.
func outside(r *http.Request) bool {
	return (r.URL.Path == "/livez" || r.URL.Path == "/readyz") && r.Header.Get("Authorization") == "" && r.Header.Get("X-API-Key") == ""
}

// An Insight is how much somebody may know of how a server is doing.
type Insight struct {
	Position uint64 // the newest in the log; 0 if it is not told
	All      bool   // every check and every projection, as of now
}

// Health serves /livez, which says that the process answers and nothing else,
// and /readyz, which answers 503 if one of the checks is not fine, and nothing else
// either, unless whoever asks has more insight. They are asked at most once a second
// for all who have not. A nil insight is for an address that no stranger reaches.
func Health(r chi.Router, checks func(context.Context) Checks, insight func(*http.Request) Insight) {
	if insight == nil {
		insight = func(*http.Request) Insight { return Insight{All: true} }
	}
	kept := &lately{ask: checks}
	r.Get("/livez", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		writeJSON(w, http.StatusOK, map[string]string{"status": "alive"})
	})
	r.Get("/readyz", func(w http.ResponseWriter, r *http.Request) {
		status, word, more := http.StatusOK, "ready", insight(r)
		var c Checks
		if more.All {
			ctx, cancel := context.WithTimeout(r.Context(), healthTimeout)
			defer cancel()
			c = checks(ctx)
		}
		if fine := more.All && c.Ready() || !more.All && kept.ready(); !fine {
			status, word = AnswerTo(domain.Unavailable).Status, "unready"
		}
		w.Header().Set("Content-Type", "application/json")
		writeJSON(w, status, struct {
			Status   string `json:"status"`
			Position uint64 `json:"position,omitempty"`
			Checks
		}{word, more.Position, c})
	})
}

// lately is how a server was doing a moment ago.
type lately struct {
	ask  func(context.Context) Checks
	mu   sync.Mutex
	at   time.Time
	fine bool
}

// ready asks if nobody has of late. Whoever comes meanwhile waits for the answer,
// which is not that of one request, and does not end with one.
func (l *lately) ready() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if time.Since(l.at) >= healthKept {
		ctx, cancel := context.WithTimeout(context.Background(), healthTimeout)
		defer cancel()
		l.fine = l.ask(ctx).Ready()
		l.at = time.Now()
	}
	return l.fine
}
