package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/reeve-platform/reeve/internal/logserver"
)

// A logCollector reports a log that this process serves itself. It asks for one
// snapshot at each scrape; between two, counting costs the log atomics only.
type logCollector struct{ log *logserver.Server }

// A logFigure is one number out of a snapshot.
type logFigure struct {
	desc  *prometheus.Desc
	kind  prometheus.ValueType
	value func(logserver.Stats) float64
}

func logDesc(name, help string) *prometheus.Desc {
	return prometheus.NewDesc("reeve_log_"+name, help, nil, nil)
}

func counted(name, help string, value func(logserver.Stats) uint64) logFigure {
	return logFigure{logDesc(name, help), prometheus.CounterValue, func(s logserver.Stats) float64 { return float64(value(s)) }}
}

func gauged(name, help string, value func(logserver.Stats) uint64) logFigure {
	return logFigure{logDesc(name, help), prometheus.GaugeValue, func(s logserver.Stats) float64 { return float64(value(s)) }}
}

var logFigures = []logFigure{
	counted("appends_total", "Append calls acknowledged.", func(s logserver.Stats) uint64 { return s.Appends }),
	counted("refused_total", "Appends refused.", func(s logserver.Stats) uint64 { return s.Refused }),
	counted("events_total", "Events written.", func(s logserver.Stats) uint64 { return s.Events }),
	counted("batches_total", "Synced batches that the appends were written in.", func(s logserver.Stats) uint64 { return s.Batches }),
	counted("reads_total", "Counted reads answered.", func(s logserver.Stats) uint64 { return s.Reads }),
	counted("sent_total", "Events sent to readers and subscribers.", func(s logserver.Stats) uint64 { return s.Sent }),
	counted("scavenged_total", "Events removed by compactions.", func(s logserver.Stats) uint64 { return s.Scavenged }),
	gauged("recovered_events", "Events that the open found above the durable mark; 0 after a clean stop.", func(s logserver.Stats) uint64 { return s.Recovered }),
	gauged("head", "Position of the last durable event.", func(s logserver.Stats) uint64 { return s.Head }),
	gauged("mark", "Position that the durable mark vouches for.", func(s logserver.Stats) uint64 { return s.Mark }),
	gauged("subscribers", "Open subscriptions.", func(s logserver.Stats) uint64 { return uint64(s.Subscribers) }),
	gauged("subscriber_lag_events", "Positions between the head and the subscriber that is farthest from it.", func(s logserver.Stats) uint64 { return s.Behind }),
	gauged("disk_free_bytes", "Free space where the log is.", func(s logserver.Stats) uint64 { return s.DiskFree }),
	gauged("disk_full", "1 while appends are refused for want of space.", func(s logserver.Stats) uint64 {
		if s.DiskFull {
			return 1
		}
		return 0
	}),
}

var (
	batchEvents = logDesc("batch_events", "Events in a synced batch.")
	syncSeconds = logDesc("sync_seconds", "Time from handing a batch to the storage until it is durable.")
)

// Describe names every figure.
func (logCollector) Describe(to chan<- *prometheus.Desc) {
	for _, f := range logFigures {
		to <- f.desc
	}
	to <- batchEvents
	to <- syncSeconds
}

// Collect takes a snapshot.
func (c logCollector) Collect(to chan<- prometheus.Metric) {
	s := c.log.Stats()
	for _, f := range logFigures {
		to <- prometheus.MustNewConstMetric(f.desc, f.kind, f.value(s))
	}
	to <- prometheus.MustNewConstHistogram(batchEvents, s.BatchEvents.Count, s.BatchEvents.Sum, s.BatchEvents.Buckets)
	to <- prometheus.MustNewConstHistogram(syncSeconds, s.SyncSeconds.Count, s.SyncSeconds.Sum, s.SyncSeconds.Buckets)
}
