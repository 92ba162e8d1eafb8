package domain

import (
	"encoding/json"
	"math/bits"
	"slices"
	"time"
)

// A Permission is something one may do at a node and at every node below it. As
// an OAuth scope it is called "auth:" and its name.
type Permission string

// Everything that can be permitted. The names are for ever: they are in the log.
const (
	AccessRead         Permission = "access:read"  // who may do what, and why
	AccessWrite        Permission = "access:write" // grant and revoke roles, define and restrict them
	AuditRead          Permission = "audit:read"
	ChangeApprove      Permission = "change:approve" // of somebody else's change request
	ChangePropose      Permission = "change:propose" // and apply what was approved
	ClientRead         Permission = "client:read"    // OAuth clients and API keys, never their secrets
	ClientWrite        Permission = "client:write"   // register, rotate and revoke them
	FlagEvaluate       Permission = "flag:evaluate"
	FlagKill           Permission = "flag:kill"
	FlagLock           Permission = "flag:lock"
	FlagOpt            Permission = "flag:opt" // choose what an optional flag offers
	FlagOverride       Permission = "flag:override"
	FlagRead           Permission = "flag:read"
	FlagWrite          Permission = "flag:write"
	IntegratorOffboard Permission = "integrator:offboard"
	IntegratorRead     Permission = "integrator:read"
	IntegratorWrite    Permission = "integrator:write"
	IntegratorStop     Permission = "integrator:stop"
	KeyRotate          Permission = "key:rotate" // what tokens are signed with
	NodeRead           Permission = "node:read"
	OpsRead            Permission = "ops:read"
	QuotaRead          Permission = "quota:read"
	QuotaWrite         Permission = "quota:write"
	SecurityRead       Permission = "security:read" // security events and the record of data access
	TenantArchive      Permission = "tenant:archive"
	TenantCreate       Permission = "tenant:create"
	TenantDelete       Permission = "tenant:delete"
	TenantRead         Permission = "tenant:read"
	TenantReassign     Permission = "tenant:reassign"
	TenantSuspend      Permission = "tenant:suspend"
	TenantWrite        Permission = "tenant:write"
	UserRead           Permission = "user:read"
	UserWrite          Permission = "user:write"
	PlatformReadAll    Permission = "platform:read_all" // read across all tenants, with a reason that is recorded
)

// AllPermissions is every permission, sorted by name.
var AllPermissions = []Permission{
	AccessRead, AccessWrite, AuditRead, ChangeApprove, ChangePropose, ClientRead, ClientWrite, FlagEvaluate, FlagKill, FlagLock, FlagOpt, FlagOverride, FlagRead, FlagWrite,
	IntegratorOffboard, IntegratorRead, IntegratorStop, IntegratorWrite, KeyRotate, NodeRead, OpsRead, PlatformReadAll,
	QuotaRead, QuotaWrite, SecurityRead, TenantArchive, TenantCreate, TenantDelete, TenantRead, TenantReassign, TenantSuspend, TenantWrite,
	UserRead, UserWrite,
}

// ErrPermission: there is no permission of that name.
var ErrPermission = &Error{Kind: Invalid, Code: "unknown-permission", Detail: "there is no permission of that name"}

// UnmarshalText refuses names that nothing is permitted by.
func (p *Permission) UnmarshalText(b []byte) error {
	if !Permission(b).Known() {
		return ErrPermission
	}
	*p = Permission(b)
	return nil
}

// Known reports whether it is a permission at all.
func (p Permission) Known() bool { return place[p] != 0 }

// place is where each permission has its bit, from 1.
var place = func() map[Permission]int {
	at := map[Permission]int{}
	for i, p := range AllPermissions {
		at[p] = i + 1
	}
	return at
}()

// Permissions is a set of permissions. Its zero value is empty. In JSON it is a
// sorted list of names; names this build does not know are left out, because an
// older build must be able to read a newer log.
type Permissions uint64

// PermissionsOf makes a set; what is not known is not in it.
func PermissionsOf(ps ...Permission) (s Permissions) {
	for _, p := range ps {
		if i := place[p]; i != 0 {
			s |= 1 << (i - 1)
		}
	}
	return s
}

// Has reports whether all of other are in s.
func (s Permissions) Has(other Permissions) bool { return s&other == other }

// List is the members, sorted by name.
func (s Permissions) List() []Permission {
	list := make([]Permission, 0, bits.OnesCount64(uint64(s)))
	for i, p := range AllPermissions {
		if s&(1<<i) != 0 {
			list = append(list, p)
		}
	}
	return list
}

// MarshalJSON writes the names.
func (s Permissions) MarshalJSON() ([]byte, error) { return json.Marshal(s.List()) }

// UnmarshalJSON reads names.
func (s *Permissions) UnmarshalJSON(b []byte) error {
	var names []string
	if err := json.Unmarshal(b, &names); err != nil {
		return err
	}
	*s = 0
	for _, n := range slices.Compact(names) {
		*s |= PermissionsOf(Permission(n))
	}
	return nil
}

// An Empowers event says what a principal may do at a node and below from now
// on, apart from roles: an OAuth client or an API key that is registered there.
// The latest such event of a principal counts; no permissions means that it is
// nobody any more.
type Empowers interface {
	Empowers() (principal string, at NodeID, what Permissions)
}

// A Rearms event says that a principal of an [Empowers] event proves who it is by
// something new from now on, which whoever asked for it has been told or has sent.
// What it proved itself by before is worth nothing from the instant on, nor is any
// token that was got with it.
type Rearms interface {
	Rearms() (principal string, before time.Time)
}
