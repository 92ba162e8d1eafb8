package main

import (
	"bufio"
	"context"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/evaluation/v1/evaluationv1connect"
	v1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v1"
	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/structpb"

	"github.com/reeve-platform/reeve/domain"
)

// A lodger evaluates flags with a client of flagd.
type lodger struct {
	*manor
	evaluationv1connect.ServiceClient
	as string
}

// flagd is a client in one of the protocols that clients of flagd speak: gRPC, in
// plaintext, over HTTP/2 from the first byte on; Connect over HTTP/1.1.
func (m *manor) flagd(as string, overGRPC bool) lodger {
	m.t.Helper()
	speaks, o := &http.Protocols{}, []connect.ClientOption{}
	speaks.SetHTTP1(!overGRPC)
	speaks.SetUnencryptedHTTP2(overGRPC)
	if overGRPC {
		o = append(o, connect.WithGRPC())
	}
	way := &http.Transport{Protocols: speaks}
	m.t.Cleanup(way.CloseIdleConnections)
	return lodger{m, evaluationv1connect.NewServiceClient(&http.Client{Transport: way}, m.url, o...), as}
}

// defined defines flags and activates them, and returns when they are evaluated.
func (m *manor) defined(flags map[string]string) {
	m.t.Helper()
	for key, definition := range flags {
		m.do("POST", "/v1/flags", fmt.Sprintf(`{"key":%q,%s}`, key, definition))
		m.seen(m.do("POST", "/v1/flags/"+key+"/activate", ""))
	}
}

// seen waits until evaluations know of a fact.
func (m *manor) seen(r domain.Receipt) {
	m.t.Helper()
	if err := m.mirror.Await(m.t.Context(), r.Position); err != nil {
		m.t.Fatal(err)
	}
}

func (m *manor) about(attributes map[string]any) *structpb.Struct {
	m.t.Helper()
	s, err := structpb.NewStruct(attributes)
	if err != nil {
		m.t.Fatal(err)
	}
	return s
}

// asked is a request with the credentials in its header.
func asked[T any](as string, message *T) *connect.Request[T] {
	r := connect.NewRequest(message)
	if name, value, _ := strings.Cut(as, ": "); value != "" {
		r.Header().Set(name, value)
	} else if as != "" {
		r.Header().Set("Authorization", as)
	}
	return r
}

func (l lodger) boolean(key string, attributes map[string]any) (*v1.ResolveBooleanResponse, error) {
	l.t.Helper()
	r, err := l.ResolveBoolean(l.t.Context(), asked(l.as, &v1.ResolveBooleanRequest{FlagKey: key, Context: l.about(attributes)}))
	if err != nil {
		return nil, err
	}
	return r.Msg, nil
}

// Both doors have one answer, in either protocol, but for the word for what is static.
func TestFlagdAnswersAsOFREPDoes(t *testing.T) {
	m := newManor(t)
	m.defined(map[string]string{
		"text": `"type":"string","default":"a","variants":{"first":"a"}`, "count": `"type":"number","default":7`, "share": `"type":"number","default":0.5`,
		"shape": `"type":"json","default":{"a":[1,null,"x"]}`, "list": `"type":"json","default":[1]`,
	})
	m.seen(m.do("PUT", "/v1/nodes/"+m.mine["tenant"]+"/flags/text", `{"value":"b","rules":[{"name":"gold","when":[{"attribute":"plan","op":"in","values":["gold"]}],"value":"c"}]}`))
	tenant := m.mine["tenant"]
	for _, attributes := range []map[string]any{{"tenantId": tenant}, {"tenantId": tenant, "plan": "gold"}, {"targetingKey": m.mine["user"]}} {
		for _, overGRPC := range []bool{true, false} {
			l := m.flagd(m.callers["tenant"], overGRPC)
			got, err := l.ResolveAll(t.Context(), asked(l.as, &v1.ResolveAllRequest{Context: m.about(attributes)}))
			if err != nil {
				t.Fatal(err)
			}
			want := m.remotely(l.as, attributes)
			for key, w := range want {
				if _, list := w["value"].([]any); list {
					delete(want, key) // which the protocol has no word for
				}
			}
			if !slices.Equal(slices.Sorted(maps.Keys(want)), slices.Sorted(maps.Keys(got.Msg.GetFlags()))) {
				t.Errorf("%v: %v, want %v", attributes, got.Msg, want)
			}
			for key, f := range got.Msg.GetFlags() {
				if w := fmt.Sprint(want[key]); fmt.Sprint(anyOf(f)) != w {
					t.Errorf("%v: %s is %v, want %v", attributes, key, anyOf(f), w)
				}
			}
		}
	}
}

