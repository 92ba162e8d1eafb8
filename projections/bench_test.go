package projections_test

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"log/slog"
	"reflect"
	"runtime"
	"runtime/metrics"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	"github.com/reeve-platform/reeve/domain/events"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/quota"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/projections"
	"github.com/reeve-platform/reeve/projections/projectionstest"
)

const (
	benchEvents  = 1_000_000
	benchTenants = 10_000
	benchFlags   = 20
)

func tenantID(i int) domain.TenantID {
	return domain.TenantID(fmt.Sprintf("%08x-0000-4000-8000-000000000000", i))
}

func integratorID(i int) domain.IntegratorID {
	return domain.IntegratorID(fmt.Sprintf("%08x-1111-4111-8111-111111111111", i))
}

// estateLog is many real events, as a log stores them: encoded.
func estateLog(n int) []domain.Recorded {
	var all []domain.Recorded
	next := map[domain.StreamID]uint64{}
	add := func(s domain.StreamID, e domain.Event) {
		name, version, data, err := events.Registry.Encode(e)
		if err != nil {
			panic(err)
		}
		at := uint64(len(all) + 1)
		all = append(all, domain.Recorded{Type: name, Version: version, Data: data, Stream: s, Revision: next[s], Position: at,
			ID: domain.EventID("estate", "", int(at)), Meta: domain.Meta{At: noon.Add(time.Duration(at) * time.Second), CommandID: fmt.Sprint("c", at), Actor: domain.Actor{ID: "ada", Type: "user"}}})
		next[s]++
	}
	for i := range benchFlags {
		k := flag.Key(fmt.Sprint("flag-", i))
		add(flag.Stream(k), flag.Defined{Flag: k, Definition: flag.Definition{Type: flag.Boolean, Default: json.RawMessage("false"), Off: json.RawMessage("false"), Mode: cascade.Replace}})
		add(flag.Stream(k), flag.Activated{Flag: k})
	}
	for i := range benchTenants / 100 {
		add(domain.IntegratorStream(integratorID(i)), integrator.Registered{Integrator: integratorID(i), Profile: integrator.Profile{BusinessName: fmt.Sprint("I", i)}})
		add(domain.IntegratorStream(integratorID(i)), integrator.Activated{Integrator: integratorID(i)})
	}
	for i := range benchTenants {
		add(domain.TenantStream(tenantID(i)), tenant.Created{Tenant: tenantID(i), Integrator: integratorID(i % (benchTenants / 100)), Profile: tenant.Profile{Slug: fmt.Sprint("t", i), Name: fmt.Sprint("Tenant ", i)}})
		add(domain.TenantStream(tenantID(i)), tenant.Activated{Tenant: tenantID(i)})
	}
	for i := 0; len(all) < n; i++ {
		id := tenantID(i * 7919 % benchTenants)
		switch i % 4 {
		case 0:
			add(domain.TenantStream(id), tenant.Suspended{Tenant: id, Cause: tenant.Billing})
		case 1:
			add(domain.TenantStream(id), tenant.Reactivated{Tenant: id, Cause: tenant.Billing})
		case 2:
			add(quota.Stream(id), quota.Changed{Tenant: id, Meter: "users", After: quota.Quota{Limit: int64(i), Period: quota.Month, Enforcement: quota.Hard}})
		default:
			k := flag.Key(fmt.Sprint("flag-", i%benchFlags))
			add(domain.StreamID("nodeflags-"+id), flag.Overridden{Node: domain.NodeID(id), Level: domain.TenantLevel, Flag: k, Setting: flag.Setting{Value: json.RawMessage("true")}})
		}
	}
	return all
}

// encoded is a log that decodes what it is asked for.
type encoded struct{ *projectionstest.History }

func decodedPage(p domain.Page) domain.Page {
	out := make([]domain.Recorded, len(p.Events))
	for i, r := range p.Events {
		r.Event, r.Err = events.Registry.Decode(r.Type, r.Version, r.Data)
		out[i] = r
	}
	return domain.Page{From: p.From, To: p.To, Events: out}
}

func (l encoded) Pages(ctx context.Context, from uint64, most int) iter.Seq2[domain.Page, error] {
	return func(yield func(domain.Page, error) bool) {
		for p, err := range l.History.Pages(ctx, from, most) {
			if !yield(decodedPage(p), err) {
				return
			}
		}
	}
}

