package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"buf.build/gen/go/open-feature/flagd/connectrpc/go/flagd/sync/v1/syncv1connect"
	syncv1 "buf.build/gen/go/open-feature/flagd/protocolbuffers/go/flagd/sync/v1"
	"connectrpc.com/connect"
)

// A synced document is what flagd is given.
type synced struct {
	Flags map[string]struct {
		State, DefaultVariant string
		Variants              map[string]any
	}
	Metadata map[string]any
}

func (s synced) value(key string) any {
	f, there := s.Flags[key]
	if !there || f.State != "ENABLED" {
		return "none"
	}
	return f.Variants[f.DefaultVariant]
}

func (m *manor) syncer() syncv1connect.FlagSyncServiceClient {
	speaks := &http.Protocols{}
	speaks.SetUnencryptedHTTP2(true)
	way := &http.Transport{Protocols: speaks}
	m.t.Cleanup(way.CloseIdleConnections)
	return syncv1connect.NewFlagSyncServiceClient(&http.Client{Transport: way}, m.url, connect.WithGRPC())
}

// The next document comes when a flag may be another there for somebody, and not before.
func TestFlagdIsSynced(t *testing.T) {
	m := newManor(t)
	tenant := m.mine["tenant"]
	for key, definition := range map[string]string{"text": `"string","default":"a"`, "list": `"json","default":[1]`, "ruled": `"string","default":"r"`} {
		m.do("POST", "/v1/flags", fmt.Sprintf(`{"key":%q,"type":%s}`, key, definition))
		m.do("POST", "/v1/flags/"+key+"/activate", "")
	}
	m.do("PUT", "/v1/nodes/"+tenant+"/flags/ruled", `{"value":"b","rules":[{"when":[{"attribute":"plan","op":"in","values":["gold"]}],"value":"c"}]}`)
	key := m.do("POST", "/v1/nodes/"+tenant+"/api-keys", `{"name":"sync","permissions":["flag:evaluate"]}`)
	as, c := "Bearer "+key.Secret, m.syncer()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	s, err := c.SyncFlags(ctx, asked(as, &syncv1.SyncFlagsRequest{ProviderId: "test"}))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	expect := func(what string, want map[string]any, omitted float64) {
		t.Helper()
		if !s.Receive() {
			t.Fatalf("%s: %v", what, s.Err())
		}
		var d synced
		decode(t, []byte(s.Msg().GetFlagConfiguration()), &d)
		for key, v := range want {
			if d.value(key) != v {
				t.Errorf("%s: %s is %v, want %v", what, key, d.value(key), v)
			}
		}
		if d.Metadata["omitted"] != omitted {
			t.Errorf("%s: %v are left out, want %v", what, d.Metadata["omitted"], omitted)
		}
	}
	expect("at first", map[string]any{"probe-flag": true, "text": "a", "list": "none", "ruled": "none"}, 2)
	m.do("PUT", "/v1/nodes/"+m.theirs["tenant"]+"/flags/text", `{"value":"theirs"}`)
	soon := time.Now().Add(1500 * time.Millisecond).UTC().Format(time.RFC3339Nano)
	m.do("PUT", "/v1/nodes/"+tenant+"/flags/text", fmt.Sprintf(`{"value":"brief","validUntil":%q}`, soon))
	expect("an override", map[string]any{"text": "brief"}, 2)
	expect("its end", map[string]any{"text": "a"}, 2)
	m.do("PUT", "/v1/nodes/"+m.mine["user"]+"/flags/text", `{"value":"mine"}`)
	expect("a user's own", map[string]any{"text": "none"}, 3)
	m.do("POST", "/v1/flags/probe-flag/kill", "")
	expect("a kill", map[string]any{"probe-flag": false}, 3)
	why, err := c.GetMetadata(ctx, asked(as, &syncv1.GetMetadataRequest{}))
	if err != nil {
		t.Fatal(err)
	}
	if got, _ := json.Marshal(why.Msg.GetMetadata().AsMap()["omitted"]); string(got) != `{"list":"type","ruled":"targeting","text":"users"}` {
		t.Errorf("left out: %s", got)
	}
	m.do("POST", "/v1/nodes/"+tenant+"/api-keys/"+key.ID+"/revoke", "")
	if s.Receive() || connect.CodeOf(s.Err()) != connect.CodeUnavailable {
		t.Errorf("a revoked key is told %v, %v", s.Msg(), s.Err())
	}
}

// Whose flags are given is whoever's may be seen, and somebody's.
func TestFlagdIsSyncedForOnePlace(t *testing.T) {
	m := newManor(t)
	c, admin := m.syncer(), "Bearer "+m.world.token
	for _, p := range []struct {
		name, as, selector string
		code               connect.Code // 0 if the tenant's are given
	}{
		{"a tenant's own", m.callers["tenant"], "", 0},
		{"an integrator's tenant", m.callers["partner"], m.mine["tenant"], 0},
		{"anybody's, by slug", admin, "mine-tenant", 0},
		{"nobody's", admin, "", connect.CodeFailedPrecondition},
		{"another's", m.callers["tenant"], m.theirs["tenant"], connect.CodeFailedPrecondition},
		{"a stranger", "", "", connect.CodeUnauthenticated},
		{"somebody suspended", m.callers["suspended"], "", connect.CodePermissionDenied},
	} {
		r, err := c.FetchAllFlags(t.Context(), asked(p.as, &syncv1.FetchAllFlagsRequest{Selector: p.selector}))
		if p.code != 0 {
			if connect.CodeOf(err) != p.code {
				t.Errorf("%s: %v, want %v", p.name, err, p.code)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", p.name, err)
			continue
		}
		var d synced
		decode(t, []byte(r.Msg.GetFlagConfiguration()), &d)
		if d.Metadata["node"] != m.mine["tenant"] || d.value("probe-flag") != true {
			t.Errorf("%s: %s", p.name, r.Msg.GetFlagConfiguration())
		}
	}
}

// Whoever evaluates by itself uses flags, too.
func TestSyncedFlagsAreInUse(t *testing.T) {
	m := newCountingManor(t)
	r, err := m.syncer().FetchAllFlags(t.Context(), asked("Bearer "+m.world.token, &syncv1.FetchAllFlagsRequest{Selector: m.mine["tenant"]}))
	if err != nil || !strings.Contains(r.Msg.GetFlagConfiguration(), "probe-flag") {
		t.Fatal(err)
	}
	m.halt(t)
	if err := m.again(t, m.Config); err != nil {
		t.Fatal(err)
	}
	m.ready()
	if len(m.uses()) == 0 {
		t.Error("nobody has used a flag")
	}
}

// Clients ask for metadata without a selector, and send the selector as a header.
func TestSelectors(t *testing.T) {
	m := newManor(t)
	admin := "Bearer " + m.world.token
	if _, err := m.syncer().GetMetadata(t.Context(), asked(admin, &syncv1.GetMetadataRequest{})); err != nil {
		t.Errorf("metadata: %v", err)
	}
	r := asked(admin, &syncv1.FetchAllFlagsRequest{})
	r.Header().Set("Flagd-Selector", "mine-tenant")
	if _, err := m.syncer().FetchAllFlags(t.Context(), r); err != nil {
		t.Errorf("a selector in the header: %v", err)
	}
	of := asked(admin, &syncv1.GetMetadataRequest{})
	of.Header().Set("Flagd-Selector", "mine-tenant")
	if why, err := m.syncer().GetMetadata(t.Context(), of); err != nil || why.Msg.GetMetadata().AsMap()["node"] != m.mine["tenant"] {
		t.Errorf("metadata of a selector: %v %v", why, err)
	}
}