// remotely is what OFREP answers, with the reason that flagd is to give.
func (m *manor) remotely(as string, attributes map[string]any) map[string]map[string]any {
	m.t.Helper()
	body := m.about(map[string]any{"context": attributes})
	text, err := body.MarshalJSON()
	if err != nil {
		m.t.Fatal(err)
	}
	_, _, b := m.ask(as, probe{method: "POST", path: "/ofrep/v1/evaluate/flags", body: string(text)})
	var all struct{ Flags []map[string]any }
	decode(m.t, b, &all)
	found := map[string]map[string]any{}
	for _, f := range all.Flags {
		key := f["key"].(string)
		delete(f, "key")
		if f["reason"] == "STATIC" {
			f["reason"] = "DEFAULT"
		}
		if f["variant"] == nil {
			f["variant"] = "value"
		}
		found[key] = f
	}
	return found
}

func anyOf(f *v1.AnyFlag) map[string]any {
	var v any
	switch value := f.GetValue().(type) {
	case *v1.AnyFlag_BoolValue:
		v = value.BoolValue
	case *v1.AnyFlag_StringValue:
		v = value.StringValue
	case *v1.AnyFlag_DoubleValue:
		v = value.DoubleValue
	case *v1.AnyFlag_ObjectValue:
		v = value.ObjectValue.AsMap()
	}
	return map[string]any{"value": v, "reason": f.GetReason(), "variant": f.GetVariant(), "metadata": f.GetMetadata().AsMap()}
}

// Official providers (of JavaScript and PHP at least) give the caller's own default when
// an answer has no variant and the reason DEFAULT or DISABLED.
func TestFlagdAnswersHaveAVariant(t *testing.T) {
	m := newManor(t)
	l := m.flagd(m.callers["tenant"], true)
	for _, then := range []string{"", "/v1/flags/probe-flag/kill"} {
		if then != "" {
			m.do("POST", then, "")
		}
		r, err := l.boolean("probe-flag", nil)
		if err != nil {
			t.Fatal(err)
		}
		if r.GetVariant() == "" {
			t.Errorf("after %q: value %v, reason %s, and no variant: clients give their own default", then, r.GetValue(), r.GetReason())
		}
	}
}

// Each type is asked for by a call of its own, and a value is never made into another.
func TestFlagdKeepsTypesApart(t *testing.T) {
	m := newManor(t)
	m.defined(map[string]string{
		"yes": `"type":"boolean","default":true`, "text": `"type":"string","default":"a"`, "count": `"type":"number","default":7`, "share": `"type":"number","default":0.5`,
		"huge": `"type":"number","default":1e300`, "shape": `"type":"json","default":{"a":1}`, "list": `"type":"json","default":[1]`, "nothing": `"type":"json","default":null`,
	})
	l := m.flagd(m.callers["tenant"], true)
	calls := map[string]func(string) (any, error){
		"boolean": func(key string) (any, error) {
			r, err := l.ResolveBoolean(t.Context(), asked(l.as, &v1.ResolveBooleanRequest{FlagKey: key}))
			return valued(r, err, (*v1.ResolveBooleanResponse).GetValue)
		},
		"string": func(key string) (any, error) {
			r, err := l.ResolveString(t.Context(), asked(l.as, &v1.ResolveStringRequest{FlagKey: key}))
			return valued(r, err, (*v1.ResolveStringResponse).GetValue)
		},
		"float": func(key string) (any, error) {
			r, err := l.ResolveFloat(t.Context(), asked(l.as, &v1.ResolveFloatRequest{FlagKey: key}))
			return valued(r, err, (*v1.ResolveFloatResponse).GetValue)
		},
		"int": func(key string) (any, error) {
			r, err := l.ResolveInt(t.Context(), asked(l.as, &v1.ResolveIntRequest{FlagKey: key}))
			return valued(r, err, (*v1.ResolveIntResponse).GetValue)
		},
		"object": func(key string) (any, error) {
			r, err := l.ResolveObject(t.Context(), asked(l.as, &v1.ResolveObjectRequest{FlagKey: key}))
			return valued(r, err, func(r *v1.ResolveObjectResponse) any { return r.GetValue().AsMap() })
		},
	}
	fits := map[string]string{
		"boolean yes": "true", "string text": "a", "float count": "7", "float share": "0.5", "float huge": "1e+300", "int count": "7", "object shape": "map[a:1]",
	}
	for call, ask := range calls {
		for _, key := range []string{"yes", "text", "count", "share", "huge", "shape", "list", "nothing"} {
			got, err := ask(key)
			want, fit := fits[call+" "+key]
			if fit && (err != nil || fmt.Sprint(got) != want) {
				t.Errorf("%s of %s: %v %v, want %s", call, key, got, err, want)
			}
			if !fit && (connect.CodeOf(err) != connect.CodeInvalidArgument || !strings.Contains(err.Error(), "TYPE_MISMATCH")) {
				t.Errorf("%s of %s: %v %v", call, key, got, err)
			}
		}
	}
}

