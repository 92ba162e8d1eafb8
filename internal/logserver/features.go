package logserver

import (
	"context"
	"net"

	"github.com/EventStore/EventStore-Client-Go/v4/protos/gossip"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
	"google.golang.org/grpc/peer"
)

// serverVersion is the protocol generation; clients parse three integers.
const serverVersion = "24.10.0"

// A featuresService says what this server can do. What is not listed is not
// called by the clients, or only in an older way.
type featuresService struct {
	serverfeatures.UnimplementedServerFeaturesServer
}

// GetSupportedMethods lists services and methods in lower case.
func (featuresService) GetSupportedMethods(context.Context, *shared.Empty) (*serverfeatures.SupportedMethods, error) {
	const streams = "event_store.client.streams.streams"
	return &serverfeatures.SupportedMethods{
		EventStoreServerVersion: serverVersion,
		Methods: append(groupMethods(), []*serverfeatures.SupportedMethod{
			{ServiceName: streams, MethodName: "append"},
			{ServiceName: streams, MethodName: "batchappend", Features: []string{"deadline_duration"}},
			{ServiceName: streams, MethodName: "read", Features: []string{"position", "events"}},
			{ServiceName: streams, MethodName: "delete"},
			{ServiceName: streams, MethodName: "tombstone"},
			{ServiceName: "event_store.client.gossip.gossip", MethodName: "read"},
			{ServiceName: "event_store.client.server_features.serverfeatures", MethodName: "getsupportedmethods"},
		}...),
	}, nil
}

// A gossipService describes a cluster of one: this server, the leader.
type gossipService struct {
	gossip.UnimplementedGossipServer
	id  uuid.UUID
	at  advertised
	now func() int64 // ticks
}

// Read returns the one member.
func (g gossipService) Read(ctx context.Context, _ *shared.Empty) (*gossip.ClusterInfo, error) {
	return &gossip.ClusterInfo{Members: []*gossip.MemberInfo{{
		InstanceId:   &shared.UUID{Value: &shared.UUID_String_{String_: g.id.String()}},
		TimeStamp:    g.now(),
		State:        gossip.MemberInfo_Leader,
		IsAlive:      true,
		HttpEndPoint: &gossip.EndPoint{Address: g.at.seenBy(ctx), Port: g.at.port},
	}}}, nil
}

// seenBy is the host by which a caller can come back.
func (a advertised) seenBy(ctx context.Context) string {
	if p, ok := peer.FromContext(ctx); ok && a.anywhere {
		if local, ok := p.LocalAddr.(*net.TCPAddr); ok {
			return local.IP.String()
		}
	}
	return a.host
}