// BenchmarkRebuild makes all read models from 1,000,000 events, and compares with
// the least that could be done: decode, fold into a map for each table, COPY.
func BenchmarkRebuild(b *testing.B) {
	log := encoded{projectionstest.NewHistory(estateLog(benchEvents)...)}
	for b.Loop() {
		floor := foldThenCopy(b, projectionstest.Open(b), log)
		peak := watchHeap()
		began := time.Now()
		e := projections.New(projectionstest.Open(b), log, projections.All, projections.Options{Logger: slog.New(slog.NewTextHandler(b.Output(), nil))})
		if err := e.Rebuild(b.Context()); err != nil {
			b.Fatal(err)
		}
		took := time.Since(began)
		b.ReportMetric(benchEvents/floor.Seconds(), "floor-events/s")
		b.ReportMetric(benchEvents/took.Seconds(), "events/s")
		b.ReportMetric(floor.Seconds()/took.Seconds(), "ratio")
		b.ReportMetric(float64(peak())/(1<<20), "MiB")
	}
}

// watchHeap reports by how much the live heap grew at most.
func watchHeap() (grown func() uint64) {
	live := func() uint64 {
		sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
		metrics.Read(sample)
		return sample[0].Value.Uint64()
	}
	runtime.GC()
	base, peak, done := live(), atomic.Uint64{}, make(chan struct{})
	go func() {
		for {
			peak.Store(max(peak.Load(), live()))
			select {
			case <-done:
				return
			case <-time.After(20 * time.Millisecond):
			}
		}
	}()
	return func() uint64 { close(done); return max(peak.Load(), base) - base }
}

func foldThenCopy(b *testing.B, db *pgxpool.Pool, log encoded) time.Duration {
	b.Helper()
	if err := projections.New(db, projectionstest.NewHistory(), projections.All, projections.Options{}).Rebuild(b.Context()); err != nil {
		b.Fatal(err)
	}
	began := time.Now()
	var copies []func() error
	var folds []func(domain.Recorded)
	floorOf(b, db, projections.Nodes, &folds, &copies)
	floorOf(b, db, projections.Integrators, &folds, &copies)
	floorOf(b, db, projections.Tenants, &folds, &copies)
	floorOf(b, db, projections.Quotas, &folds, &copies)
	floorOf(b, db, projections.Flags, &folds, &copies)
	floorOf(b, db, projections.FlagOverrides, &folds, &copies)
	floorOf(b, db, projections.AuditLog, &folds, &copies)
	for p := range log.Pages(b.Context(), 0, 2000) {
		for _, r := range p.Events {
			for _, f := range folds {
				f(r)
			}
		}
		if p.To == benchEvents {
			break
		}
	}
	for _, c := range copies {
		if err := c(); err != nil {
			b.Fatal(err)
		}
	}
	return time.Since(began)
}

func floorOf[Row any](b *testing.B, db *pgxpool.Pool, t projections.Table[Row], folds *[]func(domain.Recorded), copies *[]func() error) {
	rows := map[string]Row{}
	*folds = append(*folds, func(r domain.Recorded) {
		k := t.Key(r)
		if k == "" {
			return
		}
		row, keep := t.Fold(rows[k], r)
		if keep {
			rows[k] = row
			return
		}
		delete(rows, k)
	})
	*copies = append(*copies, func() error {
		var names []string
		var arrays []bool
		for _, c := range t.Describe().Columns {
			names, arrays = append(names, c.Name), append(arrays, strings.HasSuffix(c.Type, "[]"))
		}
		keys := make([]string, 0, len(rows))
		for k := range rows {
			keys = append(keys, k)
		}
		slices.Sort(keys)
		_, err := db.CopyFrom(b.Context(), pgx.Identifier{"readmodel", t.Name}, names, pgx.CopyFromSlice(len(keys), func(i int) ([]any, error) {
			v := reflect.ValueOf(rows[keys[i]])
			values := make([]any, v.NumField())
			for j := range values {
				switch f := v.Field(j); {
				case f.Kind() != reflect.Slice || !f.IsNil():
					values[j] = f.Interface()
				case arrays[j]: // pgx would take it for null
					values[j] = reflect.MakeSlice(f.Type(), 0, 0).Interface()
				default:
					values[j] = json.RawMessage("null")
				}
			}
			return values, nil
		}))
		return err
	})
}
