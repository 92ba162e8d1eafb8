package main

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/evaluation/v2/evaluationv2connect"
	v1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v1"
	v2 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/evaluation/v2"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	"connectrpc.com/connect"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/reeve-platform/reeve/readapi"
)

// speakers are clients of the second version, by the protocol that they speak.
func (m *manor) speakers() map[string]evaluationv2connect.ServiceClient {
	way := func(http2 bool) *http.Client {
		speaks := &http.Protocols{}
		speaks.SetHTTP1(!http2)
		speaks.SetUnencryptedHTTP2(http2)
		t := &http.Transport{Protocols: speaks}
		m.t.Cleanup(t.CloseIdleConnections)
		return &http.Client{Transport: t}
	}
	return map[string]evaluationv2connect.ServiceClient{
		"gRPC":             evaluationv2connect.NewServiceClient(way(true), m.url, connect.WithGRPC()),
		"gRPC-Web":         evaluationv2connect.NewServiceClient(way(false), m.url, connect.WithGRPCWeb()),
		"Connect":          evaluationv2connect.NewServiceClient(way(false), m.url),
		"Connect, in JSON": evaluationv2connect.NewServiceClient(way(false), m.url, connect.WithProtoJSON()),
	}
}

// Clients of the second version take an answer without a value for none, and give their
// own default: whatever a flag comes to is there, also where it is false, 0 or "".
func TestFlagdSaysWhatIsNothing(t *testing.T) {
	m := newManor(t)
	m.defined(map[string]string{"no": `"type":"boolean","default":false`, "empty": `"type":"string","default":""`, "zero": `"type":"number","default":0`, "bare": `"type":"json","default":{}`})
	as, ctx := m.callers["tenant"], t.Context()
	for name, c := range m.speakers() {
		told := func(r proto.Message, err error) {
			t.Helper()
			if err != nil {
				t.Errorf("%s: %v", name, err)
				return
			}
			fields, said := r.ProtoReflect().Descriptor().Fields(), r.ProtoReflect()
			for _, member := range []protoreflect.Name{"value", "variant", "reason", "metadata"} {
				if !said.Has(fields.ByName(member)) {
					t.Errorf("%s: %v has no %s", name, r, member)
				}
			}
		}
		told(message(c.ResolveBoolean(ctx, asked(as, &v2.ResolveBooleanRequest{FlagKey: "no"}))))
		told(message(c.ResolveString(ctx, asked(as, &v2.ResolveStringRequest{FlagKey: "empty"}))))
		told(message(c.ResolveFloat(ctx, asked(as, &v2.ResolveFloatRequest{FlagKey: "zero"}))))
		told(message(c.ResolveInt(ctx, asked(as, &v2.ResolveIntRequest{FlagKey: "zero"}))))
		told(message(c.ResolveObject(ctx, asked(as, &v2.ResolveObjectRequest{FlagKey: "bare"}))))
	}
}

func message[T any, M interface {
	*T
	proto.Message
}](r *connect.Response[T], err error) (proto.Message, error) {
	if err != nil {
		return nil, err
	}
	return M(r.Msg), nil
}

// Both versions have one answer, and refuse in the same words.
func TestFlagdSpeaksBothVersions(t *testing.T) {
	m := newManor(t)
	as, clients := m.callers["tenant"], m.speakers()
	for _, overGRPC := range []bool{true, false} {
		l, c := m.flagd(as, overGRPC), clients["gRPC"]
		one, err := l.boolean("probe-flag", nil)
		if err != nil {
			t.Fatal(err)
		}
		two, err := c.ResolveBoolean(t.Context(), asked(as, &v2.ResolveBooleanRequest{FlagKey: "probe-flag"}))
		if err != nil {
			t.Fatal(err)
		}
		read := &v1.ResolveBooleanResponse{}
		if wire, err := proto.Marshal(two.Msg); err != nil || proto.Unmarshal(wire, read) != nil || !proto.Equal(read, one) {
			t.Errorf("%v, %v", one, two.Msg)
		}
		for _, as := range []string{"", m.callers["suspended"]} {
			_, one := m.flagd(as, overGRPC).boolean("probe-flag", nil)
			_, two := c.ResolveBoolean(t.Context(), asked(as, &v2.ResolveBooleanRequest{FlagKey: "probe-flag"}))
			if one == nil || fmt.Sprint(one) != fmt.Sprint(two) {
				t.Errorf("%v, and %v", one, two)
			}
		}
	}
	ask := func(service string) string {
		status, _, b := m.ask(as, probe{method: "POST", path: service + "ResolveAll", body: "{}"})
		return fmt.Sprint(status, string(b))
	}
	if one, two := ask(readapi.FlagdPathV1), ask(readapi.FlagdPath); one != two || !strings.Contains(two, `200{"flags":`) {
		t.Errorf("%s\n%s", one, two)
	}
	for name, c := range clients {
		s, err := c.EventStream(t.Context(), asked(as, &v2.EventStreamRequest{}))
		if err != nil {
			t.Fatal(err)
		}
		if !s.Receive() || s.Msg().GetType() != "provider_ready" {
			t.Errorf("%s: %v %v", name, s.Msg(), s.Err())
		}
		_ = s.Close()
	}
}

