package edge

import (
	"cmp"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/reeve-platform/reeve/domain"
)

// document begins the OpenAPI document. Nothing of the library's own web pages
// and hooks is wanted: they load scripts from elsewhere and add members to answers.
func document(o Options) huma.Config {
	types := newTypes()
	problem := types.Schema(problemType, true, "Problem")
	return huma.Config{OpenAPI: &huma.OpenAPI{
		OpenAPI: "3.1.0",
		Info: &huma.Info{Title: "Reeve", Version: cmp.Or(o.Version, "dev"), License: &huma.License{Name: "Apache-2.0", Identifier: "Apache-2.0"},
			Description: "Commands answer with a receipt, queries with what is known; failures with problems (RFC 9457)."},
		Components: &huma.Components{Schemas: types, Parameters: requestHeaders(), Headers: limitHeaders(), Responses: problemResponses(problem)},
	}}
}

// operation describes a route. Schemas it needs are added to the document.
func (t *route) operation(doc *huma.OpenAPI) *huma.Operation {
	types := doc.Components.Schemas
	form := newForm(t.Input, types)
	op := &huma.Operation{
		OperationID: t.Name, Method: t.method, Path: t.path, Summary: t.Summary, Tags: []string{t.tag()},
		Parameters: t.described(form), RequestBody: t.bodyOf(form, types), Responses: t.responses(types),
		Extensions: map[string]any{"x-reeve-permission": t.Needs},
	}
	return op
}

// tag is the noun of the path, such as tenants in /v1/tenants/{tenant}.
func (t *route) tag() string {
	steps := strings.Split(strings.Trim(t.path, "/"), "/")
	return steps[min(1, len(steps)-1)]
}

func (t *route) described(form *Form) (params []*huma.Param) {
	for _, m := range form.Members {
		in := t.place(m)
		if in == "body" {
			continue
		}
		p := &huma.Param{Name: m.Name, In: in, Description: m.Doc, Required: in == "path" || m.Required, Schema: m.Schema}
		if m.Schema.Type == huma.TypeArray {
			p.Style, p.Explode = "form", new(bool)
		}
		if in == "path" {
			p.Example = example(form, m.Schema)
		}
		params = append(params, p)
	}
	for _, name := range t.headers() {
		params = append(params, &huma.Param{Ref: "#/components/parameters/" + name})
	}
	return params
}

func (t *route) headers() []string {
	if t.Writes {
		return []string{"Idempotency-Key", "If-Match", "Reeve-Preview", "Reeve-Reason", "X-Request-Id", "traceparent"}
	}
	return []string{scopeParameter, "Reeve-Min-Position", "Reeve-Reason", "X-Request-Id", "traceparent"}
}

// bodyOf is the input without what path and query string carry.
func (t *route) bodyOf(form *Form, types huma.Registry) *huma.RequestBody {
	body := &huma.Schema{Type: huma.TypeObject, AdditionalProperties: false, Properties: map[string]*huma.Schema{}}
	for _, m := range form.Members {
		if t.place(m) != "body" {
			continue
		}
		body.Properties[m.Name] = m.Schema
		if m.Required {
			body.Required = append(body.Required, m.Name)
		}
	}
	if len(body.Properties) == 0 {
		return nil
	}
	name := strings.ToUpper(t.Name[:1]) + t.Name[1:] + "Body"
	types.Map()[name] = body
	return &huma.RequestBody{Required: len(body.Required) > 0, Content: map[string]*huma.MediaType{
		"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/" + name}, Example: example(form, body)},
	}}
}

func (t *route) responses(types huma.Registry) map[string]*huma.Response {
	answer := &huma.Response{Description: t.Summary, Headers: t.answerHeaders(), Content: map[string]*huma.MediaType{
		"application/json": {Schema: types.Schema(t.Output, true, t.Name+"Answer")},
	}}
	all := map[string]*huma.Response{strconv.Itoa(t.success()): answer}
	for _, status := range t.failures() {
		all[strconv.Itoa(status)] = &huma.Response{Ref: "#/components/responses/" + problemName(status)}
	}
	return all
}

// failures are the statuses an operation may answer with; a question changes
// nothing, so nothing can be in its way.
func (t *route) failures() []int {
	var statuses []int
	for kind, o := range outcomes {
		if t.Writes || (kind != domain.Conflict && kind != domain.Stale && kind != domain.Locked) {
			statuses = append(statuses, o.Status)
		}
	}
	for code, status := range exact {
		if code != "method-not-allowed" {
			statuses = append(statuses, status)
		}
	}
	slices.Sort(statuses)
	return slices.Compact(statuses)
}

