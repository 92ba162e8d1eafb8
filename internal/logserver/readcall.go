package logserver

import (
	"math"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/streams"
)

// A readCall is a Read request that makes sense.
type readCall struct {
	stream    string // empty for $all
	backwards bool
	from      start
	count     uint64 // events at most; meaningless for a subscription
	follow    bool   // a subscription: exclusive start, never ends
	filter    *filter
	resolve   bool // follow links
	stringIDs bool
	positions bool // the caller understands first and last stream position
}

// A start is where reading begins: an end of the log or a place in it.
type start struct {
	edge edge
	at   uint64 // revision or position, with atPlace
}

type edge int

const (
	atStart edge = iota
	atEnd
	atPlace
)

// placed is a start at a revision or position, of which the largest number has
// always meant the end.
func placed(at uint64) start {
	if at == math.MaxUint64 {
		return start{edge: atEnd}
	}
	return start{edge: atPlace, at: at}
}

// newReadCall checks the combinations the protocol allows.
func newReadCall(r *api.ReadReq) (*readCall, error) {
	o := r.GetOptions()
	c := &readCall{
		backwards: o.GetReadDirection() == api.ReadReq_Options_Backwards,
		resolve:   o.GetResolveLinks(),
		positions: o.GetControlOption().GetCompatibility() >= 1,
	}
	for _, read := range []func(*api.ReadReq_Options) error{c.readIDs, c.readSource, c.readCount, c.readFilter} {
		if err := read(o); err != nil {
			return nil, err
		}
	}
	if c.follow && c.backwards {
		return nil, invalid("a subscription reads forwards")
	}
	return c, nil
}

func (c *readCall) readIDs(o *api.ReadReq_Options) error {
	switch o.GetUuidOption().GetContent().(type) {
	case *api.ReadReq_Options_UUIDOption_Structured:
	case *api.ReadReq_Options_UUIDOption_String_:
		c.stringIDs = true
	default:
		return invalid("the request does not say in which form it wants ids")
	}
	return nil
}

func (c *readCall) readSource(o *api.ReadReq_Options) error {
	switch o.GetStreamOption().(type) {
	case *api.ReadReq_Options_Stream:
		return c.readStream(o.GetStream())
	case *api.ReadReq_Options_All:
		return c.readAll(o.GetAll())
	}
	return invalid("the request names neither a stream nor $all")
}

func (c *readCall) readStream(o *api.ReadReq_Options_StreamOptions) error {
	c.stream = string(o.GetStreamIdentifier().GetStreamName())
	if c.stream == "" || c.stream == metaPrefix {
		return invalid("the stream name is empty")
	}
	if len(c.stream) > longestName {
		return errLongName
	}
	switch o.GetRevisionOption().(type) {
	case *api.ReadReq_Options_StreamOptions_Start:
		c.from.edge = atStart
	case *api.ReadReq_Options_StreamOptions_End:
		c.from.edge = atEnd
	case *api.ReadReq_Options_StreamOptions_Revision:
		c.from = placed(o.GetRevision())
		c.from.at = min(c.from.at, math.MaxInt64-1)
	default:
		return invalid("the request does not say where to start")
	}
	return nil
}

func (c *readCall) readAll(o *api.ReadReq_Options_AllOptions) error {
	switch o.GetAllOption().(type) {
	case *api.ReadReq_Options_AllOptions_Start:
		c.from.edge = atStart
	case *api.ReadReq_Options_AllOptions_End:
		c.from.edge = atEnd
	case *api.ReadReq_Options_AllOptions_Position:
		p := o.GetPosition()
		if p.GetPreparePosition() > p.GetCommitPosition() {
			return invalid("the prepare position is behind the commit position")
		}
		c.from = placed(p.GetCommitPosition())
	default:
		return invalid("the request does not say where to start")
	}
	return nil
}

func (c *readCall) readCount(o *api.ReadReq_Options) error {
	switch o.GetCountOption().(type) {
	case *api.ReadReq_Options_Count:
		c.count = o.GetCount()
	case *api.ReadReq_Options_Subscription:
		c.follow = true
	default:
		return invalid("the request is neither a counted read nor a subscription")
	}
	return nil
}

func (c *readCall) readFilter(o *api.ReadReq_Options) (err error) {
	switch o.GetFilterOption().(type) {
	case *api.ReadReq_Options_NoFilter:
		return nil
	case *api.ReadReq_Options_Filter:
		if c.stream != "" {
			return invalid("only $all can be filtered")
		}
		c.filter, err = newFilter(o.GetFilter())
		return err
	}
	return invalid("the request does not say whether to filter")
}
