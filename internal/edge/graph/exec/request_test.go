package exec

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/edgetest"
	"github.com/reeve-platform/reeve/readapi"
)

const suspend = `mutation($in: SuspendTenantInput!) { suspendTenant(input: $in) { revision position events } }`

func TestAMutationIsTheCommandThatRESTWouldSend(t *testing.T) {
	s := newStand(t)
	headers := []string{"Idempotency-Key: k1", `If-Match: "3"`, "Reeve-Reason: late", "Reeve-Min-Position: 7", "X-Request-Id: r1"}
	s.send(t, "POST", "/v1/tenants/"+acme+"/suspend", `{"cause":"billing","note":"two \u00e9"}`, headers...)
	s.post(t, `mutation { suspendTenant(input: {note: "two é", tenant: "`+acme+`", cause: "billing"}) { revision } }`, nil, headers...)
	s.post(t, suspend, map[string]any{"in": map[string]any{"tenant": acme, "cause": "billing", "note": "two é"}}, headers...)
	if len(s.asked) != 3 {
		t.Fatal("calls:", len(s.asked))
	}
	for _, got := range s.asked[1:] {
		if diff := cmp.Diff(s.asked[0], got, cmp.AllowUnexported(asked{})); diff != "" {
			t.Error(diff)
		}
	}
	if s.asked[0].Meta.Fingerprint == "" || !s.asked[0].Keyed || *s.asked[0].IfMatch != 3 {
		t.Errorf("%+v", s.asked[0])
	}
}

func TestNumbersKeepTheirDigits(t *testing.T) {
	s := newStand(t)
	s.send(t, "PUT", "/v1/tenants/"+acme+"/quotas/users", `{"limit":9007199254740993,"warn":[50,80]}`, "Idempotency-Key: k")
	s.post(t, `mutation { changeQuota(input: {tenant: "`+acme+`", meter: "users", limit: 9007199254740993, warn: [50, 80]}) { revision } }`, nil, "Idempotency-Key: k")
	s.post(t, `mutation($in: ChangeQuotaInput!) { changeQuota(input: $in) { revision } }`,
		map[string]any{"in": map[string]any{"tenant": acme, "meter": "users", "limit": int64(9007199254740993), "warn": []int{50, 80}}}, "Idempotency-Key: k")
	if len(s.asked) != 3 {
		t.Fatal("calls:", len(s.asked))
	}
	for _, got := range s.asked[1:] {
		if got.Meta.Fingerprint != s.asked[0].Meta.Fingerprint {
			t.Errorf("%+v", got.input)
		}
	}
}

func TestArgumentsGoBeforeHeaders(t *testing.T) {
	s := newStand(t)
	s.post(t, `mutation { suspendTenant(input: {tenant: "`+acme+`", cause: "billing"}, idempotencyKey: "mine", ifMatch: "5") { revision } }`, nil,
		"Idempotency-Key: k1", `If-Match: "3"`)
	if got := s.asked[0]; got.Meta.CommandID != "mine" || *got.IfMatch != 5 {
		t.Errorf("%+v", got.Request)
	}
}

func TestSeveralMutationsUnderOneKeyAreToldApart(t *testing.T) {
	s := newStand(t)
	two := `mutation { a: suspendTenant(input: {tenant: "` + acme + `", cause: "billing"}) { revision }
		b: suspendTenant(input: {tenant: "` + acme + `", cause: "policy"}) { revision } }`
	s.post(t, two, nil, "Idempotency-Key: k1")
	if s.asked[0].Meta.CommandID != "k1/a" || s.asked[1].Meta.CommandID != "k1/b" {
		t.Errorf("%+v", s.asked)
	}
	if got := s.post(t, two, nil, `If-Match: "3"`); got.code() != "shared-if-match" || len(got.Errors) != 2 {
		t.Errorf("%+v", got.Errors)
	}
	s.post(t, two, nil)
	if s.asked[2].Meta.CommandID == s.asked[3].Meta.CommandID || s.asked[2].Keyed {
		t.Error("without a key, each has one of its own")
	}
}

func TestTheSameMistakeHasTheSameCode(t *testing.T) {
	for name, c := range map[string]struct{ tenant, cause, code string }{
		"an id of another version": {"6f9619ff-8b86-1011-b42d-00c04fc964ff", `"billing"`, "invalid-id"},
		"a cause nobody knows":     {acme, `"weather"`, "invalid-request"},
		"a cause that is a number": {acme, `5`, "invalid-request"},
		"a cause that is a list":   {acme, `["billing","policy"]`, "invalid-request"},
		"a member nobody knows":    {acme, `"billing","ghost":1`, "invalid-request"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			rest := s.send(t, "POST", "/v1/tenants/"+c.tenant+"/suspend", `{"cause":`+c.cause+`}`)
			literal := s.post(t, `mutation { suspendTenant(input: {tenant: "`+c.tenant+`", cause: `+strings.Replace(c.cause, `"ghost"`, "ghost", 1)+`}) { revision } }`, nil)
			variable := s.send(t, "POST", "/graphql", `{"query":"`+suspend+`","variables":{"in":{"tenant":"`+c.tenant+`","cause":`+c.cause+`}}}`)
			if rest.code() != c.code || literal.code() != c.code || variable.code() != c.code {
				t.Errorf("want %s, got %s, %+v, %+v", c.code, rest.code(), literal.Errors, variable.Errors)
			}
			if strings.Contains(fmt.Sprint(literal, variable), "weather") {
				t.Error("a message repeats what was sent")
			}
			if len(s.asked) > 0 {
				t.Error("the command has run")
			}
		})
	}
}

