package main

import (
	"net/http"
	"net/http/pprof"
	"strconv"
	"time"

	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/reeve-platform/reeve/internal/logserver"
	"github.com/reeve-platform/reeve/projections"
)

// A meter counts what the server does, for /metrics on the admin address.
// Nothing is labelled by tenant: their number has no bound.
type meter struct {
	registry *prometheus.Registry
	requests *prometheus.HistogramVec
	position *prometheus.GaugeVec
	lag      *prometheus.GaugeVec
	live     *prometheus.GaugeVec
	fetches  *prometheus.CounterVec
}

func newMeter() *meter {
	m := &meter{
		registry: newRegistry(),
		requests: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "reeve_http_request_seconds", Help: "Time to answer, by route and status.", Buckets: prometheus.ExponentialBuckets(0.0005, 2, 14),
		}, []string{"route", "status"}),
		position: gauge("reeve_projection_position", "Position in the log up to which the projection has read."),
		lag:      gauge("reeve_projection_lag_seconds", "Age of the oldest event the projection has not applied."),
		live:     gauge("reeve_projection_live", "1 while the projection follows the log, 0 while it is stopped or being built."),
	}
	m.fetches = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "reeve_issuer_key_fetches_total", Help: "Fetches of the keys of an OpenID Connect issuer, by how they ended.",
	}, []string{"issuer", "result"})
	m.registry.MustRegister(m.requests, m.position, m.lag, m.live, m.fetches)
	return m
}

// newRegistry begins with what is true of every process.
func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

func gauge(name, help string) *prometheus.GaugeVec {
	return prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: name, Help: help}, []string{"projection"})
}

// observe counts one answered request.
func (m *meter) observe(route string, status int, took time.Duration) {
	m.requests.WithLabelValues(route, strconv.Itoa(status)).Observe(took.Seconds())
}

// fetched counts a fetch of an issuer's keys. There are as many issuers as the
// operator has named.
func (m *meter) fetched(issuer string, err error) {
	result := "ok"
	if err != nil {
		result = "failed"
	}
	m.fetches.WithLabelValues(issuer, result).Inc()
}

// aging reports how old the models in memory are.
func (m *meter) aging(age func() time.Duration) {
	m.registry.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "reeve_flags_age_seconds", Help: "Time since flags and rights were last known to be all that is in the log.",
	}, func() float64 { return age().Seconds() }))
}

// counting reports how many evaluations were not counted as use of a flag.
func (m *meter) counting(lost func() uint64) {
	m.registry.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "reeve_flag_uses_lost_total", Help: "Evaluations that were not counted at their node, because there were too many places to tell apart.",
	}, func() float64 { return float64(lost()) }))
}

// embedded reports the log that this process serves itself.
func (m *meter) embedded(log *logserver.Server) { m.registry.MustRegister(logCollector{log}) }

// projecting reports how far each projection is.
func (m *meter) projecting(all []projections.Status) {
	for _, p := range all {
		m.position.WithLabelValues(p.Name).Set(float64(p.Position))
		m.lag.WithLabelValues(p.Name).Set(p.Seconds)
		m.live.WithLabelValues(p.Name).Set(0)
		if p.State == "live" {
			m.live.WithLabelValues(p.Name).Set(1)
		}
	}
}

// routes are those of the admin address.
func (m *meter) routes() chi.Router { return figures(m.registry) }

// adminBody is how long a body on the admin address may take: nobody needs one.
const adminBody = 5 * time.Second

// figures serves a registry, and where the time goes.
func figures(registry *prometheus.Registry) chi.Router {
	r := chi.NewRouter()
	r.Use(middleware.GetHead)
	r.Method(http.MethodGet, "/metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{}))
	r.Get("/debug/pprof/*", pprof.Index)
	r.Get("/debug/pprof/profile", pprof.Profile)
	r.Get("/debug/pprof/trace", pprof.Trace)
	return r
}
