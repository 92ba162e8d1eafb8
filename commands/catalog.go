package commands

import (
	"context"
	"reflect"

	"github.com/google/uuid"

	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/apikey"
	"github.com/reeve-platform/reeve/domain/change"
	"github.com/reeve-platform/reeve/domain/client"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/quota"
	"github.com/reeve-platform/reeve/domain/signing"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/domain/user"
	"github.com/reeve-platform/reeve/internal/edge"
)

// operations lists every command once, by noun, then verb. REST, GraphQL, the
// command line and the documents are read off it.
var operations = []edge.Entry[*Ledger]{
	On[apikey.Create]("createApiKey", "POST /v1/nodes/{node}/api-keys", domain.ClientWrite, "Create an API key and tell it once."),
	On[apikey.Revoke]("revokeApiKey", "POST /v1/nodes/{node}/api-keys/{key}/revoke", domain.ClientWrite, "Make an API key worthless at once, for good."),
	On[apikey.Rotate]("rotateApiKey", "POST /v1/nodes/{node}/api-keys/{key}/rotate", domain.ClientWrite, "Give an API key a new secret; the old one stays good for a while."),

	On[change.Approve]("approveChangeRequest", "POST /v1/nodes/{node}/change-requests/{request}/approve", domain.ChangeApprove, "Agree to what somebody else's change request changes."),
	On[change.Cancel]("cancelChangeRequest", "POST /v1/nodes/{node}/change-requests/{request}/cancel", domain.ChangePropose, "Take a change request back."),
	On[change.Edit]("editChangeRequest", "PUT /v1/nodes/{node}/change-requests/{request}", domain.ChangePropose, "Propose another input; approvals are void."),
	On[change.Open]("openChangeRequest", "POST /v1/nodes/{node}/change-requests", domain.ChangePropose, "Propose a command, as its preview shows it now."),
	On[change.Rebase]("rebaseChangeRequest", "POST /v1/nodes/{node}/change-requests/{request}/rebase", domain.ChangePropose, "Propose the same command as of now."),
	On[change.Reject]("rejectChangeRequest", "POST /v1/nodes/{node}/change-requests/{request}/reject", domain.ChangeApprove, "End a change request without effect."),
	On[change.Require]("requireApprovals", "PUT /v1/nodes/{node}/approval-rule", domain.AccessWrite, "Say how many approvals the node asks for before flags are changed at it."),
	On[change.Schedule]("scheduleChangeRequest", "POST /v1/nodes/{node}/change-requests/{request}/schedule", domain.ChangePropose, "Have an approved change request applied at an instant."),
	applied("applyChangeRequest", "POST /v1/nodes/{node}/change-requests/{request}/apply", domain.ChangePropose, "Give the command of an approved change request."),

	On[client.Disable]("disableClient", "POST /v1/nodes/{node}/clients/{client}/disable", domain.ClientWrite, "Take everything from an OAuth client, for good."),
	On[client.Register]("registerClient", "POST /v1/nodes/{node}/clients", domain.ClientWrite, "Register an OAuth client and tell its secret once."),
	On[client.Rotate]("rotateClient", "POST /v1/nodes/{node}/clients/{client}/rotate", domain.ClientWrite, "Give an OAuth client a new secret; the old one stays valid for a while."),
	On[access.DefineRole]("defineRole", "PUT /v1/nodes/{node}/roles/{role}", domain.AccessWrite, "Say what a role of the node lets its holders do."),
	On[access.GrantRole]("grantRole", "PUT /v1/nodes/{node}/members/{user}/{role}", domain.AccessWrite, "Let a user do at the node and below what the role allows."),
	On[access.RestrictRoles]("restrictRoles", "PUT /v1/nodes/{node}/role-set", domain.AccessWrite, "Say which roles count in an integrator."),
	On[access.RetireRole]("retireRole", "DELETE /v1/nodes/{node}/roles/{role}", domain.AccessWrite, "Take a role away from everybody who holds it, for good."),
	On[access.RevokeRole]("revokeRole", "DELETE /v1/nodes/{node}/members/{user}/{role}", domain.AccessWrite, "End what a user may do at the node by a role."),

	On[flag.Activate]("activateFlag", "POST /v1/flags/{flag}/activate", domain.FlagWrite, "Let the flag be evaluated."),
	On[flag.Archive]("archiveFlag", "POST /v1/flags/{flag}/archive", domain.FlagWrite, "Take the flag out of use; its key stays reserved."),
	On[flag.Define]("defineFlag", "POST /v1/flags", domain.FlagWrite, "Define a flag, as a draft that evaluates off."),
	On[flag.Deprecate]("deprecateFlag", "POST /v1/flags/{flag}/deprecate", domain.FlagWrite, "Ask callers to stop using the flag; it still evaluates."),
	On[flag.Kill]("killFlag", "POST /v1/flags/{flag}/kill", domain.FlagKill, "Force the flag off everywhere, above every lock."),
	On[flag.MarkStale]("markFlagStale", "POST /v1/flags/{flag}/mark-stale", domain.FlagWrite, "Say that nobody needs the flag any more; what it comes to stays as it is."),
	On[flag.Revive]("reviveFlag", "POST /v1/flags/{flag}/revive", domain.FlagKill, "End the kill, or bring an archived flag back as deprecated."),
	On[flag.SetPrerequisites]("setFlagPrerequisites", "PUT /v1/flags/{flag}/prerequisites", domain.FlagWrite, "Say which flags the flag depends on."),
	On[flag.UnmarkStale]("unmarkFlagStale", "POST /v1/flags/{flag}/unmark-stale", domain.FlagWrite, "Say that somebody needs the flag."),
	On[flag.Update]("updateFlag", "PATCH /v1/flags/{flag}", domain.FlagWrite, "Change what the flag's definition says."),

	On[flag.ClearOverride]("clearFlagOverride", "DELETE /v1/nodes/{node}/flags/{flag}", domain.FlagOverride, "Let the node inherit the flag again."),
	On[flag.Lock]("lockFlag", "POST /v1/nodes/{node}/flags/{flag}/lock", domain.FlagLock, "Hold the node's override against every node below."),
	On[flag.OptIn]("optFlagIn", "POST /v1/nodes/{node}/flags/{flag}/opt-in", domain.FlagOpt, "Take what an optional flag offers."),
	On[flag.OptOut]("optFlagOut", "POST /v1/nodes/{node}/flags/{flag}/opt-out", domain.FlagOpt, "Decline what an optional flag offers."),
	On[flag.Override]("overrideFlag", "PUT /v1/nodes/{node}/flags/{flag}", domain.FlagOverride, "Set the flag for the node and all below it."),
	On[flag.AdvanceRollout]("advanceRollout", "POST /v1/nodes/{node}/flags/{flag}/rollout/advance", domain.FlagOverride, "Take the next step of a rollout now."),
	On[flag.PauseRollout]("pauseRollout", "POST /v1/nodes/{node}/flags/{flag}/rollout/pause", domain.FlagOverride, "Keep a rollout where it is."),
	On[flag.ResumeRollout]("resumeRollout", "POST /v1/nodes/{node}/flags/{flag}/rollout/resume", domain.FlagOverride, "Let a rollout go on, later by as long as it was paused."),
	On[flag.SetRollout]("setRollout", "PUT /v1/nodes/{node}/flags/{flag}/rollout", domain.FlagOverride, "Give the node's override shares and a schedule."),
	On[flag.Unlock]("unlockFlag", "POST /v1/nodes/{node}/flags/{flag}/unlock", domain.FlagLock, "Let the overrides below count again."),

	On[flag.AssignFeatureSet]("assignFeatureSet", "PUT /v1/nodes/{node}/feature-sets/{set}", domain.FlagOverride, "Give the node what a feature set says."),
	On[flag.DefineFeatureSet]("defineFeatureSet", "POST /v1/feature-sets", domain.FlagWrite, "Name values of several flags, to be assigned together."),
	On[flag.RetireFeatureSet]("retireFeatureSet", "POST /v1/feature-sets/{set}/retire", domain.FlagWrite, "Assign a feature set to nobody any more."),
	On[flag.UnassignFeatureSet]("unassignFeatureSet", "DELETE /v1/nodes/{node}/feature-sets/{set}", domain.FlagOverride, "Take back from the node what a feature set gave it."),
	On[flag.UpdateFeatureSet]("updateFeatureSet", "PATCH /v1/feature-sets/{set}", domain.FlagWrite, "Give a feature set another edition."),

	On[flag.DefineSegment]("defineSegment", "POST /v1/segments", domain.FlagWrite, "Define a segment, for the rules of any flag."),
	On[flag.RetireSegment]("retireSegment", "POST /v1/segments/{segment}/retire", domain.FlagWrite, "Take a segment out of use, for good; nobody belongs to it any more."),
	On[flag.UpdateSegment]("updateSegment", "PATCH /v1/segments/{segment}", domain.FlagWrite, "Change who belongs to a segment."),

	On[integrator.Activate]("activateIntegrator", "POST /v1/integrators/{integrator}/activate", domain.IntegratorWrite, "Let the integrator's tenants be activated."),
	On[integrator.Offboard]("offboardIntegrator", "POST /v1/integrators/{integrator}/offboard", domain.IntegratorOffboard, "End the integrator for good; it must have no tenants left."),
	On[integrator.Register]("registerIntegrator", "POST /v1/integrators", domain.IntegratorWrite, "Register an integrator under a business name nobody else has."),
	On[integrator.Restart]("restartIntegrator", "POST /v1/integrators/{integrator}/restart", domain.IntegratorStop, "Give each tenant back the state it had before the stop."),
	On[integrator.Stop]("stopIntegrator", "POST /v1/integrators/{integrator}/stop", domain.IntegratorStop, "Suspend all tenants of the integrator at once."),
	On[integrator.UpdateProfile]("updateIntegratorProfile", "PATCH /v1/integrators/{integrator}", domain.IntegratorWrite, "Change name, partner id or contacts."),

	On[quota.Change]("changeQuota", "PUT /v1/tenants/{tenant}/quotas/{meter}", domain.QuotaWrite, "Set how much of a meter the tenant may use."),

	On[signing.Retire]("retireSigningKey", "POST /v1/signing-keys/{key}/retire", domain.KeyRotate, "Stop believing what was signed with the key, at once."),
	On[signing.Rotate]("rotateSigningKey", "POST /v1/signing-keys/rotate", domain.KeyRotate, "Sign access tokens with a new key from now on."),

	On[tenant.Activate]("activateTenant", "POST /v1/tenants/{tenant}/activate", domain.TenantWrite, "Let the tenant's users sign in."),
	On[tenant.Archive]("archiveTenant", "POST /v1/tenants/{tenant}/archive", domain.TenantArchive, "Keep the data and remove all access."),
	On[tenant.CancelDeletion]("cancelTenantDeletion", "POST /v1/tenants/{tenant}/deletion/cancel", domain.TenantDelete, "Take a requested deletion back; the tenant is archived."),
	On[tenant.Create]("createTenant", "POST /v1/tenants", domain.TenantCreate, "Create a tenant under a slug nobody else has."),
	On[tenant.Reassign]("reassignTenant", "POST /v1/tenants/{tenant}/reassign", domain.TenantReassign, "Hang the tenant under another integrator."),
	On[tenant.RequestDeletion]("requestTenantDeletion", "DELETE /v1/tenants/{tenant}", domain.TenantDelete, "Delete the tenant after a time of grace."),
	On[tenant.Resume]("resumeTenant", "POST /v1/tenants/{tenant}/resume", domain.TenantSuspend, "Lift one cause of suspension."),
	On[tenant.Suspend]("suspendTenant", "POST /v1/tenants/{tenant}/suspend", domain.TenantSuspend, "Refuse sign-in until the cause is lifted."),
	On[tenant.Unarchive]("unarchiveTenant", "POST /v1/tenants/{tenant}/unarchive", domain.TenantArchive, "Bring an archived tenant back, suspended."),
	On[tenant.UpdateProfile]("updateTenantProfile", "PATCH /v1/tenants/{tenant}", domain.TenantWrite, "Change name, slug, kind or contacts."),

	On[user.Activate]("activateUser", "POST /v1/users/{user}/activate", domain.UserWrite, "Let an invited user do what its roles allow."),
	On[user.Deactivate]("deactivateUser", "POST /v1/users/{user}/deactivate", domain.UserWrite, "Take everything away that the user may do."),
	On[user.Invite]("inviteUser", "POST /v1/users", domain.UserWrite, "Invite a user under a login that nobody else of the integrator has."),
	On[user.Reactivate]("reactivateUser", "POST /v1/users/{user}/reactivate", domain.UserWrite, "Give a deactivated user back what it could do."),
}