func valued[R, V any](r *connect.Response[R], err error, value func(*R) V) (any, error) {
	if err != nil {
		return nil, err
	}
	return value(r.Msg), nil
}

// What is refused over OFREP is refused here, with the codes that clients of flagd know.
func TestFlagdRefuses(t *testing.T) {
	m := newManor(t)
	for _, c := range []struct {
		name, as, key string
		about         map[string]any
		code          connect.Code
		says          string
	}{
		{"a stranger", "", "probe-flag", nil, connect.CodeUnauthenticated, "GENERAL"},
		{"garbage", m.callers["garbage"], "probe-flag", nil, connect.CodeUnauthenticated, "GENERAL"},
		{"somebody suspended", m.callers["suspended"], "probe-flag", nil, connect.CodePermissionDenied, "GENERAL"},
		{"no such flag", m.callers["tenant"], "nonesuch", nil, connect.CodeNotFound, "FLAG_NOT_FOUND"},
		{"another's tenant", m.callers["tenant"], "probe-flag", map[string]any{"tenantId": m.theirs["tenant"]}, connect.CodeFailedPrecondition, "INVALID_CONTEXT"},
		{"a tenant that is none", m.callers["tenant"], "probe-flag", map[string]any{"tenantId": 7}, connect.CodeFailedPrecondition, "INVALID_CONTEXT"},
		{"a large context", m.callers["tenant"], "probe-flag", map[string]any{"a": strings.Repeat("x", 80<<10)}, connect.CodeResourceExhausted, "larger"},
	} {
		for _, overGRPC := range []bool{true, false} {
			_, err := m.flagd(c.as, overGRPC).boolean(c.key, c.about)
			if connect.CodeOf(err) != c.code || err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("%s, gRPC %v: %v, want %v", c.name, overGRPC, err, c.code)
			}
		}
	}
}

// The client that most of the world has, and an API key in place of a token.
func TestFlagdTalksToGRPC(t *testing.T) {
	m := newManor(t)
	way, err := grpc.NewClient(strings.TrimPrefix(m.url, "http://"), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = way.Close() }()
	secret := m.do("POST", "/v1/nodes/"+m.mine["tenant"]+"/api-keys", `{"name":"door","permissions":["flag:evaluate"]}`).Secret
	ask := func(header ...string) (*v1.ResolveBooleanResponse, error) {
		ctx, r := metadata.AppendToOutgoingContext(t.Context(), header...), &v1.ResolveBooleanResponse{}
		return r, way.Invoke(ctx, evaluationv1connect.ServiceResolveBooleanProcedure, &v1.ResolveBooleanRequest{FlagKey: "probe-flag"}, r)
	}
	if r, err := ask("authorization", "Bearer "+secret); err != nil || !r.GetValue() || r.GetReason() != "DEFAULT" {
		t.Errorf("as a bearer: %v %v", r, err)
	}
	if r, err := ask("x-api-key", secret); err != nil || !r.GetValue() {
		t.Errorf("as a key: %v %v", r, err)
	}
	if _, err := ask(); status.Code(err) != codes.Unauthenticated {
		t.Errorf("a stranger: %v", err)
	}
	err = way.Invoke(t.Context(), "/flagd.evaluation.v1.Service/Nonesuch", &v1.ResolveBooleanRequest{}, &v1.ResolveBooleanResponse{})
	if status.Code(err) != codes.Unauthenticated {
		t.Errorf("a stranger who guesses: %v", err)
	}
}

// happened reads events until one that is no sign of life; false if the stream ends.
func happened(t *testing.T, s *connect.ServerStreamForClient[v1.EventStreamResponse]) (kind string, flags []string, ok bool) {
	t.Helper()
	for s.Receive() {
		if e := s.Msg(); e.GetType() != "keep_alive" {
			named, _ := e.GetData().AsMap()["flags"].(map[string]any)
			return e.GetType(), slices.Sorted(maps.Keys(named)), true
		}
	}
	return "", nil, false
}

