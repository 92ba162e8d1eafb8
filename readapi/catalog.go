package readapi

import (
	"context"
	"reflect"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/internal/edge"
)

// A Query is a question: a struct of its parameters, and how to answer it with
// one statement.
type Query[R any] interface {
	Run(context.Context, DB) (R, error)
}

// Catalog lists every query once, by noun, then verb. REST, GraphQL, the command
// line and the documents are read off it.
var Catalog = []edge.Entry[*Source]{
	On[APITenants]("apiTenants", "GET /api/tenants", domain.TenantRead, "The platform and its tenants.", "tenants", "nodes", "resolved_flags"),
	On[APIKeysOf]("apiKeys", "GET /v1/nodes/{node}/api-keys", domain.ClientRead, "API keys of a node.", "api_keys", "nodes"),
	explained("nodeAccess", "GET /v1/nodes/{node}/access", domain.AccessRead, "Why somebody may do something at a node, or why not."),
	On[AuditBy]("audit", "GET /v1/audit", domain.AuditRead, "What happened, who did it and why; newest first.", "audit_log"),
	On[AuditBy]("auditLogs", "GET /api/audit-logs", domain.AuditRead, "What happened, who did it and why; newest first.", "audit_log"),
	On[ApprovalRulesBy]("approvalRules", "GET /v1/approval-rules", domain.FlagRead, "Which nodes ask for approvals.", "approval_rules"),
	On[ChangeRequestByID]("changeRequest", "GET /v1/nodes/{node}/change-requests/{request}", domain.FlagRead, "One change request.", "change_requests"),
	On[ChangeRequestsBy]("changeRequests", "GET /v1/change-requests", domain.FlagRead, "Change requests, newest first.", "change_requests"),
	On[ClientsOf]("clients", "GET /v1/nodes/{node}/clients", domain.ClientRead, "OAuth clients registered at a node.", "clients", "nodes"),
	On[DataAccessBy]("dataAccess", "GET /v1/security/data-access", domain.SecurityRead, "Who looked at what, newest first."),
	On[FeatureSetByKey]("featureSet", "GET /v1/feature-sets/{set}", domain.FlagRead, "One feature set.", "feature_sets"),
	On[FeatureSetsBy]("featureSets", "GET /v1/feature-sets", domain.FlagRead, "Feature sets.", "feature_sets"),
	On[AssignmentsBy]("featureSetAssignments", "GET /v1/feature-set-assignments", domain.FlagRead, "Which nodes have which feature sets.", "feature_set_assignments"),
	On[FlagByKey]("flag", "GET /v1/flags/{flag}", domain.FlagRead, "One flag.", "flags", "flag_usage"),
	On[FlagOverridesOf]("flagOverrides", "GET /v1/nodes/{node}/flags", domain.FlagRead, "What a node itself says about flags.", "flag_overrides", "nodes", "users"),
	On[OverridesBy]("overrides", "GET /v1/flag-overrides", domain.FlagRead, "What nodes say about flags, wherever they are.", "flag_overrides"),
	On[FlagsBy]("flags", "GET /v1/flags", domain.FlagRead, "Flags.", "flags", "flag_usage", "flag_overrides"),
	On[FlagUsageOf]("flagUsage", "GET /v1/flags/{flag}/usage", domain.FlagRead, "Where a flag was evaluated, and when last.", "flag_usage", "flags"),
	remembered[BisectFlag]("bisectFlag", "GET /v1/resolve/flags/{flag}/bisect", domain.FlagRead, "Where a flag came to something else.", lookedAt...),
	remembered[ResolveFlag]("resolveFlag", "GET /v1/resolve/flags/{flag}", domain.FlagRead, "What a flag comes to, or came to, and the whole story.", lookedAt...),
	remembered[FlagTimeline]("flagTimeline", "GET /v1/resolve/flags/{flag}/timeline", domain.FlagRead, "What a flag came to over time, and what turned it; oldest first.", lookedAt...),
	either[ResolvedFlagsOf]("resolvedFlags", "GET /v1/nodes/{node}/resolved-flags", domain.FlagRead, "What every flag comes to, or came to, at a node.", "resolved_flags", "nodes", "users"),
	On[IntegratorByID]("integrator", "GET /v1/integrators/{integrator}", domain.IntegratorRead, "One integrator.", "integrators", "tenants"),
	On[IntegratorsBy]("integrators", "GET /v1/integrators", domain.IntegratorRead, "Integrators.", "integrators", "tenants"),
	On[MerchantOrgs]("merchantOrgs", "GET /api/merchant-orgs", domain.IntegratorRead, "Holdings and how many merchants they have.", "integrators", "tenants"),
	On[MembersOf]("members", "GET /v1/nodes/{node}/members", domain.AccessRead, "Who holds which role at a node itself.", "memberships", "users", "nodes"),
	On[NodeByID]("node", "GET /v1/nodes/{node}", domain.NodeRead, "One place in the tree.", "nodes", "users"),
	On[NodesBy]("nodes", "GET /v1/nodes", domain.NodeRead, "Places in the tree.", "nodes"),
	On[Projections]("projections", "GET /v1/ops/projections", domain.OpsRead, "How far each read model has come."),
	On[QuotaOf]("quota", "GET /v1/tenants/{tenant}/quotas/{meter}", domain.QuotaRead, "One quota of a tenant.", "quotas"),
	On[QuotasOf]("quotas", "GET /v1/tenants/{tenant}/quotas", domain.QuotaRead, "Quotas of a tenant.", "quotas", "tenants"),
	On[SecurityEventsBy]("securityEvents", "GET /v1/security-events", domain.SecurityRead, "Who was refused what, and how often; newest first.", "security_events"),
	On[SegmentByKey]("segment", "GET /v1/segments/{segment}", domain.FlagRead, "One segment, and what names it.", "segments", "flag_overrides"),
	On[SegmentsBy]("segments", "GET /v1/segments", domain.FlagRead, "Segments.", "segments", "flag_overrides"),
	On[SigningKeysBy]("signingKeys", "GET /v1/signing-keys", domain.ClientRead, "Keys that access tokens are or were signed with.", "signing_keys"),
	On[RolesBy]("roles", "GET /v1/roles", domain.AccessRead, "Roles, built in and defined.", "roles"),
	On[RolesAt]("nodeRoles", "GET /v1/nodes/{node}/roles", domain.AccessRead, "Roles that a node knows, and which of them count there.", "roles", "role_sets", "nodes"),
	On[TenantByID]("tenant", "GET /v1/tenants/{tenant}", domain.TenantRead, "One tenant.", "tenants", "nodes"),
	On[TenantsBy]("tenants", "GET /v1/tenants", domain.TenantRead, "Tenants.", "tenants", "nodes"),
	On[UserByID]("user", "GET /v1/users/{user}", domain.UserRead, "One user.", "users", "nodes"),
	On[UsersBy]("users", "GET /v1/users", domain.UserRead, "Users.", "users", "nodes"),
}