// On declares command C. The state it decides on is inferred.
func On[C domain.Command[S], S domain.State[S]](name, route string, needs domain.Permission, summary string) edge.Entry[*Ledger] {
	_, creates := any(*new(C)).(domain.Creator[C])
	return edge.Entry[*Ledger]{
		Name: name, Route: route, Needs: needs, Summary: summary, Writes: true, Creates: creates,
		Input: reflect.TypeFor[C](), Output: reflect.TypeFor[domain.Receipt](),
		Call: func(ctx context.Context, l *Ledger, bind edge.Bind, r edge.Request) (edge.Answer, error) {
			var cmd C
			if err := bind(&cmd); err != nil {
				return edge.Answer{}, err
			}
			if r.Preview != "" && (!previewed[name] || l.o.Flags == nil) {
				return edge.Answer{}, ErrNotPreviewed
			}
			cmd, id, err := named(ctx, l, name, cmd, r)
			if err != nil {
				return edge.Answer{}, err
			}
			cmd, secret, err := equipped(l, name, cmd, r)
			if err != nil {
				return edge.Answer{}, err
			}
			if cmd, err = prepared(ctx, l, name, cmd, r); err != nil {
				return edge.Answer{}, err
			}
			receipt, err := Handle(ctx, l, name, cmd, r)
			if err == nil {
				err = l.ruled(ctx, cmd)
			}
			receipt.ID = id
			if len(receipt.Events) > 0 {
				receipt.Secret = secret
			}
			return edge.Answer{Body: receipt, Position: receipt.Position}, err
		},
	}
}

// SystemRequest is what the product itself asks, such as a sweeper or a start.
func SystemRequest(reason string) edge.Request {
	id := uuid.NewString()
	return edge.Request{Meta: domain.Meta{CommandID: id, CorrelationID: id, Reason: reason, Actor: domain.Actor{ID: "reeve", Type: "system"}}}
}
