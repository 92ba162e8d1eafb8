package graph

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/99designs/gqlgen/graphql"
	"github.com/vektah/gqlparser/v2/gqlerror"

	"github.com/reeve-platform/reeve/internal/edge"
)

// A response is the body of an answer (June 2018, section 7.1). A document that
// was not executed has no data, not even null.
type response struct {
	Errors     gqlerror.List   `json:"errors,omitempty"`
	Data       json.RawMessage `json:"data,omitempty"`
	Extensions map[string]any  `json:"extensions,omitempty"`
}

// graphqlResponse is the media type whose status codes speak of the document.
const graphqlResponse = "application/graphql-response+json"

// respond writes a response. The position is in the header, as for REST, and in
// the extensions, for clients that do not show headers.
func (v *visit) respond(w http.ResponseWriter, res *graphql.Response) {
	kind, status, body := "application/json", http.StatusOK, response{Errors: res.Errors, Data: res.Data}
	if strings.Contains(v.r.Header.Get("Accept"), graphqlResponse) {
		kind = graphqlResponse
		if body.Data == nil && len(body.Errors) > 0 {
			status, _ = body.Errors[0].Extensions["status"].(int)
		}
	}
	h := w.Header()
	if at := v.reached(); at > 0 {
		h.Set("Reeve-Position", strconv.FormatUint(at, 10))
		body.Extensions = map[string]any{"position": at}
	}
	b, err := json.Marshal(body)
	if err != nil {
		edge.Refuse(w, v.r, err)
		return
	}
	h.Set("Content-Type", kind)
	h.Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = w.Write(append(b, '\n'))
}
