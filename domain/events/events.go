// Package events joins the vocabularies of all nouns: everything that this
// build can read in a log and write to it.
package events

import (
	"github.com/reeve-platform/reeve/domain"
	"github.com/reeve-platform/reeve/domain/access"
	"github.com/reeve-platform/reeve/domain/apikey"
	"github.com/reeve-platform/reeve/domain/change"
	"github.com/reeve-platform/reeve/domain/claim"
	"github.com/reeve-platform/reeve/domain/client"
	"github.com/reeve-platform/reeve/domain/flag"
	"github.com/reeve-platform/reeve/domain/integrator"
	"github.com/reeve-platform/reeve/domain/platform"
	"github.com/reeve-platform/reeve/domain/quota"
	"github.com/reeve-platform/reeve/domain/security"
	"github.com/reeve-platform/reeve/domain/signing"
	"github.com/reeve-platform/reeve/domain/tenant"
	"github.com/reeve-platform/reeve/domain/user"
)

// Registry knows every event by its stored name.
var Registry = domain.NewRegistry(
	access.Events, apikey.Events, change.Events, claim.Events, client.Events, flag.Events, integrator.Events, platform.Events, quota.Events, security.Events, signing.Events, tenant.Events, user.Events,
)
