package exec

import (
	"context"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
	"github.com/reeve-platform/reeve/internal/edge/graph"
	"github.com/reeve-platform/reeve/readapi"
)

// Relations are the fields that lead from one answer to another. A nil source is
// fine for whoever only describes them.
func Relations(s *readapi.Source) []graph.Relation {
	const flags = "What every flag comes to at it now, by key."
	return []graph.Relation{
		graph.Relate("flags", flags,
			func(i *readapi.Integrator) domain.NodeID { return domain.NodeID(i.ID) }, from(s, readapi.ResolvedFlagsByNode, "resolved_flags")).UpTo(200).Needing(domain.FlagRead),
		graph.Relate("tenants", "Its tenants by name, at most 200; ask tenants for all of them.",
			func(i *readapi.Integrator) domain.IntegratorID { return i.ID }, from(s, readapi.TenantsByIntegrator, "tenants", "nodes")).UpTo(200).Needing(domain.TenantRead),
		graph.Relate("flags", flags,
			func(n *readapi.Node) domain.NodeID { return n.ID }, from(s, readapi.ResolvedFlagsByNode, "resolved_flags")).UpTo(200).Needing(domain.FlagRead),
		graph.Relate("flags", flags,
			func(t *readapi.Tenant) domain.NodeID { return domain.NodeID(t.ID) }, from(s, readapi.ResolvedFlagsByNode, "resolved_flags")).UpTo(200).Needing(domain.FlagRead),
		graph.Relate("integrator", "The integrator it hangs under.",
			func(t *readapi.Tenant) domain.IntegratorID { return t.IntegratorID }, from(s, readapi.IntegratorsByID, "integrators", "tenants")).Needing(domain.IntegratorRead),
		graph.Relate("quotas", "How much of each meter it may use.",
			func(t *readapi.Tenant) domain.TenantID { return t.ID }, from(s, readapi.QuotasByTenant, "quotas")).Needing(domain.QuotaRead),
	}
}

// from reads with one statement, once the tables have read as far as asked for.
func from[K comparable, V any](s *readapi.Source, run func(context.Context, readapi.DB, []K) ([]V, error), tables ...string) graph.Load[K, V] {
	return func(ctx context.Context, r edge.Request, keys []K) (values []V, at uint64, err error) {
		v := readapi.View{Name: "relation", Scope: r.Scope, Least: r.MinPosition, Tables: tables, Trace: r.Meta.CorrelationID, Across: r.Across}
		at, err = s.Read(ctx, v, func(ctx context.Context, db readapi.DB) (err error) {
			values, err = run(ctx, db, keys)
			return err
		})
		return values, at, err
	}
}
