package auth

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

// A refusal is an error answer of RFC 6749 section 5.2. The statuses are that
// document's, not those of the rest of the product.
type refusal struct {
	status int
	Code   string        `json:"error"`
	Detail string        `json:"error_description,omitempty"`
	basic  bool          // the client should prove itself with Basic
	wait   time.Duration // before trying again
	cause  error         // for the record of refusals; nil for mistakes
}

var (
	refuseClient      = &refusal{status: http.StatusUnauthorized, Code: "invalid_client", Detail: "the client is not known, or did not prove who it is", basic: true, cause: errLogin}
	refuseGrantType   = &refusal{status: http.StatusBadRequest, Code: "unsupported_grant_type", Detail: "the grant type is client_credentials"}
	refuseScope       = &refusal{status: http.StatusBadRequest, Code: "invalid_scope", Detail: "the client does not have all of these scopes", cause: ErrScope}
	refuseToken       = &refusal{status: http.StatusBadRequest, Code: "invalid_grant", Detail: "the token was not issued to this client", cause: edge.ErrForbidden}
	refuseNow         = &refusal{status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Detail: "try again later", wait: time.Second}
	refuseMore        = &refusal{status: http.StatusServiceUnavailable, Code: "temporarily_unavailable", Detail: "too many tokens of the client are revoked; wait until some have expired, or disable the client", wait: time.Minute, cause: edge.ErrRateLimited}
	refuseUnpermitted = &refusal{status: http.StatusBadRequest, Code: "unauthorized_client", Detail: "the client cannot be used for the time being"}
)

func badRequest(detail string) *refusal {
	return &refusal{status: http.StatusBadRequest, Code: "invalid_request", Detail: detail}
}

func tooOften(wait time.Duration) *refusal { return limited(wait, "too many failed attempts") }

func limited(wait time.Duration, detail string) *refusal {
	return &refusal{status: http.StatusTooManyRequests, Code: "temporarily_unavailable", Detail: detail, wait: wait, cause: edge.ErrRateLimited}
}

// refusedBy words an error of the product.
func refusedBy(err error) *refusal {
	switch domain.KindOf(err) {
	case domain.Unavailable, domain.Internal, domain.Exhausted:
		return refuseNow
	}
	no := *refuseUnpermitted
	no.cause = err
	return &no
}

// errLogin: a client did not prove who it is.
var errLogin = errors.New("a client did not prove who it is")

// report tells of a refusal, and of the client that was named, proven or not.
func (f *refusal) report(r *http.Request, h holder) {
	if f.cause == nil {
		return
	}
	no := edge.Refusal{Err: f.cause, Home: h.node}
	if h.id != "" {
		no.Actor = domain.Actor{ID: h.id, Type: Service}
	}
	no.Report(r)
}

func (f *refusal) write(w http.ResponseWriter) {
	if f.basic {
		w.Header().Set("WWW-Authenticate", `Basic realm="reeve", charset="UTF-8"`)
	}
	if f.wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int((f.wait+time.Second-1)/time.Second)))
	}
	answer(w, f.status, f)
}

// answer writes what must not be kept by anybody on the way.
func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Cache-Control", "no-store")
	w.Header().Set("Pragma", "no-cache")
	writeJSON(w, status, body)
}

func writeJSON(w http.ResponseWriter, status int, body any) {
	b, err := json.Marshal(body)
	if err != nil {
		status, b = http.StatusInternalServerError, []byte(`{"error":"server_error"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_, _ = w.Write(b)
}

// maxForm is more than any form of these endpoints takes.
const maxForm = 32 << 10

// formOf reads a form. No parameter may be there twice (RFC 6749 section 3.2),
// and none counts that stands in the address, where logs would keep it.
func formOf(w http.ResponseWriter, r *http.Request) (url.Values, *refusal) {
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	if r.URL.RawQuery != "" {
		return nil, badRequest("parameters belong into the body")
	}
	if err := r.ParseForm(); err != nil || len(r.Header.Values("Content-Type")) != 1 {
		return nil, badRequest("the body is not a form")
	}
	for _, values := range r.PostForm {
		if len(values) != 1 {
			return nil, badRequest("a parameter is there twice")
		}
	}
	return r.PostForm, nil
}
