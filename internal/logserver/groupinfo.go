package logserver

import (
	"time"

	api "github.com/EventStore/EventStore-Client-Go/v4/protos/persistent"
)

// A groupMeter counts what a group has sent since it began.
type groupMeter struct {
	began           time.Time
	total, measured int64
}

// perSecond is an average over the group's life.
func (m groupMeter) perSecond(count int64) int32 {
	return int32(float64(count) / max(time.Since(m.began).Seconds(), 1))
}

// describeNow asks the group what it is and how it is doing.
func (r *groupRun) describeNow() (info *api.SubscriptionInfo, err error) {
	if !r.askNow(func() { info, err = r.info() }) {
		return nil, r.cause
	}
	return info, err
}

func (r *groupRun) info() (*api.SubscriptionInfo, error) {
	i := r.configured()
	if err := r.progress(i); err != nil {
		return nil, err
	}
	r.load(i)
	i.TotalItems, i.CountSinceLastMeasurement = r.meter.total, r.meter.total-r.meter.measured
	i.AveragePerSecond = r.meter.perSecond(r.meter.total)
	r.meter.measured = r.meter.total
	for _, c := range r.group.Consumers() {
		i.Connections = append(i.Connections, r.connection(r.seats[c]))
	}
	return i, nil
}

func (r *groupRun) configured() *api.SubscriptionInfo {
	c := r.config
	return &api.SubscriptionInfo{
		EventSource:                 c.Stream,
		GroupName:                   c.Group,
		ResolveLinkTos:              c.ResolveLinks,
		StartFrom:                   r.text(c.StartFrom),
		MessageTimeoutMilliseconds:  int32(c.MessageTimeout),
		ExtraStatistics:             c.ExtraStatistics,
		MaxRetryCount:               c.MaxRetryCount,
		LiveBufferSize:              c.LiveBufferSize,
		BufferSize:                  c.HistoryBufferSize,
		ReadBatchSize:               c.ReadBatchSize,
		CheckPointAfterMilliseconds: int32(c.CheckpointAfter),
		MinCheckPointCount:          c.MinCheckpointCount,
		MaxCheckPointCount:          c.MaxCheckpointCount,
		NamedConsumerStrategy:       string(c.Strategy),
		MaxSubscriberCount:          c.MaxSubscriberCount,
	}
}

// progress says how far the group is. Places that do not exist stay empty.
func (r *groupRun) progress(i *api.SubscriptionInfo) error {
	if r.checkpoint >= 0 {
		i.LastCheckpointedEventPosition = r.text(r.checkpoint)
	}
	known := int64(r.head.Load())
	if !r.ofAll() {
		last, err := r.last(r.Stream, r.head.Load())
		if err != nil {
			return err
		}
		known = last.revision
	}
	if known >= 0 {
		i.LastKnownEventPosition = r.text(known)
	}
	first, next, err := r.parkedRange(r.groupKey)
	i.ParkedMessageCount = next - max(first, min(r.replay.next, next))
	return err
}

// load tells what is under way. There is one buffer; its name depends on
// whether the group has caught up.
func (r *groupRun) load(i *api.SubscriptionInfo) {
	l := r.group.Load()
	switch {
	case r.replay.next < r.replay.stop || r.group.Replaying():
		i.Status = "ReplayingParkedMessages"
	case r.live:
		i.Status = "Live"
	default:
		i.Status = "Behind"
	}
	if r.live {
		i.LiveBufferCount = int64(l.Fresh)
	} else {
		i.ReadBufferCount = int32(l.Fresh)
	}
	i.RetryBufferCount = int32(l.Again)
	i.TotalInFlightMessages = int32(l.InFlight)
	i.OutstandingMessagesCount = int32(l.InFlight + l.Again + l.Parking)
}

func (r *groupRun) connection(s *groupSeat) *api.SubscriptionInfo_ConnectionInfo {
	f := s.consumer.Figures()
	c := &api.SubscriptionInfo_ConnectionInfo{
		From: s.from, Username: s.gate.name(s.caller), ConnectionName: s.name,
		TotalItems: f.Total, CountSinceLastMeasurement: f.SinceLast,
		AverageItemsPerSecond: groupMeter{began: s.joined}.perSecond(f.Total),
		AvailableSlots:        int32(f.Free), InFlightMessages: int32(f.InFlight),
	}
	if r.config.ExtraStatistics {
		c.ObservedMeasurements = latencies(f.Latencies)
	}
	return c
}

// latencies describes how long answers took, in milliseconds.
func latencies(sorted []time.Duration) (all []*api.SubscriptionInfo_Measurement) {
	if len(sorted) == 0 {
		return nil
	}
	at := func(key string, share float64) {
		value := sorted[min(int(share*float64(len(sorted))), len(sorted)-1)].Milliseconds()
		all = append(all, &api.SubscriptionInfo_Measurement{Key: key, Value: value})
	}
	var sum time.Duration
	for _, d := range sorted {
		sum += d
	}
	mean := sum / time.Duration(len(sorted))
	all = append(all, &api.SubscriptionInfo_Measurement{Key: "Mean", Value: mean.Milliseconds()})
	at("Median", 0.5)
	at("Fastest", 0)
	for _, p := range []struct {
		key   string
		share float64
	}{{"Quintile 1", 0.2}, {"Quintile 2", 0.4}, {"Quintile 3", 0.6}, {"Quintile 4", 0.8}, {"Quintile 5", 1},
		{"90%", 0.9}, {"95%", 0.95}, {"99%", 0.99}, {"99.5%", 0.995}, {"99.9%", 0.999}} {
		at(p.key, p.share)
	}
	at("Highest", 1)
	return all
}
