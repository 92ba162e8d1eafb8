package projections_test

import (
	"fmt"
	"slices"
	"syscall"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/events"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/projections/projectionstest"
)

// renames is a log of busy tenants whose names change.
func renames(tenants, n int) []domain.Recorded {
	var all []domain.Recorded
	next := map[domain.StreamID]uint64{}
	add := func(id domain.TenantID, e domain.Event) {
		name, version, data, err := events.Registry.Encode(e)
		if err != nil {
			panic(err)
		}
		at, stream := uint64(len(all)+1), domain.TenantStream(id)
		all = append(all, domain.Recorded{Type: name, Version: version, Data: data, Stream: stream, Revision: next[stream], Position: at,
			ID: domain.EventID("renames", "", int(at)), Meta: domain.Meta{At: noon.Add(time.Duration(at) * time.Second), CommandID: fmt.Sprint("command-", at),
				CorrelationID: fmt.Sprint("act-", at), Actor: domain.Actor{ID: "ada", Type: "user"}, TenantID: id, IntegratorID: integratorID(1)}})
		next[stream]++
	}
	profile := func(i, n int) tenant.Profile {
		return tenant.Profile{Slug: fmt.Sprint("mill-", i), Name: fmt.Sprint("Mill of round ", n), Kind: "merchant", Contacts: []domain.Contact{{Name: "Ann", Email: "ann@example.com", Role: "admin"}}}
	}
	for i := range tenants {
		add(tenantID(i), tenant.Created{Tenant: tenantID(i), Integrator: integratorID(1), Profile: profile(i, 0)})
	}
	for n := range n {
		i := n * 7919 % tenants
		add(tenantID(i), tenant.ProfileUpdated{Tenant: tenantID(i), Before: profile(i, n), After: profile(i, n+1)})
	}
	return all
}

// BenchmarkLive follows a busy log in pages of the size that gathers in the time
// that a busy log is given.
func BenchmarkLive(b *testing.B) {
	const tenants, n, page = 1000, 30_000, 250
	all := renames(tenants, n)
	for i := range all {
		all[i].Event, all[i].Err = events.Registry.Decode(all[i].Type, all[i].Version, all[i].Data)
	}
	for b.Loop() {
		b.StopTimer()
		log := projectionstest.NewHistory()
		e := projectionstest.Start(b, projectionstest.Open(b), log, projections.All, projections.Options{PageSize: page})
		projectionstest.Await(b, e, log)
		log.Append(all[:tenants]...)
		projectionstest.Await(b, e, log)
		before, began := used(), time.Now()
		b.StartTimer()
		log.Append(all[tenants:]...)
		for behind := true; behind; {
			time.Sleep(20 * time.Millisecond) // asking more often would be measured too
			status, err := e.Status(b.Context())
			if err != nil {
				b.Fatal(err)
			}
			behind = slices.ContainsFunc(status, func(s projections.Status) bool { return s.Position < s.Head })
		}
		b.ReportMetric(float64((used()-before).Microseconds())/n, "cpu-us/event")
		b.ReportMetric(float64(time.Since(began).Microseconds())/n, "us/event")
	}
}

// used is the CPU time of this process.
func used() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		panic(err)
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}
