package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/cascade"
	feature "github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/platform"
	"github.com/reeve-platform/reeve/domain/tenant"
)

const (
	shelfTenants = 100_000
	shelfFlags   = 200
	shelfEach    = 5         // overrides of each tenant
	shelfPast    = 1_000_000 // overrides altogether, for looking back
	roomy        = 25        // MiB that the book may take
	lookBack     = 0.5       // of the rate of now, as of any position
	foresight    = 2000      // ms that a preview may take for each 10,000 tenants
)

// A shelf is a book of flags in this process, and what it was filled with.
type shelf struct {
	*feature.Book
	tenants []domain.NodeID
	keys    []feature.Key
	at      uint64
	founded uint64 // position from which on all tenants are there
}

var shelved = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

func (s *shelf) add(stream domain.StreamID, e domain.Event) error {
	s.at++
	return s.Apply(domain.Recorded{Stream: stream, Event: e, Position: s.at, Meta: domain.Meta{At: shelved.Add(time.Duration(s.at) * 2 * time.Millisecond)}})
}

// fill has every tenant override some flags.
func (s *shelf) fill() (err error) {
	put := func(stream domain.StreamID, e domain.Event) { err = errors.Join(err, s.add(stream, e)) }
	put(platform.Stream, platform.Established{Node: domain.PlatformID})
	for n := range shelfFlags {
		k := feature.Key(fmt.Sprintf("flag-%03d", n))
		s.keys = append(s.keys, k)
		put(feature.Stream(k), feature.Defined{Flag: k, Definition: feature.Definition{Type: feature.Boolean, Default: json.RawMessage("false"), Off: json.RawMessage("false"), Mode: cascade.Replace}})
		put(feature.Stream(k), feature.Activated{Flag: k, From: feature.StatusDraft})
		if n%10 == 0 {
			put("nodeflags-platform", feature.Overridden{Node: domain.PlatformID, Level: domain.PlatformLevel, Flag: k, Setting: feature.Setting{Value: json.RawMessage("true")}})
		}
	}
	for i := range cityIntegrators {
		put(domain.IntegratorStream(cityIntegrator(i)), integrator.Registered{Integrator: cityIntegrator(i)})
		put(domain.IntegratorStream(cityIntegrator(i)), integrator.Activated{Integrator: cityIntegrator(i)})
	}
	for i := range shelfTenants {
		id := domain.TenantID(fmt.Sprintf("%08x-0000-4000-8000-000000000000", i))
		s.tenants = append(s.tenants, domain.NodeID(id))
		put(domain.TenantStream(id), tenant.Created{Tenant: id, Integrator: cityIntegrator(i), Profile: tenant.Profile{Slug: fmt.Sprint("tenant-", i)}})
		put(domain.TenantStream(id), tenant.Activated{Tenant: id})
		for n := range shelfEach {
			put("nodeflags-x", s.override(i, (i+41*n)%shelfFlags))
		}
	}
	s.founded = s.at
	return err
}

func (s *shelf) override(tenant, flag int) feature.Overridden {
	return feature.Overridden{Node: s.tenants[tenant], Level: domain.TenantLevel, Parent: domain.NodeID(cityIntegrator(tenant)), Flag: s.keys[flag],
		Setting: feature.Setting{Value: json.RawMessage("true")}}
}

// benchBook evaluates in this process, without a server: how much memory the flags of
// many tenants take, how long one evaluation lasts, and what it costs to look back.
func benchBook(ctx context.Context, p plan) ([]result, error) {
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	s := &shelf{Book: feature.NewBook()}
	if err := s.fill(); err != nil {
		return nil, err
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	own := uint64(len(s.tenants)) * (16 + 48) // the list of ids, which is the benchmark's
	memory := result{Contest: "book, memory", Contender: "100,000 tenants, 5 overrides each", Unit: "MiB", Most: roomy, Rates: []float64{float64(after.HeapAlloc-before.HeapAlloc-own) / (1 << 20)}}
	resolve, err := s.resolve(p)
	if err != nil {
		return []result{memory}, err
	}
	effect, err := s.foresee(ctx, p)
	if err != nil {
		return []result{memory, resolve}, err
	}
	for s.at < s.founded+shelfPast-shelfTenants*shelfEach {
		if err := s.add("nodeflags-x", s.override(rand.IntN(shelfTenants), rand.IntN(shelfFlags))); err != nil {
			return nil, err
		}
	}
	past, err := contest{"book, as of", "evaluations/s", []contender{
		{"as of any position of 1,000,000 overrides", 0, func(context.Context) (sample, error) {
			return s.turn(p, func() uint64 { return s.founded + rand.Uint64N(s.at-s.founded) })
		}},
		{"as of now", lookBack, func(context.Context) (sample, error) { return s.turn(p, func() uint64 { return 0 }) }},
	}}.run(ctx, p.rounds)
	return append([]result{memory, resolve, effect}, past...), err
}

// foresee times the preview of a kill that all tenants notice, but for those that
// say otherwise.
func (s *shelf) foresee(ctx context.Context, p plan) (result, error) {
	r := result{Contest: "book, what if", Contender: "100,000 tenants, a flag killed for all", Unit: "ms/10,000", Most: foresight}
	for range p.rounds {
		began := time.Now()
		e, err := s.Effect(ctx, domain.Meta{At: shelved}, feature.Killed{Flag: s.keys[0], From: feature.StatusActive})
		if err != nil || e.Total.Changes != len(s.tenants)+cityIntegrators+1 || e.Digest() == "" { // the platform, too
			return r, errors.Join(err, fmt.Errorf("the preview counts %d nodes", e.Total.Changes))
		}
		r.Rates = append(r.Rates, float64(time.Since(began).Microseconds())/1000*10_000/shelfTenants)
	}
	return r, nil
}

// turn evaluates any flag for any tenant.
func (s *shelf) turn(p plan, as func() uint64) (sample, error) {
	n, began := 0, time.Now()
	for ; n%1024 > 0 || time.Since(began) < p.span/2; n++ {
		v, err := s.Look(feature.Question{Node: s.tenants[rand.IntN(len(s.tenants))], At: shelved, Position: as()})
		if err == nil {
			_, err = v.Evaluate(s.keys[rand.IntN(len(s.keys))])
		}
		if err != nil {
			return sample{}, err
		}
	}
	return sample{rate: float64(n) / time.Since(began).Seconds()}, nil
}

// resolve times one evaluation where the place is known, over all flags.
func (s *shelf) resolve(p plan) (result, error) {
	r := result{Contest: "book, one evaluation", Contender: "100,000 tenants, the place looked up before", Unit: "ns", Most: fast}
	v, err := s.Look(feature.Question{Node: s.tenants[4711], At: shelved})
	if err != nil {
		return r, err
	}
	if err := brief(); err != nil {
		return r, err
	}
	for range p.rounds {
		best := math.MaxFloat64
		for range readings {
			b := testing.Benchmark(func(b *testing.B) {
				b.ReportAllocs()
				for i := 0; b.Loop(); i++ {
					if _, err := v.Evaluate(s.keys[i%len(s.keys)]); err != nil {
						b.Fatal(err)
					}
				}
			})
			best = min(best, float64(b.T.Nanoseconds())/float64(b.N))
			if b.AllocsPerOp() > 0 {
				return r, fmt.Errorf("an evaluation allocates %d times", b.AllocsPerOp())
			}
		}
		r.Rates = append(r.Rates, best)
		say("%s: %.1f %s", r.Contest, best, r.Unit)
	}
	r.Notes = []string{fmt.Sprintf("no allocation; each the fastest of %d readings of 50 ms", readings)}
	return r, nil
}
