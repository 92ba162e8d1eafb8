package access_test

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/internal/testkit"
)

// A fed model learns events in the order they are told.
type fed struct{ *access.Model }

func feed() fed { return fed{access.NewModel()} }

func (f fed) tell(events ...domain.Event) fed {
	for _, e := range events {
		r := domain.Recorded{Event: e, Position: f.Position() + 1, Meta: domain.Meta{At: testkit.Now}}
		if d, ok := e.(interface{ doer() string }); ok {
			r.Meta.Actor.ID = d.doer()
		}
		if err := f.Apply(r); err != nil {
			panic(err)
		}
	}
	return f
}

// nation is a platform of so many integrators with 1,000 tenants each.
func nation(integrators int) (f fed, tenants []domain.NodeID) {
	random := rand.NewChaCha8([32]byte{1})
	f = feed().tell(hung{domain.PlatformID, domain.PlatformLevel, "", domain.Usable})
	for range integrators {
		integrator := domain.NodeID(uuid.Must(uuid.NewRandomFromReader(random)).String())
		f.tell(hung{integrator, domain.IntegratorLevel, domain.PlatformID, domain.Usable})
		for range 1000 {
			t := domain.NodeID(uuid.Must(uuid.NewRandomFromReader(random)).String())
			f.tell(hung{t, domain.TenantLevel, integrator, domain.Usable})
			tenants = append(tenants, t)
		}
	}
	return f, tenants
}

// BenchmarkDecide asks for a user with a dozen grants, at a tenant in the midst
// of 100,000.
func BenchmarkDecide(b *testing.B) {
	f, tenants := nation(100)
	at := tenants[54321]
	f.tell(hung{domain.NodeID(ann), domain.UserLevel, domain.PlatformID, domain.Usable})
	for i := range 11 {
		f.tell(access.RoleGranted{Node: tenants[i*7000], User: ann, Terms: access.Terms{Ref: access.Ref{Role: access.TenantAdmin}}})
	}
	f.tell(access.RoleGranted{Node: at, User: ann, Terms: access.Terms{Ref: access.Ref{Role: access.TenantViewer}}})
	need := domain.PermissionsOf(domain.TenantRead)
	for name, who := range map[string]string{"user": string(ann), "nobody": string(bob)} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if (f.Decide(who, need, at, now) == access.Allowed) != (name == "user") {
					b.Fatal("decided wrongly")
				}
			}
		})
	}
	b.Run("user while events are applied", func(b *testing.B) {
		stop := make(chan struct{})
		done := make(chan struct{})
		go func() {
			defer close(done)
			for i := 0; ; i++ {
				select {
				case <-stop:
					return
				default:
					f.tell(hung{tenants[i%1000], domain.TenantLevel, domain.PlatformID, domain.Barred})
				}
			}
		}()
		for b.Loop() {
			if f.Decide(string(ann), need, at, now) != access.Allowed {
				b.Fatal("decided wrongly")
			}
		}
		close(stop)
		<-done
	})
}

// BenchmarkApply feeds a model of 100,000 tenants, and says how much memory they
// take.
func BenchmarkApply(b *testing.B) {
	before := heap()
	f, tenants := nation(100)
	used := heap() - before
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		f.tell(access.RoleGranted{Node: tenants[i%len(tenants)], User: domain.UserID(fmt.Sprintf("u%d", i%5000)), Terms: access.Terms{Ref: access.Ref{Role: access.TenantViewer}}})
		i++
	}
	b.ReportMetric(float64(used)/1e6, "MB")
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

var now = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)
