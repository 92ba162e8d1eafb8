package logserver

import (
	"context"
	"encoding/binary"
	"errors"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/serverfeatures"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	"github.com/google/uuid"
	"google.golang.org/grpc/codes"
)

// A groupsService speaks event_store.client.persistent_subscriptions over the
// catalogue of groups.
type groupsService struct {
	api.UnimplementedPersistentSubscriptionsServer
	*groupCatalog
	gate *gate
}

func groupMissing(k groupKey) error {
	return refuse(codes.NotFound, "there is no such persistent subscription",
		"exception", "persistent-subscription-does-not-exist", "stream-name", k.Stream, "group-name", k.Group)
}

func groupExists(k groupKey) error {
	return refuse(codes.AlreadyExists, "the persistent subscription exists",
		"exception", "persistent-subscription-exists", "stream-name", k.Stream, "group-name", k.Group)
}

func groupFull(k groupKey) error {
	return refuse(codes.FailedPrecondition, "the persistent subscription has as many consumers as it may have",
		"exception", "maximum-subscribers-reached", "stream-name", k.Stream, "group-name", k.Group)
}

func groupDropped(k groupKey) error {
	return refuse(codes.Canceled, "the persistent subscription began again; the consumer must connect again",
		"exception", "persistent-subscription-dropped", "stream-name", k.Stream, "group-name", k.Group)
}

// settled turns what happened into the answer of the call, as for streams.
func (c *groupCatalog) settled(err error) error {
	switch {
	case err == nil, isAnswer(err):
		return err
	case errors.Is(err, errDiskFull):
		return errFull
	case errors.Is(err, errStreamDeleted):
		return refuse(codes.Internal, "a stream that keeps the group's account is deleted for ever",
			"exception", "persistent-subscription-failed", "reason", err.Error())
	case isCorruption(err):
		c.logger.Error("persistent subscriptions", "error", err)
		c.fault.trip(err)
	}
	return unsettled(err)
}

// Create configures a group and begins it.
func (s *groupsService) Create(_ context.Context, r *api.CreateReq) (*api.CreateResp, error) {
	config, err := newGroupConfig(r.GetOptions())
	if err == nil {
		err = s.create(config)
	}
	return &api.CreateResp{}, s.settled(err)
}

// Update configures a group anew and drops its consumers.
func (s *groupsService) Update(_ context.Context, r *api.UpdateReq) (*api.UpdateResp, error) {
	config, err := newGroupUpdate(r.GetOptions())
	if err == nil {
		err = s.update(config)
	}
	return &api.UpdateResp{}, s.settled(err)
}

// Delete ends a group and forgets its account.
func (s *groupsService) Delete(_ context.Context, r *api.DeleteReq) (*api.DeleteResp, error) {
	return &api.DeleteResp{}, s.settled(s.delete(namedGroup(r.GetOptions())))
}

// GetInfo describes one group.
func (s *groupsService) GetInfo(_ context.Context, r *api.GetInfoReq) (*api.GetInfoResp, error) {
	k := namedGroup(r.GetOptions())
	run := s.find(k)
	if run == nil {
		return nil, groupMissing(k)
	}
	info, err := run.describeNow()
	return &api.GetInfoResp{SubscriptionInfo: info}, s.settled(err)
}

// List describes all groups, or those of one source, which must have some.
func (s *groupsService) List(_ context.Context, r *api.ListReq) (*api.ListResp, error) {
	of := r.GetOptions().GetListForStream()
	k := groupKey{Stream: string(of.GetStream().GetStreamName())}
	if of.GetAll() != nil {
		k.Stream = allStream
	}
	answer := &api.ListResp{}
	for _, run := range s.all() {
		if of != nil && run.Stream != k.Stream {
			continue
		}
		info, err := run.describeNow()
		if err != nil {
			return nil, s.settled(err)
		}
		answer.Subscriptions = append(answer.Subscriptions, info)
	}
	if of != nil && len(answer.Subscriptions) == 0 {
		return nil, groupMissing(k)
	}
	return answer, nil
}

// ReplayParked sends parked events again, all or those before a revision of
// the parked stream.
func (s *groupsService) ReplayParked(_ context.Context, r *api.ReplayParkedReq) (*api.ReplayParkedResp, error) {
	o := r.GetOptions()
	stop := int64(-1)
	if _, limited := o.GetStopAtOption().(*api.ReplayParkedReq_Options_StopAt); limited {
		if stop = o.GetStopAt(); stop < 0 {
			return nil, invalid("the revision to stop at is negative")
		}
	}
	k := namedGroup(o)
	run := s.find(k)
	if run == nil {
		return nil, groupMissing(k)
	}
	var err error
	if !run.askNow(func() { err = run.startReplay(stop) }) {
		err = run.cause
	}
	return &api.ReplayParkedResp{}, s.settled(err)
}

// RestartSubsystem begins all groups anew from what the log says.
func (s *groupsService) RestartSubsystem(context.Context, *shared.Empty) (*shared.Empty, error) {
	return empty, s.settled(s.restart())
}

// groupMethods is what the server features say of this service. The feature
// "all" lets clients create groups of $all; with the last four they do without
// an older, separate interface.
func groupMethods() (all []*serverfeatures.SupportedMethod) {
	for _, name := range []string{"create", "update", "delete", "read", "getinfo", "list", "replayparked", "restartsubsystem"} {
		all = append(all, &serverfeatures.SupportedMethod{
			ServiceName: "event_store.client.persistent_subscriptions.persistentsubscriptions",
			MethodName:  name, Features: []string{"stream", "all"}})
	}
	return all
}

// sharedID reads an id in either of its forms.
func sharedID(u *shared.UUID) (id uuid.UUID, err error) {
	if text, ok := u.GetValue().(*shared.UUID_String_); ok {
		return uuid.Parse(text.String_)
	}
	binary.BigEndian.PutUint64(id[:8], uint64(u.GetStructured().GetMostSignificantBits()))
	binary.BigEndian.PutUint64(id[8:], uint64(u.GetStructured().GetLeastSignificantBits()))
	return id, nil
}
