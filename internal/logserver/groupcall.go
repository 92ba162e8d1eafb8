package logserver

import (
	"math"
	"time"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
	"github.com/EventStore/EventStore-Client-Go/v4/protos/shared"
	streamsapi "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
	"google.golang.org/protobuf/proto"

	"github.com/reeve-platform/reeve/internal/logserver/share"
)

// newGroupConfig reads what a caller wants of a group. First is not known yet.
func newGroupConfig(o *api.CreateReq_Options) (groupConfig, error) {
	c := groupConfig{groupKey: groupKey{Group: o.GetGroupName()}}
	if err := c.readSource(o); err != nil {
		return c, err
	}
	c.readSettings(o.GetSettings())
	return c, c.consistent()
}

// newGroupUpdate reads an update, which is the same message under another name.
func newGroupUpdate(o *api.UpdateReq_Options) (groupConfig, error) {
	var as api.CreateReq_Options
	wire, err := proto.Marshal(o)
	if err != nil || proto.Unmarshal(wire, &as) != nil {
		return groupConfig{}, invalid("the update cannot be read")
	}
	return newGroupConfig(&as)
}

// readSource takes the source and the start; old callers give a name and a
// revision in other fields.
func (c *groupConfig) readSource(o *api.CreateReq_Options) error {
	switch o.GetStreamOption().(type) {
	case *api.CreateReq_Options_Stream:
		c.Stream = string(o.GetStream().GetStreamIdentifier().GetStreamName())
		return c.readRevision(o.GetStream())
	case *api.CreateReq_Options_All:
		c.Stream = allStream
		return c.readPosition(o.GetAll())
	}
	c.Stream = string(o.GetStreamIdentifier().GetStreamName()) //nolint:staticcheck // older clients send nothing else
	return c.startAt(o.GetSettings().GetRevision())            //nolint:staticcheck // the same
}

func (c *groupConfig) readRevision(o *api.CreateReq_StreamOptions) error {
	switch o.GetRevisionOption().(type) {
	case *api.CreateReq_StreamOptions_Start:
	case *api.CreateReq_StreamOptions_End:
		c.StartFrom = startsAtEnd
	case *api.CreateReq_StreamOptions_Revision:
		return c.startAt(o.GetRevision())
	default:
		return invalid("the request does not say where the group starts")
	}
	return nil
}

func (c *groupConfig) readPosition(o *api.CreateReq_AllOptions) (err error) {
	switch o.GetAllOption().(type) {
	case *api.CreateReq_AllOptions_Start:
	case *api.CreateReq_AllOptions_End:
		c.StartFrom = startsAtEnd
	case *api.CreateReq_AllOptions_Position:
		p := o.GetPosition()
		if p.GetPreparePosition() > p.GetCommitPosition() {
			return invalid("the prepare position is behind the commit position")
		}
		err = c.startAt(p.GetCommitPosition())
	default:
		return invalid("the request does not say where the group starts")
	}
	if f := o.GetFilter(); f != nil {
		c.Filter = readGroupFilter(f)
	}
	return err
}

func (c *groupConfig) startAt(place uint64) error {
	switch {
	case place == math.MaxUint64:
		c.StartFrom = startsAtEnd
	case place >= math.MaxInt64:
		return invalid("the start of the group is out of range")
	default:
		c.StartFrom = int64(place)
	}
	return nil
}

func (c *groupConfig) readSettings(s *api.CreateReq_Settings) {
	c.ResolveLinks, c.ExtraStatistics = s.GetResolveLinks(), s.GetExtraStatistics()
	c.MaxRetryCount, c.MaxSubscriberCount = s.GetMaxRetryCount(), s.GetMaxSubscriberCount()
	c.LiveBufferSize, c.HistoryBufferSize = s.GetLiveBufferSize(), s.GetHistoryBufferSize()
	c.ReadBatchSize = s.GetReadBatchSize()
	c.MinCheckpointCount, c.MaxCheckpointCount = s.GetMinCheckpointCount(), s.GetMaxCheckpointCount()
	const ticksPerMillisecond = int64(time.Millisecond / 100)
	c.MessageTimeout = int64(s.GetMessageTimeoutMs()) + s.GetMessageTimeoutTicks()/ticksPerMillisecond
	c.CheckpointAfter = int64(s.GetCheckpointAfterMs()) + s.GetCheckpointAfterTicks()/ticksPerMillisecond
	if c.Strategy = share.Strategy(s.GetConsumerStrategy()); c.Strategy == "" {
		c.Strategy = share.Strategy(s.GetNamedConsumerStrategy().String()) //nolint:staticcheck // the Go client sends nothing else
	}
}

func readGroupFilter(o *api.CreateReq_AllOptions_FilterOptions) *groupFilter {
	e, byType := o.GetStreamIdentifier(), false
	if e == nil {
		e, byType = o.GetEventType(), true
	}
	return &groupFilter{ByType: byType, Regex: e.GetRegex(), Prefixes: e.GetPrefix()}
}

// compile makes the filter that reading $all uses. A group's search window and
// checkpoint interval are the server's own affair.
func (f *groupFilter) compile() (*filter, error) {
	if f == nil {
		return nil, nil
	}
	e := &streamsapi.ReadReq_Options_FilterOptions_Expression{Regex: f.Regex, Prefix: f.Prefixes}
	o := &streamsapi.ReadReq_Options_FilterOptions{
		Window: &streamsapi.ReadReq_Options_FilterOptions_Count{Count: empty}}
	if f.ByType {
		o.Filter = &streamsapi.ReadReq_Options_FilterOptions_EventType{EventType: e}
	} else {
		o.Filter = &streamsapi.ReadReq_Options_FilterOptions_StreamIdentifier{StreamIdentifier: e}
	}
	return newFilter(o)
}

// A groupNamed is a request that names an existing group.
type groupNamed interface {
	GetStreamIdentifier() *shared.StreamIdentifier
	GetAll() *shared.Empty
	GetGroupName() string
}

func namedGroup(o groupNamed) groupKey {
	if o.GetAll() != nil {
		return groupKey{Stream: allStream, Group: o.GetGroupName()}
	}
	return groupKey{Stream: string(o.GetStreamIdentifier().GetStreamName()), Group: o.GetGroupName()}
}
