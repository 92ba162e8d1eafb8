package conformance

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"
)

func TestFeaturesAreInLowerCaseWithAnIntegerVersion(t *testing.T) {
	w := start(t)
	f, err := serverfeatures.NewServerFeaturesClient(w.conn()).GetSupportedMethods(w.ctx, &shared.Empty{})
	w.must(err)
	if !regexp.MustCompile(`^\d+\.\d+\.\d+(\.\d+)*$`).MatchString(f.GetEventStoreServerVersion()) {
		t.Errorf("version %q", f.GetEventStoreServerVersion())
	}
	features := map[string][]string{}
	for _, m := range f.GetMethods() {
		name := m.GetServiceName() + "/" + m.GetMethodName()
		if name != strings.ToLower(name) {
			t.Errorf("advertises %v", m)
		}
		features[name] = m.GetFeatures()
	}
	const groups, streams = "event_store.client.persistent_subscriptions.persistentsubscriptions/", "event_store.client.streams.streams/"
	want := map[string][]string{groups + "create": {"stream", "all"}, groups + "read": {"stream", "all"}, streams + "read": {"position", "events"}, streams + "batchappend": {"deadline_duration"}}
	for _, name := range []string{"update", "delete", "getinfo", "list", "replayparked", "restartsubsystem"} {
		want[groups+name] = nil
	}
	for _, name := range []string{"append", "delete", "tombstone"} {
		want[streams+name] = nil
	}
	for name, wanted := range want {
		got, there := features[name]
		for _, f := range wanted {
			there = there && slices.Contains(got, f)
		}
		if !there {
			t.Errorf("%s is advertised with %v", name, got)
		}
	}
}

// What is advertised is there: nothing answers that it is unknown.
func TestWhatIsAdvertisedIsThere(t *testing.T) {
	w := start(t)
	conn := w.conn()
	f, err := serverfeatures.NewServerFeaturesClient(conn).GetSupportedMethods(w.ctx, &shared.Empty{})
	w.must(err)
	paths := map[string]string{
		"event_store.client.streams.streams":                                  "event_store.client.streams.Streams",
		"event_store.client.persistent_subscriptions.persistentsubscriptions": "event_store.client.persistent_subscriptions.PersistentSubscriptions",
		"event_store.client.gossip.gossip":                                    "event_store.client.gossip.Gossip",
		"event_store.client.server_features.serverfeatures":                   "event_store.client.server_features.ServerFeatures",
	}
	methods := map[string]string{"batchappend": "BatchAppend", "getsupportedmethods": "GetSupportedMethods", "getinfo": "GetInfo", "replayparked": "ReplayParked"}
	for _, m := range f.GetMethods() {
		service, known := paths[m.GetServiceName()]
		if !known || m.GetMethodName() == "restartsubsystem" {
			continue // of no interest to the clients here, or of too much effect
		}
		method := methods[m.GetMethodName()]
		if method == "" {
			method = strings.ToUpper(m.GetMethodName()[:1]) + m.GetMethodName()[1:]
		}
		err := conn.Invoke(w.ctx, "/"+service+"/"+method, &shared.Empty{}, &shared.Empty{})
		if status.Code(err) == codes.Unimplemented {
			t.Errorf("%s/%s: %v", service, method, err)
		}
	}
}

func TestGossipKnowsALivingLeader(t *testing.T) {
	w := start(t)
	g, err := gossip.NewGossipClient(w.conn()).Read(w.ctx, &shared.Empty{})
	w.must(err)
	leaders := 0
	for _, m := range g.GetMembers() {
		if m.GetState() == gossip.MemberInfo_Leader && m.GetIsAlive() {
			leaders++
			if m.GetHttpEndPoint().GetAddress() == "" || m.GetHttpEndPoint().GetPort() == 0 {
				t.Errorf("leads at %v", m.GetHttpEndPoint())
			}
		}
	}
	w.same("leaders", 1, leaders)
}

func TestDiscoveryByGossip(t *testing.T) {
	w := start(t)
	_, client := w.connect(strings.Replace(w.url, "esdb://", "esdb+discover://", 1))
	s := w.name("s")
	if _, err := client.AppendToStream(w.ctx, s, esdb.AppendToStreamOptions{}, event(1)); err != nil {
		t.Error(err)
	}
	w.wantEvents(s, 1)
}

func TestLivenessOnTheSamePort(t *testing.T) {
	w := start(t)
	c, scheme := &http.Client{}, "http://"
	if !w.conf.DisableTLS {
		c.Transport, scheme = &http.Transport{TLSClientConfig: w.tls(), ForceAttemptHTTP2: true}, "https://"
		c.Transport.(*http.Transport).TLSClientConfig.NextProtos = []string{"h2", "http/1.1"}
	}
	r, err := c.Get(scheme + w.address() + "/health/live")
	w.must(err)
	r.Body.Close()
	if r.StatusCode != http.StatusNoContent && r.StatusCode != http.StatusOK {
		t.Error(r.Status)
	}
}

func TestHealthService(t *testing.T) {
	w := start(t)
	h, err := grpc_health_v1.NewHealthClient(w.conn()).Check(w.ctx, &grpc_health_v1.HealthCheckRequest{})
	if err != nil || h.GetStatus() != grpc_health_v1.HealthCheckResponse_SERVING {
		t.Errorf("%v, %v", h, err)
	}
}

// A service that is not there says so, and the connection goes on.
func TestUnknownServiceIsUnimplemented(t *testing.T) {
	w := start(t)
	conn := w.conn()
	for _, method := range []string{"/event_store.client.projections.Projections/Create", "/event_store.client.users.Users/Details", "/no.such.Service/Method"} {
		w.wantStatus(conn.Invoke(w.ctx, method, &shared.Empty{}, &shared.Empty{}), codes.Unimplemented)
	}
}
