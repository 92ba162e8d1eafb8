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
	ResolvedFlags,
	Clients,
	APIKeys,
	SigningKeys,
	AuditLog,
	Reservations,
	SecurityEvents,
}