func (t *route) answerHeaders() map[string]*huma.Param {
	h := map[string]*huma.Param{
		"Reeve-Position": {Description: "Position of the write, or at which the answer was true.", Schema: &huma.Schema{Type: huma.TypeString, Pattern: "^[0-9]+$"}},
		"X-Request-Id":   {Description: "What the request is known by in our logs.", Schema: &huma.Schema{Type: huma.TypeString}},
	}
	maps.Copy(h, limitReferences())
	if t.Writes || t.Output.Implements(revisedType) {
		h["ETag"] = &huma.Param{Description: "Revision of the stream, for If-Match.", Schema: &huma.Schema{Type: huma.TypeString, Pattern: `^"[0-9]+"$`}}
	}
	return h
}

// limitHeaders tell a caller how much it may ask for.
func limitHeaders() map[string]*huma.Param {
	text := &huma.Schema{Type: huma.TypeString}
	return map[string]*huma.Param{
		"RateLimit":        {Description: "What is left of each limit (r), and in how many seconds all of it is there again (t).", Schema: text, Example: `"principal";r=998;t=1, "tenant";r=3990;t=1`},
		"RateLimit-Policy": {Description: "Each limit: so many requests (q) in so many seconds (w); draft-ietf-httpapi-ratelimit-headers-10.", Schema: text, Example: `"principal";q=1000;w=2, "tenant";q=4000;w=2`},
	}
}

func limitReferences() map[string]*huma.Param {
	all := map[string]*huma.Param{}
	for name := range limitHeaders() {
		all[name] = &huma.Param{Ref: "#/components/headers/" + name}
	}
	return all
}

// requestHeaders are the parameters that many operations take.
func requestHeaders() map[string]*huma.Param {
	all := map[string]*huma.Param{}
	add := func(name, doc string, s *huma.Schema) {
		s.Type = huma.TypeString
		all[name] = &huma.Param{Name: name, In: "header", Description: doc, Schema: s}
	}
	add("Idempotency-Key", "However often a request is repeated under one key, it has one effect.", &huma.Schema{MinLength: new(1), MaxLength: new(maxKey), Pattern: "^[ -~]+$"})
	add("If-Match", "Revision the caller decided on; refused with 412 if the stream has moved on.", &huma.Schema{Pattern: `^"[0-9]+"$`})
	add("Reeve-Preview", "Name of a preview of this command; refused with 409 preview-stale unless it still changes what was shown.", &huma.Schema{Pattern: preview.String()})
	add("Reeve-Reason", "Why, for auditors.", &huma.Schema{MaxLength: new(maxReason)})
	add("Reeve-Min-Position", "The answer must not be older than this position.", &huma.Schema{Pattern: "^[0-9]+$"})
	all[scopeParameter] = &huma.Param{Name: scopeParameter, In: "query", Description: "Look across all tenants: a right of its own, which needs a Reeve-Reason and is recorded.",
		Schema: &huma.Schema{Type: huma.TypeString, Enum: []any{string(domain.PlatformID)}}}
	add("X-Request-Id", "Name for the request; one is made if it is left out.", &huma.Schema{Pattern: requestID.String()})
	add("traceparent", "W3C trace context; its trace id becomes the correlation id.", &huma.Schema{Pattern: traceparent.String()})
	return all
}

func problemName(status int) string {
	return strings.ReplaceAll(http.StatusText(status), " ", "")
}

// problemResponses are the failures, by status.
func problemResponses(problem *huma.Schema) map[string]*huma.Response {
	all := map[string]*huma.Response{}
	statuses := slices.Collect(maps.Values(exact))
	for _, o := range outcomes {
		statuses = append(statuses, o.Status)
	}
	for _, status := range statuses {
		all[problemName(status)] = &huma.Response{Description: http.StatusText(status), Content: map[string]*huma.MediaType{
			"application/problem+json": {Schema: problem},
		}}
	}
	for _, o := range outcomes {
		if o.Retry {
			all[problemName(o.Status)].Headers = map[string]*huma.Param{
				"Retry-After": {Description: "Seconds to wait.", Schema: &huma.Schema{Type: huma.TypeInteger}},
			}
		}
	}
	maps.Copy(all[problemName(http.StatusTooManyRequests)].Headers, limitReferences())
	return all
}
