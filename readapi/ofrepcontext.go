package readapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/flag"
)

// Limits of what an evaluation may be asked with.
const (
	maxContextBytes = 64 << 10
	maxContextDepth = 16
)

// A subject is whom a flag is evaluated for, as an evaluation context names it.
// No names at all mean the platform.
type subject struct {
	flag.Context
	Named     domain.TenantID // by id
	Slug      string          // or by slug
	Under     domain.IntegratorID
	canonical []byte // the whole context, in one spelling; as long as nobody needs it nil
}

// bind makes a caller that is bound to one tenant or integrator ask for that, where
// the context names no tenant: what it names cannot be somebody else's anyway.
func (s *subject) bind(scope domain.Scope) {
	if s.Named != "" || s.Slug != "" || len(scope.Paths) != 1 {
		return
	}
	_, below, _ := strings.Cut(scope.Paths[0], "/") // the platform
	integrator, below, deep := strings.Cut(below, "/")
	tenant, _, _ := strings.Cut(below, "/")
	switch {
	case deep:
		s.Named = domain.TenantID(tenant)
	case integrator != "" && s.Under == "":
		s.Under = domain.IntegratorID(integrator)
	}
}

// readSubject reads the body of an evaluation request.
func readSubject(r *http.Request) (subject, *refusal) {
	body, err := readBody(r)
	switch {
	case errors.Is(err, errLong):
		return subject{}, wrongContext("the context is larger than 64 KiB")
	case err != nil:
		return subject{}, &refusal{status: http.StatusBadRequest, Code: parseError, Details: "the body could not be read"}
	case deeper(body, maxContextDepth+1):
		return subject{}, wrongContext("the context is nested more than %d levels deep", maxContextDepth)
	}
	if attributes, ok := flat(string(body)); ok {
		return subjectOf(attributes)
	}
	var ask struct {
		Context map[string]any `json:"context"`
	}
	if len(bytes.TrimSpace(body)) > 0 {
		err = json.Unmarshal(body, &ask)
	}
	if wrong, ok := errors.AsType[*json.UnmarshalTypeError](err); ok && wrong.Field == "context" {
		return subject{}, wrongContext("the context must be an object")
	}
	if err != nil {
		return subject{}, &refusal{status: http.StatusBadRequest, Code: parseError, Details: "the body is not a JSON object with a context"}
	}
	return subjectOf(ask.Context)
}

var errLong = errors.New("longer than a context may be")

// readBody reads what may be sent. How long it is is mostly told before.
func readBody(r *http.Request) ([]byte, error) {
	if r.ContentLength > maxContextBytes {
		return nil, errLong
	}
	if r.ContentLength >= 0 {
		body := make([]byte, r.ContentLength)
		_, err := io.ReadFull(r.Body, body)
		return body, err
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, maxContextBytes+1))
	if err == nil && len(body) > maxContextBytes {
		err = errLong
	}
	return body, err
}

func subjectOf(attributes map[string]any) (subject, *refusal) {
	if attributes == nil {
		attributes = map[string]any{}
	}
	s := subject{Context: flag.Context{Attributes: attributes}}
	for _, name := range [...]string{"tenantId", "integratorId", "targetingKey"} {
		value, ok := attributes[name]
		if !ok || value == nil || value == "" {
			continue
		}
		if text, ok := value.(string); !ok || !s.name(name, text) {
			return subject{}, wrongContext("%s is not an id", name)
		}
	}
	return s, nil
}

// name takes one attribute of the context, and reports whether it can be one.
func (s *subject) name(attribute, value string) bool {
	id, ok := version4(value)
	switch attribute {
	case "tenantId":
		if ok {
			s.Named = domain.TenantID(id)
			return true
		}
		s.Slug = strings.ToLower(value)
		return !strings.ContainsRune(value, 0)
	case "integratorId":
		s.Under = domain.IntegratorID(id)
		return ok
	}
	s.Key = value
	if ok { // any targeting key may be one; only ids can be users of ours
		s.User = domain.UserID(id)
	}
	return true
}

// version4 is the usual spelling of a random UUID.
func version4(s string) (string, bool) {
	id, err := uuid.Parse(s)
	return strings.ToLower(s), err == nil && len(s) == 36 && id.Version() == 4
}

func wrongContext(format string, args ...any) *refusal {
	return &refusal{status: http.StatusBadRequest, Code: invalidContext, Details: fmt.Sprintf(format, args...)}
}

// deeper reports whether JSON is nested more than most levels deep.
func deeper(raw []byte, most int) bool {
	depth, quoted := 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			if depth++; depth > most {
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
}