// On declares query Q; its answer type R is inferred. Tables are the read models
// it looks at: a caller who asks for a position waits for these and no others.
func On[Q Query[R], R any](name, route string, needs domain.Permission, summary string, tables ...string) edge.Entry[*Source] {
	return edge.Entry[*Source]{
		Name: name, Route: route, Needs: needs, Summary: summary,
		Input: reflect.TypeFor[Q](), Output: reflect.TypeFor[R](),
		Call: func(ctx context.Context, s *Source, bind edge.Bind, r edge.Request) (edge.Answer, error) {
			var q Q
			if err := bind(&q); err != nil {
				return edge.Answer{}, err
			}
			v, err := s.asOf(ctx, View{Name: name, Scope: r.Scope, Least: r.MinPosition, Tables: tables, Trace: r.Meta.CorrelationID, Across: r.Across}, q)
			if err != nil {
				return edge.Answer{}, err
			}
			return answer(ctx, s, q, v)
		},
	}
}

func answer[R any](ctx context.Context, s *Source, q Query[R], v View) (edge.Answer, error) {
	var body R
	at, err := s.Read(ctx, v, func(ctx context.Context, db DB) (err error) {
		body, err = q.Run(ctx, db)
		return err
	})
	if err != nil {
		return edge.Answer{}, err
	}
	return edge.Answer{Body: body, Position: at}, nil
}
