package projections

// All is every read model.
var All = []Projection{
	Nodes,
	Integrators,
	Tenants,
	Users,
	Roles,
	RoleSets,
	Memberships,
	Quotas,
	Flags,
	FlagOverrides, Segments,
	FeatureSets, FeatureSetAssignments,
	ChangeRequests, ApprovalRules,
	ResolvedFlags,
	Clients,
	APIKeys,
	SigningKeys,
	AuditLog,
	Reservations,
	SecurityEvents,

	Past[Node]{Nodes},
	Past[Integrator]{Integrators},
	Past[Tenant]{Tenants},
	Past[Flag]{Flags},
	Past[FlagOverride]{FlagOverrides},
	Past[Segment]{Segments},
	Past[FeatureSet]{FeatureSets},
	Past[FeatureSetAssignment]{FeatureSetAssignments},
}
