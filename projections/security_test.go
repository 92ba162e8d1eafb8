package projections_test

import (
	"testing"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/security"
	"github.com/reeve-platform/reeve/projections"
)

var refused = security.Observed{
	Kind: security.PermissionDenied, Node: domain.NodeID(north), Principal: string(clientID), PrincipalType: "service", Source: "192.0.2.1",
	Operation: "GET /\x00", Count: 3, First: minute(1), Last: minute(2),
}

func TestSecurityEvents(t *testing.T) {
	row := projections.SecurityEvent{
		Position: 1, Owner: string(north), Kind: security.PermissionDenied, Node: domain.NodeID(north), PrincipalID: string(clientID), PrincipalType: "service",
		Source: "192.0.2.1", Operation: "GET /\uFFFD", Count: 3, FirstAt: minute(1), LastAt: minute(2),
	}
	again := row
	again.Position = 2
	stream := security.Stream(domain.NodeID(north))
	tell(t, projections.SecurityEvents, []given[projections.SecurityEvent]{
		{"nothing happened", nil, nil},
		{"refused", story(in(stream, refused)), []projections.SecurityEvent{row}},
		{"each record is a row", story(in(stream, refused, refused)), []projections.SecurityEvent{row, again}},
		{"in a stream that is not the node's", story(in("security-platform", refused)), nil},
		{"something else", story(in(stream, nil)), nil},
	})
}