// One implementation serves both, which is right as long as they differ in what has a
// presence, and in nothing else.
func TestTheVersionsOfFlagdAreOneOnTheWire(t *testing.T) {
	one, two := v1.File_flagd_evaluation_v1_evaluation_proto, v2.File_flagd_evaluation_v2_evaluation_proto
	for i := range two.Messages().Len() {
		second := two.Messages().Get(i)
		first := one.Messages().ByName(second.Name())
		if first == nil || first.Fields().Len() != second.Fields().Len() {
			t.Errorf("%s is another", second.Name())
			continue
		}
		for j := range second.Fields().Len() {
			s := second.Fields().Get(j)
			if f := first.Fields().ByNumber(s.Number()); f == nil || f.Name() != s.Name() || f.Kind() != s.Kind() || f.Cardinality() != s.Cardinality() {
				t.Errorf("%s is another", s.FullName())
			}
		}
	}
	calls, others := one.Services().Get(0).Methods(), two.Services().Get(0).Methods()
	for i := range others.Len() {
		s := others.Get(i)
		if f := calls.ByName(s.Name()); f == nil || f.Input().Name() != s.Input().Name() || f.Output().Name() != s.Output().Name() {
			t.Errorf("%s is another", s.FullName())
		}
	}
	if others.Len() == 0 {
		t.Error("there are no calls")
	}
}

// Pages of any origin may call, and read why they may not: a browser asks first, and says
// where a call comes from.
func TestWebPagesSpeakFlagd(t *testing.T) {
	m := newManor(t)
	call := func(method, path, as string) (int, http.Header, []byte) {
		t.Helper()
		r, err := http.NewRequestWithContext(t.Context(), method, m.url+path, strings.NewReader("{}"))
		if err != nil {
			t.Fatal(err)
		}
		r.Header.Set("Origin", "https://shop.example")
		r.Header.Set("Sec-Fetch-Site", "cross-site")
		if method == "OPTIONS" {
			r.Header.Set("Access-Control-Request-Method", "POST")
			r.Header.Set("Access-Control-Request-Headers", "authorization,connect-protocol-version,content-type")
		} else {
			r.Header.Set("Content-Type", "application/json")
			r.Header.Set("Authorization", as)
		}
		return m.send(r)
	}
	for _, path := range []string{readapi.FlagdPath + "ResolveAll", readapi.FlagdPathV1 + "ResolveAll", readapi.FlagdSyncPath + "FetchAllFlags"} {
		status, h, b := call("OPTIONS", path, "")
		if sent := strings.ToLower(h.Get("Access-Control-Allow-Headers")); status != http.StatusNoContent || h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(sent, "authorization") || !strings.Contains(sent, "connect-protocol-version") {
			t.Errorf("may a page call %s? %d %v %s", path, status, h, b)
		}
		for as, want := range map[string]int{m.callers["tenant"]: http.StatusOK, m.callers["garbage"]: http.StatusUnauthorized} {
			status, h, b := call("POST", path, as)
			if status != want || h.Get("Access-Control-Allow-Origin") != "*" || !strings.Contains(h.Get("Access-Control-Expose-Headers"), "Grpc-Status") {
				t.Errorf("%s: %d, want %d; %v %s", path, status, want, h, b)
			}
		}
	}
}

// Where there are no streams, clients are told that there are none, and not that there is
// no room for them, which they would come again and again for.
func TestFlagdWithoutStreams(t *testing.T) {
	m := newManor(t)
	c := m.Config
	c.Streams = 0
	m.halt(t)
	if err := m.again(t, c); err != nil {
		t.Fatal(err)
	}
	m.ready()
	as := "Bearer " + m.world.token
	for name, c := range m.speakers() {
		s, err := c.EventStream(t.Context(), asked(as, &v2.EventStreamRequest{}))
		if err == nil {
			if s.Receive() {
				t.Errorf("%s: told %v", name, s.Msg())
			}
			err = s.Err()
		}
		if connect.CodeOf(err) != connect.CodeUnimplemented {
			t.Errorf("%s: %v", name, err)
		}
	}
	s, err := m.syncer().SyncFlags(t.Context(), asked(as, &syncv1.SyncFlagsRequest{Selector: "mine-tenant"}))
	if err != nil {
		t.Fatal(err)
	}
	if s.Receive() || connect.CodeOf(s.Err()) != connect.CodeUnimplemented {
		t.Errorf("flags: %v %v", s.Msg(), s.Err())
	}
	if _, err := m.syncer().FetchAllFlags(t.Context(), asked(as, &syncv1.FetchAllFlagsRequest{Selector: "mine-tenant"})); err != nil {
		t.Errorf("once: %v", err)
	}
}