// A stream says that it is there, names what may have become another at the place of
// its caller and nothing else, and ends with the right.
func TestFlagdTellsWhatChanges(t *testing.T) {
	m := newManor(t)
	for _, overGRPC := range []bool{true, false} {
		tenant := m.mine["tenant"]
		key := m.do("POST", "/v1/nodes/"+tenant+"/api-keys", `{"name":"stream","permissions":["flag:evaluate"]}`)
		l := m.flagd("Bearer "+key.Secret, overGRPC)
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
		defer cancel()
		s, err := l.EventStream(ctx, asked(l.as, &v1.EventStreamRequest{}))
		if err != nil {
			t.Fatal(err)
		}
		expect := func(what, kind, flags string) {
			t.Helper()
			if got, named, ok := happened(t, s); !ok || got != kind || fmt.Sprint(named) != flags {
				t.Fatalf("%s: %q %v %v %v, want %q %s", what, got, named, ok, s.Err(), kind, flags)
			}
		}
		expect("at first", "provider_ready", "[]")
		m.do("PUT", "/v1/nodes/"+m.theirs["tenant"]+"/flags/probe-flag", fmt.Sprintf(`{"value":%v}`, overGRPC))
		m.do("PUT", "/v1/nodes/"+tenant+"/flags/probe-flag", `{"value":false}`)
		expect("an override", "configuration_change", "[probe-flag]")
		if r, err := l.boolean("probe-flag", nil); err != nil || r.GetValue() {
			t.Errorf("after it: %v %v", r, err)
		}
		soon := time.Now().Add(1500 * time.Millisecond).UTC().Format(time.RFC3339Nano)
		m.do("PUT", "/v1/nodes/"+tenant+"/flags/probe-flag", fmt.Sprintf(`{"value":true,"validUntil":%q}`, soon))
		expect("another for a while", "configuration_change", "[probe-flag]")
		expect("the end of it", "configuration_change", "[probe-flag]")
		m.do("POST", "/v1/flags/probe-flag/kill", "")
		expect("a kill", "configuration_change", "[probe-flag]")
		m.do("POST", "/v1/flags/probe-flag/revive", "")
		expect("its end", "configuration_change", "[probe-flag]")
		m.do("POST", "/v1/nodes/"+tenant+"/api-keys/"+key.ID+"/revoke", "")
		if kind, named, ok := happened(t, s); ok {
			t.Errorf("a revoked key is told %s %v", kind, named)
		}
		if connect.CodeOf(s.Err()) != connect.CodeUnavailable { // Node's provider comes again after an error only
			t.Errorf("the stream ends with %v", s.Err())
		}
		_ = s.Close()
	}
}

// Streams outlive every deadline of the server while nothing happens, in each protocol;
// those of OFREP and the feed do over HTTP/2, too.
func TestFlagdStaysWithWhoeverIsQuiet(t *testing.T) {
	m := newManor(t)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	var open []*connect.ServerStreamForClient[v1.EventStreamResponse]
	for _, overGRPC := range []bool{true, false} {
		l := m.flagd(m.callers["tenant"], overGRPC)
		s, err := l.EventStream(ctx, asked(l.as, &v1.EventStreamRequest{}))
		if err != nil {
			t.Fatal(err)
		}
		open = append(open, s)
	}
	speaks := &http.Protocols{}
	speaks.SetUnencryptedHTTP2(true)
	way := &http.Transport{Protocols: speaks}
	defer way.CloseIdleConnections()
	read := func(path string) *http.Response {
		r, err := http.NewRequestWithContext(ctx, "GET", m.url+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Authorization", m.callers["tenant"])
		page, err := way.RoundTrip(r)
		if err != nil {
			t.Fatal(err)
		}
		return page
	}
	pages := map[string]*http.Response{ // by what they say although nothing happens
		":":    read(m.bulk(m.callers["tenant"], m.mine["tenant"], "", "", "").EventStreams[0].Endpoint.RequestURI),
		"id: ": read("/v1/stream"),
	}
	for _, s := range open {
		for _, want := range []string{"provider_ready", "keep_alive", "keep_alive"} {
			if !s.Receive() || s.Msg().GetType() != want {
				t.Errorf("%v %v, want %s", s.Msg(), s.Err(), want)
			}
		}
		_ = s.Close()
	}
	for sign, page := range pages {
		signs := 0
		for lines := bufio.NewScanner(page.Body); signs < 2 && lines.Scan(); {
			if text := lines.Text(); text == sign || sign != ":" && strings.HasPrefix(text, sign) {
				signs++
			}
		}
		if _ = page.Body.Close(); page.ProtoMajor != 2 || signs != 2 {
			t.Errorf("%d signs of life (%q) over %s", signs, sign, page.Proto)
		}
	}
}