func TestMissingMembersHaveTheSameCode(t *testing.T) {
	s := newStand(t)
	for _, got := range []reply{
		s.send(t, "POST", "/v1/tenants/"+acme+"/suspend", `{}`),
		s.post(t, `mutation { suspendTenant(input: {tenant: "`+acme+`"}) { revision } }`, nil),
		s.post(t, `mutation { suspendTenant { revision } }`, nil),
		s.post(t, suspend, map[string]any{"in": map[string]any{"tenant": acme}}),
		s.post(t, suspend, nil),
	} {
		if got.code() != edge.ErrInvalidRequest.Code {
			t.Errorf("%+v", got.Errors)
		}
	}
}

func TestNullIsLeftOut(t *testing.T) {
	s := newStand(t)
	s.post(t, suspend, map[string]any{"in": map[string]any{"tenant": acme, "cause": "billing", "note": nil}})
	s.post(t, `mutation($note: String) { suspendTenant(input: {tenant: "`+acme+`", cause: "billing", note: $note}) { revision } }`, nil)
	want := tenant.Suspend{Tenant: acme, Cause: "billing"}
	for _, got := range s.asked {
		if got.input != want {
			t.Errorf("%+v", got.input)
		}
	}
	if len(s.asked) != 2 {
		t.Error("calls:", len(s.asked))
	}
}

func TestALoneItemIsAList(t *testing.T) {
	s := newStand(t)
	got := s.post(t, `{ node(node: "platform", include: "children") { id } }`, nil)
	if len(s.asked) != 1 {
		t.Fatalf("%+v", got)
	}
}

func TestDocumentsThatAreNotExecuted(t *testing.T) {
	id := `tenant: "` + acme + `"`
	for name, c := range map[string]struct{ query, code string }{
		"not GraphQL":          {`{ tenant(`, "invalid-graphql"},
		"no document":          {``, "invalid-graphql"},
		"a field nobody knows": {`{ tenants { itemz { id } } }`, "invalid-graphql"},
		"too many words":       {`{` + strings.Repeat(" __typename", 2100) + `}`, "graphql-too-long"},
		"too many operations":  {`{` + aliases(21, `tenant(`+id+`) { id }`) + `}`, "graphql-too-costly"},
		"lists in lists":       {`{ integrators(limit: 200) { items { tenants { id quotas { meter } } } } }`, "graphql-too-costly"},
		"one name too often":   {`{` + strings.Repeat(" __typename", 1900) + `}`, "graphql-too-costly"},
		"introspection again":  {`{ __schema {` + aliases(100, "types { name }") + `} }`, "graphql-too-costly"},
		"a fragment bomb":      {bomb(), "graphql-too-costly"},
		"a fragment cycle":     {`{ tenant(` + id + `) { ...a } } fragment a on Tenant { integrator { tenants { ...a } } }`, "invalid-graphql"},
		"a number of 80 bits":  {`{ tenants(limit: 99999999999999999999) { next } }`, "invalid-request"},
		"a number without end": {`mutation { defineFlag(input: {key: "k", type: "json", default: 1e999}) { revision } }`, "invalid-request"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStand(t)
			got := s.post(t, c.query, nil, "Accept: application/graphql-response+json")
			if got.code() != c.code || len(s.asked) > 0 {
				t.Errorf("%+v, %d calls", got.Errors, len(s.asked))
			}
			if got.status < 400 || got.status >= 500 || got.Data != nil {
				t.Error("status", got.status)
			}
			if got := s.post(t, c.query, nil); got.status != 200 || got.code() != c.code {
				t.Error("as application/json:", got.status, got.code())
			}
		})
	}
}

func aliases(n int, field string) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, " f%d: %s", i, field)
	}
	return b.String()
}

// bomb has 2^20 fields once it is written out.
func bomb() string {
	var b strings.Builder
	b.WriteString(`{ tenants { items { ...f0 } } }`)
	for i := range 20 {
		fmt.Fprintf(&b, " fragment f%d on Tenant { a%d: id ...f%d ...f%d }", i, i, i+1, i+1)
	}
	b.WriteString(" fragment f20 on Tenant { id }")
	return b.String()
}

