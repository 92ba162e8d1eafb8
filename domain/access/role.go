package access

import (
	"regexp"
	"slices"

	"github.com/reeve-platform/reeve/domain"
)

// Key names a role: a lower-case letter, then up to 62 of a-z, 0-9 and hyphen.
type Key string

var keyGrammar = regexp.MustCompile(`^[a-z][a-z0-9-]{0,62}$`)

// A Ref is a role and where it is defined; built-in ones are defined nowhere.
type Ref struct {
	Role      Key           `json:"role"`
	DefinedAt domain.NodeID `json:"definedAt,omitempty"`
}

// String is unique to the role.
func (r Ref) String() string {
	if r.DefinedAt == "" {
		return string(r.Role)
	}
	return string(r.DefinedAt) + "/" + string(r.Role)
}

// A Definition says what a role lets its holders do.
type Definition struct {
	Name        string             `json:"name"`
	Permissions domain.Permissions `json:"permissions"`
}

// A BuiltIn role exists everywhere and never changes while a build runs.
type BuiltIn struct {
	Key Key
	Definition
	Levels []domain.Level // of the nodes it can be granted at
}

// Keys of roles that rules know by name.
const (
	PlatformAdmin   Key = "platform-admin"
	PlatformAuditor Key = "platform-auditor"
	IntegratorAdmin Key = "integrator-admin"
	TenantAdmin     Key = "tenant-admin"
	TenantViewer    Key = "tenant-viewer"
	FlagEditor      Key = "flag-editor"
	Evaluator       Key = "evaluator"
)

var (
	onPlatform   = []domain.Level{domain.PlatformLevel}
	onIntegrator = []domain.Level{domain.IntegratorLevel}
	onTenant     = []domain.Level{domain.TenantLevel}
	anywhere     = []domain.Level{domain.PlatformLevel, domain.IntegratorLevel, domain.TenantLevel}
)

// BuiltIns are the roles that every installation has. An integrator's own
// administrators do not have integrator:write: it would let them activate their
// integrator, which is for the platform to do. They and a tenant's hold flag:write,
// of use at the platform only, so that they can make others flag editors.
var BuiltIns = []BuiltIn{
	{PlatformAdmin, Definition{"Platform administrator", domain.PermissionsOf(domain.AllPermissions...)}, onPlatform},
	{PlatformAuditor, Definition{"Platform auditor", domain.PermissionsOf(
		domain.AccessRead, domain.AuditRead, domain.ClientRead, domain.FlagRead, domain.IntegratorRead, domain.NodeRead, domain.OpsRead,
		domain.PlatformReadAll, domain.QuotaRead, domain.SecurityRead, domain.TenantRead, domain.UserRead)}, onPlatform},
	{IntegratorAdmin, Definition{"Integrator administrator", domain.PermissionsOf(
		domain.AccessRead, domain.AccessWrite, domain.AuditRead, domain.ChangeApprove, domain.ChangePropose, domain.ClientRead, domain.ClientWrite,
		domain.FlagEvaluate, domain.FlagLock, domain.FlagOpt, domain.FlagOverride, domain.FlagRead, domain.FlagWrite, domain.IntegratorRead, domain.NodeRead,
		domain.QuotaRead, domain.QuotaWrite, domain.SecurityRead, domain.TenantArchive, domain.TenantCreate, domain.TenantDelete,
		domain.TenantRead, domain.TenantSuspend, domain.TenantWrite, domain.UserRead, domain.UserWrite)}, onIntegrator},
	{TenantAdmin, Definition{"Tenant administrator", domain.PermissionsOf(
		domain.AccessRead, domain.AccessWrite, domain.AuditRead, domain.ChangeApprove, domain.ChangePropose, domain.ClientRead, domain.ClientWrite,
		domain.FlagEvaluate, domain.FlagLock, domain.FlagOpt, domain.FlagOverride, domain.FlagRead, domain.FlagWrite, domain.NodeRead, domain.QuotaRead, domain.SecurityRead,
		domain.TenantRead, domain.TenantWrite, domain.UserRead, domain.UserWrite)}, onTenant},
	{TenantViewer, Definition{"Tenant viewer", domain.PermissionsOf(
		domain.FlagRead, domain.NodeRead, domain.QuotaRead, domain.TenantRead, domain.UserRead)}, anywhere},
	{FlagEditor, Definition{"Flag editor", domain.PermissionsOf(
		domain.ChangePropose, domain.FlagEvaluate, domain.FlagLock, domain.FlagOpt, domain.FlagOverride, domain.FlagRead, domain.FlagWrite, domain.NodeRead)}, anywhere},
	{Evaluator, Definition{"Evaluator", domain.PermissionsOf(domain.FlagEvaluate)}, anywhere},
}

// builtIn finds a built-in role.
func builtIn(k Key) (BuiltIn, bool) {
	i := slices.IndexFunc(BuiltIns, func(b BuiltIn) bool { return b.Key == k })
	if i < 0 {
		return BuiltIn{}, false
	}
	return BuiltIns[i], true
}

var (
	// ErrRoleNotFound: nobody has defined such a role there or above.
	ErrRoleNotFound = &domain.Error{Kind: domain.NotFound, Code: "role-not-found", Detail: "there is no such role at the node or above it"}
	// ErrRoleGone: a retired role is not defined again, or whoever held it before would hold it anew.
	ErrRoleGone = &domain.Error{Kind: domain.Gone, Code: "role-gone", Detail: "the role was retired, and its key is not used again"}
	// ErrBuiltIn: built-in roles are what they are.
	ErrBuiltIn = &domain.Error{Kind: domain.Conflict, Code: "role-built-in", Detail: "a role of that key is built in"}
	// ErrNodeClosed: nothing is arranged any more at a node that is kept for the record only.
	ErrNodeClosed = domain.ErrNodeClosed
)
