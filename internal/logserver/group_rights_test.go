package logserver_test

import (
	"context"
	"testing"

	"github.com/EventStore/EventStore-Client-Go/v4/esdb"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
)

// A consumer needs the right to read the group's source, is listed under its
// name, and hears of it, though nothing is sent, when the right is taken away.
func TestConsumersNeedTheRightToRead(t *testing.T) {
	f := fortify(t, nil)
	root, ann, eve := connect(t, f.url("root")), connect(t, f.url("ann")), connect(t, f.url("eve"))
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	readers := func(role string) {
		t.Helper()
		acl := esdb.Acl{}
		acl.AddReadRoles(role)
		var m esdb.StreamMetadata
		m.SetAcl(acl)
		if _, err := root.SetStreamMetadata(ctx, "work", esdb.AppendToStreamOptions{}, m); err != nil {
			t.Fatal(err)
		}
	}
	readers("ann")
	if err := root.CreatePersistentSubscription(ctx, "work", "crew", esdb.PersistentStreamSubscriptionOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := eve.SubscribeToPersistentSubscription(ctx, "work", "crew", esdb.SubscribeToPersistentSubscriptionOptions{}); status.Code(err) != codes.PermissionDenied {
		t.Errorf("eve: %v", err)
	}
	sub, err := ann.SubscribeToPersistentSubscription(ctx, "work", "crew", esdb.SubscribeToPersistentSubscriptionOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer sub.Close()
	info, err := root.GetPersistentSubscriptionInfo(ctx, "work", "crew", esdb.GetPersistentSubscriptionOptions{})
	if err != nil || len(info.Connections) != 1 || info.Connections[0].Username != "ann" {
		t.Errorf("%+v, %v", info, err)
	}
	readers("bob")
	if dropped := sub.Recv().SubscriptionDropped; dropped == nil || status.Code(dropped.Error) != codes.PermissionDenied {
		t.Errorf("after the right was taken away: %+v", dropped)
	}
}