func TestTransport(t *testing.T) {
	get := func(query string) string { return "/graphql?query=" + url.QueryEscape(query) }
	for name, c := range map[string]struct {
		method, path, body, header string
		status                     int
		code                       string
	}{
		"a query by GET":           {"GET", get(`{ node(node: "platform") { id } }`), "", "", 200, "internal"}, // the stand answers a receipt
		"variables by GET":         {"GET", get(`query($n: ID!) { node(node: $n) { id } }`) + "&variables=" + url.QueryEscape(`{"n":"nowhere"}`), "", "", 200, "invalid-id"},
		"a mutation by GET":        {"GET", get(`mutation { suspendTenant(input: {tenant: "x", cause: "y"}) { revision } }`), "", "", 405, "method-not-allowed"},
		"a body that is no JSON":   {"POST", "/graphql", `{`, "", 400, "malformed-json"},
		"a member twice":           {"POST", "/graphql", `{"query":"","query":""}`, "", 400, "malformed-json"},
		"a batch":                  {"POST", "/graphql", `[{"query":"{__typename}"}]`, "", 400, "malformed-json"},
		"a body of another type":   {"POST", "/graphql", `{}`, "Content-Type: text/plain", 415, "unsupported-media-type"},
		"a body that is too large": {"POST", "/graphql", `{"query":"` + strings.Repeat(" ", 256<<10) + `"}`, "", 413, "payload-too-large"},
		"a wrong header":           {"POST", "/graphql", `{"query":"{__typename}"}`, "Reeve-Min-Position: soon", 400, "invalid-position"},
	} {
		t.Run(name, func(t *testing.T) {
			var headers []string
			if c.header != "" {
				headers = append(headers, c.header)
			}
			got := newStand(t).send(t, c.method, c.path, c.body, headers...)
			if got.status != c.status || got.code() != c.code {
				t.Errorf("%d %s %+v", got.status, got.code(), got.Errors)
			}
		})
	}
}

// An auditor may look across all tenants, and see of them what its permissions are for.
type auditor struct {
	edgetest.Guard
	held domain.Permissions
}

func (a auditor) Admit(*http.Request) (edge.Caller, error) { return a, nil }

func (a auditor) May(all domain.Permissions, _ domain.NodeID) error {
	if !a.held.Has(all) {
		return edge.ErrForbidden
	}
	return nil
}

func TestRelationsAcrossAllTenantsNeedTheirOwnPermissions(t *testing.T) {
	for _, c := range []struct {
		held   domain.Permissions
		code   string
		quotas []int
	}{
		{domain.PermissionsOf(domain.TenantRead, domain.PlatformReadAll), "forbidden", nil},
		{domain.PermissionsOf(domain.TenantRead, domain.QuotaRead), "forbidden", nil},
		{domain.PermissionsOf(domain.TenantRead, domain.QuotaRead, domain.PlatformReadAll), "", []int{1}},
	} {
		s := newStand(t, func(o *edge.Options) { o.Guard = auditor{held: c.held} })
		s.answers["tenants"] = edge.Answer{Body: readapi.List[readapi.Tenant]{Items: []readapi.Tenant{row(acme)}}, Position: 40}
		got := s.send(t, "POST", "/graphql?scope=platform", `{"query":"{tenants{items{slug quotas{limit}}}}"}`, "Reeve-Reason: audit")
		if diff := cmp.Diff(c.quotas, s.loads["quotas"]); got.code() != c.code || diff != "" {
			t.Errorf("%v: %+v %s", c.held.List(), got.Errors, diff)
		}
	}
}

// A document that is refused costs as much as five, and says at most 20 times why.
func TestARefusedDocumentIsNoBargain(t *testing.T) {
	now := time.Unix(0, 0)
	s := newStand(t, func(o *edge.Options) {
		o.Limits = edge.Limits{Principal: edge.Rate{PerSecond: 1, Burst: 12}, Now: func() time.Time { return now }}
	})
	for i, want := range []struct {
		code   string
		errors int
	}{{"invalid-graphql", 20}, {"invalid-graphql", 20}, {"rate-limited", 1}} {
		got := s.post(t, "{"+aliases(90, "nowhere")+"}", nil)
		if got.code() != want.code || len(got.Errors) != want.errors {
			t.Errorf("%d: %d errors, %s", i, len(got.Errors), got.code())
		}
	}
}

func TestIntrospectionCanBeClosed(t *testing.T) {
	for _, c := range []struct {
		closed bool
		query  string
		code   string
	}{
		{false, "{__schema{queryType{name}}}", ""},
		{false, `{__type(name:"Tenant"){name}}`, ""},
		{true, "{__schema{queryType{name}}}", "introspection-closed"},
		{true, `{...a} fragment a on Query {__type(name:"Tenant"){name}}`, "introspection-closed"},
		{true, "{__typename}", ""},
	} {
		s := newStand(t, func(o *edge.Options) { o.Opaque = func(edge.Caller) bool { return c.closed } })
		if got := s.post(t, c.query, nil); got.code() != c.code || (got.Data == nil) != (c.code != "") {
			t.Errorf("%v, %s: %s %s", c.closed, c.query, got.code(), got.Data)
		}
	}
}

// A document is given up when its time is over.
func TestADocumentHasItsTime(t *testing.T) {
	s := newStand(t, func(o *edge.Options) { o.Timeout = time.Nanosecond })
	s.answers["tenants"] = context.DeadlineExceeded
	s.late = true
	if got := s.post(t, "{tenants{next}}", nil); got.code() != "timeout" {
		t.Errorf("%+v", got.Errors)
	}
}
