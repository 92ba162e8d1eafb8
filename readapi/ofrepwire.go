package readapi

import (
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/reeve-platform/reeve/domain"
)

// The error codes of OFREP.
const (
	parseError     = "PARSE_ERROR"
	invalidContext = "INVALID_CONTEXT"
	flagNotFound   = "FLAG_NOT_FOUND"
	generalError   = "GENERAL"
)

// An evaluation is the outcome for one flag. A value is always there: clients
// differ in what they make of an answer without one.
type evaluation struct {
	Key      string          `json:"key"`
	Value    json.RawMessage `json:"value"`
	Reason   string          `json:"reason"`
	Variant  string          `json:"variant,omitempty"`
	Metadata map[string]any  `json:"metadata,omitempty"`
}

// A refusal is an answer without a value. Clients want key and code in every
// one of them, whatever its status.
type refusal struct {
	status  int
	Key     string `json:"key,omitempty"`
	Code    string `json:"errorCode"`
	Details string `json:"errorDetails"`
}

// refused turns a failure into an answer that shows nothing of our insides.
func refused(err error) *refusal {
	switch domain.KindOf(plain(err)) {
	case domain.Unavailable:
		return &refusal{status: http.StatusServiceUnavailable, Code: generalError, Details: "flags cannot be evaluated just now; try again"}
	case domain.Unauthenticated:
		return &refusal{status: http.StatusUnauthorized, Code: generalError, Details: "this needs an access token or an API key"}
	case domain.Forbidden:
		return &refusal{status: http.StatusForbidden, Code: generalError, Details: "the caller may not evaluate flags"}
	}
	return &refusal{status: http.StatusInternalServerError, Code: generalError, Details: "the evaluation failed"}
}

// retryAfter is in whole seconds: one client reads nothing else.
const retryAfter = 1

func (f refusal) write(w http.ResponseWriter, key string) {
	f.Key = key
	if f.status == http.StatusServiceUnavailable || f.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", strconv.Itoa(retryAfter))
	}
	writeJSON(w, f.status, f)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"errorCode":"GENERAL","errorDetails":"the evaluation failed"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

func share(h http.Header) {
	h.Set("Access-Control-Allow-Origin", "*")
	h.Set("Access-Control-Expose-Headers", "ETag, Retry-After, RateLimit, RateLimit-Policy")
}

// crossOrigin lets web pages evaluate flags. The answer names no origin but
// "any", which browsers never combine with cookies.
func crossOrigin(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		share(h)
		if r.Method != http.MethodOptions {
			next.ServeHTTP(w, r)
			return
		}
		h.Set("Access-Control-Allow-Methods", "POST")
		h.Set("Access-Control-Allow-Headers", "Content-Type, Authorization, X-API-Key, If-None-Match")
		h.Set("Access-Control-Max-Age", "600")
		w.WriteHeader(http.StatusNoContent)
	})
}
